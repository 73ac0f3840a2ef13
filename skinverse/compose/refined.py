"""Localisation after any inverter."""

from skinverse.base import BaseInverter
from skinverse.localized import LocalizedInverter, pool_size, proposals_of
from skinverse.spaces import check_space
from skinverse.utils.seeding import seeded_clone
from skinverse.utils.validation import Integral, Interval
from skinverse.utils.warm_start import fit_after


class RefinedInverter(LocalizedInverter):
    r"""Proposals of one inverter, refined through a forward model.

    A density knows where solutions lie, a solver where exactly: draws of :math:`p(x \mid y^*)` start within a step or
    two of a solution and spread over all branches. Designs come best first. Proposals that do not converge are
    replaced by new ones.

    Parameters
    ----------
    inverter : BaseInverter
        Proposes; cloned and fitted in `fit`.
    forward_model : regressor, default=None
        As for :class:`~skinverse.NeuralAdjoint`, with the same default.
    solver : solver, default=None
        None is :class:`~skinverse.solvers.LevenbergMarquardtSolver`.
    n_proposals : int, default=None
        Proposals for each target; None takes a twentieth more than designs are asked for, and at least 64.
    max_redraws : int, default=10
        Rounds in which proposals that got stuck are replaced.
    select : {"best", "diverse"} or callable, default="best"
        As for :class:`~skinverse.NeuralAdjoint`.
    anchor : {"auto"} or bool, default="auto"
        As for :class:`~skinverse.NeuralAdjoint`.
    space : DesignSpace or array-like of shape (n_features, 2), default=None
        Allowed designs, handed to `inverter` too; None is what `inverter` allows.
    random_state : int, RandomState or None, default=None
        Governs `fit`, and `inverse` where that is given none.
    verbose : int, default=0
        1 shows a bar of the targets in :meth:`inverse` on standard error, and of the epochs of the default
        `forward_model`; 2 leaves bars there. Parts of yours have their own `verbose`.

    Attributes
    ----------
    inverter_ : BaseInverter
    forward_model_ : regressor
    anchored_ : bool
        What `anchor` came to.

    Notes
    -----
    The info bunch of :meth:`inverse` also holds `proposal`, where each design came from, and `expected_error` and
    `at_bound` as for :class:`~skinverse.NeuralAdjoint`.

    Examples
    --------
    >>> from skinverse import ForwardRegressor, MDNInverter, RefinedInverter
    >>> from skinverse.datasets import make_sine_wave
    >>> from skinverse.simulators import SineWave
    >>> X, y = make_sine_wave(500, random_state=0)
    >>> draws = MDNInverter(8, hidden_layer_sizes=(32,), max_epochs=20)
    >>> inverter = RefinedInverter(draws, ForwardRegressor((32,), max_epochs=30), random_state=0).fit(X, y)
    >>> bool(abs(SineWave()(inverter.inverse(0.5, n=5)[0]) - 0.5).max() < 0.1)
    True
    """

    _parameter_constraints = {
        **LocalizedInverter._localization_constraints,
        "inverter": [BaseInverter],
        "n_proposals": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        inverter,
        forward_model=None,
        solver=None,
        *,
        n_proposals=None,
        max_redraws=10,
        select="best",
        anchor="auto",
        space=None,
        random_state=None,
        verbose=0,
    ):
        self.inverter = inverter
        self.forward_model = forward_model
        self.solver = solver
        self.n_proposals = n_proposals
        self.max_redraws = max_redraws
        self.select = select
        self.anchor = anchor
        self.space = space
        self.random_state = random_state
        self.verbose = verbose

    @property
    def supports_partial_targets(self):
        """As the inverter that proposes."""
        return self.inverter.supports_partial_targets

    def _fit(self, X, y, random_state, warm=False):
        if self.space is None:
            self.space_ = check_space(self.inverter.space, X, getattr(self, "feature_names_in_", None))
        inverter = seeded_clone(self.inverter, random_state, space=self.space_)
        fitted = getattr(self, "inverter_", None)
        self.inverter_ = fit_after(inverter, fitted, X, self._as_given(y), warm=warm)
        self._fit_localizer(X, y, random_state, warm)

    def _proposals(self, n, space, seeds):
        pool = max(n, min(pool_size(n, self.n_proposals, 64), self.inverter_._most_designs()))
        return pool, proposals_of(self.inverter_, n, pool, space, seeds)
