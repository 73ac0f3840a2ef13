"""Where tensors live."""

import torch


def resolve_device(device):
    """The `torch.device` named by `device`; "auto" is the GPU when there is one."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)
