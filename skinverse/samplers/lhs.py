"""Latin hypercube sampling with the classical criteria and an optimised maximin."""

import sys
import warnings
from functools import cache
from typing import ClassVar

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist, pdist

from skinverse.samplers.base import BaseSampler
from skinverse.samplers.maximin import maximin_lhs
from skinverse.utils.validation import Integral, Interval, Real, StrOptions

_DEFAULT_N_ITER = 5
_MAX_TREE_DIMS = 10  # beyond it a k-d tree visits nearly every point
_PAIRS_AT_ONCE = 2**20


class LHSSampler(BaseSampler):
    """Latin hypercube: every coordinate has one point in each of its `n` equal slices [1]_.

    Parameters
    ----------
    criterion : {None, "center", "maximin", "centermaximin", "correlation"}, default=None
        What is asked of the hypercube beyond that.

        - None: nothing, points are uniform within their slices;
        - ``"center"``: points in the middle of their slices;
        - ``"maximin"``: the two closest points are as far apart as the `optimizer` can get them;
        - ``"centermaximin"``: of `n_iter` draws with points in the middle of their slices the one whose two
          closest points are farthest apart;
        - ``"correlation"``: of `n_iter` plain draws one of low correlation between the coordinates.

    n_iter : int or None, default=5
        Number of draws which ``"centermaximin"``, ``"correlation"`` and the optimizer ``"best-of"`` choose
        from. More draws give a better hypercube at proportional cost; None means the default of the classical
        programs, 5.
    optimizer : {"repulsion", "best-of"}, default="repulsion"
        How ``"maximin"`` is reached; the other criteria do without.

        - ``"repulsion"``: points push each other apart, see Notes;
        - ``"best-of"``: the classical choice of the best of `n_iter` plain draws.

    effort : float, default=1
        Multiplies the work of ``"repulsion"``. At 1 it takes 0.1 s for 25 points in 2-D and about a second for
        1,000 in 8-D; 10 brings the closest pair some percent farther apart, 0.1 costs as much.

    See Also
    --------
    skinverse.samplers.maximin.maximin_lhs : The algorithm behind ``"repulsion"``.

    Notes
    -----
    With ``"repulsion"`` points are pushed away from their neighbours and ranked into a Latin hypercube again,
    pass by pass, from lattices and random hypercubes; then single coordinates are swapped. The closest pair is
    two to four times as far apart as after ``"best-of"`` up to 8 dimensions: 0.57 instead of 0.19 for 1,000
    points in 8-D. Points lie in the middle of their slices, which is where the best designs have them: moving
    them at random would bring the closest pair together again. In hundreds of dimensions all hypercubes are
    alike and little is tried; hundreds of thousands of points in few dimensions are a lattice. The work is
    counted in passes and not in seconds: the same seed gives the same design on any machine.

    All other results are those of ``pyDOE2.lhs(n_dims, samples=n, criterion=..., iterations=n_iter,
    random_state=RandomState(seed))``, number by number, and of its successor ``pydoe``. The best of several
    draws is found with an engine of our own, which takes the closest pair with a k-d tree (in blocks beyond 10
    dimensions) and not from the list of all distances: in 4-D 10,000 points take 0.1 s and a few megabytes instead of
    3 s and 900 megabytes.

    Where correlation has no meaning (one dimension, or fewer than three points) a plain draw is returned.

    References
    ----------
    .. [1] M. D. McKay, R. J. Beckman, W. J. Conover, "A comparison of three methods for selecting values of
           input variables in the analysis of output from a computer code", Technometrics 21(2), 1979,
           https://doi.org/10.1080/00401706.1979.10489755

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse.samplers import LHSSampler
    >>> points = LHSSampler("maximin").sample(5, 2, random_state=0)
    >>> np.sort(np.floor(5 * points), axis=0).T
    array([[0., 1., 2., 3., 4.],
           [0., 1., 2., 3., 4.]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "criterion": [StrOptions({"center", "maximin", "centermaximin", "correlation"}), None],
        "n_iter": [Interval(Integral, 1, None, closed="left"), None],
        "optimizer": [StrOptions({"repulsion", "best-of"})],
        "effort": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, criterion=None, *, n_iter=_DEFAULT_N_ITER, optimizer="repulsion", effort=1.0):
        self.criterion = criterion
        self.n_iter = n_iter
        self.optimizer = optimizer
        self.effort = effort

    def _sample(self, n, n_dims, rng):
        if self.criterion == "maximin" and self.optimizer == "repulsion":
            return maximin_lhs(n, n_dims, rng, self.effort)
        n_iter = _DEFAULT_N_ITER if self.n_iter is None else self.n_iter
        if self.criterion in ("maximin", "centermaximin"):
            plain = "center" if self.criterion == "centermaximin" else None
            draws = (_library_lhs(n, n_dims, rng, criterion=plain) for _ in range(n_iter))
            return max(draws, key=_closest_distance)  # the first of equals, as in the library
        if self.criterion == "correlation" and (n < 3 or n_dims < 2):
            return _library_lhs(n, n_dims, rng)
        return _library_lhs(n, n_dims, rng, criterion=self.criterion, iterations=n_iter)


def _library_lhs(n, n_dims, rng, **kwargs):
    """One door to ``lhs`` of the library, whichever it is; advances `rng`."""
    lhs, seed_name = _library()
    return lhs(n_dims, samples=n, **{seed_name: rng}, **kwargs)


@cache
def _library():
    """``lhs`` and the name of its seed, from pyDOE2 or, on Python 3.12 and later, from its successor.

    Imported at first use only: pyDOE2 imports the deprecated ``imp``, which 3.12 has no longer and of which
    nobody needs to be warned here.
    """
    if sys.version_info >= (3, 12):
        from pydoe import lhs

        return lhs, "seed"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pyDOE2 import lhs
    return lhs, "random_state"


def _closest_distance(points):
    """Smallest distance between two rows: to the last bit ``pdist(points).min()``, in O(n) memory."""
    n, n_dims = points.shape
    if n_dims <= _MAX_TREE_DIMS and n > 1:
        # The tree rounds in its own way. It only tells which points may belong to the closest pair.
        nearest = cKDTree(points).query(points, k=2)[0][:, 1]
        points = points[nearest <= nearest.min() * (1 + 1e-9)]
    best, size = np.inf, max(1, _PAIRS_AT_ONCE // n)
    for start in range(0, len(points), size):
        block, rest = points[start : start + size], points[start + size :]
        for distances in (pdist(block), cdist(block, rest)):
            best = min(best, distances.min(initial=np.inf))
    return best
