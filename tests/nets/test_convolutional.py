"""Networks of periodic images."""

import torch
from torch.testing import assert_close

from skinverse.nets.convolutional import PeriodicConvNet
from skinverse.nets.jacobian import value_and_jacobian


def net(symmetric=False, channels=(3, 4)):
    generator = torch.Generator().manual_seed(0)
    return PeriodicConvNet(8, 2, channels, symmetric=symmetric, generator=generator).double().eval()


def images(n=5):
    return torch.rand(n, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_a_cell_may_begin_anywhere():
    x, f = images(), net()
    rolled = x.view(-1, 8, 8).roll((2, 4), dims=(1, 2)).flatten(1)
    assert_close(f(rolled), f(x))
    assert (f(x.view(-1, 8, 8).roll(1, dims=2).flatten(1)) - f(x)).abs().max() > 1e-6  # not by half a block
    one = net(channels=(4,))  # never halved: anywhere at all
    assert_close(one(x.view(-1, 8, 8).roll((1, 3), dims=(1, 2)).flatten(1)), one(x))


def test_in_training_the_eight_positions_take_turns():
    x, f = images(1), net(symmetric=True)
    square = x.view(8, 8)
    turned = [a for s in (square, square.T) for a in (s, s.flip(0), s.flip(1), s.flip((0, 1)))]
    wanted = torch.cat([f(a.reshape(1, 64)) for a in turned])
    f.train()
    seen = torch.cat([f(x) for _ in range(8)])
    assert_close(seen[:, 0].sort().values, wanted[:, 0].sort().values)
    assert_close(f(x), seen[:1])  # and from the beginning
    assert len(seen[:, 0].unique()) == 8


def test_jacobian_against_finite_differences():
    x, f = images(2), net()
    _, jacobian = value_and_jacobian(f, x)
    step = 1e-6 * torch.eye(64, dtype=torch.float64)
    by_steps = torch.stack([(f(x + s) - f(x - s)) / 2e-6 for s in step], dim=2)
    assert_close(jacobian, by_steps.detach(), atol=1e-7, rtol=1e-5)
