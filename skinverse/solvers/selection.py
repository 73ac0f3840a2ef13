"""Which candidates to return."""

import numpy as np


def best_of(X, score, n):
    """Indices of the `n` candidates of least score, best first.

    Parameters
    ----------
    X : ndarray of shape (n_candidates, n_features)
        Candidates, scaled to the unit box of the space.
    score : ndarray of shape (n_candidates,)
        Expected error; infinite for candidates that failed.
    n : int

    Returns
    -------
    chosen : ndarray of int of shape (n,)
    """
    return np.argsort(score, kind="stable")[:n]


def diverse_best_of(X, score, n, *, tolerance=10.0):
    """Indices of `n` good candidates far apart from each other, best first.

    Farthest-point choice [1]_ among the good: the best candidate first, then always the one whose
    nearest chosen neighbour is farthest away. "Good" are the candidates that did not fail and whose score
    is at most `tolerance` times the median; if they are fewer than `n`, the next best join them.

    Parameters
    ----------
    X, score, n
        As for :func:`best_of`.
    tolerance : float, default=10.0
        Smaller is more accurate; too small loses branches on which the forward model is less sure.

    Returns
    -------
    chosen : ndarray of int of shape (n,)

    References
    ----------
    .. [1] T. F. Gonzalez, "Clustering to minimize the maximum intercluster distance", Theor. Comput.
       Sci. 38, 1985. https://doi.org/10.1016/0304-3975(85)90224-5
    """
    order = np.argsort(score, kind="stable")
    finite = score[np.isfinite(score)]
    n_good = np.count_nonzero(finite <= tolerance * np.median(finite)) if len(finite) else 0
    pool = order[: max(n, n_good)]
    points, failed = X[pool], ~np.isfinite(score[pool])
    chosen = np.zeros(min(n, len(pool)), dtype=int)
    distance = np.full(len(pool), np.inf)
    for k in range(1, len(chosen)):
        gap = points - points[chosen[k - 1]]
        np.minimum(distance, np.einsum("ij,ij->i", gap, gap), out=distance)
        worth = np.where(failed, -0.5, distance)  # failed candidates are a last resort, in their order
        worth[chosen[:k]] = -1
        chosen[k] = np.argmax(worth)
    return pool[chosen][np.argsort(score[pool[chosen]], kind="stable")]


def choose_candidates(found, n_targets, n, space, select, least):
    """The selected `n` candidates of each target.

    Parameters
    ----------
    found : dict of ndarray, each over candidates of all targets
        As :meth:`~skinverse.solvers.localizer.Localizer.refine` gives it.
    n_targets, n : int
        Each target must have at least `n` candidates.
    space : DesignSpace
    select : callable ``select(X, score, n) -> indices``
    least : float
        Expected errors below it are alike.

    Returns
    -------
    chosen : dict of ndarray of shape (n_targets, n, ...)
        The same entries, but for `owner`.
    """
    unit = space.to_unit(found["x"])
    expected = np.maximum(found["expected_error"], least)
    score = np.where(found["converged"], expected, np.inf)
    # Candidates that did not converge come last, the least wrong first.
    order = np.lexsort((expected, ~found["converged"], found["owner"]))
    ends = np.searchsorted(found["owner"][order], np.arange(n_targets), side="right")
    rows = np.empty((n_targets, n), dtype=np.intp)
    for target, mine in enumerate(np.split(order, ends[:-1])):
        chosen = np.asarray(select(unit[mine], score[mine], n))
        if chosen.shape != (n,) or len(np.unique(chosen)) < n:
            raise ValueError(
                f"select must return the indices of n={n} different candidates, got an array of shape "
                f"{chosen.shape} with {len(np.unique(chosen))} of them."
            )
        rows[target] = mine[chosen]
    return {name: values[rows] for name, values in found.items() if name != "owner"}


SELECTIONS = {"best": best_of, "diverse": diverse_best_of}
