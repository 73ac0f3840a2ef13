"""Location and scale of columns."""

import numpy as np


def location_and_scale(a):
    """Mean and standard deviation of the columns; the latter is 0 for one that is constant but for rounding."""
    constant = np.ptp(a, axis=0) <= 10 * np.finfo(float).eps * np.abs(a).max(axis=0)
    return np.where(constant, a[0], a.mean(axis=0)), np.where(constant, 0.0, a.std(axis=0))


def standard_units(a):
    """Mean and standard deviation of the columns; the latter is 1 for one that is constant but for rounding."""
    mean, scale = location_and_scale(a)
    return mean, np.where(scale > 0, scale, 1.0)


def column_scale(a):
    """The standard deviations of :func:`standard_units`."""
    return standard_units(a)[1]


def check_scale(scale, default):
    """A `scale` that a user gives, one number a column, zeros made ones; `default` for None."""
    if scale is None:
        return default
    scale = np.asarray(scale, dtype=np.float64)
    if scale.shape != default.shape or not (np.isfinite(scale) & (scale >= 0)).all():
        raise ValueError(
            f"scale must hold {len(default)} finite numbers of at least 0, one a feature, got {scale}."
        )
    return np.where(scale > 0, scale, 1.0)
