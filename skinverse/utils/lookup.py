"""Rows of a table: which are distinct, and whose responses lie nearest to a target."""

import numpy as np
from scipy.spatial import cKDTree
from sklearn.neighbors import NearestNeighbors

from skinverse.utils.chunks import chunks

# Outputs beyond which a tree is slower than comparing with every row.
_MAX_TREE_OUTPUTS = 15
# Distances held at once when intervals forbid a tree.
_MAX_DISTANCES = 2**22


def distinct_rows(X):
    """Indices of the first of each group of equal rows, in their order."""
    return np.sort(np.unique(X, axis=0, return_index=True)[1])


class ResponseLookup:
    """Nearest rows by response, for exact, partial and interval targets.

    Parameters
    ----------
    y : ndarray of shape (n_rows, n_outputs)
        Responses, in units in which distances are compared.
    """

    def __init__(self, y):
        self.y = y
        self._trees = {}

    def query(self, lower, upper, n):
        """Indices of the `n` nearest rows for each target, nearest first.

        The distance is Euclidean over the outputs that are asked for, zero inside an interval.

        Parameters
        ----------
        lower, upper : ndarray of shape (n_targets, n_outputs)
            Closed intervals, open at infinite ends, in the units of `y`.
        n : int
            At most the number of rows.

        Returns
        -------
        rows : ndarray of int of shape (n_targets, n)
        """
        wanted = np.isfinite(lower) | np.isfinite(upper)
        exact = lower == upper
        rows = np.empty((len(lower), n), dtype=np.intp)
        patterns, member = np.unique(np.concatenate([wanted, exact], axis=1), axis=0, return_inverse=True)
        for k, pattern in enumerate(patterns):
            chosen = np.flatnonzero(member.ravel() == k)
            asked, given = np.split(pattern, 2)
            if (asked == given).all():
                rows[chosen] = self._nearest(lower[chosen][:, asked], asked, n)
            else:
                for part in chunks(len(chosen), _MAX_DISTANCES // self.y.size):
                    rows[chosen[part]] = self._scan(lower[chosen[part]], upper[chosen[part]], n)
        return rows

    def _nearest(self, points, columns, n):
        key = columns.tobytes()
        if key not in self._trees:
            table = self.y[:, columns]
            wide = table.shape[1] > _MAX_TREE_OUTPUTS
            self._trees[key] = NearestNeighbors(algorithm="brute").fit(table) if wide else cKDTree(table)
        tree = self._trees[key]
        if isinstance(tree, cKDTree):
            return tree.query(points, k=np.arange(1, n + 1))[1]
        return tree.kneighbors(points, n, return_distance=False)

    def _scan(self, lower, upper, n):
        gap = self.y - np.clip(self.y, lower[:, None], upper[:, None])
        return np.argsort((gap**2).sum(axis=2), axis=1, kind="stable")[:, :n]
