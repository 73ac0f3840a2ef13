"""Do candidates follow p(x | y*)? Two-sample distances, missing modes, and a reference to compare with."""

import warnings

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist, pdist
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.utils import Bunch

from skinverse.utils.chunks import chunks
from skinverse.utils.lookup import ResponseLookup
from skinverse.utils.validation import (
    Integral,
    check_array,
    check_positive_int,
    check_random_state,
    numbers_from,
)

# Pairs of points compared at once: small enough to stay in a processor's cache.
_MAX_PAIRS = 2**17
# Designs simulated at once.
_MAX_ROWS = 2**16


def posterior_mmd(X, reference, *, scale=None, widths=(0.05, 0.2, 0.9), biased=False):
    r"""Squared maximum mean discrepancy of candidates and draws from the true posterior [1]_.

    .. math::
        \mathrm{MMD}^2 = \mathbb E\,k(x, x') - 2\, \mathbb E\,k(x, r) + \mathbb E\,k(r, r'),
        \qquad k(x, x') = \sum_a \frac{a^2}{a^2 + \lVert x - x' \rVert^2}

    over candidates x and reference draws r, in standardised designs. This is the kernel of Table 4 in
    [1]_: a sum over the widths, not a mean, and no square root is taken.

    Parameters
    ----------
    X : array-like of shape (n_targets, n, n_features) or (n, n_features)
        Candidates for each target, or for one.
    reference : array-like of shape (n_targets, m, n_features) or (m, n_features)
        Draws from p(x | y*), such as those of :func:`reference_posterior`.
    scale : array-like of shape (n_features,), default=None
        What one unit of every column is: the standard deviations of the training designs, if scores are
        to be compared with published ones. None is the standard deviation of the reference over
        all targets. A zero counts as one.
    widths : sequence of float, default=(0.05, 0.2, 0.9)
        Widths a of the kernels: distances that matter, in units of `scale`.
    biased : bool, default=False
        True keeps every point's similarity to itself, as the paper does, which adds about
        :math:`3 (1/n + 1/m)` to the score of exact draws. False leaves it out: the mean over
        repeated draws is then the true distance, and a single score may be a little below zero.

    Returns
    -------
    score : float or ndarray of shape (n_targets,)
        Unbiased, exact draws score 0, give or take 0.001 for a thousand points each, and a single design
        repeated scores 2.6 to 2.8, nearly the number of widths. Draws from the prior, which know nothing of
        the target, score no more than 0.03 (sine wave), 0.07 (ballistics) and 0.15 (robotic arm) in
        the mean over targets: give that number beside any other.

    See Also
    --------
    classifier_two_sample_test : Sharper, slower.

    References
    ----------
    .. [1] S. Ren, W. Padilla and J. Malof, "Benchmarking deep inverse models over time, and the
       neural-adjoint method", NeurIPS 2020. https://arxiv.org/abs/2009.12919
    .. [2] A. Gretton et al., "A kernel two-sample test", JMLR 2012.
       https://jmlr.org/papers/v13/gretton12a.html

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse.metrics import posterior_mmd
    >>> rng = np.random.RandomState(0)
    >>> reference = rng.normal(size=(1000, 2))
    >>> exact, shifted = rng.normal(size=(2, 1000, 2)) + [[[0, 0]], [[1, 0]]]
    >>> round(posterior_mmd(exact, reference), 2), round(posterior_mmd(shifted, reference), 2)
    (0.0, 0.09)
    """
    X, reference, single = _check_samples(X, reference)
    scale = _check_scale(scale, _spread(reference))
    widths = np.asarray(widths, dtype=np.float64)
    if widths.ndim != 1 or len(widths) == 0 or not (widths > 0).all():
        raise ValueError(f"widths must be a sequence of positive numbers, got {widths}.")
    n, m = X.shape[1], reference.shape[1]
    if not biased and min(n, m) < 2:
        raise ValueError(
            f"An unbiased score needs at least 2 candidates and 2 reference draws, got {n} and {m}. "
            "Ask for more, or pass biased=True."
        )
    score = [_mmd(x / scale, r / scale, widths, biased) for x, r in zip(X, reference, strict=True)]
    return float(score[0]) if single else np.array(score)


