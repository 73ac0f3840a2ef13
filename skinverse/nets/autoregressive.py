"""Autoregressive density with piecewise-linear distribution functions on the unit cube."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skinverse.nets.marginals import MarginalMap
from skinverse.nets.mlp import MLP

# Conditional distribution functions held at once when drawing: values.
_MAX_VALUES = 2**22


class AutoregressiveNet(nn.Module):
    r"""Network from a condition (n, c) to :math:`\prod_i p(x_i \mid x_{<i}, c)`, each factor a histogram.

    Parameters
    ----------
    x : Tensor of shape (n_rows, d)
        Standardised designs, which fix the map to the unit cube.
    n_conditions : int
    n_bins : int
        Bins of a continuous variable; a discrete one has a bin for each value.
    hidden_layer_sizes : tuple of int
    activation : str
    generator : torch.Generator
        Draws the initial parameters.
    """

    def __init__(self, x, n_conditions, n_bins, hidden_layer_sizes, activation, *, generator):
        super().__init__()
        self.n_latents = x.shape[1]
        self.marginals = MarginalMap(x, n_bins)
        self.factors = nn.ModuleList(
            MLP(n_conditions + i, k, hidden_layer_sizes, activation, generator=generator)
            for i, k in enumerate(self.marginals.n_bins)
        )
        with torch.no_grad():  # start from the law of the table
            for factor, marginal in zip(self.factors, self.marginals.columns, strict=True):
                factor.layers[-1].bias.copy_(marginal.log_share)

    def forward(self, condition: Tensor):
        return AutoregressiveDensity(self, condition)

    def inputs(self, i, condition: Tensor, u: Tensor) -> Tensor:
        """What factor `i` sees: the condition and the variables before, with unit variance."""
        return torch.cat([condition, (u[:, :i] - 0.5) * math.sqrt(12)], dim=1)

    def bins(self, u: Tensor) -> Tensor:
        """Bin of each coordinate, int64 of the shape of `u`."""
        n_bins = torch.tensor(self.marginals.n_bins, device=u.device)
        return (u * n_bins).long().clamp_min(0).minimum(n_bins - 1)


class AutoregressiveDensity:
    """What :class:`AutoregressiveNet` says for given conditions (n, c).

    A flow whose latent is the unit cube itself: each coordinate of the latent goes through the inverse of one
    conditional distribution function.
    """

    def __init__(self, net, condition):
        self.net, self.condition = net, condition

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density of the rows of `x`, (n, d), each under its own row's condition."""
        u, total = self.net.marginals.to_cube(x)
        bins = self.net.bins(u)
        for i, factor in enumerate(self.net.factors):
            log_p = F.log_softmax(factor(self.net.inputs(i, self.condition, u)), dim=1)
            total = total + log_p.gather(1, bins[:, i : i + 1]).squeeze(1) + math.log(log_p.shape[1])
        return total

    def decode(self, u: Tensor) -> Tensor:
        """Points of the unit cube, (n_draws, d), to draws for every condition, (n, n_draws, d)."""
        n, n_draws, n_bins = len(self.condition), len(u), max(self.net.marginals.n_bins)
        out = u.new_zeros(n * n_draws, u.shape[1])
        condition = self.condition.repeat_interleave(n_draws, dim=0)
        wanted = u.repeat(n, 1)
        first = F.softmax(self.net.factors[0](self.condition), dim=1)
        for start in range(0, len(out), _MAX_VALUES // n_bins):
            rows = slice(start, start + _MAX_VALUES // n_bins)
            owner = torch.arange(len(out), device=u.device)[rows] // n_draws
            for i, factor in enumerate(self.net.factors):
                inputs = self.net.inputs(i, condition[rows], out[rows])
                p = first[owner] if i == 0 else F.softmax(factor(inputs), dim=1)
                out[rows, i] = _invert(p, wanted[rows, i : i + 1])
        return self.net.marginals.from_cube(out).view(n, n_draws, -1)


def _invert(p, share):
    """Points (n,) of the unit interval at which the distribution function of histograms `p` (n, K) reaches `share`."""
    above = p.cumsum(dim=1)
    share = share * above[:, -1:]
    k = torch.searchsorted(above, share, right=True).clamp(max=p.shape[1] - 1)
    inside = 1 - (above.gather(1, k) - share) / p.gather(1, k).clamp_min(1e-300)
    return ((k + inside.clamp(0, 1)) / p.shape[1]).squeeze(1)
