"""From the unit cube to where points are wanted: a normal law, a box."""

import numpy as np
from scipy.special import ndtri

_SMALLEST = 2.0**-53


def cube_to_normal(u):
    """Standard normal quantiles of points of the unit cube.

    Parameters
    ----------
    u : array-like of any shape
        Coordinates in [0, 1]. Values closer than 2^-53 to 0 or 1 are taken as if they lay at that distance,
        so that 0 and 1, which unscrambled sequences do contain, give ∓8.2 and not infinity.

    Returns
    -------
    z : ndarray of float64 of the shape of `u`
        Finite values within ±8.21; standard normal when `u` is uniform.

    Raises
    ------
    ValueError
        If a coordinate is outside [0, 1] or not a number.

    Examples
    --------
    >>> from skinverse.samplers import cube_to_normal
    >>> cube_to_normal([0.0, 0.025, 0.5, 1.0]).round(2)
    array([-8.21, -1.96,  0.  ,  8.21])
    """
    return ndtri(np.clip(_check_cube(u), _SMALLEST, 1 - _SMALLEST))


def cube_to_box(u, lower, upper):
    """Points of the unit cube, stretched over a box.

    Parameters
    ----------
    u : array-like of shape (..., n_dims)
        Coordinates in [0, 1].
    lower, upper : float or array-like of shape (n_dims,)
        Ends of the box, finite, `lower` not above `upper`; equal ends fix a coordinate.

    Returns
    -------
    x : ndarray of float64 of shape (..., n_dims)
        Points of the box, never outside it by rounding: 0 gives `lower`, 1 gives `upper` exactly.

    Raises
    ------
    ValueError
        If a coordinate is outside [0, 1] or not a number, or if the box is empty, not finite or of
        another dimension than `u`.

    Examples
    --------
    >>> from skinverse.samplers import cube_to_box
    >>> cube_to_box([[0.0, 0.5], [1.0, 0.25]], lower=[-1, 0], upper=[1, 8])
    array([[-1.,  4.],
           [ 1.,  2.]])
    """
    u = _check_cube(u)
    lower, upper = (np.asarray(end, dtype=np.float64) for end in (lower, upper))
    for name, end in (("lower", lower), ("upper", upper)):
        if end.shape not in ((), u.shape[-1:]):
            raise ValueError(
                f"{name} must be a number or have shape (n_dims,) = {u.shape[-1:]}, got {end.shape}. "
                "Pass one end for every column of u."
            )
    if not (np.isfinite(lower).all() and np.isfinite(upper).all() and (lower <= upper).all()):
        raise ValueError(
            f"lower and upper must be finite with lower <= upper, got lower={lower} and upper={upper}. "
            "Choose a bounded box, for example the range of the data."
        )
    # A weighted mean instead of lower + u * (upper - lower): the width of a huge box may overflow.
    return np.clip(lower * (1 - u) + upper * u, lower, upper)


def _check_cube(u):
    u = np.asarray(u, dtype=np.float64)
    if not ((u >= 0) & (u <= 1)).all():
        raise ValueError(
            f"u must lie in [0, 1], got values from {u.min()} to {u.max()}. "
            "Pass the points of a sampler, or rescale them to the unit cube first."
        )
    return u
