"""Coupling flows in double precision: exact round trips, log-determinants against autograd."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from skinverse.nets.coupling import AffineTransform, CouplingFlow, SplineTransform
from skinverse.nets.spline import rational_quadratic_spline


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=["affine", "spline"])
def transform(request):
    return AffineTransform() if request.param == "affine" else SplineTransform(6)


def wild_flow(n_features, n_conditions, transform):
    """A flow with weights three times as large as at the start."""
    generator = torch.Generator().manual_seed(0)
    flow = CouplingFlow(n_features, n_conditions, 3, transform, (8,), "tanh", generator=generator).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.mul_(3)
    return flow.requires_grad_(False)


@pytest.mark.parametrize("n_features", [1, 2, 5])
def test_round_trip_and_log_determinant(n_features, transform):
    flow = wild_flow(n_features, 2, transform)
    x, condition = 3 * normal(100, n_features), normal(100, 2, seed=1)
    z, log_det = flow.encode(x, condition)
    back, log_det_back = flow.decode(z, condition)
    assert_allclose(back, x, atol=1e-11)
    assert_allclose(log_det_back, -log_det, atol=1e-10)
    for k in range(20):
        jacobian = torch.autograd.functional.jacobian(
            lambda row, k=k: flow.encode(row[None], condition[k : k + 1])[0][0], x[k]
        )
        assert_allclose(log_det[k], torch.linalg.slogdet(jacobian)[1], atol=1e-9)


def test_a_flow_without_a_condition(transform):
    flow = wild_flow(4, 0, transform)
    x = normal(50, 4)
    assert_allclose(flow.decode(flow.encode(x)[0])[0], x, atol=1e-11)


def test_a_new_flow_keeps_the_scale(transform):
    generator = torch.Generator().manual_seed(0)
    flow = CouplingFlow(4, 0, 8, transform, (64, 64), "silu", generator=generator).double()
    z, log_det = flow.encode(normal(500, 4))
    assert 0.7 < float(z.detach().std()) < 1.4
    assert float(log_det.detach().abs().mean()) < 1


def test_spline_of_zeros_is_the_identity():
    x = torch.linspace(-6, 6, 101, dtype=torch.float64)
    y, log_slope = rational_quadratic_spline(x, torch.zeros(101, 11, dtype=torch.float64), 5.0, inverse=False)
    assert_allclose(y, x, atol=1e-12)
    assert_allclose(log_slope, 0, atol=1e-12)


def test_spline_rises_through_its_interval_and_joins_the_identity_smoothly():
    parameters = normal(1, 23).expand(2001, -1)
    x = torch.linspace(-5.5, 5.5, 2001, dtype=torch.float64)
    y, log_slope = rational_quadratic_spline(x, parameters, 5.0, inverse=False)
    assert (y.diff() > 0).all()
    assert_allclose(y[x.abs() >= 5], x[x.abs() >= 5])
    slope = np.gradient(y.numpy(), x.numpy())
    assert_allclose(log_slope.exp()[5:-5], slope[5:-5], rtol=0.15, atol=0.05)
    again, log_back = rational_quadratic_spline(y, parameters, 5.0, inverse=True)
    assert_allclose(again, x, atol=1e-9)
    assert_allclose(log_back, -log_slope, atol=1e-8)
