"""Monotone rational-quadratic splines, both ways, with their slopes."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

# Least share of the interval that a bin takes, and least slope at a knot.
_LEAST_BIN, _LEAST_SLOPE = 1e-3, 1e-3
# softplus(_UNIT_SLOPE) + _LEAST_SLOPE = 1: parameters of zero are the identity.
_UNIT_SLOPE = math.log(math.expm1(1 - _LEAST_SLOPE))


def rational_quadratic_spline(x: Tensor, parameters: Tensor, bound: float, *, inverse: bool):
    """Spline through the knots that the parameters describe; the identity outside [-bound, bound] [1]_.

    Parameters
    ----------
    x : Tensor of any shape
    parameters : Tensor, the shape of `x` and a last axis of 3K - 1
        K widths, K heights, K - 1 slopes at the inner knots, all unbounded; zeros give the identity.
    bound : float
    inverse : bool
        Whether to go from the image back.

    Returns
    -------
    y, log_slope : Tensor of the shape of `x`
        Image, or preimage, and the logarithm of the slope of the map that was taken.

    References
    ----------
    .. [1] C. Durkan et al., "Neural spline flows", NeurIPS 2019, appendix A. https://arxiv.org/abs/1906.04032
    """
    n_bins = (parameters.shape[-1] + 1) // 3
    widths, heights, slopes = parameters.split([n_bins, n_bins, n_bins - 1], dim=-1)
    x_knots, y_knots = _knots(widths, bound), _knots(heights, bound)
    slopes = F.pad(_LEAST_SLOPE + F.softplus(slopes + _UNIT_SLOPE), (1, 1), value=1.0)

    inside = (x > -bound) & (x < bound)
    value = torch.where(inside, x, 0.0).unsqueeze(-1)
    k = torch.searchsorted((y_knots if inverse else x_knots)[..., 1:-1].contiguous(), value.contiguous())

    def at(table):
        return table.gather(-1, k).squeeze(-1)

    def step(table):
        return (table.gather(-1, k + 1) - table.gather(-1, k)).squeeze(-1)

    left, width, bottom, height = at(x_knots), step(x_knots), at(y_knots), step(y_knots)
    chord = height / width
    d0, d1 = at(slopes), slopes.gather(-1, k + 1).squeeze(-1)
    bend = d0 + d1 - 2 * chord
    value = value.squeeze(-1)
    if inverse:  # the root of a quadratic, in the form that does not cancel
        rise = value - bottom
        a = height * (chord - d0) + rise * bend
        b = height * d0 - rise * bend
        c = -chord * rise
        root = (b.square() - 4 * a * c).clamp_min(0).sqrt()
        place = 2 * c / (-b - root)
    else:
        place = (value - left) / width
    both = place * (1 - place)
    denominator = chord + bend * both
    slope = chord.square() * (d1 * place.square() + 2 * chord * both + d0 * (1 - place).square())
    log_slope = slope.log() - 2 * denominator.log()
    if inverse:
        y, log_slope = left + place * width, -log_slope
    else:
        y = bottom + height * (chord * place.square() + d0 * both) / denominator
    return torch.where(inside, y, x), torch.where(inside, log_slope, 0.0)


def _knots(raw: Tensor, bound: float) -> Tensor:
    """K + 1 increasing knots from -bound to bound."""
    n_bins = raw.shape[-1]
    share = _LEAST_BIN + (1 - _LEAST_BIN * n_bins) * F.softmax(raw, dim=-1)
    inner = bound * (2 * share.cumsum(dim=-1)[..., :-1] - 1)
    return F.pad(F.pad(inner, (1, 0), value=-bound), (0, 1), value=bound)
