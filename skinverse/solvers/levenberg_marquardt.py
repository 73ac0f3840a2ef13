"""Levenberg-Marquardt for many small inverse problems at once."""

import numpy as np
import torch
from sklearn.base import BaseEstimator

from skinverse.solvers.base import SolverResult, UnitProblem, device_of
from skinverse.utils.chunks import chunks
from skinverse.utils.doc_links import DocLinkMixin
from skinverse.utils.validation import Integral, Interval, Real, validate_parameter_constraints

# A candidate that descends by none of so many steps in a row, each more damped, is stuck.
_MAX_FAILURES = 5
# Broyden's update serves while a candidate is near its target (squared scaled residual) or gets nearer fast.
_NEAR, _SWIFT = 1.0, 0.1
_TOGETHER = (2048, 2**15)  # candidates, on a CPU and on a GPU


class LevenbergMarquardtSolver(DocLinkMixin, BaseEstimator):
    r"""Second-order refinement of candidates inside a box [1]_, batched over all of them.

    Each candidate solves its own :math:`r(u) = 0` in the unit box of the space by damped minimum-norm
    steps :math:`s = -J^\top (J J^\top + \lambda I)^{-1} r`, with its own damping :math:`\lambda`.
    A variable at an edge that the gradient pushes outward is frozen for the step; steps are clipped in
    length and to the box. A candidate stops when it has converged or can descend no further, and leaves
    the batch. Where steps succeed, :math:`J` is carried along by Broyden's update [2]_, which needs no
    sweep through the model, and computed anew as soon as they disappoint.

    Parameters
    ----------
    max_iter : int, default=20
        Largest number of steps for a candidate; three to eight are usual, and a start that needs many
        more is better drawn anew.
    tol : float, default=1e-5
        A candidate has converged when each response is within `tol` training standard deviations of
        its target.
    max_step : float, default=0.5
        Longest step, in units of the box's edges. Shorter keeps candidates on the branch they started
        on, longer lets them leave flat places.
    damping : float, default=1e-2
        Initial :math:`\lambda` relative to the mean diagonal of :math:`J J^\top`.
    batch_size : int, default=None
        Candidates refined together; bounds the memory, and changes no answer. None is 2,048 on a CPU, whose caches it
        suits, and 32,768 on a GPU.

    References
    ----------
    .. [1] D. W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", SIAM J.
       11(2), 1963. https://doi.org/10.1137/0111030
    .. [2] C. G. Broyden, "A class of methods for solving nonlinear simultaneous equations", Math. Comp.
       19, 1965. https://doi.org/10.1090/S0025-5718-1965-0198670-6
    """

    _parameter_constraints = {
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_step": [Interval(Real, 0, None, closed="neither")],
        "damping": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(self, max_iter=20, tol=1e-5, *, max_step=0.5, damping=1e-2, batch_size=None):
        self.max_iter = max_iter
        self.tol = tol
        self.max_step = max_step
        self.damping = damping
        self.batch_size = batch_size

    def solve(self, model, targets, starts, space, *, y_scale, free=None, known=None):
        """Refine candidates.

        Parameters
        ----------
        model : Module
            Differentiable forward model in the user's units, (n, d) -> (n, m).
        targets : Targets
            One row a candidate.
        starts : ndarray of shape (n_candidates, n_features)
            Where each begins; moved into the box of the space first.
        space : DesignSpace
        y_scale : ndarray of shape (n_outputs,)
            Units in which misfits of different outputs are compared.
        free : ndarray of bool of shape (n_features,), default=None
            Variables that may move; None frees all that the space does not pin.
        known : tuple of ndarray, default=None
            The model's responses (n_candidates, n_outputs) and Jacobians (n_candidates, n_outputs,
            n_features) at the starts, all of which must lie in the space; spares the first evaluation.

        Returns
        -------
        result : SolverResult
        """
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(deep=False), type(self).__name__
        )
        free = (space.width > 0) & (True if free is None else free)
        parts = [
            self._solve_batch(
                UnitProblem(model, targets[rows], space, y_scale),
                starts[rows],
                space,
                free,
                None if known is None else [array[rows] for array in known],
            )
            for rows in chunks(len(starts), self.batch_size or _TOGETHER[device_of(model).type == "cuda"])
        ]
        return SolverResult.concatenate(parts)

    @torch.no_grad()
    def _solve_batch(self, problem, starts, space, free, known):
        starts = problem.tensor(np.clip(starts, space.lower, space.upper))
        free = problem.tensor(free, torch.bool)
        u = problem.to_unit(starts)
        rows = torch.arange(len(u), device=u.device)
        if known is None:
            y, jacobian = problem.value_and_jacobian(u)
        else:
            y, jacobian = problem.tensor(known[0]), problem.tensor(known[1]) * problem.slope_scale
        r = problem.residual(y, rows)
        cost = (r * r).sum(dim=1)
        damping = torch.full_like(cost, self.damping)
        swift = cost < _NEAR  # progress is good enough for Broyden's update
        exact = torch.ones_like(swift)  # the Jacobian belongs to u
        failures = torch.zeros_like(rows)

        final_u, final_y, final_r = u.clone(), y.clone(), r.abs().amax(dim=1)
        n_iter = torch.zeros_like(rows)
        trace = [final_r.clone()]
        for _ in range(self.max_iter if free.any() else 0):
            active = (final_r[rows] > self.tol) & (failures < _MAX_FAILURES)
            n_active = int(active.sum())
            if not n_active:
                break
            if n_active < len(rows):
                rows, u, y, r, jacobian, cost, damping, swift, exact, failures = (
                    t[active] for t in (rows, u, y, r, jacobian, cost, damping, swift, exact, failures)
                )
            step = self._step(u, r, problem.wishes(r, jacobian, rows), damping, free)
            trial = (u + step).clamp_(0, 1)
            new_y, new_jacobian = self._evaluate(problem, u, y, jacobian, trial, swift)
            new_r = problem.residual(new_y, rows)
            new_cost = (new_r * new_r).sum(dim=1)

            better = new_cost < cost
            u, y, r = (torch.where(better[:, None], b, a) for a, b in ((u, trial), (y, new_y), (r, new_r)))
            jacobian = torch.where(better[:, None, None], new_jacobian, jacobian)
            outdated = ~better & ~exact
            if outdated.any():
                jacobian[outdated] = problem.value_and_jacobian(u[outdated])[1]
            exact = ~better | ~swift
            swift = better & (new_cost < _SWIFT * cost)
            cost = torch.where(better, new_cost, cost)
            failures = torch.where(better, 0, failures + 1)
            damping = torch.where(better, damping * 0.1, damping * 10).clamp_min_(1e-12)
            n_iter[rows] += 1
            final_u[rows], final_y[rows], final_r[rows] = u, y, r.abs().amax(dim=1)
            trace.append(final_r.clone())

        # Pinned and frozen variables keep their exact values; rounding does not carry the others outside.
        x = torch.where(free, problem.to_design(final_u), starts).cpu().numpy()
        return SolverResult(
            x=np.clip(x, space.lower, space.upper),
            predicted=final_y.cpu().numpy(),
            residual=final_r.cpu().numpy(),
            converged=(final_r <= self.tol).cpu().numpy(),
            n_iter=n_iter.cpu().numpy(),
            at_bound=(free & ((final_u <= 0) | (final_u >= 1))).cpu().numpy(),
            trace=torch.stack(trace).to(torch.float32).cpu().numpy(),
        )

    def _step(self, u, r, jacobian, damping, free):
        """Damped minimum-norm step with blocked variables frozen, clipped in length."""
        # Batched products of tiny matrices are several times quicker than sums over a small axis.
        gradient = (r.unsqueeze(1) @ jacobian).squeeze(1)
        open_ = free & ~torch.where(gradient > 0, u <= 0, u >= 1)
        jacobian = jacobian * open_.unsqueeze(1)
        transposed = jacobian.transpose(1, 2)
        if jacobian.shape[1] <= jacobian.shape[2]:
            v = _solve_damped(jacobian @ transposed, r, damping)
            step = (v.unsqueeze(1) @ jacobian).squeeze(1)
        else:
            step = _solve_damped(transposed @ jacobian, gradient * open_, damping)
        length = step.norm(dim=1, keepdim=True)
        return step * (-self.max_step / length.clamp_min(self.max_step))

    @staticmethod
    def _evaluate(problem, u, y, jacobian, trial, swift):
        """Responses and Jacobians at `trial`; where progress is swift, the latter by Broyden's update."""
        if not swift.any():
            return problem.value_and_jacobian(trial)
        near = swift.nonzero().squeeze(1)
        far = (~swift).nonzero().squeeze(1)
        new_y, new_jacobian = torch.empty_like(y), torch.empty_like(jacobian)
        if len(far):
            new_y[far], new_jacobian[far] = problem.value_and_jacobian(trial[far])
        new_y[near] = near_y = problem.value(trial[near])
        step = (trial - u)[near]
        change = (near_y - y[near]) / problem.y_scale
        missed = change - (jacobian[near] @ step.unsqueeze(2)).squeeze(2)
        missed /= (step * step).sum(dim=1, keepdim=True).clamp_min(1e-300)
        new_jacobian[near] = torch.addcmul(jacobian[near], missed.unsqueeze(2), step.unsqueeze(1))
        return new_y, new_jacobian


def _solve_damped(gram, b, damping):
    """Solve ``(gram + damping * mean(diag gram) I) v = b`` for each candidate."""
    diagonal = gram.diagonal(dim1=1, dim2=2)
    ridge = damping * diagonal.mean(dim=1) + 1e-300
    if gram.shape[1] == 1:
        return b / (diagonal + ridge.unsqueeze(1))
    if gram.shape[1] == 2:
        a, d, c = diagonal[:, 0] + ridge, diagonal[:, 1] + ridge, gram[:, 0, 1]
        determinant = a * d - c * c
        v = torch.stack([d * b[:, 0] - c * b[:, 1], a * b[:, 1] - c * b[:, 0]], dim=1)
        return v / determinant.clamp_min(1e-300).unsqueeze(1)
    damped = gram + ridge[:, None, None] * torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    factor, failed = torch.linalg.cholesky_ex(damped)
    v = torch.cholesky_solve(b.unsqueeze(2), factor).squeeze(2)
    return torch.where((failed == 0).unsqueeze(1), v, 0.0)
