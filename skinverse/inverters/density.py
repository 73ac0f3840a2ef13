"""Conditional densities p(x | y): what mixture networks and flows share."""

import numpy as np
import torch

from skinverse.inverters.latent import LatentInverter
from skinverse.training.losses import NegativeLogLikelihood
from skinverse.utils.chunks import chunks
from skinverse.utils.validation import check_is_fitted, validate_data

# Values of designs scored together, and how many a design has where the layers of a network are most of it.
_MAX_VALUES, _LEAST_VALUES = 2**24, 2**11


class ConditionalDensityInverter(LatentInverter):
    r"""Base of inverters that fit :math:`p(x \mid y)` by maximum likelihood and draw from it.

    The network of a subclass maps standardised responses to a distribution over standardised designs, which has
    ``log_prob(x)``, one density a row, and ``decode(u)``, which turns points of the unit cube into draws. Training,
    scoring and drawing thus use one density. `log_prob` in the info bunch is that of :meth:`score_samples`.
    """

    def _make_criterion(self, seed):
        return NegativeLogLikelihood()

    def _decode(self, condition, u):
        return self.module_(condition).decode(u)

    def _describe(self, X, targets):
        n = X.shape[1]
        log_prob = self._log_prob(X.reshape(-1, X.shape[2]), np.repeat(targets.lower, n, axis=0))
        return {"log_prob": log_prob.reshape(-1, n)}

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

    def _values_per_score(self, d):
        """Numbers held at once for a design of `d` variables that is scored."""
        return _LEAST_VALUES

    @torch.no_grad()
    def _log_prob(self, X, y):
        parts = []
        for rows in chunks(len(X), _MAX_VALUES // self._values_per_score(X.shape[1])):
            density = self.module_(self._condition(y[rows]))
            parts.append(density.log_prob(self._standardize(X[rows])).cpu().numpy())
        return np.concatenate(parts) - np.log(self.x_scale_[self._is_continuous()]).sum()

    def _is_continuous(self):
        """Variables of which there is a density, a mask (n_features,); of the others there are probabilities."""
        return np.ones(len(self.x_scale_), dtype=bool)
