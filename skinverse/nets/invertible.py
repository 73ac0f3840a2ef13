"""Invertible network between designs and [response, latents]."""

import math

import torch
from torch import Tensor, nn

from skinverse.nets.pairs import over_pairs

# Widths of the kernels of the discrepancy, in standard deviations: fine and coarse structure.
_WIDTHS = (0.2, 0.6, 1.5)
# Standard deviation with which components may miss in the first step.
_FIRST_NOISE = 0.3


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
    components : PrincipalComponents, default=None
        Stand for the response inside, where they are given: `n_outputs` is their number, and how far each may miss is
        learned, `y_noise` at least.
    weights : callable or None
        None trains by maximum likelihood. A callable maps the share of training that is done to the weights
        :math:`\lambda_x, \lambda_y, \lambda_z` of three losses: the discrepancy of designs drawn backwards, the
        squared misfit of y, and the discrepancy of [y, z] from independence. If its ``misfit_decides``, that is
        the loss of held-out rows.
    """

    def __init__(
        self,
        flow,
        n_features,
        n_outputs,
        n_hidden,
        *,
        width,
        y_noise,
        padding_noise,
        components=None,
        weights=None,
    ):
        super().__init__()
        self.flow = flow
        self.n_features, self.width = n_features, width
        self.n_padding = width - n_outputs - n_hidden
        self.sizes = [n_outputs, n_hidden, self.n_padding]
        self.n_latents = n_hidden + self.n_padding
        self.y_noise, self.padding_noise, self.weights = y_noise, padding_noise, weights
        self.components = components
        self.log_noise = None
        if components is not None:
            self.log_noise = nn.Parameter(torch.full((n_outputs,), math.log(_FIRST_NOISE)))

    def forward(self, condition: Tensor):
        return _Conditioned(self, self._inside(condition))

    def _inside(self, condition):
        return condition if self.components is None else self.components(condition)

    def encode(self, x: Tensor, padding: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Response or its components, latents, padding and log |det Jacobian| of standardised designs (n, d)."""
        if padding is None:
            padding = x.new_zeros(len(x), self.width - self.n_features)
        out, log_det = self.flow.encode(torch.cat([x, padding], dim=1))
        return *out.split(self.sizes, dim=1), log_det

    def response(self, x: Tensor) -> Tensor:
        """The forward model: standardised responses (n, c)."""
        y = self.encode(x)[0]
        return y if self.components is None else self.components.responses(y)

    def decode_rows(self, condition: Tensor, latents: Tensor) -> Tensor:
        """Designs (n, d) and their padding for responses and normal latents, padding last, row by row."""
        return self._decode(self._inside(condition), latents)

    def _decode(self, y, latents):
        z, padding = latents.split(self.sizes[1:], dim=1)
        return self.flow.decode(torch.cat([y, z, self.padding_noise * padding], dim=1))[0]

    def decode(self, condition: Tensor, u: Tensor) -> Tensor:
        """Points of the unit cube, (n_draws, n_latents), to draws for every condition, (n, n_draws, d)."""
        pairs = over_pairs(self._decode, self._inside(condition), torch.special.ndtri(u))
        return pairs[..., : self.n_features]


class PrincipalComponents(nn.Module):
    """Responses as their principal components of unit variance, and back.

    Parameters
    ----------
    axes : Tensor of shape (n_outputs, n_components)
        Orthonormal.
    spread : Tensor of shape (n_components,)
        Standard deviation along each.
    """

    def __init__(self, axes, spread):
        super().__init__()
        self.register_buffer("axes", axes)
        self.register_buffer("spread", spread)

    @classmethod
    def of(cls, y, share, most):
        """As few components of centred responses `y` (n, n_outputs) as hold that share of their variance, or `most`."""
        _, singular, axes = torch.linalg.svd(y, full_matrices=False)
        held = (singular**2).cumsum(dim=0)
        k = min(int((held < share * held[-1]).sum()) + 1, most)
        return cls(axes[:k].T.contiguous(), singular[:k] / math.sqrt(len(y)))

    def forward(self, y: Tensor) -> Tensor:
        return y @ self.axes / torch.where(self.spread > 0, self.spread, 1.0)

    def responses(self, components: Tensor) -> Tensor:
        """Responses (n, n_outputs) of components (n, n_components)."""
        return (self.spread * components) @ self.axes.T


