"""Low-discrepancy sequences: Sobol' and Halton, from scipy."""

from typing import ClassVar

from scipy.stats import qmc

from skinverse.samplers.base import BaseSampler

_MAX_SEED = 2**31 - 1


class SobolSampler(BaseSampler):
    """First points of a Sobol' sequence [1]_.

    Fills the cube far more evenly than random points, most so when `n` is a power of two; any other `n`
    takes the first `n` points of the next power of two.

    Parameters
    ----------
    scramble : bool, default=True
        Randomise the sequence (random linear matrix scramble and digital shift), so that every point is
        uniform in the cube and `random_state` matters. Without it the points are always the same and the
        first one is the origin, a corner of every box.

    References
    ----------
    .. [1] I. M. Sobol', "On the distribution of points in a cube and the approximate evaluation of
           integrals", USSR Comput. Math. Math. Phys. 7(4), 1967,
           https://doi.org/10.1016/0041-5553(67)90144-9

    Examples
    --------
    >>> from skinverse.samplers import SobolSampler
    >>> SobolSampler(scramble=False).sample(3, 2)
    array([[0.  , 0.  ],
           [0.5 , 0.5 ],
           [0.75, 0.25]])
    """

    _parameter_constraints: ClassVar[dict] = {"scramble": ["boolean"]}

    def __init__(self, scramble=True):
        self.scramble = scramble

    def _sample(self, n, n_dims, rng):
        engine = qmc.Sobol(n_dims, scramble=self.scramble, rng=_seed(rng) if self.scramble else 0)
        # A full power of two, then a slice: asking scipy for another number would warn.
        return engine.random_base2((n - 1).bit_length())[:n].copy()


class HaltonSampler(BaseSampler):
    """First points of a Halton sequence [1]_.

    Even for every `n`; in more than some ten dimensions Sobol' points are more even.

    Parameters
    ----------
    scramble : bool, default=True
        Randomise the sequence (random permutation of the digits [2]_), so that `random_state` matters and the
        coordinates of high dimension are less correlated. Without it the points are always the same and
        the first one is the origin.

    References
    ----------
    .. [1] J. H. Halton, "On the efficiency of certain quasi-random sequences of points in evaluating
           multi-dimensional integrals", Numer. Math. 2, 1960, https://doi.org/10.1007/BF01386213
    .. [2] A. B. Owen, "A randomized Halton algorithm in R", 2017, https://arxiv.org/abs/1706.02808

    Examples
    --------
    >>> from skinverse.samplers import HaltonSampler
    >>> HaltonSampler(scramble=False).sample(3, 2).round(3)
    array([[0.   , 0.   ],
           [0.5  , 0.333],
           [0.25 , 0.667]])
    """

    _parameter_constraints: ClassVar[dict] = {"scramble": ["boolean"]}

    def __init__(self, scramble=True):
        self.scramble = scramble

    def _sample(self, n, n_dims, rng):
        engine = qmc.Halton(n_dims, scramble=self.scramble, rng=_seed(rng) if self.scramble else 0)
        return engine.random(n)


def _seed(rng):
    """Integer seed for scipy's own generator; advances `rng`."""
    return int(rng.randint(_MAX_SEED))
