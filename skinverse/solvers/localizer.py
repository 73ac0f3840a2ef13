"""Localisation: candidates of many targets refined through a forward model, and judged by it."""

import warnings
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors

from skinverse.nets.jacobian import value_and_jacobian
from skinverse.solvers.base import device_of
from skinverse.solvers.levenberg_marquardt import LevenbergMarquardtSolver
from skinverse.solvers.residuals import ResidualInterpolator
from skinverse.solvers.selection import choose
from skinverse.solvers.whole_numbers import descend_in_whole_numbers
from skinverse.targets import Targets
from skinverse.utils.chunks import chunks
from skinverse.utils.progress import progress_bar

# Candidates of different targets worked on together, and their responses.
_MAX_CANDIDATES, _MAX_RESPONSES = 2**15, 2**21
# Designs put through the forward model at once.
_MAX_DESIGNS = 2**15
# Entries of the training rows' Jacobians that are kept rather than computed at each call.
_MAX_KEPT = 2**22
# Rounds of polishing, at most: the interpolated error hardly changes over a step, and two are usual. Designs farther
# from any row than so many spacings are left alone.
_N_POLISHES, _NEAR_ROWS = 8, 3
# Design variables up to which it pays: beyond, rows are too far apart.
_MAX_POLISHED_DIMS = 12
# Tolerance of polishing, in those of the solver, whose last step mostly goes far below its own.
_POLISHED = 1e-5
# Residuals of neighbouring rows correlate at least so much if they are smooth error, less where rows are so far apart
# that the response itself changes by so many standard deviations. It tells something where it is so many times what
# chance brings.
_SMOOTH, _APART, _TELLS = 0.5, 0.3, 1.5


