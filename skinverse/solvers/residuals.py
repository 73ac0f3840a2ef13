"""What a smooth forward model misses, interpolated between the training rows."""

from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from skinverse.utils.chunks import chunks

# Rows that an interpolation uses.
_N_NEIGHBOURS = 40
# Values worked on at once, and of interpolants that are kept.
_MAX_VALUES, _MAX_KEPT = 2**22, 2**24
# Interpolants of a single model's error that are compared.
_N_OPINIONS = 6
# Share of the kernel's size added to its diagonal, for rows that coincide.
_RIDGE = 1e-12


class ResidualInterpolator:
    r"""Local interpolation of a model's error by cubic radial functions and a linear trend [1]_.

    The error :math:`y_i - \hat f(x_i)` of a smooth model of noise-free responses is itself smooth, and is known at
    the training rows. About each row it is interpolated through the rows nearest to that by
    :math:`\sum_i w_i \lVert x - x_i \rVert^3 + a + b^\top x`, as :class:`scipy.interpolate.RBFInterpolator` does,
    but also where rows coincide or do not differ in a direction, as whole numbers do. A design takes the interpolant
    of the row nearest to it. Those of all rows are made at once where memory allows, so that asking is cheap.

    Parameters
    ----------
    X : ndarray of shape (n_rows, d)
        Training designs in the unit box.
    residual : ndarray of shape (n_members, n_rows, m)
        Error of each member of an ensemble, or of a single model.
    keep : bool, default=True
        Whether to make the interpolants of all rows at once, or those that are asked for each time.

    References
    ----------
    .. [1] B. Fornberg, N. Flyer, "Solving PDEs with radial basis functions", Acta Numerica 24, 2015.
       https://doi.org/10.1017/S0962492914000130
    """

    def __init__(self, X, residual, *, keep=True):
        self.X, (self.n_members, _, self.n_outputs) = X, residual.shape
        self.residual = residual.transpose(1, 0, 2).reshape(len(X), -1)
        self.tree = cKDTree(X)
        self.k = min(len(X), max(_N_NEIGHBOURS, 3 * (X.shape[1] + 1)))
        if keep:
            self.interpolants  # noqa: B018  made now, not when a design is asked for
        else:
            self.interpolants = None

    @cached_property
    def interpolants(self):
        """Rows, scales and coefficients of the interpolants about all rows; None if they are too many to keep."""
        if len(self.X) * self.k * (1 + self.residual.shape[1]) > _MAX_KEPT:
            return None
        return self._interpolate(np.arange(len(self.X)))

    def __getstate__(self):
        # They are many times as large as the table, and half a second's work.
        return {name: value for name, value in self.__dict__.items() if name != "interpolants"}

    def __call__(self, X):
        """Error (n, m) of the mean of the members at designs `X` (n, d) in the unit box."""
        return self._errors(X, self.tree.query(X)[1]).mean(axis=0)

    def opinions(self, X):
        """Errors (n_opinions, n, m) at designs, by which opinions on the response there are corrected.

        Those of all members; of a single model the interpolants about several rows, the nearest first, which agree at
        the rows that they share and come apart where little is known. And the distances (n,) to the nearest row.
        """
        n_rows = 1 if self.n_members > 1 else min(_N_OPINIONS, len(self.X))
        distance, centres = self.tree.query(X, k=np.arange(1, n_rows + 1))
        return np.concatenate([self._errors(X, centre) for centre in centres.T]), distance[:, 0]

    def _errors(self, X, centre):
        """Errors (n_members, n, m) at designs by the interpolants about the rows `centre` (n,)."""
        out = np.empty((len(X), self.residual.shape[1]))
        for part in chunks(len(X), _MAX_VALUES // (self.k * (X.shape[1] + self.residual.shape[1]))):
            out[part] = self._evaluate(X[part], centre[part])
        return out.reshape(len(X), self.n_members, self.n_outputs).transpose(1, 0, 2)

    def _evaluate(self, X, centre):
        if self.interpolants is None:
            centres, which = np.unique(centre, return_inverse=True)
            rows, span, weights = (array[which] for array in self._interpolate(centres))
        else:
            rows, span, weights = (array[centre] for array in self.interpolants)
        # One coordinate at a time: arrays of many rows and few columns are slow.
        squared = sum((x[:, None] - x_row[rows]) ** 2 for x, x_row in zip(X.T, self.X.T, strict=True))
        squared /= span[:, None] ** 2
        kernel = squared * np.sqrt(squared)
        trend = np.concatenate([np.ones((len(X), 1)), (X - self.X[centre]) / span[:, None]], axis=1)
        return (np.concatenate([kernel, trend], axis=1)[:, None] @ weights)[:, 0]

    def _interpolate(self, centres):
        """Rows (n, k), scale (n,) and coefficients (n, k + d + 1, m) of the interpolants about the rows `centres`."""
        size = self.k + self.X.shape[1] + 1
        parts = [self._solve(centres[part]) for part in chunks(len(centres), _MAX_VALUES // size**2)]
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def _solve(self, centres):
        k, d = self.k, self.X.shape[1]
        distance, rows = self.tree.query(self.X[centres], k=np.arange(1, k + 1))
        span = np.maximum(distance[:, -1], 1e-300)
        points = (self.X[rows] - self.X[centres, None]) / span[:, None, None]
        squares = (points**2).sum(axis=2)
        squared = squares[:, :, None] + squares[:, None] - 2 * points @ points.transpose(0, 2, 1)
        np.maximum(squared, 0, out=squared)
        kernel = squared * np.sqrt(squared)
        kernel[:, np.arange(k), np.arange(k)] += _RIDGE
        trend = np.concatenate([np.ones((len(centres), k, 1)), points], axis=2)
        system = np.zeros((len(centres), k + d + 1, k + d + 1))
        system[:, :k, :k] = kernel
        system[:, :k, k:] = trend
        system[:, k:, :k] = trend.transpose(0, 2, 1)
        # Directions in which the rows do not differ get no slope.
        diagonal = np.arange(k, k + d + 1)
        system[:, diagonal, diagonal] = -_RIDGE
        value = np.zeros((len(centres), k + d + 1, self.residual.shape[1]))
        value[:, :k] = self.residual[rows]
        return rows, span, np.linalg.solve(system, value)