class _Conditioned:
    """The network together with the responses (n, c) of a batch, or their components."""

    def __init__(self, net, condition):
        self.net, self.condition = net, condition

    def loss(self, x: Tensor, generator: torch.Generator, progress: float) -> Tensor:
        def normal(*shape):
            return torch.randn(*shape, generator=generator).to(x)

        padding = self.net.padding_noise * normal(len(x), self.net.width - self.net.n_features)
        if self.net.weights is None:
            return self._negative_log_likelihood(x, padding)
        return self._discrepancies(x, padding, normal, *self.net.weights(progress))

    def _negative_log_likelihood(self, x, padding):
        """-log p(x, padding), but for a constant, for normal z, normal padding and y normal about the response."""
        net = self.net
        y, z, rest, log_det = net.encode(x, padding)
        noise, log_noise = net.y_noise, 0.0
        if net.log_noise is not None:
            learned = net.log_noise.clamp_min(math.log(net.y_noise))
            noise, log_noise = learned.exp(), learned.sum()
        energy = (
            ((y - self.condition) / noise).square().sum(dim=1)
            + z.square().sum(dim=1)
            + (rest / net.padding_noise).square().sum(dim=1)
        )
        return (0.5 * energy - log_det).mean() + log_noise

    def _discrepancies(self, x, padding, normal, weight_x, weight_y, weight_z):
        """Both directions at once."""
        net = self.net
        y, z, rest, _ = net.encode(x, padding)
        misfit = (y - self.condition).square().sum(dim=1).mean()
        if net.weights.misfit_decides and not net.training:
            return misfit
        loss = weight_y * misfit + rest.square().sum(dim=1).mean() / net.padding_noise
        if weight_z:
            wanted = torch.cat([self.condition, normal(*z.shape)], dim=1)
            # The gradient of y is blocked: the misfit alone trains it.
            loss = loss + weight_z * mmd(torch.cat([y.detach(), z], dim=1), wanted)
        if weight_x:
            drawn = net._decode(self.condition, normal(len(x), net.n_latents))
            drawn, closed = drawn.split([net.n_features, net.width - net.n_features], dim=1)
            loss = loss + weight_x * (mmd(drawn, x) + closed.square().sum(dim=1).mean())
        return loss


class ForwardHalf(nn.Module):
    """An :class:`InvertibleNet` as a forward model, standardised designs (n, d) to responses (n, c)."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net.response(x)


class ConstantWeights:
    """The original recipe of invertible networks: only the backward loss grows, from little to all, in the first half.

    Parameters
    ----------
    y : float
        Weight of the misfit; the discrepancies have ten.
    """

    misfit_decides = False

    def __init__(self, y):
        self.y = y

    def __call__(self, progress: float) -> tuple[float, float, float]:
        return 10 * min(1.0, 2 * 0.002 ** (1 - progress)), self.y, 10.0


class DynamicWeights:
    r"""The dynamic schedule of iPage: first the misfit alone, then less and less of it and more of the discrepancies.

    During the first half of training :math:`\lambda_y` is at its peak and :math:`\lambda_x = \lambda_z = 0`. In the
    second half a share :math:`s` of the way, from 0 to 1, has been made:
    :math:`\lambda_y = (1 - s)\, \hat\lambda_y`, :math:`\lambda_{x, z} = s\, \hat\lambda_{x, z}`.

    Parameters
    ----------
    peaks : tuple of three float
        Of x, y and z.
    curve : {"cosine", "linear"}
        Of :math:`s` over the second half.
    """

    misfit_decides = True

    def __init__(self, peaks, curve):
        self.peaks, self.curve = peaks, curve

    def __call__(self, progress: float) -> tuple[float, float, float]:
        share = min(1.0, max(0.0, 2 * progress - 1))
        if self.curve == "cosine":
            share = 0.5 - 0.5 * math.cos(math.pi * share)
        x, y, z = self.peaks
        return share * x, (1 - share) * y, share * z


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
