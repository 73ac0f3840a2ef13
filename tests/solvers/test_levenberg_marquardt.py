import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import least_squares
from torch import nn

from skinverse.nets.mlp import MLP
from skinverse.solvers import LevenbergMarquardtSolver
from skinverse.spaces import DesignSpace
from skinverse.targets import Targets
from skinverse.utils.validation import InvalidParameterError

UNIT = {d: DesignSpace([[0.0, 1.0]] * d) for d in (2, 3, 4)}


def exact(y):
    return Targets(np.array(y, dtype=float), np.array(y, dtype=float))


def net(n_inputs, n_outputs, seed=0):
    module = MLP(n_inputs, n_outputs, (16, 16), "tanh").double().requires_grad_(False)
    module.reset_parameters(torch.Generator().manual_seed(seed))
    return module


def linear(weight):
    module = nn.Linear(weight.shape[1], weight.shape[0], bias=False).double()
    module.weight.data = torch.tensor(weight)
    return module.requires_grad_(False)


def test_linear_model_gives_the_minimum_norm_solution():
    weight = np.array([[1.0, 2.0, -1.0]])
    start = np.full((1, 3), 0.5)
    y_star = weight @ start[0] + 0.3
    solver = LevenbergMarquardtSolver(max_step=10.0, damping=1e-12, tol=1e-12)
    result = solver.solve(linear(weight), exact([y_star]), start, UNIT[3], y_scale=np.ones(1))
    expected = start[0] + np.linalg.pinv(weight) @ [0.3]
    assert_allclose(result.x[0], expected, atol=1e-12)
    assert result.converged.all()


@pytest.mark.parametrize(("n_inputs", "n_outputs"), [(2, 1), (4, 2), (4, 3), (4, 4), (2, 5)])
def test_converges_to_reachable_targets(n_inputs, n_outputs):
    """Targets are responses of designs near the starts, so a solution exists and is close."""
    model, space = net(n_inputs, n_outputs), UNIT[n_inputs]
    rng = np.random.RandomState(0)
    truth = rng.uniform(0.2, 0.8, size=(200, n_inputs))
    y = model(torch.tensor(truth)).numpy()
    starts = np.clip(truth + rng.normal(scale=0.05, size=truth.shape), 0, 1)
    result = LevenbergMarquardtSolver(tol=1e-8).solve(model, exact(y), starts, space, y_scale=y.std(axis=0))
    assert result.converged.mean() > 0.98
    assert space.contains(result.x).all()
    gap = np.abs(model(torch.tensor(result.x)).numpy() - y) / y.std(axis=0)
    assert_allclose(gap.max(axis=1), result.residual, atol=1e-12)
    assert (gap[result.converged] <= 1e-8 + 1e-12).all()


def test_unreachable_target_ends_where_scipy_ends():
    """Beyond the box's best corner both must stop at the constrained least-squares optimum."""
    model, space = net(2, 1, seed=3), UNIT[2]
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 101)] * 2), axis=-1).reshape(-1, 2)
    y_star = float(model(torch.tensor(grid)).max()) + 0.5
    starts = np.random.RandomState(1).rand(20, 2)
    result = LevenbergMarquardtSolver(100).solve(
        model, exact(np.full((20, 1), y_star)), starts, space, y_scale=np.ones(1)
    )
    assert not result.converged.any()
    assert result.at_bound.any(axis=1).all()

    def residual(x):
        return model(torch.tensor(x[None])).numpy()[0] - y_star

    peer = [np.abs(least_squares(residual, s, bounds=(0, 1), x_scale=1.0).fun[0]) for s in starts]
    assert_allclose(result.residual.min(), np.min(peer), rtol=1e-4)
    assert (result.residual <= np.array(peer) + 0.02).mean() > 0.9


def test_agrees_with_scipy_on_overdetermined_problems():
    """More responses than variables: no exact solution, the least-squares one is wanted."""
    model, space = net(2, 5, seed=1), UNIT[2]
    rng = np.random.RandomState(2)
    truth = rng.uniform(0.3, 0.7, size=(10, 2))
    y = model(torch.tensor(truth)).numpy() + rng.normal(scale=0.01, size=(10, 5))
    result = LevenbergMarquardtSolver(100, tol=1e-14).solve(
        model, exact(y), np.full((10, 2), 0.5), space, y_scale=np.ones(5)
    )
    for k in range(10):
        peer = least_squares(
            lambda x, k=k: model(torch.tensor(x[None])).numpy()[0] - y[k], [0.5] * 2, bounds=(0, 1)
        )
        assert_allclose(result.x[k], peer.x, atol=1e-4)


