"""Forward models that know the truth, as the regressors that inverters ask for."""

import numpy as np
import torch
from sklearn.base import BaseEstimator, RegressorMixin
from torch import nn


class ExactModule(nn.Module):
    """A known function as a network; `scale` is a buffer, so that a device can be read off."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.register_buffer("scale", torch.ones(1, dtype=torch.float64))

    def forward(self, x):
        return self.scale * self.function(x)


class ExactRegressor(RegressorMixin, BaseEstimator):
    """A regressor that knows the truth, or what it was told is the truth."""

    def __init__(self, function):
        self.function = function

    def fit(self, X, y):
        self.module_ = ExactModule(self.function)
        self.is_1d_ = np.ndim(y) == 1
        return self

    def predict(self, X):
        y = self.module_(torch.tensor(np.asarray(X))).numpy()
        return y.ravel() if self.is_1d_ else y


def sine(x):
    """The sine task as a torch function, (n, 2) -> (n, 1)."""
    return (torch.sin(3 * torch.pi * x[:, 0]) + torch.cos(3 * torch.pi * x[:, 1])).unsqueeze(1)


def biased_sine(x):
    """The sine task plus a smooth error."""
    return sine(x) + 0.05 * torch.sin(4 * x.sum(dim=1, keepdim=True))


def arm(x):
    """The robotic arm in its absolute convention, (n, 4) -> (n, 2)."""
    angles = torch.stack([x[:, 1], x[:, 2] - x[:, 1], x[:, 3] - x[:, 2] - x[:, 1]], dim=1)
    lengths = torch.tensor([0.5, 0.5, 1.0], dtype=x.dtype)
    across, up = (lengths * torch.cos(angles)).sum(1), x[:, 0] + (lengths * torch.sin(angles)).sum(1)
    return torch.stack([across, up], dim=1)
