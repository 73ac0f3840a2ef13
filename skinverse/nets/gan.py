"""Generator and discriminator of images, both fully convolutional but for the discriminator's last layer."""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Pixels of an image's edge for each entry of the latent grid's.
SCALE = 32
# Batch norm's guard against division by zero; trained weights mean nothing with another one.
_EPS = 1e-3
# Standard deviation of initial weights, and slope of leaky ReLU below zero.
_WEIGHT_SCALE, _SLOPE = 0.02, 0.2
# Images are compared in blocks of so many pixels an edge: a misfit of single pixels is rough where edges are
# sharp.
_BLOCK = 4
_SOFTNESS = 0.1  # of the edges of images to be differentiated, in units of the grey
# Parameters of batch norm in torch's words and in TensorFlow's.
_NORM_NAMES = dict(weight="gamma", bias="beta", running_mean="moving_mean", running_var="moving_variance")


class Generator(nn.Module):
    """Latent grids (n, 1, k, k) to grey images (n, 1, 32 k, 32 k) with values in (-1, 1) [1]_.

    Five transposed convolutions with 4 x 4 kernels and stride 2, each doubling the edge. The first four are
    followed by batch norm and ReLU, the last by tanh. There is nothing else, so that the same weights make images
    of any `k`.

    Parameters
    ----------
    n_filters : int, default=16
        Of the fourth layer; the layers have 8, 4, 2 and 1 times as many, and 1. As published: 128, 64, 32, 16, 1.
    generator : torch.Generator, optional
        Draws the initial weights; None leaves them to torch's global one.

    References
    ----------
    .. [1] Z. Yang et al., "Microstructural materials design via deep adversarial learning methodology", J. Mech.
           Des. 140, 2018. https://arxiv.org/abs/1805.02791
    """

    def __init__(self, n_filters=16, *, generator=None):
        super().__init__()
        self.n_filters = n_filters
        channels = [1, 8 * n_filters, 4 * n_filters, 2 * n_filters, n_filters, 1]
        # skip_init: layers would draw their parameters from torch's global generator.
        self.convolutions = nn.ModuleList(
            nn.utils.skip_init(nn.ConvTranspose2d, i, o, 4, stride=2, padding=1)
            for i, o in pairwise(channels)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(o, eps=_EPS) for o in channels[1:-1])
        _draw_weights(self.convolutions, generator)

    def forward(self, z: Tensor) -> Tensor:
        *inner, last = self.convolutions
        for convolution, norm in zip(inner, self.norms, strict=True):
            z = F.relu(norm(convolution(z)))
        return torch.tanh(last(z))

    @classmethod
    def from_arrays(cls, arrays):
        """Generator with weights that TensorFlow trained, by their published names.

        Parameters
        ----------
        arrays : mapping of str to array-like
            For layers i = 1 to 5 ``G_conv{i}_weights`` of shape (4, 4, filters, filters of the layer before) and
            ``G_conv{i}_bias``; for i = 1 to 4 ``G_BN{i}_gamma``, ``G_BN{i}_beta``, ``G_BN{i}_moving_mean`` and
            ``G_BN{i}_moving_variance``. The number of filters halves from layer to layer, and is 1 in the last.

        Returns
        -------
        generator : Generator
            In single precision, in evaluation mode.
        """
        try:
            state = {}
            for i in range(5):
                weights = np.asarray(arrays[f"G_conv{i + 1}_weights"])
                state[f"convolutions.{i}.weight"] = weights.transpose(3, 2, 0, 1)
                state[f"convolutions.{i}.bias"] = arrays[f"G_conv{i + 1}_bias"]
            for i in range(4):
                for ours, theirs in _NORM_NAMES.items():
                    state[f"norms.{i}.{ours}"] = arrays[f"G_BN{i + 1}_{theirs}"]
                state[f"norms.{i}.num_batches_tracked"] = 0
            generator = cls(len(state["convolutions.3.bias"]), generator=torch.Generator())
            generator.load_state_dict({name: torch.tensor(np.asarray(a)) for name, a in state.items()})
        except (KeyError, ValueError, RuntimeError) as error:
            raise ValueError(
                "A generator is made of the arrays G_conv{i}_weights, G_conv{i}_bias and G_BN{i}_gamma, _beta, "
                f"_moving_mean, _moving_variance of five layers; these do not fit: {error}"
            ) from error
        return generator.eval()

    def to_arrays(self):
        """Weights by the names that :meth:`from_arrays` takes, in single precision."""
        arrays = {}
        for i, layer in enumerate(self.convolutions, 1):
            arrays[f"G_conv{i}_weights"] = layer.weight.permute(2, 3, 1, 0)
            arrays[f"G_conv{i}_bias"] = layer.bias
        for i, norm in enumerate(self.norms, 1):
            for ours, theirs in _NORM_NAMES.items():
                arrays[f"G_BN{i}_{theirs}"] = getattr(norm, ours)
        return {name: a.detach().float().cpu().numpy() for name, a in arrays.items()}


