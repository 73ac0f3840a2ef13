import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skinverse.metrics import (
    mode_recall,
    reference_posterior,
    solution_components,
)
from skinverse.simulators import SineWave

NAN = np.nan


@pytest.fixture
def clusters():
    rng = np.random.RandomState(0)
    centres = np.stack(np.meshgrid([0, 1, 2], [0, 10, 20]), axis=-1).reshape(9, 2)
    sizes = 20 + 5 * np.arange(9)
    points = np.concatenate(
        [c + rng.uniform(-0.1, 0.1, (s, 2)) * [1, 10] for c, s in zip(centres, sizes, strict=True)]
    )
    return centres.astype(float), points, np.repeat(np.arange(9), sizes)


def test_components_are_the_planted_clusters(clusters):
    _, points, planted = clusters
    order = np.random.RandomState(1).permutation(len(points))
    labels = solution_components(points[order], radius=0.1)
    assert_array_equal(labels, 8 - planted[order])  # the largest first, and the sizes grow
    assert_array_equal(np.bincount(labels), np.sort(np.bincount(planted))[::-1])
    assert_array_equal(solution_components(points * [1, 1e4], radius=0.2, scale=[1, 1e5]), 8 - planted)
    assert (solution_components(points, radius=1.0) == 0).all()
    assert_array_equal(solution_components([[0.0], [1.0]], radius=0.5), [0, 1])


def test_mode_recall_counts_clusters(clusters):
    centres, points, labels = clusters
    assert mode_recall(centres, points, labels, radius=0.1) == 1.0
    assert mode_recall(centres[1:], points, labels, radius=0.1) == pytest.approx(8 / 9)
    assert mode_recall(np.repeat(centres[:1], 50, axis=0), points, labels, radius=0.1) == pytest.approx(1 / 9)
    # Nearest to a cluster is not enough: from far off nothing is reached.
    assert mode_recall(centres + [100, 0], points, labels, radius=0.1) == 0.0
    between = [[0.5, 0.0]]  # in reach of two clusters counts for the nearer one only
    assert mode_recall(between, points, labels, radius=1.0) == pytest.approx(1 / 9)
    runs = np.stack([centres, np.repeat(centres[:3], 3, axis=0)])
    assert_allclose(mode_recall(runs, points, labels.astype(str), radius=1.0, scale=[0.3, 3]), [1, 1 / 3])


def test_the_sine_wave_has_nine_rings():
    truth = reference_posterior(SineWave(), 1.2, 2000, n_simulations=200_000, random_state=0)
    X = truth.X[0]
    # Some 220 points on a ring 0.9 long: gaps of 0.03 at most, and 0.38 from ring to ring.
    labels = solution_components(X, radius=0.1, scale=[1, 1])
    assert labels.max() == 8
    centres = np.array([(X[labels == k].min(axis=0) + X[labels == k].max(axis=0)) / 2 for k in range(9)])
    grid = np.stack(np.meshgrid([-1 / 2, 1 / 6, 5 / 6], [-2 / 3, 0, 2 / 3]), axis=-1).reshape(-1, 2)
    assert_allclose(centres[np.lexsort(centres.round(1).T)], grid, atol=0.01)
    # Equally long rings, equally likely: 222 each, give or take 4 binomial deviations.
    assert_allclose(np.bincount(labels), 2000 / 9, atol=4 * np.sqrt(2000 * 8 / 81))
    others = SineWave().sample_prior(3000, random_state=1)
    found = others[np.abs(SineWave()(others)[:, 0] - 1.2) < 0.1]
    assert mode_recall(found, X, labels, radius=0.02, scale=[1, 1]) == 1.0
    left = found[np.abs(found - grid[0]).max(axis=1) > 0.25]
    assert mode_recall(left, X, labels, radius=0.02, scale=[1, 1]) == pytest.approx(8 / 9)


A, B = np.zeros((5, 2)), np.ones((6, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mode_recall(A, B, np.zeros(5), radius=1), "labels"),
        (lambda: mode_recall(A[:, :1], B, np.zeros(6), radius=1), "X must"),
        (lambda: mode_recall(A * NAN, B, np.zeros(6), radius=1), "NaN"),
        (lambda: mode_recall(A, B, np.zeros(6), radius=0), "radius"),
        (lambda: solution_components(B, radius=-1.0), "radius"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
