"""Where tensors live."""

import torch


def resolve_device(device, way_out="device='cpu'"):
    """The `torch.device` named by `device`; "auto" is the GPU when there is one.

    Raises
    ------
    ValueError
        If tensors cannot lie there, with the `way_out`.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(
            f"device={str(device)!r} is not available here ({reason}); pass {way_out}."
        ) from error
    return torch.device(device)