class Discriminator(nn.Module):
    """Images (n, 1, 32 k, 32 k) to the log-odds of being real (n,), and what each inner layer makes of them [1]_.

    Four convolutions with 4 x 4 kernels and stride 2, each followed by batch norm and leaky ReLU of slope 0.2, and
    a fifth whose kernel is as large as the feature map, 2 k x 2 k; for its sigmoid see the loss. It serves one `k`
    only. Batch norm always uses the statistics of the batch and keeps none: a discriminator is no longer asked
    once training has ended, and looking at images does not change it.

    Parameters
    ----------
    latent_size : int
        Edge *k* of the latent grid whose images are judged.
    n_filters : int, default=16
        Of the first layer; the layers have 1, 2, 4 and 8 times as many, and 1. As published: 16, 32, 64, 128, 1.
    generator : torch.Generator, optional
        Draws the initial weights; None leaves them to torch's global one.

    References
    ----------
    .. [1] Z. Yang et al., "Microstructural materials design via deep adversarial learning methodology", J. Mech.
           Des. 140, 2018. https://arxiv.org/abs/1805.02791
    """

    def __init__(self, latent_size, n_filters=16, *, generator=None):
        super().__init__()
        channels = [1, n_filters, 2 * n_filters, 4 * n_filters, 8 * n_filters]
        self.convolutions = nn.ModuleList(
            nn.utils.skip_init(nn.Conv2d, i, o, 4, stride=2, padding=1) for i, o in pairwise(channels)
        )
        self.convolutions.append(nn.utils.skip_init(nn.Conv2d, channels[-1], 1, 2 * latent_size))
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(o, eps=_EPS, track_running_stats=False) for o in channels[1:]
        )
        _draw_weights(self.convolutions, generator)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Log-odds (n,) and four feature maps (n, c, h, w)."""
        *inner, last = self.convolutions
        features = [images]
        for convolution, norm in zip(inner, self.norms, strict=True):
            features.append(F.leaky_relu(norm(convolution(features[-1])), _SLOPE))
        return last(features[-1]).flatten(), features[1:]


class SoftDecoder(nn.Module):
    """Latents (n, k * k) in double precision to images (n, pixels), ones and zeros but for soft edges."""

    def __init__(self, generator, latent_size, cut):
        super().__init__()
        self.generator, self.latent_size, self.cut = generator, latent_size, cut

    def forward(self, z):
        grey = self.generator(z.float().view(-1, 1, self.latent_size, self.latent_size)).flatten(1)
        if self.cut is not None:
            grey = torch.sigmoid((grey - self.cut) / _SOFTNESS)
        return grey.double()


class BlockAverages(nn.Module):
    """Latents (n, k * k) to averages of their images over blocks, shifted and scaled to mean 0 and norm 1.

    Double precision outside, for the solver, and single inside, where it does no harm and halves the time.
    """

    def __init__(self, generator, latent_size):
        super().__init__()
        self.generator, self.latent_size = generator, latent_size

    def forward(self, z):
        return self.of_images(self.generator(z.float().view(-1, 1, self.latent_size, self.latent_size)))

    def of_images(self, images):
        """The same of images (n, pixels)."""
        edge = SCALE * self.latent_size
        blocks = F.avg_pool2d(images.double().view(-1, 1, edge, edge), _BLOCK).flatten(1)
        blocks = blocks - blocks.mean(dim=1, keepdim=True)
        # An image of one value has norm 0 and stays 0.
        return blocks / (blocks.square().sum(dim=1, keepdim=True) + 1e-20).sqrt()


def _draw_weights(convolutions, generator):
    """Normal weights of standard deviation 0.02 as for other convolutional GANs; biases zero."""
    with torch.no_grad():
        for layer in convolutions:
            layer.weight.normal_(0.0, _WEIGHT_SCALE, generator=generator)
            layer.bias.zero_()
