"""The maximin optimiser: brute-force optima, the Latin property, bookkeeping, reached distances."""

from itertools import permutations, product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import pdist, squareform

from skinverse.samplers.maximin import _squared_distances, _swapped_distances, maximin_lhs


def best_distance(n, n_dims):
    """The optimum over all hypercubes of centred points, one column kept in order."""
    others = list(permutations(range(n)))
    designs = product(others, repeat=n_dims - 1)
    return max(pdist(np.column_stack([np.arange(n), *columns])).min() for columns in designs) / n


@pytest.mark.parametrize(("n", "n_dims"), [(2, 2), (3, 2), (4, 2), (5, 2), (6, 2), (3, 3), (4, 3)])
def test_optimum_by_brute_force(n, n_dims):
    points = maximin_lhs(n, n_dims, np.random.RandomState(0))
    assert_allclose(pdist(points).min(), best_distance(n, n_dims))


@pytest.mark.parametrize(
    ("n", "n_dims"), [(1, 1), (1, 3), (2, 1), (7, 1), (30, 2), (65, 5), (300, 3), (40, 70)]
)
def test_latin_property(n, n_dims):
    points = maximin_lhs(n, n_dims, np.random.RandomState(1), effort=0.1)
    assert_allclose(np.sort(points, axis=0), np.tile(((np.arange(n) + 0.5) / n)[:, None], n_dims))


@pytest.mark.parametrize(("n", "n_dims", "distance"), [(25, 2, 0.20), (200, 4, 0.27)])
def test_reached_distance(n, n_dims, distance):
    for seed in range(3):
        assert pdist(maximin_lhs(n, n_dims, np.random.RandomState(seed))).min() >= distance - 1e-12


def test_same_state_same_design_and_the_state_advances():
    a, b = (maximin_lhs(20, 3, np.random.RandomState(5)) for _ in range(2))
    assert_array_equal(a, b)
    rng = np.random.RandomState(5)
    first, second = maximin_lhs(20, 3, rng), maximin_lhs(20, 3, rng)
    assert not np.array_equal(first, second)


def test_distances_after_a_swap_equal_fresh_ones():
    X = np.column_stack([np.random.RandomState(k).permutation(12) for k in range(3)]).astype(float)
    D = _squared_distances(X)
    partners = np.array([k for k in range(12) if k != 4])
    to_a, to_partners = _swapped_distances(D, X[:, 1], 4, partners)
    for row, b in enumerate(partners):
        Y = X.copy()
        Y[[4, b], 1] = Y[[b, 4], 1]
        fresh = squareform(pdist(Y, "sqeuclidean"))
        np.fill_diagonal(fresh, np.inf)
        assert_allclose(to_a[row], fresh[4])
        assert_allclose(to_partners[row], fresh[b])


def test_many_dimensions_cost_nothing():
    """Within 2 % of the bound that no hypercube passes, the search ends: two points in 1,000 dimensions at once."""
    n, n_dims = 2, 1000
    points = maximin_lhs(n, n_dims, np.random.RandomState(0))
    assert_allclose(pdist(points), np.sqrt(n_dims * (n + 1) / (6 * n)))
