import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from skinverse.nets.mlp import MLP
from skinverse.solvers import GradientSolver
from skinverse.spaces import DesignSpace
from skinverse.targets import Targets

SPACE = DesignSpace([[-1.0, 1.0], [0.0, 4.0]])


@pytest.fixture
def model():
    net = MLP(2, 1, (16,), "tanh").double()
    net.reset_parameters(torch.Generator().manual_seed(0))
    return net


def problem(n=12):
    rng = np.random.RandomState(0)
    starts = SPACE.from_cube(rng.rand(n, 2))
    y = rng.normal(scale=0.3, size=(n, 1))
    return starts, y, Targets(y, y)


def published_loop(model, starts, y, *, lr, weight, n_steps, plateau):
    """The published inference, written out: variables in units of the box, boundary loss, shared plateau."""
    low, width = torch.tensor(SPACE.lower), torch.tensor(SPACE.width)
    u = ((torch.tensor(starts) - low) / width).requires_grad_()
    optimizer = torch.optim.Adam([u], lr=lr)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=10)
    for _ in range(n_steps):
        optimizer.zero_grad()
        x = low + u * width
        data = ((model(x) - torch.tensor(y)) ** 2).mean(dim=1)
        beyond = torch.relu((x - (low + width / 2)).abs() - width / 2).sum(dim=1)
        loss = (data + weight * beyond).sum()
        loss.backward()
        optimizer.step()
        if plateau:
            scheduler.step(loss.item() / len(starts))
    return (low + u * width).detach().numpy()


@pytest.mark.parametrize("plateau", [True, False])
def test_reproduces_the_published_loop(model, plateau):
    starts, y, targets = problem()
    solver = GradientSolver(
        100,
        lr=0.2,
        schedule="plateau" if plateau else "constant",
        boundary="penalty",
        boundary_weight=2.0 * SPACE.width,
    )
    result = solver.solve(model, targets, starts, SPACE, y_scale=np.ones(1))
    expected = published_loop(model, starts, y, lr=0.2, weight=2.0, n_steps=100, plateau=plateau)
    assert_allclose(result.x, expected, atol=1e-7)


def test_clip_keeps_candidates_inside(model):
    starts, y, _ = problem()
    far = Targets(y + 100, y + 100)
    result = GradientSolver(50, lr=0.3).solve(model, far, starts, SPACE, y_scale=np.ones(1))
    assert SPACE.contains(result.x).all()
    assert result.at_bound.any(axis=1).all()
    assert not result.converged.any()


def test_converges(model):
    starts, _, _ = problem(50)
    y = model(torch.tensor(starts + 0.05)).detach().numpy()
    result = GradientSolver(400, tol=1e-3).solve(model, Targets(y, y), starts, SPACE, y_scale=np.ones(1))
    assert result.converged.mean() > 0.9
    assert result.trace.shape == (401, 50)


def test_rate_for_each_variable(model):
    starts, _, targets = problem()
    result = GradientSolver(20, lr=[0.1, 1e-12]).solve(model, targets, starts, SPACE, y_scale=np.ones(1))
    assert_allclose(result.x[:, 1], starts[:, 1], atol=1e-8)
    assert np.abs(result.x[:, 0] - starts[:, 0]).max() > 0.01


@pytest.mark.parametrize(
    ("name", "value"),
    [("lr", [0.1]), ("lr", [0.1, 0.0]), ("boundary_weight", [1.0, -1.0]), ("lr", [0.1, "a"])],
)
def test_numbers_for_each_variable_that_are_none(model, name, value):
    starts, _, targets = problem()
    with pytest.raises(ValueError, match=name):
        GradientSolver(2, **{name: value}).solve(model, targets, starts, SPACE, y_scale=np.ones(1))


def test_model_is_left_as_it_was(model):
    starts, _, targets = problem()
    GradientSolver(3).solve(model, targets, starts, SPACE, y_scale=np.ones(1))
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
