"""What a smooth forward model misses, interpolated between the training rows."""

import numpy as np
from scipy.spatial import cKDTree

from skinverse.utils.chunks import chunks

# Rows that an interpolation uses.
_N_NEIGHBOURS = 40
# Values of the linear systems solved at once.
_MAX_VALUES = 2**22
# Share of the kernel's size added to its diagonal, for rows that coincide.
_RIDGE = 1e-12


class ResidualInterpolator:
    r"""Local interpolation of a model's error by cubic radial functions and a linear trend [1]_.

    The error :math:`y_i - \hat f(x_i)` of a smooth model of noise-free responses is itself smooth, and is known at
    the training rows. About a design it is interpolated through the rows nearest to it by
    :math:`\sum_i w_i \lVert x - x_i \rVert^3 + a + b^\top x`, as :class:`scipy.interpolate.RBFInterpolator` does,
    but also where rows coincide or do not differ in a direction, as whole numbers do.

    Parameters
    ----------
    X : ndarray of shape (n_rows, d)
        Training designs in the unit box.
    residual : ndarray of shape (n_rows, m)

    References
    ----------
    .. [1] B. Fornberg, N. Flyer, "Solving PDEs with radial basis functions", Acta Numerica 24, 2015.
       https://doi.org/10.1017/S0962492914000130
    """

    def __init__(self, X, residual):
        self.X, self.residual = X, residual
        self.tree = cKDTree(X)
        self.k = min(len(X), max(_N_NEIGHBOURS, 3 * (X.shape[1] + 1)))

    def __call__(self, X, farthest=np.inf):
        """Error (n, m) at designs `X` (n, d) in the unit box; zero where the nearest row is beyond `farthest`."""
        out = np.zeros((len(X), self.residual.shape[1]))
        size = self.k + X.shape[1] + 1
        for part in chunks(len(X), _MAX_VALUES // size**2):
            distance, rows = self.tree.query(X[part], k=np.arange(1, self.k + 1))
            near = np.flatnonzero(distance[:, 0] <= farthest)
            out[part.start + near] = self._interpolate(X[part][near], distance[near], rows[near])
        return out

    def _interpolate(self, X, distance, rows):
        n, d = X.shape
        span = np.maximum(distance[:, -1], 1e-300)
        points = (self.X[rows] - X[:, None]) / span[:, None, None]  # the design itself lies at the origin
        squares = (points**2).sum(axis=2)
        squared = squares[:, :, None] + squares[:, None] - 2 * points @ points.transpose(0, 2, 1)
        np.maximum(squared, 0, out=squared)
        kernel = squared * np.sqrt(squared)
        kernel[:, np.arange(self.k), np.arange(self.k)] += _RIDGE
        trend = np.concatenate([np.ones((n, self.k, 1)), points], axis=2)
        system = np.zeros((n, self.k + d + 1, self.k + d + 1))
        system[:, : self.k, : self.k] = kernel
        system[:, : self.k, self.k :] = trend
        system[:, self.k :, : self.k] = trend.transpose(0, 2, 1)
        # Directions in which the rows do not differ get no slope.
        diagonal = np.arange(self.k, self.k + d + 1)
        system[:, diagonal, diagonal] = -_RIDGE
        value = np.concatenate([(distance / span[:, None]) ** 3, np.ones((n, 1)), np.zeros((n, d))], axis=1)
        weights = np.linalg.solve(system, value[:, :, None])[:, : self.k, 0]
        return np.einsum("nk,nkm->nm", weights, self.residual[rows])
