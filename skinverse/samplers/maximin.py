"""Maximin Latin hypercubes: lattices and random hypercubes, pushed apart all at once, then swap by swap."""

from math import ceil, gcd, log2

import numpy as np

_BLOCK = 2**16  # distances held at once by a pass and by a trial of swaps
_MAX_TABLE = 2**20  # distances kept between swaps: 8 MB, 1024 points
_MAX_PASSES = 300
_FEW_PASSES = 64  # over n_dims: fewer do not better a lattice
_MAX_STARTS = 32
_N_SWAPS = 300
_BUDGET = 2e9  # multiplications of all passes together: some 0.7 s on one core
_MAX_LATTICE_DIMS = 64  # beyond it random hypercubes are the better start
_SURE = 0.98  # of the bound: nobody can do better by more than 2 %
_FIRST_STEP, _LAST_STEP = 0.5, 0.05


def maximin_lhs(n, n_dims, rng, effort=1.0):
    r"""Latin hypercube whose two closest points are far apart, the maximin design of [1]_.

    Its points lie in the middle of their cells: coordinates are :math:`(k + 1/2)/n`, each once.

    Parameters
    ----------
    n, n_dims : int
        Number of points and of dimensions.
    rng : RandomState
        Advanced. The same state gives the same design.
    effort : float, default=1
        Multiplies the work. It is counted in passes and swaps and never in seconds, so that the answer
        does not depend on the machine.

    Returns
    -------
    points : ndarray of float64 of shape (n, n_dims)
        Points in the unit cube.

    Notes
    -----
    1. Starts: random hypercubes and the rank-1 lattices :math:`x_{ij} = i\,a^j \bmod N` of largest distance
       on the torus [2]_; many of them for a few points, one for many.
    2. Passes. The smooth criterion :math:`\sum_{i<k} \lVert x_i - x_k\rVert^{-2q}` of [1]_ is descended for all
       points at once: each is pushed away from its neighbours, and every column is replaced by its ranks,
       which is the Latin hypercube nearest to where the points wanted to go. Steps shrink from half the
       distance of neighbours to a twentieth, with a little noise in low dimension.
    3. Swaps, up to 2048 points. A point of a closest pair tries to trade one of its coordinates with many
       others at once, as in [3]_; only the distances of the two rows change.

    The squared distances between the points of any Latin hypercube have the mean
    :math:`d\,(n+1)/(6n)`, which the smallest cannot exceed. Once a design is within 2 % of that bound, the
    search stops: this is how two points, or very many dimensions, cost nothing. In many dimensions nearly
    all hypercubes are alike, and a pass is dear: where the budget pays for less than one, one is made, and
    none where it would cost more than four budgets (then a lattice or a random hypercube is the answer).

    Memory is of order ``n * n_dims``, plus :math:`2^{16}` distances at once and, for the swaps, a table of at
    most :math:`2^{22}`. Coordinates are whole numbers and weights are rounded to such, so that the sums of
    the passes are exact: neither the BLAS nor its threads change the design.

    References
    ----------
    .. [1] M. D. Morris, T. J. Mitchell, "Exploratory designs for computational experiments", J. Stat. Plann.
           Inference 43(3), 1995, https://doi.org/10.1016/0378-3758(94)00035-T
    .. [2] A. Keller, H. Dammertz, "Image synthesis by rank-1 lattices", Monte Carlo and Quasi-Monte Carlo
           Methods 2006, https://doi.org/10.1007/978-3-540-74496-2_12
    .. [3] R. Jin, W. Chen, A. Sudjianto, "An efficient algorithm for constructing optimal design of computer
           experiments", J. Stat. Plann. Inference 134(1), 2005, https://doi.org/10.1016/j.jspi.2004.02.014

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.spatial.distance import pdist
    >>> from skinverse.samplers.maximin import maximin_lhs
    >>> points = maximin_lhs(5, 2, np.random.RandomState(0))
    >>> (5 * pdist(points)).min().round(3)  # a move of the knight
    np.float64(2.236)
    """
    if n == 1 or n_dims == 1:
        X = _random_levels(1, n, n_dims, rng)[0]  # all hypercubes are alike
    else:
        X = _search(n, n_dims, rng, effort)
    return (X + n) / (2 * n)


