"""Flows of other libraries behind the protocol of our own densities."""

import torch
from torch import Tensor, nn

from skinverse.nets.pairs import over_pairs


class GuestFlow(nn.Module):
    """Another library's conditional flow as a network from conditions to densities with ``log_prob`` and ``decode``.

    Parameters
    ----------
    flow : Module
        Maps conditions (n, c) to a distribution over rows (n, d) that has ``log_prob(x)``, ``transform``, from designs
        to standard normal latents, and ``transform.inv``. The flows of zuko do.
    n_latents : int
    """

    def __init__(self, flow, n_latents):
        super().__init__()
        self.flow = flow
        self.n_latents = n_latents

    def forward(self, condition: Tensor):
        return GuestDensity(self.flow, condition)


class GuestDensity:
    """What a guest says for given conditions (n, c)."""

    def __init__(self, flow, condition):
        self.flow, self.condition = flow, condition

    def log_prob(self, x: Tensor) -> Tensor:
        return self.flow(self.condition).log_prob(x)

    def decode(self, u: Tensor) -> Tensor:
        """Points of the unit cube, (n_draws, d), to draws for every condition, (n, n_draws, d)."""
        return over_pairs(lambda c, z: self.flow(c).transform.inv(z), self.condition, torch.special.ndtri(u))
