"""Lookup: the training designs whose responses are nearest to the target."""

import numpy as np
from scipy.spatial import cKDTree

from skinverse.base import BaseInverter
from skinverse.utils.chunks import chunks
from skinverse.utils.lookup import ResponseLookup, distinct_rows
from skinverse.utils.scaling import column_scale
from skinverse.utils.validation import Integral, Interval

# Candidates stepped together; bounds the memory of their neighbourhoods.
_MAX_STEPPED = 4096


class NearestDesignInverter(BaseInverter):
    r"""Nearest training rows, the baseline that every other method has to beat.

    A target is answered by the training designs whose responses are nearest, distances measured in
    training standard deviations. With `local_linear` each is moved to where a plane through its
    neighbourhood meets the target: a least-squares fit :math:`y \approx y_i + G (x - x_i)` over the rows
    nearest to it in design, then the shortest step :math:`G^+ (y^* - y_i)` in the unit box, no longer
    than the neighbourhood is wide.

    Designs come nearest first. Only rows inside the space are looked up; where they are fewer than
    asked for (variables fixed in the call, say), the nearest other rows follow, moved to the closest
    allowed design, and their `predicted` is NaN, for nobody has seen their response. With `local_linear` the
    step starts there, takes no account of whole-number variables, and `predicted` is that of the plane.

    Parameters
    ----------
    local_linear : bool, default=False
        Whether to take the local-linear step.
    n_neighbors : int, default=None
        Rows in a neighbourhood, the row itself left out; None takes ``2 * (n_features + 1)``.
    space : DesignSpace or array-like of shape (n_features, 2), default=None
        Allowed designs; None is the box of the training designs.
    random_state : ignored
        The method is deterministic; the parameter exists so that every inverter has it.

    Attributes
    ----------
    designs_ : ndarray of shape (n_rows, n_features)
        Distinct training designs.
    responses_ : ndarray of shape (n_rows, n_outputs)

    See Also
    --------
    PriorInverter : The baseline that knows nothing.

    Examples
    --------
    >>> from skinverse.datasets import make_sine_wave
    >>> from skinverse.inverters import NearestDesignInverter
    >>> X, y = make_sine_wave(1000, random_state=0)
    >>> inverter = NearestDesignInverter().fit(X, y)
    >>> designs, info = inverter.inverse([0.5, 1.2], n=3, return_info=True)
    >>> designs.shape, bool((info.misfit < 1e-4).all())
    ((2, 3, 2), True)
    """

    supports_partial_targets = True
    keeps_table = True
    _min_samples = 1

    _parameter_constraints = {
        "local_linear": ["boolean"],
        "n_neighbors": [Interval(Integral, 1, None, closed="left"), None],
        "space": "no_validation",
        "random_state": ["random_state"],
    }

    def __init__(self, local_linear=False, *, n_neighbors=None, space=None, random_state=None):
        self.local_linear = local_linear
        self.n_neighbors = n_neighbors
        self.space = space
        self.random_state = random_state

    def _go_on(self, X, y, random_state, partial):
        if hasattr(self, "designs_"):
            X, y = np.concatenate([self.designs_, X]), np.concatenate([self.responses_, y])
        self._fit(X, y, random_state)

    def _fit(self, X, y, random_state):
        keep = distinct_rows(X)
        self.designs_, self.responses_ = X[keep], y[keep]
        self.y_scale_ = column_scale(self.responses_)
        self.lookup_ = ResponseLookup(self.responses_ / self.y_scale_)
        self._inside = self.space_.contains(self.designs_)

    def _inverse(self, targets, n, space, random_state):
        n_rows = len(self.designs_)
        if n > n_rows:
            raise ValueError(
                f"n={n} designs are asked for, but only {n_rows} distinct training designs can be looked up. "
                "Ask for fewer, or use a method that proposes new designs."
            )
        inside = self._inside if space is self.space_ else space.contains(self.designs_)
        lower, upper = targets.lower / self.y_scale_, targets.upper / self.y_scale_
        if inside.all():
            rows = self.lookup_.query(lower, upper, n)
        else:
            rows = _allowed_first(self.lookup_, lower, upper, inside, n)
        X, predicted = self.designs_[rows], self.responses_[rows]
        if self.local_linear and n_rows > 1:
            X, predicted = self._step(targets, rows, space)
        else:
            moved = ~inside[rows]
            X[moved] = space.project(X[moved])
            predicted[moved] = np.nan
        return X, {"predicted": predicted}

    def _most_designs(self):
        return len(self.designs_)

    def _step(self, targets, rows, space):
        """Move rows, indices of shape (n_targets, n), to where the local plane meets the target.

        From the nearest allowed design, by variables that are neither fixed nor whole numbers.
        """
        n_features = self.designs_.shape[1]
        k = self.n_neighbors or 2 * (n_features + 1)
        k = min(k, len(self.designs_) - 1)
        width = np.where(self.space_.width > 0, self.space_.width, 1.0)
        points = self.designs_ / width
        tree = cKDTree(points)
        flat, owner = rows.ravel(), np.repeat(np.arange(len(rows)), rows.shape[1])
        free = (space.width > 0) & ~space.integer
        X = np.empty((len(flat), n_features))
        predicted = np.empty((len(flat), self.n_outputs_))
        for part in chunks(len(flat), _MAX_STEPPED):
            i = flat[part]
            distance, neighbours = tree.query(points[i], k + 1)
            offset = points[neighbours[:, 1:]] - points[i, None]
            change = (self.responses_[neighbours[:, 1:]] - self.responses_[i, None]) / self.y_scale_
            slope = np.linalg.pinv(offset, rcond=1e-6) @ change  # (., n_features, n_outputs)
            start = space.project(self.designs_[i]) / width
            there = self.responses_[i] + ((start - points[i])[:, None] @ slope)[:, 0] * self.y_scale_
            wanted = -targets[owner[part]].residual(there) / self.y_scale_
            step = np.zeros_like(start)
            step[:, free] = (wanted[:, None] @ np.linalg.pinv(slope[:, free], rcond=1e-6))[:, 0]
            length = np.linalg.norm(step, axis=1, keepdims=True)
            step *= np.minimum(1, distance[:, -1:] / np.maximum(length, 1e-300))
            X[part] = space.project((start + step) * width)
            moved = X[part] / width - points[i]
            predicted[part] = self.responses_[i] + (moved[:, None] @ slope)[:, 0] * self.y_scale_
        return X.reshape(*rows.shape, -1), predicted.reshape(*rows.shape, -1)


def _allowed_first(lookup, lower, upper, inside, n):
    """The `n` nearest rows of each target, those `inside` the space before the others."""
    groups = [np.flatnonzero(inside), np.flatnonzero(~inside)]
    found = []
    for group in groups:
        part = ResponseLookup(lookup.y[group]) if len(group) else None
        count = min(n - sum(f.shape[1] for f in found), len(group))
        if count > 0:
            found.append(group[part.query(lower, upper, count)])
    return np.concatenate(found, axis=1)
