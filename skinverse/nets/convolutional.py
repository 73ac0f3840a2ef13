"""Convolutional network on periodic images."""

import math
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

# The elements of the square's symmetry group: whether an image is transposed, turned upside down, left to right.
_TURNS = [(t, v, h) for t in (False, True) for v in (False, True) for h in (False, True)]


class PeriodicConvNet(nn.Module):
    r"""Square images, repeated periodically, to outputs: :math:`[0, 1]^{p^2} \to \mathbb R^m`.

    Stages of two 3 x 3 convolutions that wrap around the edges, each stage followed by the mean over blocks of 2 x 2;
    then the mean over all places, and one hidden layer. A cell moved by whole blocks of the last stage has the same
    outputs, so that nothing need be learnt about where a periodic cell begins.

    Parameters
    ----------
    n_pixels : int
        Edge *p* of the images, divisible by two as often as there are stages but one.
    n_outputs : int
    n_channels : tuple of int
        Channels of each stage.
    symmetric : bool, default=False
        Whether the outputs of an image that is mirrored or turned by 90 degrees are the same. In training, images are
        then shown in the eight positions by turns, a batch in one.
    generator : torch.Generator, optional
        Draws the initial parameters; None leaves them to torch's global one.
    """

    def __init__(self, n_pixels, n_outputs, n_channels=(16, 32, 64, 64), *, symmetric=False, generator=None):
        super().__init__()
        self.n_pixels, self.symmetric = n_pixels, symmetric
        # skip_init: layers would draw their parameters from torch's global generator.
        self.convolutions = nn.ModuleList(
            nn.utils.skip_init(nn.Conv2d, a, b, 3)
            for i, o in pairwise([1, *n_channels])
            for a, b in ((i, o), (o, o))
        )
        width = n_channels[-1]
        self.head = nn.ModuleList(nn.utils.skip_init(nn.Linear, width, o) for o in (width, n_outputs))
        self.n_batches = 0
        for layer in (*self.convolutions, *self.head):
            fan_in = layer.weight[0].numel()
            # SiLU halves the variance and more.
            nn.init.uniform_(layer.weight, -math.sqrt(6 / fan_in), math.sqrt(6 / fan_in), generator=generator)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = x.reshape(-1, 1, self.n_pixels, self.n_pixels)
        if self.training and self.symmetric:
            x = self._turned(x)
        for k, convolution in enumerate(self.convolutions):
            if k and k % 2 == 0:
                x = F.avg_pool2d(x, 2)
            x = F.silu(convolution(F.pad(x, (1, 1, 1, 1), mode="circular")))
        hidden, last = self.head
        return last(F.silu(hidden(x.mean(dim=(2, 3)))))

    def _turned(self, x):
        """The batch in the next of the eight positions."""
        transposed, upside_down, mirrored = _TURNS[self.n_batches % len(_TURNS)]
        self.n_batches += 1
        x = x.mT if transposed else x
        axes = [axis for axis, flip in ((2, upside_down), (3, mirrored)) if flip]
        return x.flip(axes) if axes else x
