"""Conditional densities p(x | y): what mixture networks and flows share."""

from abc import abstractmethod
from copy import deepcopy

import numpy as np
import torch
from torch.utils.data import TensorDataset

from skinverse.base import BaseInverter
from skinverse.nets.activations import ACTIVATIONS
from skinverse.samplers import RandomSampler
from skinverse.training.losses import NegativeLogLikelihood
from skinverse.training.net import make_net, resolve_device
from skinverse.utils.chunks import chunks
from skinverse.utils.validation import (
    HasMethods,
    Integral,
    Interval,
    Real,
    StrOptions,
    check_is_fitted,
    validate_data,
)

# Values of draws decoded together.
_MAX_VALUES = 2**24
# Points of the cube keep this distance from its faces, where a normal latent would be infinite.
_EPS = 1e-12
# Rounds of draws, the first as many as asked for and each later one as many again, until enough lie in the space.
_MAX_ROUNDS = 20


class ConditionalDensityInverter(BaseInverter):
    r"""Base of inverters that fit :math:`p(x \mid y)` by maximum likelihood and draw from it.

    A subclass says ``_make_module(n_conditions, n_features, generator)``: a network from standardised
    responses to a distribution over standardised designs with ``log_prob(x)``, and with ``decode(u)`` and
    ``n_latents`` to turn points of the unit cube into draws.

    Draws are exchangeable. They are conditioned on the space by rejection: draws outside are replaced
    by new ones, up to twenty times the number asked for; what is still missing then is moved to the
    nearest allowed design and flagged by `projected` in the info bunch, which also tells by `outside` which
    share of the draws for a target lay outside. Whole-number variables are rounded and fixed ones set to
    their value, which does not condition the others on it: refine such designs if the response matters.

    The latents are the same for every target of a call.
    """

    _training_constraints = {
        "hidden_layer_sizes": ["array-like"],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "sampler": [HasMethods("sample"), None],
        "space": "no_validation",
        "device": [str, torch.device],
        "net_params": [dict, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @abstractmethod
    def _make_module(self, n_conditions, n_features, generator):
        """Network from standardised responses to a distribution over standardised designs."""

    def _fit(self, X, y, random_state):
        seed = int(random_state.randint(2**31 - 1))
        device = resolve_device(self.device)
        self.x_mean_, spread = X.mean(axis=0), X.std(axis=0)
        self.x_scale_ = np.where(spread > 0, spread, 1.0)
        self.y_mean_ = y.mean(axis=0)
        module = self._make_module(y.shape[1], X.shape[1], torch.Generator().manual_seed(seed))
        max_epochs = self.max_epochs
        if max_epochs is None:  # as many as make 10,000 steps
            max_epochs = int(np.clip(10_000 * self.batch_size // len(X), 20, 500))
        self.net_ = make_net(
            module,
            NegativeLogLikelihood(),
            optimizer="adam",
            lr=self.lr,
            max_epochs=max_epochs,
            batch_size=self.batch_size,
            validation_fraction=0.1 if len(X) >= 20 else 0,
            patience=max(10, max_epochs // 5),
            seed=seed,
            device=device,
            verbose=self.verbose,
            net_params=self.net_params,
        )
        x = self._tensor((X - self.x_mean_) / self.x_scale_).float()
        self.net_.fit(TensorDataset(self._condition(y).float(), x))
        # In double precision an answer does not depend on what else is in the batch.
        self.module_ = deepcopy(self.net_.module_).double().requires_grad_(False).eval()
        self.n_iter_ = len(self.net_.history)

    def _tensor(self, array):
        return torch.tensor(array, dtype=torch.float64, device=resolve_device(self.device))

    def _condition(self, y):
        return self._tensor((y - self.y_mean_) / self.y_scale_)

    @torch.no_grad()
    def score_samples(self, X, y):
        """Log-density of designs given their responses, without regard to the space.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            One response for each design, all outputs given.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            In the user's units: a design twice as long in one unit has half the density.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        targets = self._check_targets(y)
        if len(targets) != len(X):
            raise ValueError(f"X and y must have one row a sample, got {len(X)} and {len(targets)} rows.")
        return self._log_prob(X, targets.lower)

    @torch.no_grad()
    def _log_prob(self, X, y):
        parts = []
        for rows in chunks(len(X), 8192):
            density = self.module_(self._condition(y[rows]))
            x = self._tensor((X[rows] - self.x_mean_) / self.x_scale_)
            parts.append(density.log_prob(x).cpu().numpy())
        return np.concatenate(parts) - np.log(self.x_scale_).sum()

    def _inverse(self, targets, n, space, random_state):
        sampler = RandomSampler() if self.sampler is None else self.sampler
        seeds = random_state.randint(2**31 - 1, size=_MAX_ROUNDS)
        d = space.n_features
        X = np.empty((len(targets), n, d))
        projected = np.zeros((len(targets), n), dtype=bool)
        outside = np.empty(len(targets))
        for part in chunks(len(targets), _MAX_VALUES // (_MAX_ROUNDS * n * d * d)):
            X[part], projected[part], outside[part] = self._draw(targets[part], n, space, sampler, seeds)
        log_prob = self._log_prob(X.reshape(-1, d), np.repeat(targets.lower, n, axis=0)).reshape(-1, n)
        return X, {"log_prob": log_prob, "projected": projected, "outside": outside}

    @torch.no_grad()
    def _draw(self, targets, n, space, sampler, seeds):
        """Designs (n_targets, n, d) in the space, which of them were moved there, the share of draws outside."""
        density = self.module_(self._condition(targets.lower))
        pinned = space.width == 0
        rounds, inside = [], []
        for seed in seeds:
            u = sampler.sample(n, density.n_latents, random_state=int(seed))
            x = density.decode(self._tensor(np.clip(u, _EPS, 1 - _EPS))).cpu().numpy()
            x = self.x_mean_ + self.x_scale_ * x
            x[..., space.integer] = np.round(x[..., space.integer])
            x[..., pinned] = space.lower[pinned]
            rounds.append(x)
            inside.append(space.contains(x))
            if (np.sum(inside, axis=(0, 2)) >= n).all():
                break
        x, inside = np.concatenate(rounds, axis=1), np.concatenate(inside, axis=1)
        # The first n inside, in the order drawn: what a target gets does not depend on the others' needs.
        first = np.argsort(~inside, axis=1, kind="stable")[:, :n]
        X = np.take_along_axis(x, first[:, :, None], axis=1)
        moved = ~np.take_along_axis(inside, first, axis=1)
        X[moved] = space.project(X[moved])
        return X, moved, 1 - inside[:, :n].mean(axis=1)
