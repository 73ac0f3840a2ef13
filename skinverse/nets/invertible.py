"""Invertible network between designs and [response, latents]."""

import torch
from torch import Tensor, nn

from skinverse.nets.pairs import over_pairs

# Widths of the kernels of the discrepancy, in standard deviations: fine and coarse structure.
_WIDTHS = (0.2, 0.6, 1.5)


class InvertibleNet(nn.Module):
    r"""Bijection :math:`[x, 0] \leftrightarrow [y, z, 0]`, zeros padding both sides to one width.

    Parameters
    ----------
    flow : CouplingFlow
        Of the width of both sides, without a condition.
    n_features, n_outputs, n_hidden : int
        Widths of x, y and z.
    y_noise, padding_noise : float
        Standard deviations with which the network's own y and padding may miss.
    objective : {"mle", "mmd"}
    """

    def __init__(self, flow, n_features, n_outputs, n_hidden, *, width, y_noise, padding_noise, objective):
        super().__init__()
        self.flow = flow
        self.n_features, self.width = n_features, width
        self.n_padding = width - n_outputs - n_hidden
        self.sizes = [n_outputs, n_hidden, self.n_padding]
        self.n_latents = n_hidden + self.n_padding
        self.y_noise, self.padding_noise, self.objective = y_noise, padding_noise, objective

    def forward(self, condition: Tensor):
        return _Conditioned(self, condition)

    def encode(self, x: Tensor, padding: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Response, latents, padding and log |det Jacobian| of standardised designs (n, d)."""
        if padding is None:
            padding = x.new_zeros(len(x), self.width - self.n_features)
        out, log_det = self.flow.encode(torch.cat([x, padding], dim=1))
        return *out.split(self.sizes, dim=1), log_det

    def response(self, x: Tensor) -> Tensor:
        """The forward model: standardised responses (n, c)."""
        return self.encode(x)[0]

    def decode_rows(self, condition: Tensor, latents: Tensor) -> Tensor:
        """Designs (n, d) and their padding for responses and normal latents, padding last, row by row."""
        z, padding = latents.split(self.sizes[1:], dim=1)
        return self.flow.decode(torch.cat([condition, z, self.padding_noise * padding], dim=1))[0]

    def decode(self, condition: Tensor, u: Tensor) -> Tensor:
        """Points of the unit cube, (n_draws, n_latents), to draws for every condition, (n, n_draws, d)."""
        return over_pairs(self.decode_rows, condition, torch.special.ndtri(u))[..., : self.n_features]


class _Conditioned:
    """The network together with the responses (n, c) of a batch."""

    def __init__(self, net, condition):
        self.net, self.condition = net, condition

    def loss(self, x: Tensor, generator: torch.Generator, progress: float) -> Tensor:
        def normal(*shape):
            return torch.randn(*shape, generator=generator).to(x)

        padding = self.net.padding_noise * normal(len(x), self.net.width - self.net.n_features)
        if self.net.objective == "mle":
            return self._negative_log_likelihood(x, padding)
        return self._discrepancies(x, padding, normal, progress)

    def _negative_log_likelihood(self, x, padding):
        """-log p(x, padding), but for a constant, for normal z, normal padding and y normal about the response."""
        net = self.net
        y, z, rest, log_det = net.encode(x, padding)
        energy = (
            ((y - self.condition) / net.y_noise).square().sum(dim=1)
            + z.square().sum(dim=1)
            + (rest / net.padding_noise).square().sum(dim=1)
        )
        return (0.5 * energy - log_det).mean()

    def _discrepancies(self, x, padding, normal, progress):
        """Squared misfit of y and padding, discrepancy of [y, z] from independence, and of drawn designs from x."""
        net = self.net
        y, z, rest, _ = net.encode(x, padding)
        misfit = (y - self.condition).square().sum(dim=1).mean() / net.y_noise
        misfit = misfit + rest.square().sum(dim=1).mean() / net.padding_noise
        wanted = torch.cat([self.condition, normal(*z.shape)], dim=1)
        # The gradient of y is blocked: the misfit alone trains it.
        forward = mmd(torch.cat([y.detach(), z], dim=1), wanted)
        drawn = net.decode_rows(self.condition, normal(len(x), net.n_latents))
        backward = mmd(drawn[:, : net.n_features], x)
        ramp = min(1.0, 2 * 0.002 ** (1 - progress))
        closed = drawn[:, net.n_features :].square().sum(dim=1).mean()
        return misfit + 10 * forward + 10 * ramp * (backward + closed)


def mmd(a: Tensor, b: Tensor) -> Tensor:
    r"""Squared maximum mean discrepancy of two samples of equally many rows, with inverse multiquadric kernels.

    Unbiased, :math:`k(d) = \sum_w w^2 / (w^2 + d^2)`.
    """
    n = len(a)
    total = 0.0
    for p, q, weight in ((a, a, 1.0), (b, b, 1.0), (a, b, -2.0)):
        squared = (p.square().sum(dim=1, keepdim=True) + q.square().sum(dim=1) - 2 * p @ q.T).clamp_min(0)
        kernel = sum(w**2 / (w**2 + squared) for w in _WIDTHS)
        if p is q:
            total = total + weight * (kernel.sum() - len(_WIDTHS) * n) / max(n * (n - 1), 1)
        else:
            total = total + weight * kernel.mean()
    return total
