"""Steps in whole numbers against all of them tried."""

import numpy as np
import torch
from numpy.testing import assert_array_equal
from torch import nn

from skinverse.solvers.whole_numbers import descend_in_whole_numbers
from skinverse.spaces import DesignSpace
from skinverse.targets import Targets


class Sum(nn.Module):
    """Weighted sum of the variables, squared for the second output."""

    def __init__(self, weights):
        super().__init__()
        self.register_buffer("weights", torch.tensor(weights, dtype=torch.float64))

    def forward(self, x):
        s = x @ self.weights
        return torch.stack([s, s.square()], dim=1)


def residual(X, weights, target):
    s = X @ weights
    return ((np.stack([s, s**2], axis=1) - target) ** 2).sum(axis=1)


def test_pixels_are_flipped_until_no_flip_helps():
    rng = np.random.RandomState(0)
    weights = rng.uniform(0.5, 1.5, size=10)
    space = DesignSpace([[0, 1]] * 10, integer=True)
    X = rng.randint(2, size=(20, 10)).astype(float)
    target = np.array([4.2, 4.2**2])
    wanted = Targets(np.tile(target, (20, 1)), np.tile(target, (20, 1)))
    found, n_steps = descend_in_whole_numbers(Sum(weights), wanted, X, space, y_scale=np.ones(2), tol=1e-9)
    assert set(np.unique(found)) == {0.0, 1.0}
    assert (residual(found, weights, target) <= residual(X, weights, target)).all()
    for x in found:  # none of the ten flips helps any more
        flips = np.abs(x - np.eye(10))
        assert residual(flips, weights, target).min() >= residual(x[None], weights, target)[0] - 1e-12
    # As many as differ at least: a pixel that is flipped back would be two steps for nothing.
    assert ((found != X).sum(axis=1) <= n_steps).all()
    assert np.median(residual(found, weights, target)) < 0.2 * np.median(residual(X, weights, target))


def test_bounds_continuous_and_fixed_variables_are_kept():
    space = DesignSpace([[0, 3], [0, 1], [2, 2]], integer=[0, 2])
    X = np.array([[0.0, 0.25, 2.0], [3.0, 0.25, 2.0]])
    far = np.array([[100.0, 1e4]] * 2)
    found, n_steps = descend_in_whole_numbers(
        Sum(np.ones(3)), Targets(far, far), X, space, y_scale=np.ones(2), tol=1e-9
    )
    assert_array_equal(found, [[3.0, 0.25, 2.0]] * 2)
    assert_array_equal(n_steps, [3, 0])


def test_a_candidate_at_its_target_stays_and_nothing_to_move_is_fine():
    X = np.array([[1.0, 1.0]])
    there = Targets(np.array([[2.0, 4.0]]), np.array([[2.0, 4.0]]))
    for space in (DesignSpace([[0, 5]] * 2, integer=True), DesignSpace([[0, 5]] * 2)):
        found, n_steps = descend_in_whole_numbers(
            Sum(np.ones(2)), there, X, space, y_scale=np.ones(2), tol=1e-5
        )
        assert_array_equal(found, X)
        assert_array_equal(n_steps, [0])
