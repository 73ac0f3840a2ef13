"""Mixture of Gaussians whose parameters a network reads off the condition."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skinverse.nets.activations import ACTIVATIONS
from skinverse.nets.mlp import MLP

_LOG_2PI = math.log(2 * math.pi)
# Least standard deviation of a component, in training standard deviations.
_LEAST_SCALE = 1e-4


class GaussianMixture:
    r"""Mixtures :math:`\sum_k w_k\, \mathcal N(\mu_k, (U_k^\top U_k)^{-1})`, one for each condition.

    Parameters
    ----------
    log_weight : Tensor of shape (n, K)
        Normalised log-weights.
    mean : Tensor of shape (n, K, d)
    precision_factor : Tensor of shape (n, K, d, d) or (n, K, d)
        Lower-triangular with positive diagonal, so that ``U (x - mean)`` is standard normal; or the diagonal of one
        that has nothing else.
    """

    def __init__(self, log_weight, mean, precision_factor):
        self.log_weight, self.mean, self.precision_factor = log_weight, mean, precision_factor

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density of the rows of `x`, (n, d), each under the mixture of its own row."""
        factor, z = self.precision_factor, x.unsqueeze(1) - self.mean
        if factor.ndim == 3:
            z, log_det = factor * z, factor.log().sum(dim=2)
        else:
            z = (factor @ z.unsqueeze(3)).squeeze(3)
            log_det = factor.diagonal(dim1=2, dim2=3).log().sum(dim=2)
        log_normal = log_det - 0.5 * (z.square().sum(dim=2) + x.shape[1] * _LOG_2PI)
        return torch.logsumexp(self.log_weight + log_normal, dim=1)

    def decode(self, u: Tensor) -> Tensor:
        """Points of the unit cube, (n_draws, d + 1), to draws of every mixture, (n, n_draws, d)."""
        edges = self.log_weight.exp().cumsum(dim=1)[:, :-1].contiguous()
        component = torch.searchsorted(edges, u[:, 0].expand(len(edges), -1).contiguous(), right=True)
        row = torch.arange(len(edges), device=u.device).unsqueeze(1)
        z, factor = (
            torch.special.ndtri(u[:, 1:]).expand(len(edges), -1, -1),
            self.precision_factor[row, component],
        )
        if factor.ndim == 3:
            return self.mean[row, component] + z / factor
        step = torch.linalg.solve_triangular(factor, z.unsqueeze(3), upper=False)
        return self.mean[row, component] + step.squeeze(3)


class MixtureDensityNet(nn.Module):
    """Network from a condition (n, c) to a :class:`GaussianMixture` over (n, d).

    Parameters
    ----------
    n_conditions, n_features : int
        Widths c and d.
    n_components : int
    hidden_layer_sizes : tuple of int
    activation : str
    full_covariance : bool
        Whether components may lie askew; else along the axes.
    dense : bool
        Whether each hidden layer also sees the condition and all hidden layers before it.
    generator : torch.Generator
        Draws the initial parameters.
    """

    def __init__(
        self,
        n_conditions,
        n_features,
        n_components,
        hidden_layer_sizes,
        activation,
        *,
        full_covariance,
        dense,
        generator,
    ):
        super().__init__()
        self.n_features, self.n_components = n_features, n_components
        self.n_latents = n_features + 1  # one chooses the component, the others place the draw there
        self.full_covariance = full_covariance
        n_entries = n_features * (n_features + 1) // 2 if full_covariance else n_features
        n_outputs = n_components * (1 + n_features + n_entries)
        if dense:
            self.body = DenselyConnected(
                n_conditions, n_outputs, hidden_layer_sizes, activation, generator=generator
            )
        else:
            self.body = MLP(n_conditions, n_outputs, hidden_layer_sizes, activation, generator=generator)
        n_askew = n_features if full_covariance else 0
        self.register_buffer("tril", torch.tril_indices(n_askew, n_askew, offset=-1))

    def forward(self, condition: Tensor) -> GaussianMixture:
        K, d = self.n_components, self.n_features
        out = self.body(condition)
        logits, mean, log_scale, below = out.split([K, K * d, K * d, out.shape[1] - K * (1 + 2 * d)], dim=1)
        scale = _LEAST_SCALE + F.softplus(log_scale)
        factor = (1 / scale).view(-1, K, d)
        if self.full_covariance:
            factor = torch.diag_embed(factor)
            factor[:, :, self.tril[0], self.tril[1]] = below.view(len(out), K, -1)
        return GaussianMixture(F.log_softmax(logits, dim=1), mean.view(-1, K, d), factor)


class DenselyConnected(nn.Module):
    """MLP in which every hidden layer sees the input and all hidden layers before it [1]_.

    The outputs read the last hidden layer alone, as in the GAN-MDN paper.

    References
    ----------
    .. [1] G. Huang et al., "Densely connected convolutional networks", CVPR 2017.
    """

    def __init__(self, n_inputs, n_outputs, hidden_layer_sizes, activation, *, generator):
        super().__init__()
        self.activation = activation
        self.layers = nn.ModuleList()
        seen = n_inputs
        for width in hidden_layer_sizes:
            self.layers.append(MLP(seen, width, (), activation, generator=generator))
            seen += width
        self.head = MLP([n_inputs, *hidden_layer_sizes][-1], n_outputs, (), activation, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        value, newest = ACTIVATIONS[self.activation].value, x
        for layer in self.layers:
            newest = value(layer(x))
            x = torch.cat([newest, x], dim=1)
        return self.head(newest)
