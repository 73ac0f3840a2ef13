"""Localisation: candidates of many targets refined through a forward model, and judged by it."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skinverse.solvers.levenberg_marquardt import LevenbergMarquardtSolver
from skinverse.solvers.selection import best_of, choose_candidates
from skinverse.solvers.whole_numbers import descend_in_whole_numbers
from skinverse.targets import Targets
from skinverse.utils.chunks import chunks
from skinverse.utils.progress import progress_bar
from skinverse.utils.user_warnings import warn_user

# Candidates of different targets worked on together, and their responses.
_MAX_CANDIDATES, _MAX_RESPONSES = 2**15, 2**21
# Rounds of polishing, at most: the interpolated error hardly changes over a step, and two are usual.
_N_POLISHES = 8
# Tolerance of polishing, in those of the solver, whose last step mostly goes far below its own; no less than rounding.
_POLISHED = 1e-5
# Designs that are polished beyond those wanted, as the ranking may change.
_N_SPARE = 15


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
    """Search through a forward model that is anchored to a table.

    It takes care of what solvers know nothing of: responses censored at a floor, whole-number
    variables, the anchoring of candidates to training rows, and the error to expect of a
    candidate, by which candidates are ranked.

    Parameters
    ----------
    model : AnchoredModel
    """

    def __init__(self, model):
        self.model = model

    def search(self, targets, n, pool, propose, *, space, solver, select, max_redraws, verbose, known=None):
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
        known : ndarray of int of shape (n_targets,), default=None
            A training row for each target, put first where it is expected to be nearer than the best design.

        Returns
        -------
        X : ndarray of shape (n_targets, n, n_features)
        info : dict of ndarray of shape (n_targets, n, ...)
            What :meth:`refine` finds, but for `owner` and `x`.
        """
        together = min(_MAX_CANDIDATES, _MAX_RESPONSES // self.model.y.shape[1]) // pool
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
                    missing = redrawn(np.maximum(n - converged, 0).astype(int), pool)
                    bar.update(n_before - np.count_nonzero(missing))
                    if not missing.any():
                        break
                bar.update(np.count_nonzero(missing))
                found = {name: np.concatenate([r[name] for r in rounds]) for name in rounds[0]}
                # Candidates that are alike stay in their order, which depends on nothing but the target.
                choose = partial(choose_candidates, n_targets=len(mine), space=space, least=self.model.alike)
                if self.model.interpolator is None:
                    parts.append(choose(found, n=n, select=select))
                    continue
                # Some more are polished than are wanted: what is to be expected of them may change.
                n_polished = min(pool, n + _N_SPARE) if select is best_of else n
                polished = self.polish(mine, choose(found, n=n_polished, select=select), space, solver)
                parts.append(choose(polished, n=n, select=best_of))
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        _warn_if_short(found["converged"])
        found["expected_error"] += (self.model.doubt - 1) * found.pop("variance")
        if known is not None:
            self.put_rows_first(targets, found, known, space)
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
        model, owner, starts = self.model, proposals.owner, proposals.x
        row = np.full(len(owner), -1) if proposals.row is None else proposals.row
        mine = targets[owner]
        anchored = (row >= 0) & model.is_anchor[row]
        shift = np.where(anchored[:, None], model.correction[row], 0.0)

        latent = mine.above_floor(model.floor)
        latent = Targets(latent.lower - shift, latent.upper - shift)
        known = None
        if (row >= 0).all() and model.jacobian is not None:
            known = model.response[row], model.jacobian[row]
        result = solver.solve(model.module, latent, starts, space, y_scale=model.y_scale, known=known)
        n_iter = result.n_iter
        if space.integer.any():
            whole, rest = space.project(result.x), ~space.integer
            result = solver.solve(model.module, latent, whole, space, y_scale=model.y_scale, free=rest)
            n_iter = n_iter + result.n_iter
            stuck = np.flatnonzero(~result.converged)
            if stuck.size:
                tol = getattr(solver, "tol", 1e-5)
                moved, n_steps = descend_in_whole_numbers(
                    model.module, latent[stuck], result.x[stuck], space, y_scale=model.y_scale, tol=tol
                )
                again = solver.solve(
                    model.module, latent[stuck], moved, space, y_scale=model.y_scale, free=rest
                )
                result = result.replaced(stuck, again)
                n_iter[stuck] += n_steps + again.n_iter

        predicted = np.maximum(result.predicted + shift, model.floor)
        # No design has a response under the floor, though the latent value may go there.
        converged = result.converged & (mine.upper >= model.floor).all(axis=1)
        misfit = mine.residual(predicted) / model.y_scale
        near = model.interpolates(result.x)
        misfit[converged & near] = 0  # polishing takes it away
        variance = model.variance(result.x, starts, np.where(anchored, row, -1), near)
        return {
            "owner": owner,
            "x": result.x,
            "predicted": predicted,
            "converged": converged,
            "expected_error": _over_wanted(mine, misfit**2 + variance),
            "variance": _over_wanted(mine, variance),
            "n_iter": n_iter,
            "at_bound": _at_bound(result, space),
            "proposal": starts,
            **proposals.about,
        }

    def polish(self, targets, chosen, space, solver):
        """Chosen designs (n_targets, n, ...) solved again with the model's error interpolated between the rows.

        By Levenberg-Marquardt, whichever solver brought them there: it is a step or two. Where rows are sparse that may
        lead to where less is known; such designs stay. Returns the designs flat, as :meth:`refine` does.
        """
        model, shape = self.model, chosen["converged"].shape
        reached = getattr(solver, "tol", 1e-5)
        tol = min(reached, max(_POLISHED * reached, model.precision))
        solver = LevenbergMarquardtSolver(tol=tol)
        found = {name: values.reshape(-1, *values.shape[2:]).copy() for name, values in chosen.items()}
        found["owner"] = np.repeat(np.arange(shape[0]), shape[1])
        near = np.flatnonzero(found["converged"] & model.interpolates(found["x"]))
        before = {name: found[name][near].copy() for name in ("x", "predicted", "at_bound")}
        rows, known = near, np.full((len(found["x"]), model.y.shape[1]), np.inf)
        for _ in range(_N_POLISHES):
            shift = model.interpolator(model.to_unit(found["x"][rows]))
            changed = (np.abs(shift - known[rows]) > tol * model.y_scale).any(axis=1)
            rows, shift = rows[changed], shift[changed]
            if not len(rows):
                break
            known[rows] = shift
            wanted = targets[found["owner"][rows]]
            wanted = Targets(wanted.lower - shift, wanted.upper - shift)
            result = solver.solve(
                model.module, wanted, found["x"][rows], space, y_scale=model.y_scale, free=~space.integer
            )
            better = (result.residual < result.trace[0]) & (result.residual <= reached)
            values = {
                "x": result.x,
                "predicted": result.predicted + shift,
                "at_bound": _at_bound(result, space),
            }
            for name in before:
                found[name][rows[better]] = values[name][better]
            found["n_iter"][rows] += result.n_iter
        mine = targets[found["owner"][near]]
        after, ahead = (self._polished_error(mine, x) for x in (found["x"][near], before["x"]))
        worse = ahead.sum(axis=0) < after.sum(axis=0)
        for name, values in before.items():
            found[name][near[worse]] = values[worse]
        misfit, variance = np.where(worse, ahead, after)
        found["expected_error"][near], found["variance"][near] = misfit + variance, variance
        return found

    def put_rows_first(self, targets, found, row, space):
        """Put a training row before the designs (n_targets, n, ...) of its target, in the place of the last, where the
        space has it, the model is anchored to it, and the first design is expected to be off by more than it is.
        """
        model = self.model
        error = _over_wanted(targets, (targets.residual(model.y[row]) / model.y_scale) ** 2)
        may = model.is_anchor[row] & space.contains(model.X[row])
        nearer = np.flatnonzero(may & (error < found["expected_error"][:, 0]))
        x = model.X[row[nearer]]
        unit = space.to_unit(x)
        about = {
            "x": x,
            "predicted": model.y[row[nearer]],
            "converged": error[nearer] == 0,
            "expected_error": error[nearer],
            "n_iter": 0,
            "at_bound": ((unit <= 0) | (unit >= 1)) & (space.width > 0),
            "proposal": x,
        }
        for name, values in found.items():
            values[nearer, 1:] = values[nearer, :-1]
            values[nearer, 0] = about[name]

    def _polished_error(self, targets, X):
        """Squared misfit of designs, and variance, by the interpolated model: (2, n)."""
        response, variance = self.model.interpolated(X)
        misfit = targets.residual(response) / self.model.y_scale
        return np.array([_over_wanted(targets, misfit**2), _over_wanted(targets, variance)])


def _at_bound(result, space):
    """Variables at an end of their range: the free ones of a solver's last step, and whole numbers."""
    whole = space.integer & (space.width > 0)
    return result.at_bound | (whole & ((result.x <= space.lower) | (result.x >= space.upper)))


def _over_wanted(targets, a):
    """Mean over the wanted outputs of an array (n_targets, n_outputs)."""
    return np.where(targets.wanted, a, 0).sum(axis=1) / targets.wanted.sum(axis=1)


def _warn_if_short(converged):
    """ConvergenceWarning if targets, rows of `converged` (n_targets, n), were not reached by all of their designs."""
    short = np.flatnonzero(~converged.all(axis=1))
    if short.size:
        warn_user(
            f"{short.size} of {len(converged)} targets were not reached by all of their {converged.shape[1]} designs, "
            f"the first of them target {short[0]} ({np.count_nonzero(converged[short[0]])} of {converged.shape[1]}); "
            "see `converged` in the info bunch. They may have no solution in the space, or the solver needs more "
            "iterations.",
            ConvergenceWarning,
        )


def redrawn(n, pool):
    """Candidates that a round after the first wants for each target, of which `n` designs are missing."""
    return np.minimum(2 * n, pool)


def ranges_first(missing):
    """Owners and places of the first ``missing[t]`` candidates of each target `t`, flat."""
    owner = np.repeat(np.arange(len(missing)), missing)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(missing) - missing, missing)
