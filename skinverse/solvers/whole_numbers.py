"""Descent in whole numbers: one variable, one step at a time."""

import numpy as np
import torch

from skinverse.solvers.base import UnitProblem
from skinverse.utils.chunks import chunks

# Steps of a candidate, and the most promising ones that are tried for each.
_MAX_STEPS, _N_TRIES = 50, 8
_MAX_VALUES = 2**20  # of designs asked for together


@torch.no_grad()
def descend_in_whole_numbers(model, targets, X, space, *, y_scale, tol):
    """Move whole-number variables of candidates by one, as long as that brings them nearer to their targets.

    The model's Jacobian foretells what each step would do; the few that promise most are tried, and the best is taken.
    Rounding alone leaves a candidate where its many small changes happen to add up to; a step or two mends that.

    Parameters
    ----------
    model : Module
        (n, d) -> (n, m), in the user's units.
    targets : Targets
        One row a candidate.
    X : ndarray of shape (n_candidates, d)
        In the space, with whole numbers where it wants them. The other variables stay as they are.
    space : DesignSpace
    y_scale : ndarray of shape (m,)
    tol : float
        Candidates within so much of their target, in units of `y_scale`, are left alone.

    Returns
    -------
    X : ndarray of shape (n_candidates, d)
    n_steps : ndarray of int of shape (n_candidates,)
    """
    X, n_steps = X.copy(), np.zeros(len(X), dtype=int)
    movable = np.flatnonzero(space.integer & (space.width > 0))
    if not movable.size:
        return X, n_steps
    n_tries = min(_N_TRIES, 2 * len(movable))
    for rows in chunks(len(X), _MAX_VALUES // (n_tries * X.shape[1])):
        problem = UnitProblem(model, targets[rows], space, y_scale)
        u = problem.to_unit(problem.tensor(X[rows]))
        columns = problem.tensor(movable, torch.long)
        steps = torch.stack([1 / problem.width[columns], -1 / problem.width[columns]])
        index = torch.arange(len(u), device=u.device)
        final = u.clone()
        taken = torch.zeros_like(index)
        for _ in range(_MAX_STEPS):
            y, jacobian = problem.value_and_jacobian(u)
            r = problem.residual(y, index)
            cost = r.square().sum(dim=1)
            near = r.abs().amax(dim=1) <= tol
            # (candidates, direction, variable): what the model's tangent says of every step.
            change = jacobian[:, :, columns].unsqueeze(1) * steps[:, None]
            promised = (r[:, None, :, None] + change).square().sum(dim=2)
            after = u[:, None, columns] + steps
            promised[(after < -1e-9) | (after > 1 + 1e-9)] = torch.inf
            _, best = promised.flatten(1).topk(n_tries, largest=False)
            direction, variable = best // len(columns), columns[best % len(columns)]
            tried = u.unsqueeze(1).repeat(1, n_tries, 1)
            tried.scatter_add_(2, variable.unsqueeze(2), steps[direction, best % len(columns)].unsqueeze(2))
            inside = ((tried >= -1e-9) & (tried <= 1 + 1e-9)).all(dim=2)
            answers = problem.residual(
                problem.value(tried.flatten(0, 1)), index.repeat_interleave(n_tries)
            ).view(len(u), n_tries, -1)
            costs = answers.square().sum(dim=2).masked_fill(~inside, torch.inf)
            least, which = costs.min(dim=1)
            better = (least < cost) & ~near
            if not better.any():
                break
            index, u = index[better], tried[better, which[better]]
            final[index] = u
            taken[index] += 1
        moved = problem.to_design(final).cpu().numpy()[:, movable]
        X[rows, movable] = np.rint(moved)
        n_steps[rows] = taken.cpu().numpy()
    return X, n_steps
