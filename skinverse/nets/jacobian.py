"""Input Jacobians of any network, batched over samples."""

import torch
from torch import Tensor, nn


def value_and_jacobian(net: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs (n, m) and derivatives (n, m, d) of `net` at the rows of `x`, each row on its own.

    A net that brings its own ``value_and_jacobian`` is asked for it; for any other, one backward
    sweep an output is run by autograd, or one forward sweep an input where those are fewer.
    """
    own = getattr(net, "value_and_jacobian", None)
    if own is not None:
        return own(x)
    with torch.enable_grad():
        z = x.detach().requires_grad_()
        y = net(z)
        n_outputs, n_inputs = y.shape[1], x.shape[1]
        if n_outputs <= n_inputs:
            rows = [torch.autograd.grad(y[:, k].sum(), z, retain_graph=True)[0] for k in range(n_outputs)]
            return y.detach(), torch.stack(rows, dim=1)
    tangents = torch.eye(n_inputs, dtype=x.dtype, device=x.device)
    with torch.no_grad():
        columns = [torch.func.jvp(net, (x,), (t.expand_as(x),))[1] for t in tangents]
    return y.detach(), torch.stack(columns, dim=2)
