"""Every condition with every latent, in blocks."""

import torch
from torch import Tensor

# Rows computed at once, on a CPU, whose cache holds so many, and on a GPU.
_TOGETHER = (2**12, 2**15)


def over_pairs(function, condition: Tensor, latents: Tensor) -> Tensor:
    """``function(condition_rows, latent_rows)`` for all pairs, as a tensor (n_conditions, n_latents, ...)."""
    n, n_draws = len(condition), len(latents)
    at_once = _TOGETHER[latents.device.type == "cuda"]
    pairs = torch.arange(n * n_draws, device=latents.device).split(at_once)
    parts = [function(condition[rows // n_draws], latents[rows % n_draws]) for rows in pairs]
    return torch.cat(parts).view(n, n_draws, -1)
