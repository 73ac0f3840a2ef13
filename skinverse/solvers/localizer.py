"""Localisation: candidates of many targets refined through a forward model, and judged by it."""

import numpy as np
import torch
from scipy.spatial import cKDTree

from skinverse.targets import Targets
from skinverse.utils.chunks import chunks

# Designs put through the forward model at once.
_MAX_DESIGNS = 2**15
# A row's residual is smooth error, not noise, if its neighbour's correlates with it beyond this.
_SMOOTH = 0.5


class Localizer:
    """A forward model together with the table it was fitted to.

    It takes care of what solvers know nothing of: responses censored at a floor, whole-number
    variables, the anchoring of candidates to training rows, and the error to expect of a
    candidate, by which candidates are ranked.

    Parameters
    ----------
    forward_model : fitted regressor with a torch module `module_`
        In the user's units. If the module has ``member_values`` its members' disagreement is the
        expected error.
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples, n_outputs)
        The training table.
    space : DesignSpace
    anchor : {"auto"} or bool
        Whether candidates that start from a row follow ``f(x) + y_row - f(x_row)``. "auto" decides by
        whether the residuals of neighbouring rows correlate: the error of a smooth model does, noise
        does not.

    Attributes
    ----------
    anchored : bool
    """

    def __init__(self, forward_model, X, y, space, *, anchor):
        self.module = forward_model.module_
        self.floor = getattr(forward_model, "response_floor_", np.full(y.shape[1], -np.inf))
        self.X, self.y = X, y
        spread = y.std(axis=0)
        self.y_scale = np.where(spread > 0, spread, 1.0)
        residual = (y - self.values(X)[-1]) / self.y_scale
        distance, neighbour = cKDTree(space.to_unit(X)).query(space.to_unit(X), k=2)
        self.spacing = float(np.median(distance[:, 1]))
        self.variance = (residual**2).mean(axis=0)
        self.anchored = anchor
        if anchor == "auto":
            close = np.argsort(distance[:, 1])[: max(2, len(X) // 10)]
            here, there = residual[close], residual[neighbour[close, 1]]
            self.anchored = bool((here * there).sum() > _SMOOTH * 0.5 * (here**2 + there**2).sum())

    @torch.inference_mode()
    def values(self, X):
        """Responses of the model's members and, last, of itself: (n_members + 1, n, n_outputs)."""
        tensor = next(iter([*self.module.parameters(), *self.module.buffers()]))
        members = getattr(self.module, "member_values", lambda x: self.module(x).unsqueeze(0))
        parts = []
        for rows in chunks(max(len(X), 1), _MAX_DESIGNS):
            values = members(torch.tensor(X[rows], dtype=torch.float64, device=tensor.device))
            parts.append(torch.cat([values, values.mean(dim=0, keepdim=True)]).cpu().numpy())
        return np.concatenate(parts, axis=1)

    def refine(self, targets, owner, starts, row=None, *, space, solver):
        """Solve for each candidate.

        Parameters
        ----------
        targets : Targets
        owner : ndarray of int of shape (n_candidates,)
            Index of the target of each candidate.
        starts : ndarray of shape (n_candidates, n_features)
        row : ndarray of int of shape (n_candidates,), default=None
            Training row that a candidate starts from and may be anchored to, -1 for none.
        space : DesignSpace
        solver : solver

        Returns
        -------
        found : dict of ndarray over candidates
            `owner`, `x`, `predicted`, `converged`, `expected_error` (mean over the wanted outputs of squared
            misfit and expected squared error, in units of `y_scale`), `n_iter`, `at_bound`.
        """
        mine = targets[owner]
        anchored = np.full(len(owner), False) if row is None or not self.anchored else row >= 0
        row = np.zeros(len(owner), dtype=int) if row is None else row
        start_values = self.values(self.X[row[anchored]])
        shift = np.zeros((len(owner), self.y.shape[1]))
        shift[anchored] = self.y[row[anchored]] - start_values[-1]
        # At the floor the response is known, the latent value under it is not.
        shift[self.y[row] <= self.floor] = 0

        latent = mine.above_floor(self.floor)
        latent = Targets(latent.lower - shift, latent.upper - shift)
        result = solver.solve(self.module, latent, starts, space, y_scale=self.y_scale)
        n_iter = result.n_iter
        if space.integer.any():
            whole, rest = space.project(result.x), ~space.integer
            result = solver.solve(self.module, latent, whole, space, y_scale=self.y_scale, free=rest)
            n_iter = n_iter + result.n_iter

        values = self.values(result.x)
        predicted = np.maximum(values[-1] + shift, self.floor)
        if len(values) > 2:  # anchored members disagree only about the way from the row
            opinions = values[:-1].copy()
            opinions[:, anchored] -= start_values[:-1]
            variance = opinions.var(axis=0, ddof=1) / self.y_scale**2
        else:  # the training error, of which anchoring leaves the less the nearer the row is
            moved = np.linalg.norm(space.to_unit(result.x) - space.to_unit(starts), axis=1)
            share = np.where(anchored, np.minimum(1, (moved / max(self.spacing, 1e-300)) ** 2), 1.0)
            variance = share[:, None] * self.variance
        error = (mine.residual(predicted) / self.y_scale) ** 2 + variance
        return {
            "owner": owner,
            "x": result.x,
            "predicted": predicted,
            # No design has a response under the floor, though the latent value may go there.
            "converged": result.converged & (mine.upper >= self.floor).all(axis=1),
            "expected_error": np.where(mine.wanted, error, 0).sum(axis=1) / mine.wanted.sum(axis=1),
            "n_iter": n_iter,
            "at_bound": result.at_bound,
        }
