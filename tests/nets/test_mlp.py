"""Hand-written Jacobians against automatic differentiation."""

import pytest
import torch
from torch.func import functional_call, jacrev, vmap

from skinverse.nets.activations import ACTIVATIONS
from skinverse.nets.ensemble import Ensemble
from skinverse.nets.jacobian import value_and_jacobian
from skinverse.nets.mlp import MLP
from skinverse.nets.standardized import Standardized

SHAPES = [(3, 1, (5, 4)), (2, 3, (6,)), (4, 2, ()), (3, 2, (4, 5, 3))]


def make(n_inputs, n_outputs, hidden, activation="tanh", seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(7, n_inputs, generator=generator, dtype=torch.float64)
    return MLP(n_inputs, n_outputs, hidden, activation, generator=generator).double(), x


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "relu"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_input_jacobian_is_that_of_autograd(shape, activation):
    net, x = make(*shape, activation)
    value, jacobian = net.value_and_jacobian(x)
    torch.testing.assert_close(value, net(x))
    torch.testing.assert_close(jacobian, vmap(jacrev(lambda row: net(row.unsqueeze(0))[0]))(x))


@pytest.mark.parametrize("activation", ["tanh", "silu", "gelu"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_parameter_jacobian_is_that_of_autograd(shape, activation):
    net, x = make(*shape, activation)
    parameters = {name: p.detach() for name, p in net.named_parameters()}

    def outputs(parameters, row):
        return functional_call(net, parameters, (row.unsqueeze(0),))[0]

    parts = vmap(jacrev(outputs), (None, 0))(parameters, x)
    expected = torch.cat([part.flatten(2) for part in parts.values()], dim=2)
    value, jacobian = net.value_and_parameter_jacobian(x)
    torch.testing.assert_close(value, net(x))
    torch.testing.assert_close(jacobian, expected)


def test_initial_parameters_come_from_the_generator_alone():
    state = torch.get_rng_state()
    one, other, third = (make(3, 1, (4,), seed=seed)[0] for seed in (0, 0, 1))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(one.layers[0].weight, other.layers[0].weight)
    assert not torch.equal(one.layers[0].weight, third.layers[0].weight)


def test_standardized_keeps_digits_beside_a_large_offset():
    net = MLP(1, 1, (4,)).float()
    scale = 2.0**-10  # so that 1e9 + scale is exact in float64
    module = Standardized(net, [1e9], [scale], [5.0], [2.0])
    x = torch.tensor([[1e9 + scale]], dtype=torch.float64)
    assert x.dtype == module(x).dtype == torch.float64
    torch.testing.assert_close(module(x), 5 + 2 * net(torch.ones(1, 1)).double(), rtol=1e-5, atol=1e-5)


def test_standardized_and_ensemble_jacobians_are_in_the_users_units():
    members = [
        Standardized(
            make(3, 2, (5,), seed=seed)[0], [1.0, 2.0, 3.0], [0.1, 1.0, 10.0], [5.0, -5.0], [2.0, 3.0]
        )
        for seed in (0, 1)
    ]
    ensemble, x = Ensemble(members), torch.randn(4, 3, dtype=torch.float64)
    expected = vmap(jacrev(lambda row: ensemble(row.unsqueeze(0))[0]))(x)
    torch.testing.assert_close(ensemble.value_and_jacobian(x)[1], expected)
    torch.testing.assert_close(ensemble(x), ensemble.member_values(x).mean(dim=0))


@pytest.mark.parametrize(("n_inputs", "n_outputs"), [(3, 2), (2, 4)])
def test_jacobian_of_any_module(n_inputs, n_outputs):
    net = torch.nn.Sequential(
        torch.nn.Linear(n_inputs, 5), torch.nn.Tanh(), torch.nn.Linear(5, n_outputs)
    ).double()
    x = torch.randn(6, n_inputs, dtype=torch.float64)
    value, jacobian = value_and_jacobian(net, x)
    torch.testing.assert_close(value, net(x).detach())
    torch.testing.assert_close(jacobian, vmap(jacrev(net))(x).detach())
