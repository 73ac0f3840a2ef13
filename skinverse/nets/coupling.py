"""Coupling flows: invertible networks with a triangular Jacobian, conditional or not."""

import math

import torch
from torch import Tensor, nn

from skinverse.nets.mlp import MLP
from skinverse.nets.pairs import over_pairs
from skinverse.nets.spline import rational_quadratic_spline

_LOG_2PI = math.log(2 * math.pi)
# Log-scales of an affine coupling stay within +-CLAMP, as published.
_CLAMP = 2.0


class AffineTransform:
    """``x -> x exp(s) + t``, s kept small by an arc tangent [1]_.

    References
    ----------
    .. [1] L. Ardizzone et al., "Guided image generation with conditional invertible neural networks", 2019.
       https://arxiv.org/abs/1907.02392
    """

    n_parameters = 2

    def __call__(self, x: Tensor, parameters: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        """Transformed values, the shape of `x`, and log-slopes; `parameters` has one more axis, of `n_parameters`."""
        s, t = parameters.unbind(-1)
        s = _CLAMP * 2 / math.pi * torch.atan(s / _CLAMP)
        if inverse:
            return (x - t) * torch.exp(-s), -s
        return x * torch.exp(s) + t, s


class SplineTransform:
    """Monotone rational-quadratic splines between -`bound` and `bound`, the identity beyond [1]_.

    References
    ----------
    .. [1] C. Durkan et al., "Neural spline flows", NeurIPS 2019. https://arxiv.org/abs/1906.04032
    """

    def __init__(self, n_bins, bound=5.0):
        self.n_bins, self.bound = n_bins, bound
        self.n_parameters = 3 * n_bins - 1

    def __call__(self, x: Tensor, parameters: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        return rational_quadratic_spline(x, parameters, self.bound, inverse=inverse)


def make_transform(name, n_bins):
    """Transform named "affine" or "spline", the latter of `n_bins` bins."""
    return AffineTransform() if name == "affine" else SplineTransform(n_bins)


class CouplingBlock(nn.Module):
    """Both halves of the variables transformed in turn, each as the other half and the condition say.

    Parameters
    ----------
    n_features, n_conditions : int
        A single variable is transformed as the condition alone says.
    transform : AffineTransform or SplineTransform
    hidden_layer_sizes : tuple of int
    activation : str
    generator : torch.Generator
        Draws the initial parameters and the permutation that comes first.
    """

    def __init__(self, n_features, n_conditions, transform, hidden_layer_sizes, activation, *, generator):
        super().__init__()
        self.transform = transform
        n_first = n_features // 2
        self.sizes = n_first, n_features - n_first
        order = torch.randperm(n_features, generator=generator)
        self.register_buffer("order", order)
        self.register_buffer("back", order.argsort())
        self.nets = nn.ModuleList(
            MLP(
                given + n_conditions,
                changed * transform.n_parameters,
                hidden_layer_sizes,
                activation,
                generator=generator,
            )
            for given, changed in ((self.sizes[0], self.sizes[1]), (self.sizes[1], self.sizes[0]))
            if changed
        )
        with torch.no_grad():  # start near the identity
            for net in self.nets:
                net.layers[-1].weight.mul_(0.1)
                net.layers[-1].bias.zero_()

    def _change(self, net, x, given, condition, inverse):
        inputs = given if condition is None else torch.cat([given, condition], dim=1)
        parameters = net(inputs).view(*x.shape, self.transform.n_parameters)
        x, log_slope = self.transform(x, parameters, inverse)
        return x, log_slope.sum(dim=1)

    def forward(self, x: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """Transformed rows and log |det Jacobian|."""
        first, second = x[:, self.order].split(self.sizes, dim=1)
        second, log_det = self._change(self.nets[0], second, first, condition, False)
        if self.sizes[0]:
            first, more = self._change(self.nets[1], first, second, condition, False)
            log_det = log_det + more
        return torch.cat([first, second], dim=1), log_det

    def inverse(self, z: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        first, second = z.split(self.sizes, dim=1)
        log_det = 0.0
        if self.sizes[0]:
            first, log_det = self._change(self.nets[1], first, second, condition, True)
        second, more = self._change(self.nets[0], second, first, condition, True)
        return torch.cat([first, second], dim=1)[:, self.back], log_det + more


class CouplingFlow(nn.Module):
    """Bijection of rows (n, d), a chain of coupling blocks, which may depend on a condition (n, c).

    Parameters
    ----------
    n_features, n_conditions : int
    n_blocks : int
    transform, hidden_layer_sizes, activation, generator
        As for :class:`CouplingBlock`.
    """

    def __init__(
        self, n_features, n_conditions, n_blocks, transform, hidden_layer_sizes, activation, *, generator
    ):
        super().__init__()
        self.blocks = nn.ModuleList(
            CouplingBlock(
                n_features, n_conditions, transform, hidden_layer_sizes, activation, generator=generator
            )
            for _ in range(n_blocks)
        )

    def encode(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x to z, and log |det dz/dx|."""
        total = 0.0
        for block in self.blocks:
            x, log_det = block(x, condition)
            total = total + log_det
        return x, total

    def decode(self, z: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z to x, and log |det dx/dz|."""
        total = 0.0
        for block in reversed(self.blocks):
            z, log_det = block.inverse(z, condition)
            total = total + log_det
        return z, total


class ConditionalFlow(nn.Module):
    """Network from a condition (n, c) to the :class:`FlowDensity` of a :class:`CouplingFlow`."""

    def __init__(self, flow, n_latents):
        super().__init__()
        self.flow = flow
        self.n_latents = n_latents

    def forward(self, condition: Tensor):
        return FlowDensity(self.flow, condition)


class FlowDensity:
    """Standard normal latents through an invertible network, one law for each condition (n, c)."""

    def __init__(self, flow, condition):
        self.flow, self.condition = flow, condition

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density of the rows of `x`, (n, d), each under its own row's condition."""
        z, log_det = self.flow.encode(x, self.condition)
        return log_det - 0.5 * (z.square().sum(dim=1) + x.shape[1] * _LOG_2PI)

    def decode(self, u: Tensor) -> Tensor:
        """Points of the unit cube, (n_draws, d), to draws for every condition, (n, n_draws, d)."""
        return over_pairs(lambda c, z: self.flow.decode(z, c)[0], self.condition, torch.special.ndtri(u))
