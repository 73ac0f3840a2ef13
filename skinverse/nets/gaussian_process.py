"""Gaussian processes of known parameters as a module: means, standard deviations, Jacobians."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_SQRT5 = 5**0.5
# Designs whose standard deviations are computed together, fewer being filled up to as many.
_BLOCK = 64


class GaussianProcessNet(nn.Module):
    r"""Posterior of independent Gaussian processes, one an output, in float64.

    The kernel is :math:`s^2 k(r)` with :math:`r^2 = \sum_j (x_j - x'_j)^2 / \ell_j^2` and
    :math:`k(r) = \exp(-r^2/2)`, or for "matern" :math:`(1 + \sqrt5 r + \tfrac53 r^2) \exp(-\sqrt5 r)`.

    Parameters
    ----------
    kernels : tuple of {"rbf", "matern"}
        Of each output.
    x_mean : Tensor of shape (d,)
        Subtracted from designs first, so that a large offset costs no digits.
    x : Tensor of shape (n_rows, d)
        The rows, less `x_mean`.
    length : Tensor of shape (m, d)
        Length scales, in units of the inputs.
    variance : Tensor of shape (m,)
        :math:`s^2`, of the standardised output.
    factor : Tensor of shape (m, n_rows, n_rows)
        Lower Cholesky factor of the covariance of the rows, noise included.
    weights : Tensor of shape (m, n_rows)
        The covariance's inverse times the standardised output.
    y_mean, y_scale : Tensor of shape (m,)

    Notes
    -----
    Weights are large and of both signs, and a product of matrices rounds otherwise for another number of rows. So that
    the answer to a design depends on no other, sums are taken row by row, and systems solved in blocks of one size.
    """

    def __init__(self, kernels, x_mean, x, length, variance, factor, weights, y_mean, y_scale):
        super().__init__()
        self.kernels = tuple(kernels)
        tensors = dict(
            x_mean=x_mean,
            x=x,
            length=length,
            variance=variance,
            factor=factor,
            weights=weights,
            y_mean=y_mean,
            y_scale=y_scale,
        )
        for name, value in tensors.items():
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Means (n, m) at designs (n, d)."""
        x = x - self.x_mean
        means = [(self._kernel(k, x)[0] * self.weights[k]).sum(dim=1) for k in range(len(self.kernels))]
        return self.y_mean + self.y_scale * torch.stack(means, dim=1)

    def std(self, x: Tensor) -> Tensor:
        """Standard deviations (n, m) of the noise-free response."""
        x, out = x - self.x_mean, []
        for k in range(len(self.kernels)):
            value = F.pad(self._kernel(k, x)[0], (0, 0, 0, -len(x) % _BLOCK))
            explained = [
                torch.linalg.solve_triangular(self.factor[k], block.T, upper=False).square().sum(dim=0)
                for block in value.split(_BLOCK)
            ]
            out.append((self.variance[k] - torch.cat(explained)[: len(x)]).clamp_min(0).sqrt())
        return self.y_scale * torch.stack(out, dim=1)

    def member_values(self, x: Tensor) -> Tensor:
        """Two opinions (2, n, m) about the mean, whose sample variance is that of the process."""
        apart = self.std(x) / 2**0.5
        return self(x) + torch.stack([apart, -apart])

    def value_and_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means (n, m) and their derivatives (n, m, d)."""
        x, means, slopes = x - self.x_mean, [], []
        for k in range(len(self.kernels)):
            value, slope = self._kernel(k, x)
            means.append((value * self.weights[k]).sum(dim=1))
            pull = slope * self.weights[k]
            along = torch.stack([(pull * column).sum(dim=1) for column in self.x.T], dim=1)
            slopes.append((along - pull.sum(dim=1, keepdim=True) * x) / self.length[k] ** 2)
        values = self.y_mean + self.y_scale * torch.stack(means, dim=1)
        return values, self.y_scale.unsqueeze(1) * torch.stack(slopes, dim=1)

    def _kernel(self, k, x):
        """Covariance (n, n_rows) of centred designs and rows, and its gradient over ``(x_row - x) / length**2``."""
        r = torch.cdist(
            x / self.length[k],
            self.x / self.length[k],
            compute_mode="donot_use_mm_for_euclid_dist",
        )
        if self.kernels[k] == "rbf":
            value = self.variance[k] * torch.exp(-r.square() / 2)
            return value, value
        decay = self.variance[k] * torch.exp(-_SQRT5 * r)
        return (1 + _SQRT5 * r + 5 / 3 * r.square()) * decay, 5 / 3 * (1 + _SQRT5 * r) * decay
