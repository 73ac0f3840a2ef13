"""Neural Adjoint: search through a differentiable surrogate from many starts."""

import numpy as np

from skinverse.localized import LocalizedInverter, pool_size
from skinverse.samplers import LHSSampler, RandomSampler
from skinverse.solvers import GradientSolver
from skinverse.solvers.localizer import Proposals, ranges_first
from skinverse.utils.lookup import ResponseLookup
from skinverse.utils.validation import HasMethods, Integral, Interval, StrOptions


class NeuralAdjoint(LocalizedInverter):
    r"""Refine many starts through a differentiable surrogate, return the best [1]_.

    A surrogate :math:`\hat f` of the forward process is fitted to the table. For each target, candidates
    start from training rows with a near response or from a space-filling draw, a solver moves them
    through the surrogate until :math:`\hat f(x) = y^*`, and the ones of least expected error are
    returned, best first.

    Three things go beyond the published method, each measured in the results page and each a
    parameter. The solver is second-order by default. The surrogate is *anchored* to the training rows:
    candidates that start from a row follow :math:`\hat f(x) + y_i - \hat f(x_i)`, which is exact at that row (the
    additive correction of space mapping [2]_), and the designs that are returned are solved once more with
    the surrogate's error interpolated between the rows around them, unless that leads to where less is known. And
    candidates are ranked by misfit plus expected error: by how much the members of an ensemble differ, each corrected
    by its own error at the rows, and by how far from a row they are, because a few members may agree by chance. For a
    single surrogate it is how much interpolations about several rows differ, or its training error, less
    where a candidate has moved little from its row. Ranking by misfit alone, as published, chooses at random among
    converged ones.

    Parameters
    ----------
    forward_model : regressor, default=None
        Cloned and fitted in `fit`; wrap a fitted one in :class:`sklearn.frozen.FrozenEstimator` to keep
        it. Once fitted it must hold a torch module `module_` that maps designs to responses in
        the user's units, as :class:`~skinverse.ForwardRegressor` and skorch's regressors do. None is
        :class:`~skinverse.ForwardGaussianProcess` for up to 300 rows of up to 16 variables and 4 outputs that are not
        cut off at a floor, else an ensemble ``ForwardRegressor(n_members=3)``.
    solver : solver, default=None
        None is :class:`~skinverse.solvers.LevenbergMarquardtSolver`.
    start : {"nearest", "data", "sampler"}, default="nearest"
        "nearest" starts from the training rows whose responses are nearest to the target, the first of which may be an
        answer as it is (Notes), and from the sampler where those are too few; "data" from random training rows, that
        is from the law of the designs, whatever their response; "sampler" from the sampler alone, which fills the space
        evenly and goes farther from the data.
    sampler : sampler, default=None
        Fills the space with starts; None is :class:`~skinverse.samplers.LHSSampler`.
    n_starts : int, default=None
        Candidates for each target; None takes a twentieth more than designs are asked for, at least 64,
        and at least 1000 when ``select="diverse"``.
    max_redraws : int, default=10
        Rounds in which candidates that got stuck are replaced by new draws of the sampler, until as
        many as asked for have converged. 0 keeps the stuck ones.
    select : {"best", "diverse"} or callable, default="best"
        "best" returns the candidates of least expected error, "diverse" good ones far apart
        (:func:`~skinverse.solvers.diverse_best_of`), to see every branch of solutions. A callable
        ``select(X, score, n) -> indices`` gets candidates in the unit box.
    anchor : {"auto"} or bool, default="auto"
        Whether to anchor the surrogate to the training rows. It helps where responses are free of noise, and brings
        the noise of a row where they are not. "auto" anchors unless Gaussian processes have found noise, or a
        network's residuals at neighbouring rows disagree as noise does; where rows are too far apart to tell it
        anchors, so that answers are not worse than those of a lookup. The interpolation is for at most twelve design
        variables and leaves out censored responses.
    space : DesignSpace or array-like of shape (n_features, 2), default=None
        Allowed designs; None is the box of the training designs. Integer variables are refined as
        continuous, rounded, and the others refined again.
    random_state : int, RandomState or None, default=None
        Governs `fit`, and `inverse` where that is given none.
    verbose : int, default=0
        1 shows a bar of the targets in :meth:`inverse` on standard error, and of the epochs of the default
        `forward_model`; 2 leaves bars there. A model of yours has its own `verbose`.

    Attributes
    ----------
    forward_model_ : regressor
        The fitted surrogate; ``forward_model_.predict`` predicts responses.
    anchored_ : bool
        Whether the surrogate is anchored to the training rows.

    Notes
    -----
    The info bunch of :meth:`inverse` also holds `expected_error` (mean squared, in units of ``y_scale_``), and two
    arrays of shape (n_targets, n, n_features): `proposal`, where a design started, and `at_bound`, the variables that
    ended on an edge of the space, so that a better design may lie beyond. Candidates that did not reach their target
    come last and are flagged by `converged`.

    Two things depend on trust in the rows, `anchored_`. Members that learnt from few rows are wrong alike, so what
    they disagree is told as `expected_error` times what it falls short of the errors at rows that members were not
    trained on, where ``forward_model_.held_out_`` says which. And with ``start="nearest"`` the nearest training row,
    whose error is known, comes first where the best design is expected to be farther from the target; it is its own
    `proposal`, and has `converged` only if its response is the target.

    :meth:`as_published` returns the estimator with the settings of the paper.

    References
    ----------
    .. [1] S. Ren, W. Padilla and J. Malof, "Benchmarking deep inverse models over time, and the
       neural-adjoint method", NeurIPS 2020. https://arxiv.org/abs/2009.12919
    .. [2] J. W. Bandler et al., "Space mapping: the state of the art", IEEE Trans. Microw. Theory Tech.
       52(1), 2004. https://doi.org/10.1109/TMTT.2003.820904

    Examples
    --------
    >>> from skinverse import ForwardRegressor, NeuralAdjoint
    >>> from skinverse.simulators import SineWave
    >>> from skinverse.datasets import make_sine_wave
    >>> X, y = make_sine_wave(500, random_state=0)
    >>> surrogate = ForwardRegressor((32,), max_epochs=30)
    >>> inverter = NeuralAdjoint(surrogate, random_state=0).fit(X, y)
    >>> designs = inverter.inverse([0.5, 1.2], n=3)
    >>> designs.shape
    (2, 3, 2)
    >>> bool(abs(SineWave()(designs[0]) - 0.5).max() < 0.05)
    True
    """

    supports_partial_targets = True

    _parameter_constraints = {
        **LocalizedInverter._localization_constraints,
        "start": [StrOptions({"nearest", "data", "sampler"})],
        "sampler": [HasMethods("sample"), None],
        "n_starts": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        forward_model=None,
        *,
        solver=None,
        start="nearest",
        sampler=None,
        n_starts=None,
        max_redraws=10,
        select="best",
        anchor="auto",
        space=None,
        random_state=None,
        verbose=0,
    ):
        self.forward_model = forward_model
        self.solver = solver
        self.start = start
        self.sampler = sampler
        self.n_starts = n_starts
        self.max_redraws = max_redraws
        self.select = select
        self.anchor = anchor
        self.space = space
        self.random_state = random_state
        self.verbose = verbose

    @classmethod
    def as_published(cls, forward_model, *, lr=0.5, n_starts=2048, boundary_weight=409.6, **params):
        """The method with the settings of the paper and its code.

        2,048 uniform starts for each target, 300 steps of Adam with one plateau schedule for all of
        them, the boundary term instead of a hard box, ranking by the surrogate's own misfit (of a single
        network; an ensemble's disagreement would count too); no redrawing, no anchoring.

        One thing differs: misfits are compared in training standard deviations of the response, where the
        code takes them raw. Pass ``boundary_weight=409.6 / y.var()`` for its balance of misfit and boundary.

        Parameters
        ----------
        forward_model : regressor
            The paper's networks have four hidden layers of 500 ReLU units with batch normalisation,
            trained by Adam for 500 epochs of batches of 1,024.
        lr : float or array-like of shape (n_features,), default=0.5
            In units of the box's edges, as the code optimises sine wave and metamaterial.
        n_starts : int, default=2048
        boundary_weight : float or array-like of shape (n_features,), default=409.6
            Of an edge of the box outside. The code's reductions amount to 204.8 for a candidate, in variables
            from -1 to 1; the paper writes 1.
        **params
            Other parameters of the constructor, `space` above all.
        """
        solver = GradientSolver(
            300,
            lr=lr,
            schedule="plateau",
            boundary="penalty",
            boundary_weight=boundary_weight,
            batch_size=n_starts,
        )
        settings = {
            "solver": solver,
            "start": "sampler",
            "sampler": RandomSampler(),
            "n_starts": n_starts,
            "max_redraws": 0,
            "anchor": False,
        }
        return cls(forward_model, **{**settings, **params})

    def _fit(self, X, y, random_state, warm=False):
        self._fit_localizer(X, y, random_state, warm)
        self.lookup_ = ResponseLookup(y / self.y_scale_)

    def _known_answers(self, targets):
        return self._nearest_rows(targets, 1)[:, 0] if self.start == "nearest" else None

    def _nearest_rows(self, targets, n):
        return self.lookup_.query(targets.lower / self.y_scale_, targets.upper / self.y_scale_, n)

    def _proposals(self, n, space, seeds):
        pool = pool_size(n, self.n_starts, 1000 if self.select == "diverse" else 64)
        sampler = LHSSampler() if self.sampler is None else self.sampler
        draws = [None] * len(seeds)

        def drawn(k):  # designs and their rows, the same for every target, drawn when first needed
            if draws[k] is None:
                draws[k] = self._draw(pool, space, sampler, np.random.RandomState(seeds[k]))
            return draws[k]

        def propose(targets, k, missing):
            if k == 0:
                return self._starts(targets, pool, space, drawn)
            owner, place = ranges_first(missing)
            x, row = drawn(k)
            return Proposals(owner, x[place], row[place])

        return pool, propose

    def _starts(self, targets, pool, space, drawn):
        """Start designs of round 0."""
        X = self.localizer_.model.X
        n_near = min(pool, len(X)) if self.start == "nearest" else 0
        x = np.empty((len(targets), pool, space.n_features))
        row = np.empty((len(targets), pool), dtype=np.intp)
        if n_near:
            near = self._nearest_rows(targets, n_near)
            x[:, :n_near], row[:, :n_near] = X[near], np.where(space.contains(X[near]), near, -1)
        if n_near < pool:
            x[:, n_near:], row[:, n_near:] = (part[: pool - n_near] for part in drawn(0))
        owner = np.repeat(np.arange(len(targets)), pool)
        return Proposals(owner, x.reshape(-1, space.n_features), row.ravel())

    def _draw(self, n, space, sampler, random_state):
        """Starts that know nothing of the target, and their training rows or -1."""
        if self.start == "data":
            X = self.localizer_.model.X
            row = random_state.permutation(max(n, len(X)))[:n] % len(X)
            return X[row], np.where(space.contains(X[row]), row, -1)
        return space.sample(n, sampler=sampler, random_state=random_state), np.full(n, -1)
