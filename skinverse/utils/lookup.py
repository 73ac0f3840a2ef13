"""Rows of a table whose responses lie nearest to a target."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from skinverse.utils.chunks import chunks

# Distances held at once when intervals forbid a tree.
_MAX_DISTANCES = 2**22


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

        The distance is Euclidean over the outputs that are asked for, zero inside an interval. Equally
        near rows come in the order of the table.

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
                rows[chosen] = self._tree(asked).kneighbors(lower[chosen][:, asked], n, return_distance=False)
            else:
                for part in chunks(len(chosen), _MAX_DISTANCES // self.y.size):
                    rows[chosen[part]] = self._scan(lower[chosen[part]], upper[chosen[part]], n)
        return rows

    def _tree(self, columns):
        key = columns.tobytes()
        if key not in self._trees:
            self._trees[key] = NearestNeighbors().fit(self.y[:, columns])
        return self._trees[key]

    def _scan(self, lower, upper, n):
        gap = self.y - np.clip(self.y, lower[:, None], upper[:, None])
        return np.argsort((gap**2).sum(axis=2), axis=1, kind="stable")[:, :n]
