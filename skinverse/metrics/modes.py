"""Which branches of a solution set candidates reach."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from skinverse.utils.scaling import check_scale
from skinverse.utils.validation import check_array


def mode_recall(X, reference, labels, *, radius, scale=None):
    """Share of the solution branches of a target that its candidates reach.

    A branch is reached if some candidate lies within `radius` of a reference point, and that nearest
    reference point belongs to the branch. Candidates farther off than `radius` count for nothing,
    however many they are.

    Parameters
    ----------
    X : array-like of shape (n_runs, n, n_features) or (n, n_features)
        Candidates for one and the same target.
    reference : array-like of shape (m, n_features)
        Points known to lie on the solution set.
    labels : array-like of shape (m,)
        Branch of every reference point, such as :func:`solution_components` tells.
    radius : float
        How near counts as reached, in units of `scale`.
    scale : array-like of shape (n_features,), default=None
        What one unit of every column is; None is the range of the reference. A zero counts as one.

    Returns
    -------
    recall : float or ndarray of shape (n_runs,)
        1 if every branch is reached, 0 if none.

    Examples
    --------
    >>> from skinverse.metrics import mode_recall
    >>> mode_recall([[0.1, 0.0], [9.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]], labels=[0, 1], radius=0.2)
    0.5
    """
    reference, scale, radius = _check_reference(reference, scale, radius)
    labels = np.asarray(labels)
    if labels.shape != (len(reference),):
        raise ValueError(
            f"labels must have one entry for each of the {len(reference)} reference points, got shape {labels.shape}."
        )
    X = np.asarray(X, dtype=np.float64)
    if X.ndim not in (2, 3) or X.shape[-1] != reference.shape[1] or X.size == 0:
        raise ValueError(
            f"X must have shape (n, {reference.shape[1]}) or (n_runs, n, {reference.shape[1]}), as many values as "
            f"reference has columns, got {X.shape}."
        )
    if not np.isfinite(X).all():
        raise ValueError("X holds NaN or infinity; leave such candidates out.")
    components, member = np.unique(labels, return_inverse=True)
    distance, nearest = cKDTree(reference / scale).query(X / scale)
    reached = (member[nearest][..., None] == np.arange(len(components))) & (distance <= radius)[..., None]
    recall = reached.any(axis=-2).mean(axis=-1)
    return float(recall) if X.ndim == 2 else recall


def solution_components(reference, *, radius, scale=None):
    """Name the separate branches of a solution set from points on it.

    Points nearer to each other than `radius` are joined, and so are points that a chain of such steps
    connects.

    Parameters
    ----------
    reference : array-like of shape (m, n_features)
        Points on the solution set, such as one target's draws from :func:`reference_posterior`.
    radius : float
        In units of `scale`: larger than the gaps between neighbours on a branch, smaller than the gap between
        branches. Sparse points leave stray components, which the sizes (``np.bincount(labels)``) show.
        All pairs nearer than it are held in memory.
    scale : array-like of shape (n_features,), default=None
        What one unit of every column is; None is the range of the reference. A zero counts as one.

    Returns
    -------
    labels : ndarray of int of shape (m,)
        Component of every point, numbered from 0 by size, the largest first.

    Examples
    --------
    >>> from skinverse.metrics import solution_components
    >>> solution_components([[0.0], [5.0], [5.1], [0.1], [5.2]], radius=0.1)
    array([1, 0, 0, 1, 0])
    """
    reference, scale, radius = _check_reference(reference, scale, radius)
    m = len(reference)
    i, j = cKDTree(reference / scale).query_pairs(radius, output_type="ndarray").T
    _, label = connected_components(
        coo_array((np.ones(len(i), dtype=bool), (i, j)), shape=(m, m)), directed=False
    )
    rank = np.argsort(-np.bincount(label), kind="stable")
    return np.argsort(rank)[label]


def _check_reference(reference, scale, radius):
    reference = check_array(reference, dtype=np.float64, input_name="reference")
    width = np.ptp(reference, axis=0)
    if not radius > 0:
        raise ValueError(f"radius must be positive, in units of scale, got {radius!r}.")
    return reference, check_scale(scale, np.where(width > 0, width, 1.0)), float(radius)
