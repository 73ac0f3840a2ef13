"""The surrogate of the Neural-Adjoint paper, network and training, for runs as published."""

from copy import deepcopy
from itertools import pairwise

import numpy as np
import torch
from sklearn.base import BaseEstimator, RegressorMixin
from torch import nn

from skinverse.utils.chunks import chunks
from skinverse.utils.devices import resolve_device

_CHUNK_SIZE = 8192  # rows predicted at once


class PublishedSurrogate(RegressorMixin, BaseEstimator):
    """Linear layers with batch normalisation and ReLU, no scaling, trained by Adam on a plateau schedule [1]_.

    The parameters of the epoch with the lowest validation loss are kept. It is here to reproduce what was published;
    :class:`~skinverse.ForwardRegressor` is orders of magnitude more accurate.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, default=(500, 500, 500, 500)
    unit : float or array-like of shape (n_features,), default=1.0
        In which the network sees the designs.
    lr : float, default=1e-3
    factor : float, default=0.5
        By which the learning rate falls where the training loss has not improved for ten epochs.
    weight_decay : float, default=0.0
    max_epochs : int, default=500
    batch_size : int, default=1024
    validation_fraction : float, default=0.2
    device : str or torch.device, default="auto"
    random_state : int or None, default=None
        Governs parameters, held-out rows and batches; torch's own generator is left as it was.

    Attributes
    ----------
    module_ : torch.nn.Module
        Designs (n, n_features) to responses (n, n_outputs), float64, in the user's units.

    References
    ----------
    .. [1] S. Ren, W. Padilla and J. Malof, "Benchmarking deep inverse models over time, and the
       neural-adjoint method", NeurIPS 2020. https://arxiv.org/abs/2009.12919

    Examples
    --------
    >>> from skinverse.benchmark.published_networks import PublishedSurrogate
    >>> from skinverse.datasets import make_sine_wave
    >>> X, y = make_sine_wave(300, random_state=0)
    >>> PublishedSurrogate((20, 20), max_epochs=3, random_state=0).fit(X, y).predict(X).shape
    (300,)
    """

    def __init__(
        self,
        hidden_layer_sizes=(500, 500, 500, 500),
        *,
        unit=1.0,
        lr=1e-3,
        factor=0.5,
        weight_decay=0.0,
        max_epochs=500,
        batch_size=1024,
        validation_fraction=0.2,
        device="auto",
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.unit = unit
        self.lr = lr
        self.factor = factor
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.device = device
        self.random_state = random_state

    def fit(self, X, y):
        """Train the network; `y` of shape (n_samples,) or (n_samples, n_outputs)."""
        device = resolve_device(self.device)
        self.y_ndim_ = np.ndim(y)
        X, y = (torch.tensor(np.reshape(a, (len(a), -1)), dtype=torch.float32, device=device) for a in (X, y))
        rng = np.random.RandomState(self.random_state)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(rng.randint(2**31 - 1)))
            module = _Net(X.shape[1], y.shape[1], self.hidden_layer_sizes, self.unit).to(device)
        order = rng.permutation(len(X))
        n_valid = max(1, round(self.validation_fraction * len(X)))
        self.module_ = self._train(module, X, y, order[n_valid:], order[:n_valid], rng)
        return self

    def _train(self, module, X, y, train, valid, rng):
        optimizer = torch.optim.Adam(module.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=self.factor, patience=10)
        best, weights = np.inf, module.state_dict()
        for _ in range(self.max_epochs):
            module.train()
            total = 0.0
            for rows in np.array_split(rng.permutation(train), max(1, round(len(train) / self.batch_size))):
                loss = ((module(X[rows]) - y[rows]) ** 2).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += len(rows) * loss.item()
            schedule.step(total / len(train))
            module.eval()
            with torch.no_grad():
                score = ((module(X[valid]) - y[valid]) ** 2).mean().item()
            if score < best:
                best, weights = score, deepcopy(module.state_dict())
        module.load_state_dict(weights)
        return module.eval().requires_grad_(False)

    @torch.no_grad()
    def predict(self, X):
        """Responses of designs (n_samples, n_features), in the shape of the `y` of `fit`."""
        device = next(self.module_.parameters()).device
        X = torch.tensor(np.asarray(X), dtype=torch.float64, device=device)
        y = torch.cat([self.module_(X[rows]) for rows in chunks(len(X), _CHUNK_SIZE)]).double().cpu().numpy()
        return y.ravel() if self.y_ndim_ == 1 else y


class _Net(nn.Module):
    def __init__(self, n_inputs, n_outputs, widths, unit):
        super().__init__()
        self.register_buffer("unit", torch.tensor(unit, dtype=torch.float32))
        widths = [n_inputs, *widths]
        blocks = [(nn.Linear(i, o), nn.BatchNorm1d(o), nn.ReLU()) for i, o in pairwise(widths)]
        self.layers = nn.Sequential(
            *(layer for block in blocks for layer in block), nn.Linear(widths[-1], n_outputs)
        )

    def forward(self, x):
        return self.layers(x.float() / self.unit).to(x.dtype)
