"""What a response must be: a value, any value, an interval, one side of a threshold."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TargetRange:
    """Responses wanted between two limits; pass it as `y_star`.

    Parameters
    ----------
    lower, upper : array-like or None
        Limits in the units of `y`, each shaped like any other `y_star`. None, NaN and infinite
        entries leave that side open.

    Examples
    --------
    >>> from skinverse import TargetRange
    >>> TargetRange(0.4, 0.6)          # a gap between 0.4 and 0.6 eV
    TargetRange(lower=0.4, upper=0.6)
    >>> TargetRange(lower=1.0)         # at least 1 eV
    TargetRange(lower=1.0, upper=None)
    """

    lower: object = None
    upper: object = None


@dataclass(frozen=True)
class Targets:
    """Validated targets, one row each, as closed intervals.

    Attributes
    ----------
    lower, upper : ndarray of shape (n_targets, n_outputs)
        Equal for an exact value, -inf and inf for "any value".
    """

    lower: np.ndarray
    upper: np.ndarray

    def __len__(self):
        return len(self.lower)

    def __getitem__(self, index):
        return Targets(self.lower[index], self.upper[index])

    @property
    def wanted(self):
        """Outputs that are asked for at all, a mask of shape (n_targets, n_outputs)."""
        return np.isfinite(self.lower) | np.isfinite(self.upper)

    @property
    def exact(self):
        """Outputs with one wanted value, a mask of shape (n_targets, n_outputs)."""
        return self.lower == self.upper

    def residual(self, y):
        """Signed distance of responses to the intervals, zero inside them.

        Parameters
        ----------
        y : ndarray of shape (n_targets, n_outputs) or (n_targets, n, n_outputs)

        Returns
        -------
        residual : ndarray, the shape of `y`
        """
        lower, upper = self.lower, self.upper
        if y.ndim == 3:
            lower, upper = lower[:, None], upper[:, None]
        return y - np.clip(y, lower, upper)

    def misfit(self, y):
        """Mean over the wanted outputs of the squared residual, the shape of `y` less its last axis."""
        wanted = self.wanted[:, None] if y.ndim == 3 else self.wanted
        return (self.residual(y) ** 2).sum(axis=-1) / wanted.sum(axis=-1)

    def above_floor(self, floor):
        """The same wishes for a latent response that is seen only as ``max(latent, floor)``.

        A limit at or below the floor is met by every latent value below the floor too.

        Parameters
        ----------
        floor : ndarray of shape (n_outputs,)
            -inf where the response is not censored.
        """
        lower = np.where(self.lower <= floor, -np.inf, self.lower)
        return Targets(lower, np.maximum(self.upper, floor))
