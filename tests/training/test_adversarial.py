"""Losses by hand, and steps that move one network at a time."""

import numpy as np
import pytest
import torch

from skinverse.nets.gan import Discriminator, Generator
from skinverse.training.adversarial import AdversarialLoss, gram, pulling_away, train_gan


@pytest.fixture(scope="module")
def images():
    """Stripes 32 x 32 with periods of 8 pixels in random places, along either axis."""
    rng = np.random.RandomState(0)
    stripes = (np.arange(32) + rng.randint(8, size=(40, 1))) % 8 < 3
    upright = np.broadcast_to(stripes[:, None, :], (40, 32, 32))
    return torch.tensor(np.where(rng.rand(40, 1, 1) < 0.5, upright, upright.transpose(0, 2, 1)))[
        :, None
    ].float()


def train(images, **params):
    draw = torch.Generator().manual_seed(0)
    generator, discriminator = Generator(2, generator=draw), Discriminator(1, 2, generator=draw)
    params = {"latent_size": 1, "max_epochs": 2, "batch_size": 10, "style_weight": 1.0, **params}
    return train_gan(generator, discriminator, images, **params)


def state(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_gram_matrix_by_hand():
    features = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, -1.0]]]])
    assert torch.equal(gram(features), torch.tensor([[[30.0, -3.0], [-3.0, 2.0]]]) / 4)


def test_pulling_away_by_hand():
    alike, apart = torch.ones(3, 2, 1, 1), torch.eye(3).view(3, 3, 1, 1)
    assert pulling_away(alike) == pytest.approx(1.0)
    assert pulling_away(apart) == pytest.approx(0.0)
    some = torch.tensor([[1.0, 0.0], [3.0, 3.0], [0.0, -2.0]])
    assert pulling_away(some) == pytest.approx((0.5 + 0.0 + 0.5) / 3)
    assert pulling_away(some[:1]) == pytest.approx(0.0)  # the last batch of few images may hold one


def test_losses_by_hand():
    """A discriminator whose log-odds are ten times the mean grey, and whose one feature map is the image."""

    def discriminator(images):
        return 10 * images.mean(dim=(1, 2, 3)), [images]

    real, made = torch.full((4, 1, 2, 2), 0.3), torch.full((2, 1, 2, 2), -0.1)
    cross_entropy = -np.log(1 / (1 + np.exp(-3))) - np.log(1 - 1 / (1 + np.exp(1)))
    loss = AdversarialLoss(collapse_weight=0.5, style_weight=2.0)
    assert float(loss.of_discriminator(discriminator, real, made)) == pytest.approx(cross_entropy, rel=1e-5)
    fools = -np.log(1 / (1 + np.exp(1)))
    style = (0.3**2 - 0.1**2) ** 2
    expected = fools + 0.5 * 1.0 + 2.0 * style
    assert float(loss.of_generator(discriminator, real, made)) == pytest.approx(expected, rel=1e-5)
    assert float(AdversarialLoss().of_generator(discriminator, real, made)) == pytest.approx(fools, rel=1e-5)


def test_a_step_moves_one_network():
    images = torch.rand(6, 1, 32, 32)
    net = train(images, max_epochs=1, batch_size=6, collapse_weight=0.1)
    generator, discriminator = net.module_["generator"], net.module_["discriminator"]
    generated = generator(torch.rand(6, 1, 1, 1))
    for group in net.optimizer_.param_groups:
        group["lr"] = 1e-3

    before = state(generator), state(discriminator)
    net._move(discriminator, net.criterion_.of_discriminator(discriminator, images, generated.detach()))
    assert same(before[0], state(generator))
    assert not same(before[1], state(discriminator))

    before = state(generator), state(discriminator)
    net._move(generator, net.criterion_.of_generator(discriminator, images, generated))
    assert not same(before[0], state(generator))
    assert same(before[1], state(discriminator))


def test_same_seed_same_networks_and_nobody_elses_generator(images):
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (train(images, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert (numpy_before == np.random.get_state()[1]).all()  # noqa: NPY002
    assert same(state(first.module_), state(again.module_))
    assert not same(state(first.module_), state(other.module_))


def test_history_and_net_params(images):
    net = train(images, net_params={"max_epochs": 3, "callbacks": []})
    assert len(net.history) == 3
    assert np.isfinite(net.history[:, ("train_loss", "discriminator_loss")]).all()
    assert net.optimizer_.param_groups[0]["betas"] == (0.5, 0.999)
    assert sorted(dict(net.callbacks_)["schedule"].rates_) == pytest.approx([5e-4, 1e-3])
    assert [len(group["params"]) for group in net.optimizer_.param_groups] == [18, 18]


def test_diverging_loss_is_an_error_that_names_the_rate(images):
    with pytest.raises(FloatingPointError, match="training loss became nan in epoch 1"):
        train(images * torch.nan)
