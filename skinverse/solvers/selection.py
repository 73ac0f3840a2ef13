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


def diverse_best_of(X, score, n, *, quality=0.5):
    """Indices of `n` good candidates far apart from each other, best first.

    Farthest-point choice [1]_ among the good: the best candidate first, then always the one whose
    nearest chosen neighbour is farthest away. "Good" are the candidates that did not fail and whose
    score lies within the best share `quality` of those; if they are fewer than `n`, the next best
    join them.

    Parameters
    ----------
    X, score, n
        As for :func:`best_of`.
    quality : float, default=0.5
        Share of the candidates to choose from. Smaller is more accurate, larger more diverse.

    Returns
    -------
    chosen : ndarray of int of shape (n,)

    References
    ----------
    .. [1] T. F. Gonzalez, "Clustering to minimize the maximum intercluster distance", Theor. Comput.
       Sci. 38, 1985. https://doi.org/10.1016/0304-3975(85)90224-5
    """
    order = np.argsort(score, kind="stable")
    n_finite = int(np.isfinite(score).sum())
    pool = order[: max(n, int(np.ceil(quality * n_finite)))]
    points = X[pool]
    chosen = np.zeros(min(n, len(pool)), dtype=int)
    distance = np.full(len(pool), np.inf)
    for k in range(1, len(chosen)):
        gap = points - points[chosen[k - 1]]
        np.minimum(distance, np.einsum("ij,ij->i", gap, gap), out=distance)
        distance[chosen[:k]] = -1
        # Failed candidates are a last resort, in their order.
        chosen[k] = np.argmax(np.where(np.isfinite(score[pool]), distance, -0.5))
    return pool[chosen][np.argsort(score[pool[chosen]], kind="stable")]


SELECTIONS = {"best": best_of, "diverse": diverse_best_of}
