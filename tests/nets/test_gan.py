"""Networks of images against convolutions written out."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from skinverse.nets.gan import Discriminator, Generator


def published_names(n_filters, seed=0):
    """Arrays of a generator, axes as TensorFlow has them."""
    rng = np.random.RandomState(seed)
    channels = [1, 8 * n_filters, 4 * n_filters, 2 * n_filters, n_filters, 1]
    arrays = {}
    for i in range(1, 6):
        arrays[f"G_conv{i}_weights"] = rng.normal(size=(4, 4, channels[i], channels[i - 1]))
        arrays[f"G_conv{i}_bias"] = rng.normal(size=channels[i])
        if i < 5:
            for name in ("gamma", "beta", "moving_mean"):
                arrays[f"G_BN{i}_{name}"] = rng.normal(size=channels[i])
            arrays[f"G_BN{i}_moving_variance"] = rng.uniform(0, 0.1, size=channels[i])
    return {name: a.astype(np.float32) for name, a in arrays.items()}


def written_out(arrays, z):
    """The generator as sums over kernel entries: pixel p of a layer adds to 2 p - 1 ... 2 p + 2 of the next."""
    h = z[None].astype(np.float64)
    for i in range(1, 6):
        size = h.shape[1]
        out = np.zeros((len(arrays[f"G_conv{i}_bias"]), 2 * size + 2, 2 * size + 2))
        for a in range(4):
            for b in range(4):
                weights = arrays[f"G_conv{i}_weights"][a, b].astype(np.float64)
                out[:, a : a + 2 * size : 2, b : b + 2 * size : 2] += np.tensordot(weights, h, 1)
        h = out[:, 1:-1, 1:-1] + arrays[f"G_conv{i}_bias"][:, None, None]
        if i < 5:
            mean, variance, gamma, beta = (
                arrays[f"G_BN{i}_{name}"][:, None, None].astype(np.float64)
                for name in ("moving_mean", "moving_variance", "gamma", "beta")
            )
            h = np.maximum((h - mean) / np.sqrt(variance + 1e-3) * gamma + beta, 0)
    return np.tanh(h[0])


@pytest.mark.parametrize("k", [1, 2])
def test_generator_equals_the_sums_written_out(k):
    arrays = published_names(2)
    arrays["G_conv5_weights"] /= 2e4  # tanh is not saturated
    arrays["G_conv5_bias"][:] = 0.1
    generator = Generator.from_arrays(arrays).double()
    z = np.random.RandomState(1).uniform(-1, 1, size=(k, k))
    with torch.no_grad():
        image = generator(torch.tensor(z)[None, None])[0, 0].numpy()
    assert image.shape == (32 * k, 32 * k)
    assert 0.1 < np.abs(image).mean() < 0.9
    assert_allclose(image, written_out(arrays, z), rtol=1e-9, atol=1e-12)


def test_published_widths():
    widths = [layer.out_channels for layer in Generator(generator=torch.Generator()).convolutions]
    assert widths == [128, 64, 32, 16, 1]
    discriminator = Discriminator(4, generator=torch.Generator())
    assert [layer.out_channels for layer in discriminator.convolutions] == [16, 32, 64, 128, 1]
    assert discriminator.convolutions[-1].kernel_size == (
        8,
        8,
    )  # of the published weights, for 128 x 128 pixels


def test_discriminator_tells_one_number_and_its_features():
    discriminator = Discriminator(3, 2, generator=torch.Generator().manual_seed(0))
    log_odds, features = discriminator(torch.rand(5, 1, 96, 96))
    assert log_odds.shape == (5,)
    assert [tuple(f.shape) for f in features] == [
        (5, 2, 48, 48),
        (5, 4, 24, 24),
        (5, 8, 12, 12),
        (5, 16, 6, 6),
    ]
    assert not list(discriminator.buffers())  # nothing that looking at images could change


@pytest.mark.parametrize("make", [Generator, lambda n, **kw: Discriminator(1, n, **kw)])
def test_initial_weights_come_from_the_generator_given(make):
    before = torch.get_rng_state()
    first, again, other = (make(4, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    weights = [
        torch.cat([p.flatten() for p in net.convolutions.parameters()]) for net in (first, again, other)
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    kernel = first.convolutions[1].weight
    assert float(kernel.detach().std()) == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda arrays: arrays.pop("G_BN2_beta"), "G_BN2_beta"),
        (lambda arrays: arrays.update(G_conv3_bias=np.zeros(3)), "convolutions.2.bias"),
        (lambda arrays: arrays.update(G_conv1_weights=np.zeros((4, 4))), "axes"),
    ],
)
def test_arrays_that_make_no_generator(change, named):
    arrays = published_names(1)
    change(arrays)
    with pytest.raises(ValueError, match=f"(?s)G_conv.*these do not fit.*{named}"):
        Generator.from_arrays(arrays)


def test_weights_go_out_as_they_come_in():
    generator = Generator(2, generator=torch.Generator().manual_seed(0)).eval()
    z = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(1))
    again = Generator.from_arrays(generator.to_arrays())
    assert torch.equal(again(z), generator(z))
