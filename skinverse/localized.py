"""Inverters that localise: propose, refine through a forward model, select."""

from abc import abstractmethod

import numpy as np

from skinverse.base import BaseInverter
from skinverse.forward_model import default_forward_model, fit_forward_model
from skinverse.solvers import LevenbergMarquardtSolver
from skinverse.solvers.anchored import AnchoredModel
from skinverse.solvers.localizer import Localizer, Proposals, ranges_first, redrawn
from skinverse.solvers.selection import SELECTIONS
from skinverse.utils.scaling import column_scale
from skinverse.utils.validation import HasMethods, Integral, Interval, StrOptions


class LocalizedInverter(BaseInverter):
    """Base of inverters whose proposals a solver moves through a forward model.

    A subclass fits what proposes and calls :meth:`_fit_localizer`, in ``_fit(X, y, random_state, warm)``, and says
    ``_proposals(n, space, seeds)``. With `warm` its networks go on from their weights.
    """

    keeps_table = True

    _localization_constraints = {
        "forward_model": [HasMethods(["fit", "predict"]), None],
        "solver": [HasMethods("solve"), None],
        "max_redraws": [Interval(Integral, 0, None, closed="left")],
        "select": [StrOptions(set(SELECTIONS)), callable],
        "anchor": [StrOptions({"auto"}), "boolean"],
        "space": "no_validation",
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @abstractmethod
    def _proposals(self, n, space, seeds):
        """Proposals for each target in round 0, and ``propose`` as :meth:`Localizer.search` takes it.

        ``seeds[k]`` governs round `k`.
        """

    def _known_answers(self, targets):
        """The training row of each target that is its answer where no better is expected; None: rows are no answers."""
        return None

    @abstractmethod
    def _fit(self, X, y, random_state, warm=False):
        """Learn from checked arrays, with `warm` from the weights there are."""

    def _go_on(self, X, y, random_state, partial):
        warm = hasattr(self, "localizer_")
        if warm:
            known = self.localizer_.model
            X, y = np.concatenate([known.X, X]), np.concatenate([known.y, y])
            self.y_scale_ = column_scale(y)
        self._fit(X, y, random_state, warm=warm)

    def _make_forward_model(self, X, y, random_state, warm):
        """Fitted forward model with a torch module `module_`; `y` as the user gave it."""
        model = self.forward_model
        if model is None:
            model = default_forward_model(X, y, verbose=self.verbose)
        return fit_forward_model(model, X, y, random_state, getattr(self, "forward_model_", None), warm=warm)

    def _fit_localizer(self, X, y, random_state, warm):
        self.forward_model_ = self._make_forward_model(X, self._as_given(y), random_state, warm)
        model = AnchoredModel(
            self.forward_model_, X, y, self.space_, y_scale=self.y_scale_, anchor=self.anchor
        )
        self.localizer_, self.anchored_ = Localizer(model), model.anchored

    def _inverse(self, targets, n, space, random_state):
        seeds = random_state.randint(2**31 - 1, size=self.max_redraws + 1)
        pool, propose = self._proposals(n, space, seeds)
        return self.localizer_.search(
            targets,
            n,
            pool,
            propose,
            space=space,
            solver=LevenbergMarquardtSolver() if self.solver is None else self.solver,
            select=SELECTIONS.get(self.select, self.select),
            max_redraws=self.max_redraws,
            known=self._known_answers(targets),
            verbose=self.verbose,
        )


def pool_size(n, wanted, least):
    """Proposals for `n` designs: as many as `wanted`, or if that is None a twentieth more and at `least` so many."""
    return max(n, wanted or max(n + n // 20, least))


def proposals_of(inverter, n, pool, space, seeds):
    """``propose`` that asks a fitted inverter for as many designs as `n` wanted ones may need; their latents go along.

    That is `pool` in round 0, and does not depend on how many other targets miss.
    """

    def propose(targets, k, missing):
        asked = np.flatnonzero(missing)
        size = int(redrawn(n, pool)) if k else pool
        x, about = inverter._inverse(targets[asked], size, space, np.random.RandomState(seeds[k]))
        owner, place = ranges_first(missing)
        mine = np.searchsorted(asked, owner), place
        latent = {"latent": about["latent"][mine]} if "latent" in about else {}
        return Proposals(owner, x[mine], about=latent)

    return propose
