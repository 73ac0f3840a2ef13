import numpy as np
import pytest
from numpy.testing import assert_allclose

from skinverse.metrics import diversity, novelty, spacing


def test_novelty_equals_brute_force():
    rng = np.random.RandomState(0)
    train, X = rng.rand(50, 3) * [1, 10, 100], rng.rand(4, 5, 3) * [1, 10, 100]
    width = np.ptp(train, axis=0)
    gap = np.linalg.norm((X[:, :, None] - train) / width, axis=3).min(axis=2)
    assert_allclose(novelty(X, train), gap)
    assert_allclose(novelty(train, train), 0)
    with pytest.raises(ValueError, match="3"):
        novelty(X[..., :2], train)


def test_spacing_of_a_grid():
    axis = np.linspace(0, 1, 11)
    grid = np.stack(np.meshgrid(axis, 5 * axis), axis=-1).reshape(-1, 2)
    assert spacing(grid) == pytest.approx(0.1)


def test_diversity_equals_brute_force():
    rng = np.random.RandomState(0)
    X, scale = rng.rand(3, 7, 2) * [1, 10], np.array([2.0, 5.0])
    gap = np.linalg.norm((X[:, :, None] - X[:, None]) / scale, axis=3)
    assert_allclose(diversity(X, scale=scale), gap.sum(axis=(1, 2)) / (7 * 6))
    width = np.ptp(X.reshape(-1, 2), axis=0)
    assert_allclose(diversity(X), diversity(X, scale=width))
    assert diversity(X[0], scale=scale) == pytest.approx(diversity(X, scale=scale)[0])
    assert_allclose(diversity(np.repeat(X[:, :1], 4, axis=1)), 0)
    assert_allclose(diversity(X * [1, 0], scale=[2, 0]), diversity(X[..., :1], scale=[2]))


def test_diversity_of_a_uniform_sample():
    """1/3 on a segment and 0.5214 on a square, the known mean distances; 3000 points in blocks."""
    X = np.random.RandomState(0).rand(3000, 2)
    assert diversity(X, scale=[1, 1]) == pytest.approx(0.5214, abs=0.01)
    assert diversity(X[:, :1], scale=[1]) == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize(
    ("X", "scale", "message"),
    [
        (np.zeros((2, 1, 3)), None, "at least 2"),
        (np.zeros(3), None, "n_targets"),
        (np.full((2, 2), np.nan), None, "NaN"),
        (np.zeros((2, 2)), [1.0], "scale"),
    ],
)
def test_diversity_names_bad_input(X, scale, message):
    with pytest.raises(ValueError, match=message):
        diversity(X, scale=scale)
