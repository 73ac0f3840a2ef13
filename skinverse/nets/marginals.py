"""Maps between design variables and the unit interval, one a variable."""

import math

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator
from torch import Tensor, nn

# Quantiles through which a smooth curve is laid, and pieces of the table that stands for the curve.
_N_QUANTILES, _N_PIECES = 32, 1024
# Smallest step between knots, in standard deviations.
_LEAST_GAP = 1e-9
# A variable is one of few values if each is there so many times on average.
_REPEATS = 4


class ContinuousMarginal(nn.Module):
    """A variable's distribution function over a table, smooth and increasing, on the range of the table.

    A monotone cubic through a few quantiles is tabulated finely, and the table is used as it stands, piecewise
    linear, so that both directions are exact and each other's inverse.

    Parameters
    ----------
    column : ndarray of shape (n,)
    n_bins : int
        Bins of the interval that a histogram on it should have.
    """

    def __init__(self, column, n_bins):
        super().__init__()
        self.n_bins = n_bins
        self.log_share = torch.zeros(n_bins)  # all bins alike, up to a constant
        n = len(column)
        share = np.linspace(0, 1, min(_N_QUANTILES, n) + 1)
        if n > 2:  # the outermost rows stand alone in long tails
            share = np.unique(np.concatenate([share, [1 / n, 1 - 1 / n]]))
        value = np.quantile(column, share) + _LEAST_GAP * np.arange(len(share))
        knots = PchipInterpolator(share, value)(np.linspace(0, 1, _N_PIECES + 1))
        self.register_buffer("knots", torch.tensor(knots))

    def to_unit(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Points of the interval, and the log-length that a unit of `x` takes there; -inf outside the range."""
        knots = self.knots.to(x)
        piece = torch.searchsorted(knots, x, right=True).clamp(1, _N_PIECES) - 1
        width = knots[piece + 1] - knots[piece]
        u = ((piece + (x - knots[piece]) / width) / _N_PIECES).clamp(0, 1)
        outside = (x < knots[0]) | (x > knots[-1])
        return u, torch.where(outside, -torch.inf, -(width * _N_PIECES).log())

    def from_unit(self, u: Tensor) -> Tensor:
        knots = self.knots.to(u)
        place = u * _N_PIECES
        piece = place.long().clamp(0, _N_PIECES - 1)
        return torch.lerp(knots[piece], knots[piece + 1], place - piece)


class DiscreteMarginal(nn.Module):
    """Equal pieces of the interval, one for each value that the variable takes; its density is a probability.

    Parameters
    ----------
    values, counts : ndarray of shape (n_values,)
        The values, increasing, and how often each is there.
    """

    def __init__(self, values, counts):
        super().__init__()
        self.n_bins = len(values)
        self.log_share = torch.tensor(np.log(counts / counts.sum()))
        self.register_buffer("values", torch.tensor(values))

    def to_unit(self, x: Tensor) -> tuple[Tensor, Tensor]:
        values = self.values.to(x)
        nearest = torch.searchsorted((values[1:] + values[:-1]) / 2, x)
        known = torch.isclose(values[nearest], x, rtol=1e-6, atol=1e-6)
        u = (nearest.to(x) + 0.5) / self.n_bins
        return u, torch.where(known, -math.log(self.n_bins), -torch.inf).to(x)

    def from_unit(self, u: Tensor) -> Tensor:
        return self.values.to(u)[(u * self.n_bins).long().clamp(0, self.n_bins - 1)]


class MarginalMap(nn.Module):
    """Designs to the unit cube and back, variable by variable.

    Parameters
    ----------
    x : Tensor of shape (n, d)
        Standardised designs. A variable that has at most `n_bins` different values, each several times on average,
        is taken as discrete.
    n_bins : int
        Bins of a continuous variable.

    Attributes
    ----------
    n_bins : list of int
        Bins of each variable.
    """

    def __init__(self, x, n_bins):
        super().__init__()
        self.columns = nn.ModuleList()
        for column in x.cpu().double().numpy().T:
            values, counts = np.unique(column, return_counts=True)
            few = len(values) == 1 or len(values) <= min(n_bins, len(column) // _REPEATS)
            self.columns.append(
                DiscreteMarginal(values, counts) if few else ContinuousMarginal(column, n_bins)
            )
        self.n_bins = [marginal.n_bins for marginal in self.columns]

    def to_cube(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Points of the cube (n, d), and the log-volume that a unit of `x` takes there (n,)."""
        pairs = [m.to_unit(column.contiguous()) for m, column in zip(self.columns, x.T, strict=True)]
        u, log_slope = zip(*pairs, strict=True)
        return torch.stack(u, dim=1), torch.stack(log_slope).sum(dim=0)

    def from_cube(self, u: Tensor) -> Tensor:
        """Designs (..., d) at points of the cube."""
        return torch.stack([m.from_unit(u[..., i]) for i, m in enumerate(self.columns)], dim=-1)
