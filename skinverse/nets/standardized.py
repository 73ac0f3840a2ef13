"""A network in the user's units: scaling of inputs and outputs as buffers around a plain net."""

import torch
from torch import Tensor, nn

from skinverse.nets.jacobian import value_and_jacobian


class Standardized(nn.Module):
    """``y_mean + y_scale * net((x - x_mean) / x_scale)``, in and out in float64.

    The subtraction is done in float64 and only the standardised values are cast to the net's own
    precision, so that a large offset in the user's units (kelvin, pascal) costs no digits.

    Parameters
    ----------
    net : Module
        Maps standardised inputs (n, d) to standardised outputs (n, m).
    x_mean, x_scale : Tensor of shape (d,)
    y_mean, y_scale : Tensor of shape (m,)
    """

    def __init__(self, net, x_mean, x_scale, y_mean, y_scale):
        super().__init__()
        self.net = net
        for name, value in dict(x_mean=x_mean, x_scale=x_scale, y_mean=y_mean, y_scale=y_scale).items():
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float64))

    @property
    def dtype(self):
        """Precision of the inner net."""
        return next(self.net.parameters()).dtype

    def standardize(self, x):
        return ((x.to(self.x_mean.dtype) - self.x_mean) / self.x_scale).to(self.dtype)

    def forward(self, x: Tensor) -> Tensor:
        return self.y_mean + self.y_scale * self.net(self.standardize(x)).to(self.y_mean.dtype)

    def value_and_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs (n, m) and d output / d input (n, m, d), both in the user's units."""
        y, jacobian = value_and_jacobian(self.net, self.standardize(x))
        y = self.y_mean + self.y_scale * y.to(self.y_mean.dtype)
        return y, jacobian.to(self.y_mean.dtype) * (self.y_scale.unsqueeze(1) / self.x_scale)
