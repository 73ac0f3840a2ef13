import numpy as np
import pytest
from numpy.testing import assert_allclose

from skinverse.metrics import novelty, spacing


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
