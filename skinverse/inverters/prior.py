"""Draws from the design space: the baseline that knows nothing."""

import numpy as np

from skinverse.base import BaseInverter
from skinverse.utils.chunks import chunks
from skinverse.utils.seeding import seeded_clone
from skinverse.utils.validation import HasMethods, Integral, Interval, StrOptions

# Responses ranked together for different targets.
_MAX_RANKED = 2**20


class PriorInverter(BaseInverter):
    """Random designs, the same for every target, optionally ranked by a forward model.

    Without a forward model the draws are exchangeable; with one they come best first.

    Parameters
    ----------
    prior : {"space", "data"}, default="space"
        "space" fills the space evenly by `sampler`; "data" redraws rows of the training designs, which
        are draws from whatever law made the table. Rows outside the space are moved into it.
    sampler : sampler, default=None
        Fills the unit cube for ``prior="space"``; None is :class:`~skinverse.samplers.RandomSampler`.
    forward_model : regressor, default=None
        Cloned and fitted on the training data to rank `n_candidates` draws; None ranks nothing.
    n_candidates : int, default=1000
        Draws to choose from when there is a forward model; at least the number asked for.
    space : DesignSpace or array-like of shape (n_features, 2), default=None
        Allowed designs; None is the box of the training designs.
    random_state : int, RandomState or None, default=None
        Governs `fit`, and `inverse` where that is given none.

    Attributes
    ----------
    forward_model_ : regressor or None

    Examples
    --------
    >>> from skinverse.datasets import make_sine_wave
    >>> from skinverse.inverters import PriorInverter
    >>> X, y = make_sine_wave(100, random_state=0)
    >>> PriorInverter(random_state=0).fit(X, y).inverse(0.5, n=2).shape
    (1, 2, 2)
    """

    supports_partial_targets = True
    _min_samples = 1

    _parameter_constraints = {
        "prior": [StrOptions({"space", "data"})],
        "sampler": [HasMethods("sample"), None],
        "forward_model": [HasMethods(["fit", "predict"]), None],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "space": "no_validation",
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        prior="space",
        *,
        sampler=None,
        forward_model=None,
        n_candidates=1000,
        space=None,
        random_state=None,
    ):
        self.prior = prior
        self.sampler = sampler
        self.forward_model = forward_model
        self.n_candidates = n_candidates
        self.space = space
        self.random_state = random_state

    def _fit(self, X, y, random_state):
        self.designs_ = X
        self.forward_model_ = None
        if self.forward_model is not None:
            self.forward_model_ = seeded_clone(self.forward_model, random_state).fit(X, self._as_given(y))

    def _inverse(self, targets, n, space, random_state):
        ranked = self.forward_model_ is not None
        n_draws = max(n, self.n_candidates) if ranked else n
        if self.prior == "space":
            pool = space.sample(n_draws, sampler=self.sampler, random_state=random_state)
        else:
            pool = space.project(self.designs_[random_state.randint(len(self.designs_), size=n_draws)])
        if not ranked:
            return np.tile(pool, (len(targets), 1, 1)), {}
        response = self.forward_model_.predict(pool).reshape(n_draws, -1)
        chosen = np.empty((len(targets), n), dtype=np.intp)
        for part in chunks(len(targets), _MAX_RANKED // response.size):
            misfit = ((targets[part].residual(response[None]) / self.y_scale_) ** 2).sum(axis=2)
            chosen[part] = np.argsort(misfit, axis=1, kind="stable")[:, :n]
        return pool[chosen], {"predicted": response[chosen]}
