"""Responses that are cut off at a floor, as a band gap is at zero."""

import numpy as np


def response_floor(y, censored):
    """Floor of each column of `y` (n, m), -inf where there is none."""
    n_samples, n_outputs = y.shape
    if censored is None:
        return np.full(n_outputs, -np.inf)
    if not isinstance(censored, str):
        floor = np.asarray(censored, dtype=np.float64)
        if floor.shape not in {(), (n_outputs,)} or np.isnan(floor).any():
            raise ValueError(
                f"censored must be a floor, or one for each of the {n_outputs} outputs (-inf for none), "
                f"got {censored!r}."
            )
        return np.broadcast_to(floor, n_outputs).copy()
    floor = np.full(n_outputs, -np.inf)
    for k, column in enumerate(y.T):
        values, counts = np.unique(column, return_counts=True)
        if len(values) > 1 and counts[0] >= max(3, 0.05 * n_samples, 3 * np.median(counts[1:])):
            floor[k] = values[0]
    return floor
