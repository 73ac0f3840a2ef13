"""The sine-wave task: many closed solution rings in a plane."""

import numpy as np

from skinverse.simulators.base import Simulator


class SineWave(Simulator):
    r"""Sum of a sine and a cosine over a square [1]_.

    .. math:: y = \sin(3 \pi x_1) + \cos(3 \pi x_2), \qquad x \in [-1, 1]^2

    Smooth and cheap, yet the solutions of one target form up to nine separate closed curves: a method
    that follows a single branch is found out at once.

    Attributes
    ----------
    bounds : ndarray of shape (2, 2)
        The square [-1, 1] x [-1, 1], which is also the support of the uniform prior. The formula holds
        outside it, too.

    Notes
    -----
    Responses lie in [-2, 2], with mean 0 and variance 1 over the prior. The published data put 100 random
    values per axis on a full grid, so that training and test rows share coordinates; here every design
    is drawn independently.

    References
    ----------
    .. [1] S. Ren, W. Padilla, J. Malof, "Benchmarking deep inverse models over time, and the
           neural-adjoint method", NeurIPS 2020, https://arxiv.org/abs/2009.12919

    Examples
    --------
    >>> from skinverse.simulators import SineWave
    >>> sine = SineWave()
    >>> sine([[0.0, 0.0], [0.5, 0.0]])
    array([[1.],
           [0.]])
    >>> sine.sample_prior(3, random_state=0).shape
    (3, 2)
    """

    input_names = ("x1", "x2")
    input_units = ("1", "1")
    output_names = ("y",)
    output_units = ("1",)

    @property
    def bounds(self):
        """The square of the prior, shape (2, 2)."""
        return np.array([[-1.0, 1.0], [-1.0, 1.0]])

    def _simulate(self, X):
        return (np.sin(3 * np.pi * X[:, 0]) + np.cos(3 * np.pi * X[:, 1]))[:, np.newaxis]

    def _sample_prior(self, n, rng):
        return rng.uniform(-1.0, 1.0, size=(n, 2))
