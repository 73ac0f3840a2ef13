"""An inverse network in series with a frozen forward one."""

import torch
from torch import Tensor, nn


class TandemNet(nn.Module):
    """Condition (n, c) to a design in the unit box and to the response it is predicted to have.

    Parameters
    ----------
    inverse_net : Module
        Conditions (n, c) to (n, d).
    forward_net : Module
        Designs (n, d) to responses (n, m), both in the user's units; it is frozen, parameters and statistics.
    space : DesignSpace
    y_mean, y_scale : ndarray of shape (m,)
        Standardise responses.
    squash : bool
        Whether a sigmoid keeps designs in the box.
    """

    def __init__(self, inverse_net, forward_net, space, y_mean, y_scale, *, squash):
        super().__init__()
        self.inverse_net = inverse_net
        self.forward_net = forward_net.requires_grad_(False)
        self.squash = squash
        for name, value in dict(lower=space.lower, width=space.width, y_mean=y_mean, y_scale=y_scale).items():
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float64))

    def train(self, mode: bool = True):
        """As of any module, but for the forward one: batch normalisation would go on learning."""
        super().train(mode)
        self.forward_net.eval()
        return self

    def design(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Designs in the unit box and in the user's units."""
        out = self.inverse_net(condition)
        unit = torch.sigmoid(out) if self.squash else out + 0.5
        return unit, self.lower + self.width * unit

    def forward(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        unit, x = self.design(condition)
        return unit, (self.forward_net(x) - self.y_mean) / self.y_scale
