"""How new and how different proposed designs are."""

import numpy as np
from scipy.spatial import cKDTree

from skinverse.utils.validation import check_array


def novelty(X, X_train):
    """Distance of each design to the nearest training row, in the unit box of the training designs.

    Zero is a training row looked up; compare with :func:`spacing`, the distance of training rows to
    each other.

    Parameters
    ----------
    X : array-like of shape (n_targets, n, n_features) or (n, n_features)
    X_train : array-like of shape (n_samples, n_features)

    Returns
    -------
    distance : ndarray of shape (n_targets, n) or (n,)

    Examples
    --------
    >>> from skinverse.metrics import novelty
    >>> novelty([[0.0, 1.0], [0.5, 1.0]], [[0.0, 1.0], [2.0, 3.0]])
    array([0.  , 0.25])
    """
    X = np.asarray(X, dtype=np.float64)
    X_train = check_array(X_train, dtype=np.float64, input_name="X_train")
    if X.ndim not in (2, 3) or X.shape[-1] != X_train.shape[1]:
        raise ValueError(
            f"X must have shape (..., {X_train.shape[1]}), as many values as X_train has columns, got {X.shape}."
        )
    width = np.ptp(X_train, axis=0)
    width = np.where(width > 0, width, 1.0)
    distance, _ = cKDTree(X_train / width).query(X.reshape(-1, X.shape[-1]) / width)
    return distance.reshape(X.shape[:-1])


def spacing(X_train):
    """Median distance of a training row to its nearest neighbour, in the unit box of the rows."""
    X_train = check_array(X_train, dtype=np.float64, ensure_min_samples=2, input_name="X_train")
    width = np.ptp(X_train, axis=0)
    points = X_train / np.where(width > 0, width, 1.0)
    return float(np.median(cKDTree(points).query(points, k=2)[0][:, 1]))
