"""Levenberg-Marquardt against dense linear algebra and scipy."""

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares
from torch.func import functional_call, jvp
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from skinverse.nets.mlp import MLP
from skinverse.training.losses import CensoredSquaredError, SquaredError
from skinverse.training.second_order import LeastSquares, LevenbergMarquardt


def make_problem(criterion=None, n_samples=40, n_outputs=2, chunk_size=16):
    generator = torch.Generator().manual_seed(0)
    net = MLP(3, n_outputs, (4,), "tanh", generator=generator).double()
    X = torch.randn(n_samples, 3, generator=generator, dtype=torch.float64)
    y = torch.randn(n_samples, n_outputs, generator=generator, dtype=torch.float64)
    return net, X, y, LeastSquares(net, criterion or SquaredError(), X, y, chunk_size)


def dense(net, criterion, X, y):
    """Residuals (n,) and Jacobian (n, p) by automatic differentiation."""
    parameters = list(net.parameters())
    r = criterion.residuals(net(X), y).flatten()
    rows = [
        torch.cat([g.flatten() for g in torch.autograd.grad(v, parameters, retain_graph=True)]) for v in r
    ]
    return r.detach(), torch.stack(rows)


@pytest.mark.parametrize("criterion", [SquaredError(), CensoredSquaredError(torch.tensor([0.0, -torch.inf]))])
def test_normal_equations_equal_the_dense_ones(criterion):
    net, X, y, _ = make_problem()
    y = torch.maximum(y, getattr(criterion, "floor", torch.tensor(-torch.inf)))
    problem = LeastSquares(net, criterion, X, y, chunk_size=16)
    r, jacobian = dense(net, criterion, X, y)
    loss, hessian, gradient = problem.normal_equations()
    assert loss == pytest.approx(float(r @ r) / len(r))
    torch.testing.assert_close(hessian.tril(), (jacobian.T @ jacobian / len(r)).tril())
    torch.testing.assert_close(gradient, jacobian.T @ r / len(r))
    cotangent = torch.randn_like(y)
    torch.testing.assert_close(
        problem.pull_back(cotangent.split(16)), jacobian.T @ cotangent.flatten() / len(r)
    )


def test_step_is_velocity_plus_half_the_acceleration():
    net, X, y, problem = make_problem()
    r, jacobian = dense(net, SquaredError(), X, y)
    n, damping = len(r), 10.0
    matrix = jacobian.T @ jacobian / n + damping * torch.eye(jacobian.shape[1], dtype=r.dtype)
    velocity = -torch.linalg.solve(matrix, jacobian.T @ r / n)

    start = parameters_to_vector(net.parameters()).detach()
    shapes = {name: p.shape for name, p in net.named_parameters()}

    def residuals(vector):
        parts = vector.split([shape.numel() for shape in shapes.values()])
        named = {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
        return functional_call(net, named, (X,)).flatten() - y.flatten()

    second = jvp(lambda p: jvp(residuals, (p,), (velocity,))[1], (start,), (velocity,))[1]
    acceleration = -torch.linalg.solve(matrix, jacobian.T @ second / n)

    LevenbergMarquardt(net.parameters(), damping=damping).step(problem)
    step = parameters_to_vector(net.parameters()).detach() - start
    torch.testing.assert_close(step, velocity + acceleration / 2, rtol=1e-5, atol=1e-8)


def test_reaches_the_minimum_that_scipy_finds():
    net, X, y, problem = make_problem(n_outputs=1)
    y = 0.1 * y + X[:, :1].sin()
    problem = LeastSquares(net, SquaredError(), X, y, chunk_size=16)
    start = parameters_to_vector(net.parameters()).detach().numpy().copy()
    optimizer = LevenbergMarquardt(net.parameters())
    losses = [optimizer.step(problem) for _ in range(200)]
    assert np.all(np.diff(losses) <= 0)

    def residuals(p):
        vector_to_parameters(torch.tensor(p), net.parameters())
        with torch.no_grad():
            return (net(X) - y).flatten().numpy()

    assert losses[-1] <= 1.05 * 2 * least_squares(residuals, start, method="lm").cost / len(y)


def test_says_when_no_damping_helps():
    net, X, _, _ = make_problem()
    problem = LeastSquares(net, SquaredError(), X, net(X).detach())
    optimizer = LevenbergMarquardt(net.parameters())
    before = parameters_to_vector(net.parameters()).detach().clone()
    assert optimizer.step(problem) == 0
    assert optimizer.param_groups[0]["stalled"]
    assert torch.equal(before, parameters_to_vector(net.parameters()))
