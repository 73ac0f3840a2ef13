"""First-order refinement: Adam through the forward model, as in the Neural-Adjoint paper."""

import numpy as np
import torch
from sklearn.base import BaseEstimator

from skinverse.solvers.base import SolverResult, UnitProblem
from skinverse.utils.chunks import chunks
from skinverse.utils.doc_links import DocLinkMixin
from skinverse.utils.validation import (
    Integral,
    Interval,
    Real,
    StrOptions,
    one_for_each_variable,
    validate_parameter_constraints,
)


class GradientSolver(DocLinkMixin, BaseEstimator):
    r"""Adam on the squared misfit of each candidate [1]_, in the unit box of the space.

    The loss of a candidate is :math:`\frac1m \sum_k r_k^2 + \sum_j w_j \max(0, |u_j - \tfrac12| -
    \tfrac12)` at the point *u* of the unit box, the boundary term being that of the paper. Losses of different
    candidates are summed, so that none depends on the others.

    Parameters
    ----------
    max_iter : int, default=300
        Number of Adam steps; the paper takes 300.
    tol : float, default=1e-5
        A candidate counts as converged when each response is within `tol` of its target, in units of
        `y_scale`. It takes no part in the steps: all candidates take `max_iter` of them.
    lr : float or array-like of shape (n_features,), default=0.05
        Learning rate, in units of the box's edges.
    schedule : {"cosine", "plateau", "constant"}, default="cosine"
        "plateau" halves the rate of all candidates of a batch together whenever their mean loss has
        not improved for ten steps, as published; the answer then depends on `batch_size`.
    boundary : {"clip", "penalty"}, default="clip"
        "clip" keeps candidates in the box at each step; "penalty" adds the boundary term, as
        published, which may leave some outside.
    boundary_weight : float or array-like of shape (n_features,), default=1.0
        Weight *w* of the boundary term, a box's edge outside counting one.
    batch_size : int, default=2048
        Candidates refined together.

    References
    ----------
    .. [1] S. Ren, W. Padilla and J. Malof, "Benchmarking deep inverse models over time, and the
       neural-adjoint method", NeurIPS 2020. https://arxiv.org/abs/2009.12919
    """

    _parameter_constraints = {
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "lr": [Interval(Real, 0, None, closed="neither"), "array-like"],
        "schedule": [StrOptions({"cosine", "plateau", "constant"})],
        "boundary": [StrOptions({"clip", "penalty"})],
        "boundary_weight": [Interval(Real, 0, None, closed="left"), "array-like"],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        max_iter=300,
        tol=1e-5,
        *,
        lr=0.05,
        schedule="cosine",
        boundary="clip",
        boundary_weight=1.0,
        batch_size=2048,
    ):
        self.max_iter = max_iter
        self.tol = tol
        self.lr = lr
        self.schedule = schedule
        self.boundary = boundary
        self.boundary_weight = boundary_weight
        self.batch_size = batch_size

    def solve(self, model, targets, starts, space, *, y_scale, free=None, known=None):
        """Refine candidates; parameters and result as for :class:`LevenbergMarquardtSolver`.

        With ``boundary="penalty"`` designs may end outside the space; `known` is of no use to Adam.
        """
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(deep=False), type(self).__name__
        )
        free = (space.width > 0) & (True if free is None else free)
        parts = [
            self._solve_batch(UnitProblem(model, targets[rows], space, y_scale), starts[rows], space, free)
            for rows in chunks(len(starts), self.batch_size)
        ]
        return SolverResult.concatenate(parts)

    def _solve_batch(self, problem, starts, space, free):
        starts = problem.tensor(np.clip(starts, space.lower, space.upper))
        free = problem.tensor(free, torch.bool)
        rows = torch.arange(len(starts), device=starts.device)
        # Adam's steps ignore the scale of a variable, so rates of its own are a scaling of it.
        rates = problem.tensor(one_for_each_variable(self.lr, "lr", starts.shape[1]))
        weights = one_for_each_variable(self.boundary_weight, "boundary_weight", starts.shape[1], zero=True)
        weights = problem.tensor(weights)
        rate = rates / rates.max()
        u = problem.to_unit(starts)
        v = (u / rate).requires_grad_()
        optimizer = torch.optim.Adam([v], lr=float(rates.max()))
        schedulers = {
            "cosine": lambda: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.max_iter),
            "plateau": lambda: torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=10),
            "constant": lambda: torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0),
        }
        scheduler = schedulers[self.schedule]()
        trace = []
        for _ in range(self.max_iter):
            u = v * rate
            r = problem.residual(problem.value(u), rows)
            trace.append(r.detach().abs().amax(dim=1))
            loss = (r * r).mean(dim=1)
            if self.boundary == "penalty":
                loss = loss + torch.relu((u - 0.5).abs() - 0.5) @ weights
            (v.grad,) = torch.autograd.grad(loss.sum(), v)
            v.grad[:, ~free] = 0
            optimizer.step()
            if self.boundary == "clip":
                with torch.no_grad():
                    v.copy_((v * rate).clamp_(0, 1) / rate)
            scheduler.step(*([loss.mean().item()] if self.schedule == "plateau" else []))
        with torch.no_grad():
            u = v * rate
            x = torch.where(free, problem.to_design(u), starts)
            if self.boundary == "clip":
                x = problem.tensor(np.clip(x.cpu().numpy(), space.lower, space.upper))
            y = problem.model(x)
            residual = problem.residual(y, rows).abs().amax(dim=1)
        trace.append(residual)
        return SolverResult(
            x=x.cpu().numpy(),
            predicted=y.cpu().numpy(),
            residual=residual.cpu().numpy(),
            converged=(residual <= self.tol).cpu().numpy(),
            n_iter=np.full(len(starts), self.max_iter),
            at_bound=(free & ((u <= 0) | (u >= 1))).cpu().numpy(),
            trace=torch.stack(trace).to(torch.float32).cpu().numpy(),
        )
