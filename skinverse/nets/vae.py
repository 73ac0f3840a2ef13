"""Conditional variational autoencoder."""

import math

import torch
from torch import Tensor, nn

from skinverse.nets.mlp import MLP
from skinverse.nets.pairs import over_pairs

_LOG_2PI = math.log(2 * math.pi)


class ConditionalVAE(nn.Module):
    """Encoder and decoder between rows (n, d) and latents (n, k), both given a condition (n, c).

    Parameters
    ----------
    n_features, n_conditions, n_hidden : int
        Widths d and c, and the number k of hidden variables.
    hidden_layer_sizes : tuple of int
        Of encoder and decoder each.
    activation : str
    kl_weight : float
    kl_warmup : float
        Share of the training in which that weight rises from zero.
    sigma : Tensor of shape (d,), or None
        Standard deviation of the decoder; None learns it.
    noisy : bool
        Whether draws have the decoder's noise on them.
    generator : torch.Generator
    """

    def __init__(
        self,
        n_features,
        n_conditions,
        n_hidden,
        hidden_layer_sizes,
        activation,
        *,
        kl_weight,
        kl_warmup,
        sigma,
        noisy,
        generator,
    ):
        super().__init__()
        self.n_hidden, self.kl_weight, self.kl_warmup = n_hidden, kl_weight, kl_warmup
        self.n_latents = n_hidden + (n_features if noisy else 0)
        self.encoder = MLP(
            n_features + n_conditions, 2 * n_hidden, hidden_layer_sizes, activation, generator=generator
        )
        self.decoder = MLP(
            n_hidden + n_conditions, n_features, hidden_layer_sizes, activation, generator=generator
        )
        if sigma is None:
            self.log_scale = nn.Parameter(torch.zeros(n_features))
        else:
            self.register_buffer("log_scale", sigma.log())

    def forward(self, condition: Tensor):
        return _Conditioned(self, condition)

    def decode(self, condition: Tensor, u: Tensor) -> Tensor:
        """Points of the unit cube, (n_draws, n_latents), to draws for every condition, (n, n_draws, d)."""
        z, noise = torch.special.ndtri(u).split([self.n_hidden, self.n_latents - self.n_hidden], dim=1)
        draws = over_pairs(lambda c, z: self.decoder(torch.cat([z, c], dim=1)), condition, z)
        return draws + self.log_scale.exp() * noise if noise.shape[1] else draws


class _Conditioned:
    """The autoencoder for given conditions (n, c)."""

    def __init__(self, net, condition):
        self.net, self.condition = net, condition

    def loss(self, x: Tensor, generator: torch.Generator, progress: float) -> Tensor:
        """Negative evidence lower bound, per row, with one draw of the latents."""
        net = self.net
        mean, log_variance = net.encoder(torch.cat([x, self.condition], dim=1)).chunk(2, dim=1)
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        z = mean + (0.5 * log_variance).exp() * noise
        miss = (x - net.decoder(torch.cat([z, self.condition], dim=1))) / net.log_scale.exp()
        negative_log_likelihood = (0.5 * (miss.square() + _LOG_2PI) + net.log_scale).sum(dim=1)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)
        rising = progress / net.kl_warmup if progress < net.kl_warmup else 1.0
        return (negative_log_likelihood + rising * net.kl_weight * divergence).mean()
