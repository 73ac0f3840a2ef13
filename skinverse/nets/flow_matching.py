"""Conditional flow matching: a velocity field that carries normal noise to designs along straight lines."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from skinverse.nets.mlp import MLP
from skinverse.nets.pairs import over_pairs

_LOG_2PI = math.log(2 * math.pi)
# Sines and cosines of the time that the network sees, beside the time itself.
_N_FREQUENCIES = 3
# Waves of each design variable that it sees: 4, 2, 1 and 1/2 standard deviations long, the shorter the fainter. Of many
# variables no table has the rows to tell fine structure by, and of pixels they trebled the work for nothing.
_WAVES, _MOST_WITH_WAVES = [math.pi / 2 * 2**k for k in range(4)], 16
# Velocities near the end of the path decide how sharp the law is: training and steps are densest there.
_LATE_ROWS, _LATE_STEPS = 1.5, 2
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
        self.waves = _WAVES if n_features <= _MOST_WITH_WAVES else []
        self.velocity = MLP(
            n_features * (1 + 2 * len(self.waves)) + n_conditions + 1 + 2 * _N_FREQUENCIES,
            n_features,
            hidden_layer_sizes,
            activation,
            generator=generator,
        )

    def inputs(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """What the network sees; `t` is (n, 1), or one number for all rows."""
        if not isinstance(t, Tensor):
            t = x.new_full((len(x), 1), t)
        clock = [f(math.pi * k * t) for k in range(1, _N_FREQUENCIES + 1) for f in (torch.sin, torch.cos)]
        waves = [f(k * x) * (_WAVES[0] / k) for k in self.waves for f in (torch.sin, torch.cos)]
        return torch.cat([x, *waves, condition, 2 * t - 1, *clock], dim=1)

    def forward(self, condition: Tensor):
        return FlowMatchingDensity(self, condition)

    def speed(self, x: Tensor, t, condition: Tensor) -> Tensor:
        return self.velocity(self.inputs(x, t, condition))

    def speed_and_divergence(self, x: Tensor, t: float, condition: Tensor) -> tuple[Tensor, Tensor]:
        v, jacobian = self.velocity.value_and_jacobian(self.inputs(x, t, condition))
        slopes = [_WAVES[0] * part for k in self.waves for part in (torch.cos(k * x), -torch.sin(k * x))]
        slopes = torch.stack([torch.ones_like(x), *slopes], dim=1)
        n, n_seen, d = slopes.shape
        own = jacobian[:, :, : n_seen * d].reshape(n, d, n_seen, d).diagonal(dim1=1, dim2=3)
        return v, (own * slopes).sum(dim=(1, 2))

    def times(self):
        """Pairs of times between which a step of the way from noise to designs goes."""
        return list(pairwise(1 - (1 - k / self.n_steps) ** _LATE_STEPS for k in range(self.n_steps + 1)))


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
            t = 1 - torch.rand(len(x), 1, generator=generator).to(x) ** _LATE_ROWS
            v = self.net.speed(torch.lerp(noise, x, t), t, self.condition)
            total = total + (v - (x - noise)).square().mean()
        return total / n_trials

    def decode(self, u: Tensor) -> Tensor:
        """Points of the unit cube, (n_draws, d), to draws for every condition, (n, n_draws, d)."""

        def carry(condition, x):
            for start, end in self.net.times():
                step = end - start
                first = self.net.speed(x, start, condition)
                second = self.net.speed(x + step * first, end, condition)
                x = x + 0.5 * step * (first + second)
            return x

        return over_pairs(carry, self.condition, torch.special.ndtri(u))

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density of the rows of `x`, (n, d): back along the flow, with the divergence summed on the way."""
        total = 0.0
        for start, end in reversed(self.net.times()):
            step = end - start
            first, spread = self.net.speed_and_divergence(x, end, self.condition)
            second, spread2 = self.net.speed_and_divergence(x - step * first, start, self.condition)
            x = x - 0.5 * step * (first + second)
            total = total + 0.5 * step * (spread + spread2)
        return -0.5 * (x.square().sum(dim=1) + x.shape[1] * _LOG_2PI) - total
