"""The schedule of iPage, and the two directions under its loss."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from skinverse.nets.coupling import AffineTransform, CouplingFlow, SplineTransform
from skinverse.nets.invertible import (
    ConstantWeights,
    DynamicWeights,
    ForwardHalf,
    InvertibleNet,
    PrincipalComponents,
)
from skinverse.nets.jacobian import value_and_jacobian


def small_net(transform=None, weights=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    flow = CouplingFlow(5, 0, 3, transform or AffineTransform(), (16,), "silu", generator=generator)
    with torch.no_grad():  # away from the identity it starts near
        for parameter in flow.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return InvertibleNet(flow, 3, 1, 2, width=5, y_noise=0.1, padding_noise=0.1, weights=weights).double()


@pytest.mark.parametrize(
    ("curve", "progress", "expected"),
    [
        ("cosine", 0.0, (0, 50, 0)),
        ("cosine", 0.5, (0, 50, 0)),
        ("cosine", 0.625, (0.1464466 * 10, 0.8535534 * 50, 0.1464466 * 20)),
        ("cosine", 0.75, (5, 25, 10)),
        ("cosine", 1.0, (10, 0, 20)),
        ("linear", 0.25, (0, 50, 0)),
        ("linear", 0.625, (2.5, 37.5, 5)),
        ("linear", 1.0, (10, 0, 20)),
    ],
)
def test_dynamic_weights(curve, progress, expected):
    assert DynamicWeights((10, 50, 20), curve)(progress) == pytest.approx(expected)


def test_constant_weights_let_the_backward_loss_in():
    weights = ConstantWeights(50.0)
    assert weights(0.0)[0] < 0.05
    assert weights(1.0) == (10.0, 50.0, 10.0)


def test_the_misfit_rules_the_first_half_and_has_no_part_in_the_end():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(40, 3, generator=generator).double(), torch.randn(40, 1, generator=generator).double()

    def gradient(progress, shift, misfit=50.0):
        net = small_net(weights=DynamicWeights((10, misfit, 10), "cosine"))
        net(y + shift).loss(x, torch.Generator().manual_seed(1), progress).backward()
        return torch.cat([p.grad.flatten() for p in net.parameters()])

    # In the first half the loss is quadratic in y, so its gradient is linear in it.
    first, second, third = (gradient(0.25, shift) for shift in (0.0, 1.0, 2.0))
    assert torch.allclose(third - second, second - first, rtol=1e-9)
    assert not torch.allclose(second, first)
    # At the end the misfit has no weight: whatever it is multiplied by does not matter.
    assert torch.equal(gradient(1.0, 0.0, misfit=50.0), gradient(1.0, 0.0, misfit=5000.0))


def test_held_out_loss_is_the_misfit():
    net = small_net(weights=DynamicWeights((10, 50, 10), "cosine")).eval()
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)).double()
    y = torch.zeros(40, 1).double()
    loss = net(y).loss(x, torch.Generator().manual_seed(1), 1.0).detach()
    padding = 0.1 * torch.randn(40, 2, generator=torch.Generator().manual_seed(1)).double()
    assert float(loss) == pytest.approx(float(net.encode(x, padding)[0].detach().square().mean()))


def test_held_out_loss_of_the_original_recipe_is_all_of_it():
    net = small_net(weights=ConstantWeights(50.0))
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)).double()
    y = torch.zeros(40, 1).double()
    training, held_out = (
        float(net.train(mode)(y).loss(x, torch.Generator().manual_seed(1), 1.0).detach())
        for mode in (True, False)
    )
    assert training == held_out
    assert held_out > 50 * float(net.encode(x)[0].detach().square().mean())


@pytest.mark.parametrize("transform", [AffineTransform(), SplineTransform(4)])
def test_forward_half_against_finite_differences(transform):
    half = ForwardHalf(small_net(transform)).eval()
    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)).double()
    y, jacobian = value_and_jacobian(half, x)
    step = 1e-6
    for i in range(3):
        moved = x.clone()
        moved[:, i] += step
        torch.testing.assert_close((half(moved) - y) / step, jacobian[:, :, i], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("most", "n_components"), [(10, 3), (2, 2)])
def test_principal_components_are_those_of_scikit_learn(most, n_components):
    rng = np.random.RandomState(0)
    y = rng.normal(size=(200, 3)) * [3, 2, 1] @ rng.normal(size=(3, 8)) + 1e-3 * rng.normal(size=(200, 8))
    y -= y.mean(axis=0)
    components = PrincipalComponents.of(torch.tensor(y), 0.999, most)
    reference = PCA(n_components).fit(y)
    scores = components(torch.tensor(y)).numpy()
    assert_allclose(
        np.abs(scores), np.abs(reference.transform(y) / np.sqrt(reference.explained_variance_ * 199 / 200))
    )
    assert_allclose(
        components.responses(torch.tensor(scores)),
        reference.inverse_transform(reference.transform(y)),
        atol=1e-9,
    )
