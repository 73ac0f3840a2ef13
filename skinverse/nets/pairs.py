"""Every condition with every latent, in blocks."""

import torch
from torch import Tensor

# Rows computed at once.
_MAX_ROWS = 2**15


def over_pairs(function, condition: Tensor, latents: Tensor) -> Tensor:
    """``function(condition_rows, latent_rows)`` for all pairs, as a tensor (n_conditions, n_latents, ...)."""
    n, n_draws = len(condition), len(latents)
    pairs = torch.arange(n * n_draws, device=latents.device).split(_MAX_ROWS)
    parts = [function(condition[rows // n_draws], latents[rows % n_draws]) for rows in pairs]
    return torch.cat(parts).view(n, n_draws, -1)