def _mmd(x, r, widths, biased):
    within = 0.0
    for points in (x, r):
        n = len(points)
        pairs = 2 * _kernel_sum(points, None, widths)
        within += (pairs + n * len(widths)) / n**2 if biased else pairs / (n * (n - 1))
    return within - 2 * _kernel_sum(x, r, widths) / (len(x) * len(r))


def _kernel_sum(a, b, widths):
    """Sum of k over all pairs of a row of `a` and a row of `b`; over all pairs within `a` if `b` is None."""
    total = 0.0
    for rows in chunks(len(a), _MAX_PAIRS // len(a if b is None else b)):
        blocks = [cdist(a[rows], a[rows.stop :] if b is None else b, "sqeuclidean").ravel()]
        if b is None:
            blocks.append(pdist(a[rows], "sqeuclidean"))
        for squared in blocks:
            work = np.empty_like(squared)
            for width in widths:
                np.add(squared, width**2, out=work)
                total += width**2 * np.reciprocal(work, out=work).sum()
    return total


def classifier_two_sample_test(X, reference, *, classifier=None, cv=5, random_state=0):
    """How well a classifier tells candidates from draws of the true posterior (C2ST) [1]_ [2]_.

    Parameters
    ----------
    X : array-like of shape (n_targets, n, n_features) or (n, n_features)
        Candidates for each target, or for one.
    reference : array-like of shape (n_targets, m, n_features) or (m, n_features)
        Draws from p(x | y*). The classes must be equally large for 0.5 to mean anything, so the larger
        set is thinned at random to the size of the smaller.
    classifier : classifier, default=None
        It is cloned for every target; what in it is random and not seeded is seeded by `random_state`.
        None is the network of ``sbi.utils.metrics.c2st(..., classifier="mlp")``: two hidden layers of
        10 units for every feature, Adam, at most 1000 epochs, stopped when a tenth of the
        training rows, held out, has not been told better for 50 epochs.
    cv : int or cross-validation splitter, default=5
        Number of shuffled folds.
    random_state : int or RandomState, default=0
        Governs thinning, folds and classifier, alike for every target.

    Returns
    -------
    accuracy : float or ndarray of shape (n_targets,)
        On held-out points, mean over folds: 0.5 if the two cannot be told apart, 1 if every point
        betrays where it comes from. By chance it varies by about 0.011 for 1000 points each.

    Notes
    -----
    Columns are standardised by mean and standard deviation of the reference. A reference of
    rejection sampling has a thickness (its tolerance) that a classifier may see where candidates are more
    exact than the reference: then 1 is no fault of the candidates.

    `sbi` takes a random forest unless it is asked for the network, and the benchmark `sbibm` this network
    without early stopping: say which one a published number comes from.

    References
    ----------
    .. [1] D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017.
       https://arxiv.org/abs/1610.06545
    .. [2] J. Friedman, "On multivariate goodness-of-fit and two-sample testing", 2003.
       https://www.osti.gov/biblio/826696

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skinverse.metrics import classifier_two_sample_test
    >>> rng = np.random.RandomState(0)
    >>> X, reference = rng.normal(size=(1000, 2)) + [4, 0], rng.normal(size=(1000, 2))
    >>> round(classifier_two_sample_test(X, reference, classifier=LogisticRegression()), 2)
    0.98
    """
    X, reference, single = _check_samples(X, reference)
    n = min(X.shape[1], reference.shape[1])
    if isinstance(cv, Integral) and not 2 <= cv <= n:
        raise ValueError(f"cv must be between 2 folds and the {n} points of the smaller set, got {cv}.")
    is_int = isinstance(random_state, Integral)
    seed = int(random_state) if is_int else int(check_random_state(random_state).randint(2**31 - 1))
    if classifier is None:
        width = 10 * X.shape[2]
        classifier = MLPClassifier((width, width), max_iter=1000, early_stopping=True, n_iter_no_change=50)
    classifier = clone(classifier)
    unseeded = [key for key, value in classifier.get_params().items() if value is None]
    classifier.set_params(**{key: seed for key in unseeded if key.split("__")[-1] == "random_state"})
    folds = KFold(cv, shuffle=True, random_state=seed) if isinstance(cv, Integral) else cv
    accuracy = [_accuracy(r, x, classifier, folds, seed) for x, r in zip(X, reference, strict=True)]
    return accuracy[0] if single else np.array(accuracy)


def _accuracy(first, second, classifier, folds, seed):
    rng = np.random.RandomState(seed)
    n = min(len(first), len(second))
    first, second = (a if len(a) == n else a[rng.choice(len(a), n, replace=False)] for a in (first, second))
    spread = first.std(axis=0, ddof=1)
    points = (np.concatenate([first, second]) - first.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        scores = cross_val_score(classifier, points, np.repeat([0, 1], n), cv=folds, scoring="accuracy")
    return float(scores.mean())


def mode_recall(X, reference, labels, *, radius, scale=None):
    """Share of the solution branches of a target that its candidates reach.

    A branch is reached if some candidate lies within `radius` of a reference point, and that nearest
    reference point belongs to the branch. Candidates farther off than `radius` count for nothing,
    however many they are.

    Parameters
    ----------
    X : array-like of shape (n_runs, n, n_features) or (n, n_features)
        Candidates for one and the same target.
    reference : array-like of shape (m, n_features)
        Points known to lie on the solution set.
    labels : array-like of shape (m,)
        Branch of every reference point, such as :func:`solution_components` tells.
    radius : float
        How near counts as reached, in units of `scale`.
    scale : array-like of shape (n_features,), default=None
        What one unit of every column is; None is the range of the reference. A zero counts as one.

    Returns
    -------
    recall : float or ndarray of shape (n_runs,)
        1 if every branch is reached, 0 if none.

    Examples
    --------
    >>> from skinverse.metrics import mode_recall
    >>> mode_recall([[0.1, 0.0], [9.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]], labels=[0, 1], radius=0.2)
    0.5
    """
    reference, scale, radius = _check_reference(reference, scale, radius)
    labels = np.asarray(labels)
    if labels.shape != (len(reference),):
        raise ValueError(
            f"labels must have one entry for each of the {len(reference)} reference points, got shape {labels.shape}."
        )
    X = np.asarray(X, dtype=np.float64)
    if X.ndim not in (2, 3) or X.shape[-1] != reference.shape[1] or X.size == 0:
        raise ValueError(
            f"X must have shape (n, {reference.shape[1]}) or (n_runs, n, {reference.shape[1]}), as many values as "
            f"reference has columns, got {X.shape}."
        )
    if not np.isfinite(X).all():
        raise ValueError("X holds NaN or infinity; leave such candidates out.")
    components, member = np.unique(labels, return_inverse=True)
    distance, nearest = cKDTree(reference / scale).query(X / scale)
    reached = (member[nearest][..., None] == np.arange(len(components))) & (distance <= radius)[..., None]
    recall = reached.any(axis=-2).mean(axis=-1)
    return float(recall) if X.ndim == 2 else recall


def solution_components(reference, *, radius, scale=None):
    """Name the separate branches of a solution set from points on it.

    Points nearer to each other than `radius` are joined, and so are points that a chain of such steps
    connects.

    Parameters
    ----------
    reference : array-like of shape (m, n_features)
        Points on the solution set, such as one target's draws from :func:`reference_posterior`.
    radius : float
        In units of `scale`: larger than the gaps between neighbours on a branch, smaller than the gap between
        branches. Sparse points leave stray components, which the sizes (``np.bincount(labels)``) show.
        All pairs nearer than it are held in memory.
    scale : array-like of shape (n_features,), default=None
        What one unit of every column is; None is the range of the reference. A zero counts as one.

    Returns
    -------
    labels : ndarray of int of shape (m,)
        Component of every point, numbered from 0 by size, the largest first.

    Examples
    --------
    >>> from skinverse.metrics import solution_components
    >>> solution_components([[0.0], [5.0], [5.1], [0.1], [5.2]], radius=0.1)
    array([1, 0, 0, 1, 0])
    """
    reference, scale, radius = _check_reference(reference, scale, radius)
    m = len(reference)
    i, j = cKDTree(reference / scale).query_pairs(radius, output_type="ndarray").T
    _, label = connected_components(
        coo_array((np.ones(len(i), dtype=bool), (i, j)), shape=(m, m)), directed=False
    )
    rank = np.argsort(-np.bincount(label), kind="stable")
    return np.argsort(rank)[label]


def reference_posterior(
    simulator, y_star, n=1000, *, n_simulations=500_000, prior=None, random_state=None, verbose=0
):
    r"""Draws from p(x | y*) by simulation alone: the prior draws that came nearest to the target.

    Rejection sampling, known as approximate Bayesian computation [1]_. The same simulations serve all
    targets, so references of neighbouring targets share designs.

    Parameters
    ----------
    simulator : Simulator or callable
        Maps designs (k, n_features) to responses (k,) or (k, n_outputs).
    y_star : array-like of shape (n_targets, n_outputs), (n_targets,) or scalar
        Targets; NaN means any value.
    n : int, default=1000
        Draws for each target.
    n_simulations : int, default=500_000
        Prior draws to simulate. All are held in memory.
    prior : callable, default=None
        ``prior(k, random_state=rng)`` draws k designs; None is ``simulator.sample_prior``.
    random_state : int, RandomState or None, default=None
    verbose : int, default=0
        1 shows a bar of the simulations on standard error, 2 leaves it there.

    Returns
    -------
    result : Bunch
        - `X`: ndarray of shape (n_targets, n, n_features), the draws, in random order;
        - `tolerance`: ndarray of shape (n_targets,), the largest distance kept: Euclidean, every output
          in units of its standard deviation over the prior;
        - `floor`: ndarray of shape (n_targets,), the sampling error of the reference: the unbiased
          :func:`posterior_mmd` between its two halves, which are independent. A score is told
          from 0 only if it is well above; NaN for fewer than 4 draws;
        - `scale`: ndarray of shape (n_features,), the standard deviation of the prior draws, in which `floor`
          is measured, and for the `scale` of :func:`posterior_mmd`;
        - `n_failed`: int, simulations left out because they answered NaN or infinity.

    Notes
    -----
    As `n_simulations` grows, the tolerance goes to zero and, for a process free of noise, y = f(x), the
    draws tend to the density

    .. math:: p(x \mid y^*) \propto p(x) \,/\, \sqrt{\det J(x) J(x)^\top}, \qquad J = \partial f / \partial x,

    on the solution set f(x) = y*, with respect to its length, area or volume: the prior over the
    generalised Jacobian. For a noisy process, put the noise into `simulator`. What remains is a bias, the
    thickness of the set: about the tolerance divided by the steepness of f. `floor` does not see it. With
    more than a few outputs the tolerance stays large, and the draws are no reference.

    References
    ----------
    .. [1] S. Sisson, Y. Fan and M. Beaumont, "Handbook of Approximate Bayesian Computation", 2018.
       https://arxiv.org/abs/1802.09720 (overview)

    Examples
    --------
    >>> from skinverse.metrics import reference_posterior
    >>> from skinverse.simulators import SineWave
    >>> truth = reference_posterior(SineWave(), [0.3, 1.2], n=500, n_simulations=50_000, random_state=0)
    >>> truth.X.shape, bool((truth.tolerance < 0.03).all())
    ((2, 500, 2), True)
    """
    n = check_positive_int(n, "n")
    n_simulations = check_positive_int(n_simulations, "n_simulations")
    if prior is None and not hasattr(simulator, "sample_prior"):
        raise TypeError(
            f"{type(simulator).__name__} has no method `sample_prior`; pass prior, a callable "
            "prior(k, random_state=rng) that draws k designs."
        )
    rng = check_random_state(random_state)
    designs = (simulator.sample_prior if prior is None else prior)(n_simulations, random_state=rng)
    designs = check_array(designs, dtype=np.float64, input_name="The prior's draws")
    y = [
        np.asarray(simulator(designs[rows]), dtype=np.float64)
        for rows in chunks(len(designs), _MAX_ROWS, unit="simulation", verbose=verbose)
    ]
    y = np.concatenate([part.reshape(len(part), -1) for part in y])
    if len(y) != len(designs):
        raise ValueError(f"The simulator answered {len(designs)} designs with {len(y)} rows of responses.")
    targets = _as_targets(y_star, y.shape[1])
    worked = np.isfinite(y).all(axis=1)
    n_failed = int((~worked).sum())
    if len(y) - n_failed < n:
        raise ValueError(
            f"n={n} draws cannot be kept of {len(y)} simulations, of which {n_failed} failed; raise n_simulations."
        )
    designs, y = designs[worked], y[worked]
    scale, unit = _spread(designs), _spread(y)
    y, targets, wanted = y / unit, targets / unit, ~np.isnan(targets)
    lower, upper = (np.where(wanted, targets, end) for end in (-np.inf, np.inf))
    rows = ResponseLookup(y).query(lower, upper, n)
    gap = np.where(wanted, y[rows[:, -1]] - targets, 0.0)
    X = designs[rows[:, rng.permutation(n)]]
    floor = np.full(len(X), np.nan)
    if n >= 4:
        floor = posterior_mmd(X[:, : n // 2], X[:, n // 2 :], scale=scale)
    return Bunch(X=X, tolerance=np.linalg.norm(gap, axis=1), floor=floor, scale=scale, n_failed=n_failed)


def _as_targets(y_star, n_outputs):
    with numbers_from(y_star, "y_star"):
        targets = np.asarray(y_star, dtype=np.float64)
    if targets.ndim < 2:
        targets = targets.reshape(-1, 1) if n_outputs == 1 else targets.reshape(1, -1)
    if targets.ndim != 2 or targets.shape[1] != n_outputs or len(targets) == 0:
        raise ValueError(
            f"y_star must have shape (n_targets, {n_outputs}), as the simulator has outputs, got {np.shape(y_star)}."
        )
    if np.isinf(targets).any() or np.isnan(targets).all(axis=1).any():
        raise ValueError("y_star must be finite, with NaN only for outputs that may take any value.")
    return targets


def _check_samples(X, reference):
    """Both as (n_targets, n, n_features), and whether they came for a single target."""
    pair = []
    for name, A in (("X", X), ("reference", reference)):
        A = np.asarray(A, dtype=np.float64)
        if A.ndim not in (2, 3) or A.size == 0:
            raise ValueError(
                f"{name} must have shape (n, n_features) or (n_targets, n, n_features), none of them 0, got {A.shape}."
            )
        if not np.isfinite(A).all():
            raise ValueError(f"{name} holds NaN or infinity; leave such designs out.")
        pair.append(A)
    X, reference = pair
    if X.ndim != reference.ndim or X.shape[:-2] != reference.shape[:-2] or X.shape[-1] != reference.shape[-1]:
        raise ValueError(
            f"X and reference must agree in targets and features, got shapes {X.shape} and {reference.shape}. "
            "Use np.broadcast_to to compare many runs with one reference."
        )
    return (X[None], reference[None], True) if X.ndim == 2 else (X, reference, False)


def _check_reference(reference, scale, radius):
    reference = check_array(reference, dtype=np.float64, input_name="reference")
    width = np.ptp(reference, axis=0)
    if not radius > 0:
        raise ValueError(f"radius must be positive, in units of scale, got {radius!r}.")
    return reference, _check_scale(scale, np.where(width > 0, width, 1.0)), float(radius)


def _check_scale(scale, default):
    if scale is None:
        return default
    scale = np.asarray(scale, dtype=np.float64)
    if scale.shape != default.shape or not (np.isfinite(scale) & (scale >= 0)).all():
        raise ValueError(
            f"scale must hold {len(default)} finite numbers of at least 0, one a feature, got {scale}."
        )
    return np.where(scale > 0, scale, 1.0)


def _spread(A):
    """Standard deviation of every column, one where a column is constant up to rounding."""
    A = A.reshape(-1, A.shape[-1])
    return np.where(np.ptp(A, axis=0) > 0, A.std(axis=0), 1.0)