def _search(n, n_dims, rng, effort):
    """Levels (n, n_dims) of the best design found. Levels are -(n-1), ..., n-3, n-1: twice those of a table."""
    n_starts = max(1, min(ceil(_MAX_STARTS * effort), int(effort * _BLOCK / 8 / n**2)))
    cost = n_starts * n**2 * (n_dims + 10)
    n_passes = ceil(min(_MAX_PASSES, _MAX_PASSES * effort, effort * _BUDGET / cost))
    n_lattices = (n_starts + 1) // 2 if n_dims <= _MAX_LATTICE_DIMS else 0
    n_rules = max(ceil(8 * effort), int(min(effort, 1) ** 2 * 2**20) // (n * n_dims))
    lattices = _lattices(n_lattices, n_rules, n, n_dims, rng)
    X = np.concatenate([lattices, _random_levels(n_starts - n_lattices, n, n_dims, rng)])
    if n_passes * n_dims < _FEW_PASSES or cost > 4 * effort * _BUDGET:
        return X[0]
    enough = _SURE**2 * 4 * n_dims * n * (n + 1) / 6
    X, closest = _spread(X, n_passes, enough, rng)
    best = closest.argmax()
    if closest[best] >= enough or n**2 > _MAX_TABLE:
        return X[best]
    return _swap(X[best], ceil(_N_SWAPS * effort), enough, rng)


def _random_levels(n_designs, n, n_dims, rng):
    return _ranks(rng.uniform(size=(n_designs, n, n_dims)))


def _ranks(Z):
    """The designs of levels which are ordered, column by column, as `Z` (n_designs, n, n_dims) is."""
    columns = np.ascontiguousarray(Z.transpose(0, 2, 1))
    n = columns.shape[2]
    levels = np.empty(columns.shape)
    np.put_along_axis(levels, np.argsort(columns, kind="stable"), np.arange(1.0 - n, n, 2), axis=2)
    return np.ascontiguousarray(levels.transpose(0, 2, 1))


def _lattices(n_designs, n_rules, n, n_dims, rng):
    """The `n_designs` lattices i a^j mod N whose points are farthest apart on the torus, shifted at random.

    They are sought among about `n_rules` for each N, which runs a little beyond n: a prime has more lattices, and
    what sticks out is cut off by the ranks.
    """
    if n_designs == 0:
        return np.empty((0, n, n_dims))
    rules = [(N, a) for N in range(n, n + 12) for a in _generators(N, rng, n_rules)]
    powers = [np.array([pow(a, j, N) for j in range(n_dims)]) for N, a in rules]
    far = []
    for (N, _), h in zip(rules, powers, strict=True):
        Z = np.arange(1, N // 2 + 1)[:, None] * h % N
        far.append((np.minimum(Z, N - Z) ** 2).sum(axis=1).min() / N**2)
    designs = []
    for k in np.argsort(-np.array(far), kind="stable")[np.arange(n_designs) % len(far)]:
        N, h = rules[k][0], powers[k]
        designs.append((np.arange(n)[:, None] * h + rng.randint(N, size=n_dims)) % N)
    return _ranks(np.array(designs))


def _generators(N, rng, n_max):
    """At most `n_max` numbers that have no factor in common with N, all of them where they are few."""
    candidates = np.arange(2, max(3, N // 2 + 1))  # a and N - a give mirror images
    if len(candidates) > 2 * n_max:
        candidates = np.unique(rng.randint(2, N // 2 + 1, size=2 * n_max))
    return [a for a in candidates.tolist() if gcd(a, N) == 1][:n_max]


def _spread(X, n_passes, enough, rng):
    """The best designs on the way of `n_passes` passes, and the squared distances of their closest pairs."""
    n_dims = X.shape[2]
    # Squared distances scatter by 1 / sqrt(n_dims): the more dimensions, the steeper the criterion.
    n_squarings = max(3, round(2 + log2(n_dims) / 2))
    noise = 0.6 / n_dims
    best, near = X, _push(X)
    closest = near.min(axis=1)
    for step in np.geomspace(_FIRST_STEP, _LAST_STEP, n_passes):
        if closest.max() >= enough:
            break
        force = _push(X, near.min(axis=1), n_squarings)
        length = np.sqrt((force**2).sum(axis=2, keepdims=True))
        longest = np.maximum(length.max(axis=1, keepdims=True), 1)
        force /= np.sqrt(np.maximum(length, 1) * longest)  # between all alike and as they are
        force += noise * rng.uniform(-1, 1, size=X.shape)
        X = _ranks(X + step * np.sqrt(near.mean(axis=1))[:, None, None] * force)
        near = _push(X)
        better = near.min(axis=1) > closest
        best = np.where(better[:, None, None], X, best)
        closest = np.where(better, near.min(axis=1), closest)
    return best, closest


def _push(X, scale=None, n_squarings=0):
    """Squared distances (n_designs, n) to the nearest point or, with a `scale`, the push on each.

    The push on x_i is the sum over k of w(D_ik) (x_i - x_k), w = (scale / D)^(2^n_squarings) in units of 2^-20.
    """
    n_designs, n, n_dims = X.shape
    ones, squares = np.ones((n_designs, n, 1)), (X**2).sum(axis=2, keepdims=True)
    left = np.concatenate([-2 * X, squares, ones], axis=2)
    right = np.concatenate([X, ones, squares], axis=2).transpose(0, 2, 1)
    points = np.concatenate([X, ones], axis=2)
    out = np.empty((n_designs, n) if scale is None else X.shape)
    n_rows = min(n, max(_BLOCK // n, n_dims))  # a thin product would read all of `right` for little work
    for g in _slices(n_designs, max(1, _BLOCK // n**2)):
        for rows in _slices(n, n_rows):
            D = left[g, rows] @ right[g]
            D[:, np.arange(D.shape[1]), np.arange(n)[rows]] = np.inf
            if scale is None:
                out[g, rows] = D.min(axis=2)
                continue
            weights = np.divide(scale[g, None, None], D, out=D)
            for _ in range(n_squarings):
                weights *= weights
            weights *= 2.0**20
            np.rint(weights, out=weights)
            pull = weights @ points[g]
            out[g, rows] = pull[..., -1:] * X[g, rows] - pull[..., :-1]
    return out


def _slices(n, size):
    return [slice(start, min(n, start + size)) for start in range(0, n, size)]


def _swap(X, n_swaps, enough, rng):
    """The best design on the way of `n_swaps` trials, each with many partners of one critical coordinate."""
    n, n_dims = X.shape
    X = X.copy()
    D = _squared_distances(X)
    best, closest = X.copy(), D.min()
    others = np.arange(n)
    for trial in range(n_swaps):
        if closest >= enough:
            break
        near = D.min(axis=1)
        a, column = rng.choice(np.flatnonzero(near == near.min())), rng.randint(n_dims)
        partners = others if n**2 <= _BLOCK else rng.permutation(n)[: _BLOCK // n]
        partners = partners[partners != a]
        to_a, to_partners = _swapped_distances(D, X[:, column], a, partners)
        reached = np.minimum(to_a.min(axis=1), to_partners.min(axis=1))
        j = reached.argmax()
        # A little worse is allowed at first, by less than one level in large designs.
        if reached[j] <= near.min() * (1 - 4 / n * (1 - trial / n_swaps)):
            continue
        b = partners[j]
        X[[a, b], column] = X[[b, a], column]
        D[a] = D[:, a] = to_a[j]
        D[b] = D[:, b] = to_partners[j]
        if D.min() > closest:
            best, closest = X.copy(), D.min()
    return best


def _squared_distances(X):
    squares = (X**2).sum(axis=1)
    D = squares[:, None] + squares - 2 * X @ X.T
    np.fill_diagonal(D, np.inf)
    return D


def _swapped_distances(D, x, a, partners):
    """Rows a and b of the squared distances, were x_a and x_b of one column `x` swapped, for each partner b.

    Two arrays (n_partners, n). The distance of a to b itself does not change.
    """
    change = (x - x[partners, None]) ** 2 - (x - x[a]) ** 2
    to_a, to_partners = D[a] + change, D[partners] - change
    k = np.arange(len(partners))
    to_a[k, partners] = to_partners[:, a] = D[a, partners]
    return to_a, to_partners  # infinite on the diagonal, as D is
