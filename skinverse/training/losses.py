"""Squared-error losses that also give their residuals, so that first- and second-order training share them."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class SquaredError(nn.Module):
    """Mean squared error; in evaluation mode, without the hundredth of the rows that is worst.

    Training sees every row. Validation decides when to stop, and a single held-out row far in the tail would
    decide it by luck: on smooth noise-free data it is often 99 % of the sum.
    """

    eval_share = 0.99

    def forward(self, prediction: Tensor, y: Tensor) -> Tensor:
        if self.training:
            return functional.mse_loss(prediction, y)
        return self._trimmed_mean(prediction, y)

    def _trimmed_mean(self, prediction, y):
        rows = self.residuals(prediction, y).square().mean(dim=1).sort().values
        return rows[: round(self.eval_share * len(rows))].mean()

    def residuals(self, prediction: Tensor, y: Tensor) -> Tensor:
        """Residuals (n, m)."""
        return prediction - y

    def active(self, prediction: Tensor, y: Tensor) -> Tensor | None:
        """Where a residual has slope 1 in the prediction, not 0, as a mask (n, m); None means everywhere."""
        return None


class CensoredSquaredError(SquaredError):
    r"""Squared error for responses that are cut off at a floor.

    A row whose response sits at the floor :math:`f` says only that the latent response is not
    above it, so its residual is :math:`\max(\hat y - f, 0)`; every other row counts as usual. This is the
    squared-error cousin of the Tobit likelihood [1]_: predictions are free to go below the floor where
    the data say no more, and the network need not bend itself into a kink.

    Parameters
    ----------
    floor : Tensor of shape (m,)
        Floor of each output, in the units of the net's output; ``-inf`` where there is none.

    References
    ----------
    .. [1] J. Tobin, "Estimation of relationships for limited dependent variables", Econometrica 26,
       24-36, 1958. https://doi.org/10.2307/1907382
    """

    def __init__(self, floor):
        super().__init__()
        self.register_buffer("floor", torch.as_tensor(floor))

    def forward(self, prediction: Tensor, y: Tensor) -> Tensor:
        if self.training:
            return self.residuals(prediction, y).square().mean()
        return self._trimmed_mean(prediction, y)

    def residuals(self, prediction: Tensor, y: Tensor) -> Tensor:
        return torch.where(self.active(prediction, y), prediction - y, 0.0)

    def active(self, prediction: Tensor, y: Tensor) -> Tensor:
        return (y > self.floor) | (prediction > y)


class NegativeLogLikelihood(nn.Module):
    """Mean negative log-density of designs under the distributions a network gives for their responses."""

    def forward(self, density, x: Tensor) -> Tensor:
        return -density.log_prob(x).mean()


class StochasticLoss(nn.Module):
    """The loss a model computes of designs with random numbers: new ones in training, always the same in validation.

    Parameters
    ----------
    seed : int
    warm_up : float, default=0.0
        Share of the training in which the loss still changes, and nobody waits for a better one.

    Attributes
    ----------
    progress : float
        Share of the training that is done, as :class:`~skinverse.training.callbacks.ReportProgress` tells, for losses
        whose weights change on the way. Validation always uses the weights of the end.
    """

    def __init__(self, seed, warm_up=0.0):
        super().__init__()
        self.seed, self.warm_up = seed, warm_up
        self.generator = torch.Generator().manual_seed(seed)
        self.progress = 0.0

    @property
    def warming_up(self):
        """Whether training is still in that share."""
        return self.progress < self.warm_up

    def __getstate__(self):
        # A copy draws from the beginning again: the state of a generator does not follow a net to other devices.
        return {name: value for name, value in vars(self).items() if name != "generator"}

    def __setstate__(self, state):
        super().__setstate__(state)
        self.generator = torch.Generator().manual_seed(self.seed)

    def forward(self, model, x: Tensor) -> Tensor:
        if self.training:
            return model.loss(x, self.generator, self.progress)
        return model.loss(x, torch.Generator().manual_seed(self.seed), 1.0)


class TandemLoss(nn.Module):
    """Squared error of the response a proposed design is predicted to have, plus how far it lies outside the box.

    Parameters
    ----------
    boundary_weight : float
        Of the mean distance, in units of the box's edges, by which variables lie outside.
    """

    def __init__(self, boundary_weight):
        super().__init__()
        self.boundary_weight = boundary_weight

    def forward(self, output, y: Tensor) -> Tensor:
        unit, response = output
        outside = functional.relu((unit - 0.5).abs() - 0.5).mean()
        return functional.mse_loss(response, y) + self.boundary_weight * outside
