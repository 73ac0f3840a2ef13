"""Conditional flow matching: a velocity field that carries normal noise to designs along straight lines."""

import math

import torch
from torch import Tensor, nn

from skinverse.nets.mlp import MLP
from skinverse.nets.pairs import over_pairs

_LOG_2PI = math.log(2 * math.pi)
# Sines and cosines of the time that the network sees, beside the time itself.
_N_FREQUENCIES = 3
# Times at which each held-out row is tried: one would decide when to stop by luck.
_N_TRIALS = 8


class FlowMatchingNet(nn.Module):
    r"""Velocity :math:`v(x, t \mid c)`, and the ordinary differential equation it drives.

    Parameters
    ----------
    n_features, n_conditions : int
    hidden_layer_sizes : tuple of int
    activation : str
    n_steps : int
        Heun steps from noise to designs.
    generator : torch.Generator
    """

    def __init__(self, n_features, n_conditions, hidden_layer_sizes, activation, n_steps, *, generator):
        super().__init__()
        self.n_latents, self.n_steps = n_features, n_steps
        self.velocity = MLP(
            n_features + n_conditions + 1 + 2 * _N_FREQUENCIES,
            n_features,
            hidden_layer_sizes,
            activation,
            generator=generator,
        )

    def inputs(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """What the network sees; `t` is (n, 1), or one number for all rows."""
        if not isinstance(t, Tensor):
            t = x.new_full((len(x), 1), t)
        waves = [f(math.pi * k * t) for k in range(1, _N_FREQUENCIES + 1) for f in (torch.sin, torch.cos)]
        return torch.cat([x, condition, 2 * t - 1, *waves], dim=1)

    def forward(self, condition: Tensor):
        return FlowMatchingDensity(self, condition)

    def speed(self, x: Tensor, t, condition: Tensor) -> Tensor:
        return self.velocity(self.inputs(x, t, condition))

    def speed_and_divergence(self, x: Tensor, t: float, condition: Tensor) -> tuple[Tensor, Tensor]:
        v, jacobian = self.velocity.value_and_jacobian(self.inputs(x, t, condition))
        return v, jacobian[:, :, : x.shape[1]].diagonal(dim1=1, dim2=2).sum(dim=1)


class FlowMatchingDensity:
    """The law that the flow gives designs for the conditions (n, c)."""

    def __init__(self, net, condition):
        self.net, self.condition = net, condition

    def loss(self, x: Tensor, generator: torch.Generator, progress: float) -> Tensor:
        """Squared error of the velocity at a random time on the straight line from noise to each row."""
        n_trials = 1 if self.net.training else _N_TRIALS
        total = 0.0
        for _ in range(n_trials):
            noise = torch.randn(x.shape, generator=generator).to(x)
            t = torch.rand(len(x), 1, generator=generator).to(x)
            v = self.net.speed(torch.lerp(noise, x, t), t, self.condition)
            total = total + (v - (x - noise)).square().mean()
        return total / n_trials

    def decode(self, u: Tensor) -> Tensor:
        """Points of the unit cube, (n_draws, d), to draws for every condition, (n, n_draws, d)."""

        def carry(condition, x):
            step = 1 / self.net.n_steps
            for k in range(self.net.n_steps):
                first = self.net.speed(x, k * step, condition)
                second = self.net.speed(x + step * first, (k + 1) * step, condition)
                x = x + 0.5 * step * (first + second)
            return x

        return over_pairs(carry, self.condition, torch.special.ndtri(u))

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density of the rows of `x`, (n, d): back along the flow, with the divergence summed on the way."""
        step, total = 1 / self.net.n_steps, 0.0
        for k in reversed(range(self.net.n_steps)):
            first, spread = self.net.speed_and_divergence(x, (k + 1) * step, self.condition)
            second, spread2 = self.net.speed_and_divergence(x - step * first, k * step, self.condition)
            x = x - 0.5 * step * (first + second)
            total = total + 0.5 * step * (spread + spread2)
        return -0.5 * (x.square().sum(dim=1) + x.shape[1] * _LOG_2PI) - total
