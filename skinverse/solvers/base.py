"""What solvers share: the problem in the unit box, and the result."""

from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from skinverse.nets.jacobian import value_and_jacobian


@dataclass
class SolverResult:
    """Refined candidates and how the refinement went.

    Attributes
    ----------
    x : ndarray of shape (n_candidates, n_features)
        Refined designs, in the user's units.
    predicted : ndarray of shape (n_candidates, n_outputs)
        The model's response at `x`.
    residual : ndarray of shape (n_candidates,)
        Largest distance of `predicted` to the target over the outputs, in units of `y_scale`.
    converged : ndarray of bool of shape (n_candidates,)
        Whether `residual` is within the solver's `tol`.
    n_iter : ndarray of int of shape (n_candidates,)
        Steps taken.
    at_bound : ndarray of bool of shape (n_candidates, n_features)
        Free variables that ended on an edge of the space: the true optimum may lie beyond.
    trace : ndarray of float32 of shape (n_steps + 1, n_candidates)
        `residual` at the start and after each step; a stopped candidate repeats its last value.
    """

    x: np.ndarray
    predicted: np.ndarray
    residual: np.ndarray
    converged: np.ndarray
    n_iter: np.ndarray
    at_bound: np.ndarray
    trace: np.ndarray

    @classmethod
    def concatenate(cls, parts):
        """Join results of different candidates; shorter traces are held at their last row."""
        if len(parts) == 1:
            return parts[0]
        length = max(len(part.trace) for part in parts)
        traces = [np.pad(part.trace, ((0, length - len(part.trace)), (0, 0)), mode="edge") for part in parts]
        joined = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("x", "predicted", "residual", "converged", "n_iter", "at_bound")
        }
        return cls(**joined, trace=np.concatenate(traces, axis=1))

    def replaced(self, rows, other):
        """The same with the candidates `rows` as in `other` where that is nearer to the target."""
        parts = {
            name: getattr(self, name).copy()
            for name in ("x", "predicted", "residual", "converged", "at_bound")
        }
        nearer = other.residual < self.residual[rows]
        for name, values in parts.items():
            values[rows[nearer]] = getattr(other, name)[nearer]
        return SolverResult(**parts, n_iter=self.n_iter, trace=self.trace)


def device_of(model):
    """Where a model's parameters lie, or its buffers if it has none."""
    tensor = next(chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if tensor is None else tensor.device


class UnitProblem:
    """Residuals of candidates as functions on the unit box, where every solver works.

    ``r(u) = (f(x(u)) - nearest wanted response) / y_scale`` with ``x(u) = lower + width u``.

    Parameters
    ----------
    model : Module
        Maps designs (n, d) to responses (n, m), both in the user's units.
    targets : Targets
        One row a candidate.
    space : DesignSpace
    y_scale : ndarray of shape (m,)
    """

    def __init__(self, model, targets, space, y_scale):
        self.device = device_of(model)
        self.model = model
        self.lower, self.width = self.tensor(space.lower), self.tensor(space.width)
        self.y_lower, self.y_upper = self.tensor(targets.lower), self.tensor(targets.upper)
        self.exact = self.tensor(targets.exact, torch.bool)
        self.all_exact = bool(self.exact.all())
        self.y_scale = self.tensor(y_scale)
        self.slope_scale = self.width / self.y_scale.unsqueeze(1)

    def tensor(self, array, dtype=torch.float64):
        """`array` as a tensor where the model lives."""
        return torch.tensor(np.asarray(array), dtype=dtype, device=self.device)

    def to_unit(self, X: Tensor) -> Tensor:
        """Designs to the unit box; pinned variables sit at zero."""
        return torch.where(self.width > 0, (X - self.lower) / self.width.clamp_min(1e-300), 0.0)

    def to_design(self, u: Tensor) -> Tensor:
        """The unit box to designs."""
        return torch.addcmul(self.lower, u, self.width)

    def value(self, u: Tensor) -> Tensor:
        """Responses (len(u), m), in the user's units."""
        return self.model(self.to_design(u))

    def value_and_jacobian(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Responses, and derivatives of the scaled ones by `u`, (len(u), m, d)."""
        y, jacobian = value_and_jacobian(self.model, self.to_design(u))
        return y, jacobian * self.slope_scale

    def residual(self, y: Tensor, rows: Tensor) -> Tensor:
        """Scaled residuals (len(y), m) of the candidates `rows` whose responses are `y`."""
        lower = self.y_lower[rows]
        wanted = lower if self.all_exact else torch.clamp(y, lower, self.y_upper[rows])
        return (y - wanted) / self.y_scale

    def wishes(self, r: Tensor, jacobian: Tensor, rows: Tensor) -> Tensor:
        """The Jacobian without rows of responses inside their interval, which wish for nothing."""
        if self.all_exact:
            return jacobian
        return jacobian * (self.exact[rows] | (r != 0)).unsqueeze(2)
