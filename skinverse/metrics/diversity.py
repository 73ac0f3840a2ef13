"""How new and how different proposed designs are."""

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from skinverse.utils.chunks import chunks
from skinverse.utils.validation import check_array

# Distances held at once.
_MAX_PAIRS = 2**17


def diversity(X, *, scale=None):
    """Mean distance between two candidates for the same target, in the unit box.

    Zero is one design repeated. It rewards spread, right or wrong: candidates all over the space are diverse and
    may all miss the target, so read it beside the error of re-simulation.

    Parameters
    ----------
    X : array-like of shape (n_targets, n, n_features) or (n, n_features)
        At least 2 candidates for each target.
    scale : array-like of shape (n_features,), default=None
        What one unit of every column is. Pass the ranges of the training designs,
        ``np.ptp(X_train, axis=0)``, as :func:`novelty` takes them; None is the ranges of the candidates
        over all targets, which compares targets but not methods. A zero counts as one.

    Returns
    -------
    distance : ndarray of shape (n_targets,) or float
        A uniform sample of the unit box would score 0.33, 0.52, 0.66, 0.78 in 1 to 4 dimensions.

    Examples
    --------
    >>> from skinverse.metrics import diversity
    >>> diversity([[[0.0, 0.0], [3.0, 4.0]], [[1.0, 1.0], [1.0, 1.0]]], scale=[10.0, 10.0])
    array([0.5, 0. ])
    """
    X = np.asarray(X, dtype=np.float64)
    if X.ndim not in (2, 3) or X.size == 0 or X.shape[-2] < 2:
        raise ValueError(
            f"X must have shape (n_targets, n, n_features) or (n, n_features) with n of at least 2, got {X.shape}."
        )
    if not np.isfinite(X).all():
        raise ValueError("X holds NaN or infinity; leave such designs out.")
    n, d = X.shape[-2:]
    scale = np.ptp(X.reshape(-1, d), axis=0) if scale is None else np.asarray(scale, dtype=np.float64)
    if scale.shape != (d,) or not (np.isfinite(scale) & (scale >= 0)).all():
        raise ValueError(f"scale must hold {d} finite numbers of at least 0, one a feature, got {scale}.")
    points = X.reshape(-1, n, d) / np.where(scale > 0, scale, 1.0)
    total = [sum(cdist(p[rows], p).sum() for rows in chunks(n, _MAX_PAIRS // n)) for p in points]
    distance = np.array(total) / (n * (n - 1))
    return float(distance[0]) if X.ndim == 2 else distance


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