@dataclass
class Proposals:
    """Candidates of several targets, before they are refined.

    Parameters
    ----------
    owner : ndarray of int of shape (n_candidates,)
        Index of the target of each candidate.
    x : ndarray of shape (n_candidates, n_features)
        Where it starts.
    row : ndarray of int of shape (n_candidates,), default=None
        Training row that is its start and that it may be anchored to, -1 for none; None is -1 for all.
    about : dict of ndarray of shape (n_candidates, ...)
        What else goes along with the candidate.
    """

    owner: np.ndarray
    x: np.ndarray
    row: np.ndarray | None = None
    about: dict = field(default_factory=dict)


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
    y_scale : ndarray of shape (n_outputs,)
        Units in which misfits of different outputs are compared.
    anchor : {"auto"} or bool
        Whether the model is corrected by the error it makes at the training rows. Candidates that start from a row
        follow ``f(x) + y_row - f(x_row)``. With at most twelve design variables, and no response at a floor, the
        designs that are returned follow ``f(x) + c(x)``: *c* interpolates the error between the rows around a
        design, wherever it lies. How much interpolations about different rows differ is then the expected error.
        "auto" decides by whether the residuals of neighbouring rows correlate: the error of a smooth model does,
        noise does not. The farther apart rows are the less of it is asked for, and where nothing tells the two apart
        rows are trusted: if they are noisy, answers then have the noise of a row, as those of a lookup have, and if
        they are exact a model without anchor would lose to the lookup.

    Attributes
    ----------
    anchored : bool
    """

    def __init__(self, forward_model, X, y, space, *, y_scale, anchor):
        self.module = forward_model.module_
        self.floor = getattr(forward_model, "response_floor_", np.full(y.shape[1], -np.inf))
        self.X, self.y = X, y
        self.y_scale = y_scale
        self.response = self._of_rows(self.module)
        self.correction = y - self.response
        # At the floor the response is known, the latent value under it is not.
        self.correction[y <= self.floor] = 0
        residual = self.correction / self.y_scale
        unit = space.to_unit(X)
        distance, neighbour = (a[:, 0] for a in NearestNeighbors(n_neighbors=1).fit(unit).kneighbors())
        self.spacing = float(np.median(distance))
        self.variance = (residual**2).mean(axis=0)
        self.anchored = self._may_be_exact(residual, distance, neighbour) if anchor == "auto" else anchor
        self.interpolator = None
        low = X.shape[1] <= _MAX_POLISHED_DIMS
        if low and self.anchored and not np.isfinite(self.floor).any():
            self.interpolator = ResidualInterpolator(unit, self.correction)
            self.to_unit = space.to_unit

    def _may_be_exact(self, residual, distance, neighbour):
        """Whether residuals (n, m) of neighbouring rows go along, or rows are too far apart to tell.

        The closest pairs tell best; where they are too few, all are asked.
        """
        order = np.argsort(distance)
        for rows in (order[: max(2, len(order) // 10)], order):
            here, there = residual[rows], residual[neighbour[rows]]
            change = (self.response[rows] - self.response[neighbour[rows]]) / self.y_scale
            expected, by_chance = _SMOOTH * np.exp(-np.mean(change**2) / _APART**2), 1 / np.sqrt(len(rows))
            if expected > _TELLS * by_chance:
                agreement = (here * there).sum() / max(0.5 * (here**2 + there**2).sum(), 1e-300)
                return bool(agreement >= expected - by_chance)
        return True

    @torch.no_grad()
    def _ask(self, function, X):
        """A function of the module's on designs, as arrays."""
        x = torch.tensor(X, dtype=torch.float64, device=device_of(self.module))
        return function(x).cpu().numpy()

    def _of_rows(self, function):
        """A function of the module's on the training designs."""
        return np.concatenate(
            [self._ask(function, self.X[rows]) for rows in chunks(len(self.X), _MAX_DESIGNS)]
        )

    @cached_property
    def jacobian(self):
        """The module's Jacobians at the training designs, computed when first wanted; None if they are many."""
        if self.X.size * self.y.shape[1] > _MAX_KEPT:
            return None
        return self._of_rows(lambda x: value_and_jacobian(self.module, x)[1])

    def search(self, targets, n, pool, propose, *, space, solver, select, max_redraws, verbose):
        """Propose, refine, replace the stuck, select, in chunks of targets; warn of targets that were not reached.

        Parameters
        ----------
        targets : Targets
        n : int
            Designs wanted for each target.
        pool : int
            Candidates of each target in round 0, at least `n`, and at most in later rounds.
        propose : callable ``propose(targets, k, missing) -> Proposals``
            The first ``missing[t]`` candidates of round `k` for each target `t`. What it proposes for one target must
            not depend on the others.
        space : DesignSpace
        solver : solver
        select : callable ``select(X, score, n) -> indices``
        max_redraws : int
            Rounds after the first.
        verbose : int
            1 shows a bar of the targets, 2 leaves it; a target is done when it needs no further round.

        Returns
        -------
        X : ndarray of shape (n_targets, n, n_features)
        info : dict of ndarray of shape (n_targets, n, ...)
            What :meth:`refine` finds, but for `owner` and `x`.
        """
        together = min(_MAX_CANDIDATES, _MAX_RESPONSES // self.y.shape[1]) // pool
        parts = []
        with progress_bar(len(targets), "target", verbose=verbose) as bar:
            for part in chunks(len(targets), together):
                mine = targets[part]
                missing = np.full(len(mine), pool)
                rounds = []
                for k in range(max_redraws + 1):
                    rounds.append(self.refine(mine, propose(mine, k, missing), space=space, solver=solver))
                    converged = sum(np.bincount(r["owner"], r["converged"], len(mine)) for r in rounds)
                    n_before = np.count_nonzero(missing)
                    missing = np.minimum(np.where(converged < n, 2 * (n - converged), 0), pool).astype(int)
                    bar.update(n_before - np.count_nonzero(missing))
                    if not missing.any():
                        break
                bar.update(np.count_nonzero(missing))
                found = {name: np.concatenate([r[name] for r in rounds]) for name in rounds[0]}
                chosen = choose(found, len(mine), n, space, select)
                parts.append(
                    chosen if self.interpolator is None else self.polish(mine, chosen, space, solver)
                )
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        _warn_if_short(found["converged"])
        return found.pop("x"), found

    def refine(self, targets, proposals, *, space, solver):
        """Solve for each candidate.

        Parameters
        ----------
        targets : Targets
        proposals : Proposals
        space : DesignSpace
        solver : solver

        Returns
        -------
        found : dict of ndarray over candidates
            `owner`, `x`, `predicted`, `converged`, `expected_error` (mean over the wanted outputs of squared
            misfit and expected squared error, in units of `y_scale`), `n_iter`, `at_bound`, `proposal` (where it
            started), and what the proposals are said to be.
        """
        owner, starts = proposals.owner, proposals.x
        row = np.full(len(owner), -1) if proposals.row is None else proposals.row
        mine = targets[owner]
        anchored = (row >= 0) & self.anchored
        shift = np.where(anchored[:, None], self.correction[row], 0.0)

        latent = mine.above_floor(self.floor)
        latent = Targets(latent.lower - shift, latent.upper - shift)
        known = None
        if (row >= 0).all() and self.jacobian is not None:
            known = self.response[row], self.jacobian[row]
        result = solver.solve(self.module, latent, starts, space, y_scale=self.y_scale, known=known)
        n_iter = result.n_iter
        if space.integer.any():
            whole, rest = space.project(result.x), ~space.integer
            result = solver.solve(self.module, latent, whole, space, y_scale=self.y_scale, free=rest)
            n_iter = n_iter + result.n_iter
            stuck = np.flatnonzero(~result.converged)
            if stuck.size:
                tol = getattr(solver, "tol", 1e-5)
                moved, n_steps = descend_in_whole_numbers(
                    self.module, latent[stuck], result.x[stuck], space, y_scale=self.y_scale, tol=tol
                )
                again = solver.solve(
                    self.module, latent[stuck], moved, space, y_scale=self.y_scale, free=rest
                )
                result = result.replaced(stuck, again)
                n_iter[stuck] += n_steps + again.n_iter

        predicted = np.maximum(result.predicted + shift, self.floor)
        # No design has a response under the floor, though the latent value may go there.
        converged = result.converged & (mine.upper >= self.floor).all(axis=1)
        misfit = mine.residual(predicted) / self.y_scale
        variance = np.empty_like(misfit)
        for k in chunks(len(owner), _MAX_DESIGNS):
            known = self._interpolated_variance(result.x[k])
            far = np.isnan(known[:, 0])
            if far.any():
                parts = (array[k][far] for array in (result.x, starts, anchored, row))
                known[far] = self._model_variance(*parts, space)
            misfit[k][~far & converged[k]] = 0  # polishing takes it away
            variance[k] = known
        error = misfit**2 + variance
        return {
            "owner": owner,
            "x": result.x,
            "predicted": predicted,
            "converged": converged,
            "expected_error": np.where(mine.wanted, error, 0).sum(axis=1) / mine.wanted.sum(axis=1),
            "n_iter": n_iter,
            "at_bound": result.at_bound,
            "proposal": starts,
            **proposals.about,
        }

    def polish(self, targets, chosen, space, solver):
        """Chosen designs (n_targets, n, ...) solved again with the model's error interpolated between the rows.

        By Levenberg-Marquardt, whichever solver brought them there: it is a step or two.
        """
        shape = chosen["converged"].shape
        tol = _POLISHED * getattr(solver, "tol", 1e-5)
        solver = LevenbergMarquardtSolver(tol=tol)
        flat = {name: values.reshape(-1, *values.shape[2:]).copy() for name, values in chosen.items()}
        owner = np.arange(len(flat["x"])) // shape[1]
        near = self.interpolator.tree.query(self.to_unit(flat["x"]))[0] <= _NEAR_ROWS * self.spacing
        rows = np.flatnonzero(flat["converged"] & near)
        known = np.full((len(flat["x"]), self.y.shape[1]), np.inf)
        for _ in range(_N_POLISHES):
            shift = self.interpolator(self.to_unit(flat["x"][rows]))
            changed = (np.abs(shift - known[rows]) > tol * self.y_scale).any(axis=1)
            rows, shift = rows[changed], shift[changed]
            if not len(rows):
                break
            known[rows] = shift
            wanted = targets[owner[rows]]
            wanted = Targets(wanted.lower - shift, wanted.upper - shift)
            result = solver.solve(
                self.module, wanted, flat["x"][rows], space, y_scale=self.y_scale, free=~space.integer
            )
            better = result.residual < result.trace[0]
            for name in ("x", "predicted", "at_bound"):
                values = result.predicted + shift if name == "predicted" else getattr(result, name)
                flat[name][rows[better]] = values[better]
            flat["n_iter"][rows] += result.n_iter
        return {name: values.reshape(*shape, *values.shape[1:]) for name, values in flat.items()}

    def _interpolated_variance(self, x):
        """Expected squared error at candidates, (n, n_outputs), in units of `y_scale`; NaN where none interpolates."""
        if self.interpolator is None:
            return np.full((len(x), self.y.shape[1]), np.nan)
        return self.interpolator.variance(self.to_unit(x), _NEAR_ROWS * self.spacing) / self.y_scale**2

    def _model_variance(self, x, starts, anchored, row, space):
        """The same by the model's own lights, for candidates that are not interpolated."""
        members = getattr(self.module, "member_values", None)
        if members is not None:  # anchored members disagree only about the way from the row
            opinions = self._ask(members, x)
            if anchored.any():
                opinions[:, anchored] -= self._ask(members, self.X[row[anchored]])
            return opinions.var(axis=0, ddof=1) / self.y_scale**2
        # The training error, of which anchoring leaves the less the nearer the row is.
        moved = np.linalg.norm(space.to_unit(x) - space.to_unit(starts), axis=1)
        share = np.where(anchored, np.minimum(1, moved / max(self.spacing, 1e-300)) ** 2, 1.0)
        return share[:, None] * self.variance


def _warn_if_short(converged):
    """ConvergenceWarning if targets, rows of `converged` (n_targets, n), were not reached by all of their designs."""
    short = np.flatnonzero(~converged.all(axis=1))
    if short.size:
        warnings.warn(
            f"{short.size} of {len(converged)} targets were not reached by all of their {converged.shape[1]} designs, "
            f"the first of them target {short[0]} ({np.count_nonzero(converged[short[0]])} of {converged.shape[1]}); "
            "see `converged` in the info bunch. They may have no solution in the space, or the solver needs more "
            "iterations.",
            ConvergenceWarning,
            stacklevel=5,  # the caller of `inverse`
        )


def ranges_first(missing):
    """Owners and places of the first ``missing[t]`` candidates of each target `t`, flat."""
    owner = np.repeat(np.arange(len(missing)), missing)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(missing) - missing, missing)
