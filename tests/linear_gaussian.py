"""A problem whose posterior is known: x ~ N(0, S), y = a x + noise."""

from typing import NamedTuple

import numpy as np
from scipy import stats

WIDE = [[-50, 50]] * 2
_PRIOR = np.array([[1.0, 0.6], [0.6, 2.0]])
_A, _NOISE = np.array([1.0, -0.5]), 0.3


class Problem(NamedTuple):
    """Table, and the gain and covariance of ``p(x | y) = N(gain y, covariance)``."""

    X: np.ndarray
    y: np.ndarray
    gain: np.ndarray
    covariance: np.ndarray

    def logpdf(self, X, y):
        """The true log-density of designs given their responses."""
        return stats.multivariate_normal(cov=self.covariance).logpdf(X - y[:, None] * self.gain)


def linear_gaussian(n, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.multivariate_normal([0, 0], _PRIOR, size=n)
    y = X @ _A + _NOISE * rng.normal(size=n)
    gain = _PRIOR @ _A / (_A @ _PRIOR @ _A + _NOISE**2)
    return Problem(X, y, gain, _PRIOR - np.outer(gain, _A @ _PRIOR))


def two_branches(n, seed=0):
    """y = x1^2: every target has the branches +sqrt(y) and -sqrt(y), equally likely."""
    X = np.random.RandomState(seed).uniform(-1, 1, size=(n, 2))
    return X, X[:, 0] ** 2