def test_batches_change_nothing():
    model, space = net(4, 2), UNIT[4]
    rng = np.random.RandomState(0)
    y = model(torch.tensor(rng.rand(300, 4))).numpy()
    starts = rng.rand(300, 4)
    whole, pieces = (
        LevenbergMarquardtSolver(batch_size=size).solve(model, exact(y), starts, space, y_scale=np.ones(2))
        for size in (300, 7)
    )
    agree = np.isclose(whole.x, pieces.x, atol=1e-6).all(axis=1)
    assert agree.mean() > 0.99  # rounding may tip a comparison of a stuck candidate
    assert_array_equal(whole.converged, pieces.converged)
    assert whole.trace.shape[1] == pieces.trace.shape[1] == 300


def test_open_outputs_and_intervals():
    model, space = net(4, 2), UNIT[4]
    rng = np.random.RandomState(0)
    y = model(torch.tensor(rng.rand(100, 4))).numpy()
    lower, upper = y.copy(), y.copy()
    lower[:, 1], upper[:, 1] = -np.inf, np.inf
    result = LevenbergMarquardtSolver().solve(
        model, Targets(lower, upper), rng.rand(100, 4), space, y_scale=np.ones(2)
    )
    assert result.converged.mean() > 0.95
    assert_allclose(result.predicted[result.converged, 0], y[result.converged, 0], atol=2e-5)

    lower, upper = y - 0.01, y + 0.01
    result = LevenbergMarquardtSolver().solve(
        model, Targets(lower, upper), rng.rand(100, 4), space, y_scale=np.ones(2)
    )
    inside = ((result.predicted >= lower - 2e-5) & (result.predicted <= upper + 2e-5)).all(axis=1)
    assert_array_equal(inside, result.converged)
    assert result.converged.mean() > 0.9


def test_pinned_and_frozen_variables_stay_exactly():
    model = net(3, 1)
    space = DesignSpace([[0, 1], [0.1, 0.1], [0, 1]])
    starts = np.random.RandomState(0).rand(30, 3)
    free = np.array([True, True, False])
    y = exact(np.full((30, 1), float(model(torch.full((1, 3), 0.4, dtype=torch.float64)))))
    result = LevenbergMarquardtSolver().solve(model, y, starts, space, y_scale=np.ones(1), free=free)
    assert (result.x[:, 1] == 0.1).all()
    assert_array_equal(result.x[:, 2], starts[:, 2])
    assert not result.at_bound[:, 1:].any()


def test_trace_descends_and_ends_at_the_residual():
    model, space = net(4, 2), UNIT[4]
    rng = np.random.RandomState(0)
    y = model(torch.tensor(rng.rand(50, 4))).numpy()
    result = LevenbergMarquardtSolver().solve(model, exact(y), rng.rand(50, 4), space, y_scale=np.ones(2))
    assert len(result.trace) == result.n_iter.max() + 1
    assert_allclose(result.trace[-1], result.residual, rtol=1e-6)
    assert (result.trace[-1] <= result.trace[0]).mean() > 0.98  # the largest residual, where the sum descends


def test_flat_model_does_not_break():
    result = LevenbergMarquardtSolver().solve(
        linear(np.zeros((1, 2))), exact([[1.0]]), np.full((1, 2), 0.5), UNIT[2], y_scale=np.ones(1)
    )
    assert np.isfinite(result.x).all()
    assert not result.converged.any()


@pytest.mark.parametrize("params", [{"max_iter": 0}, {"tol": 0.0}, {"max_step": -1.0}, {"damping": 0.0}])
def test_bad_parameters_are_named(params):
    with pytest.raises(InvalidParameterError, match=next(iter(params))):
        LevenbergMarquardtSolver(**params).solve(
            linear(np.ones((1, 2))), exact([[1.0]]), np.ones((1, 2)), UNIT[2], y_scale=np.ones(1)
        )
