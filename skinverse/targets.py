"""What a response must be: a value, any value, an interval, one side of a threshold."""

from dataclasses import dataclass

import numpy as np

from skinverse.utils.validation import numbers_from


@dataclass(frozen=True)
class TargetRange:
    """Responses wanted between two limits; pass it as `y_star`.

    Parameters
    ----------
    lower, upper : array-like or None
        Limits in the units of `y`, each shaped like any other `y_star`. None and NaN leave that side
        open, and so do -inf in `lower` and inf in `upper`.

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

    @classmethod
    def between(cls, lower, upper):
        """Targets of limits (n_targets, n_outputs), NaN leaving a side open.

        Raises
        ------
        ValueError
            If limits contradict each other or cannot be reached, or a target asks for nothing.
        """
        targets = cls(np.where(np.isnan(lower), -np.inf, lower), np.where(np.isnan(upper), np.inf, upper))
        unreachable = np.argwhere((targets.lower == np.inf) | (targets.upper == -np.inf))
        if unreachable.size:
            row, output = unreachable[0]
            raise ValueError(
                f"The limits of y_star for target {row}, output {output} are {lower[row, output]:g} and "
                f"{upper[row, output]:g}: no response reaches them. NaN leaves a side open."
            )
        crossed = np.argwhere(targets.lower > targets.upper)
        if crossed.size:
            row, output = crossed[0]
            raise ValueError(
                f"The lower limit of y_star is above the upper one for target {row}, output {output}: "
                f"{lower[row, output]:g} > {upper[row, output]:g}."
            )
        idle = np.flatnonzero(~targets.wanted.any(axis=1))
        if idle.size:
            raise ValueError(
                f"y_star asks for nothing in target {idle[0]}: each of its outputs may take any value. "
                "Give at least one output a value."
            )
        return targets

    def __len__(self):
        return len(self.lower)

    def __getitem__(self, index):
        return Targets(self.lower[index], self.upper[index])

    @property
    def y_star(self):
        """The same as users say it: an array, NaN being any value, or a TargetRange where there are limits."""
        if (self.exact | ~self.wanted).all():
            return np.where(self.wanted, self.lower, np.nan)
        return TargetRange(self.lower, self.upper)

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


def as_targets(y_star, n_targets):
    """What was asked of designs that are there already.

    Parameters
    ----------
    y_star : array-like of shape (n_targets, n_outputs), (n_targets,) or scalar, or TargetRange
        NaN means any value. Limits of a range that are one row hold for all targets.
    n_targets : int

    Returns
    -------
    targets : Targets

    Raises
    ------
    ValueError
        If `y_star` is not one row for each target, is infinite or asks for nothing.
    """
    if isinstance(y_star, TargetRange):
        limits = [np.nan if limit is None else limit for limit in (y_star.lower, y_star.upper)]
        sides = [_as_rows(limit, n_targets, one_will_do=True) for limit in limits]
        if 1 not in (sides[0].size, sides[1].size) and sides[0].shape[1] != sides[1].shape[1]:
            raise ValueError(
                f"lower and upper of the TargetRange speak of {sides[0].shape[1]} and {sides[1].shape[1]} outputs."
            )
        lower, upper, _ = np.broadcast_arrays(*sides, np.empty((n_targets, 1)))
    else:
        lower = upper = _as_rows(y_star, n_targets)
        if np.isinf(lower).any():
            raise ValueError("y_star must be finite, with NaN only for outputs that may take any value.")
    return Targets.between(lower, upper)


def _as_rows(y_star, n_targets, *, one_will_do=False):
    """`y_star` as an array (n_targets, n_outputs), or (1, n_outputs) where that will do."""
    with numbers_from(y_star, "y_star"):
        rows = np.asarray(y_star, dtype=np.float64)
    if rows.ndim < 2:
        one_target = rows.ndim == 1 and len(rows) != n_targets and (n_targets == 1 or one_will_do)
        rows = rows.reshape(1, -1) if one_target else rows.reshape(-1, 1)
    if rows.ndim != 2 or (len(rows) != n_targets and not (one_will_do and len(rows) == 1)):
        raise ValueError(
            f"y_star must hold one row for each of the {n_targets} targets in X, got shape {np.shape(y_star)}."
        )
    return rows
