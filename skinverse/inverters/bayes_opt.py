"""Bayesian optimisation: ask the simulator itself, one design at a time, where most is to be gained."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skinverse.base import BaseInverter
from skinverse.metrics.resimulation import FAILED, NOT_RUN, OK, resimulation_error, why_failed
from skinverse.samplers import LHSSampler
from skinverse.solvers.expected_improvement import ExpectedImprovement
from skinverse.spaces import DesignSpace
from skinverse.targets import Targets
from skinverse.utils.lookup import distinct_rows
from skinverse.utils.progress import progress_bar
from skinverse.utils.seeding import seeded_clone
from skinverse.utils.user_warnings import warn_user
from skinverse.utils.validation import HasMethods, Integral, Interval, Real, StrOptions

TABLE = "table"  # status of a design whose answer was known beforehand

# Designs about which the next one is looked for, beside the whole space.
_N_BEST = 5


class BayesOptInverter(BaseInverter):
    r"""Bayesian optimisation of the distance between the simulator's response and the target.

    The baseline of whoever can afford to simulate while searching: no surrogate is trained beforehand, each target has
    a search of its own. Gaussian processes :math:`f` of the responses are fitted to what has been
    simulated so far, and the design is simulated next whose expected improvement is largest,

    .. math:: \max_x \; \mathbb E \left[ \max(0,\; b - d(f(x), y^*)) \right],

    where :math:`d` is the misfit and :math:`b` the n-th least one so far, `n` being the number of designs asked for.
    The processes model the responses and not the misfit, whose square hides on which side of the target a design
    lies; such composite improvement [1]_ needs a fraction of the simulations. Its logarithm is what is
    maximised [2]_, by BoTorch [3]_.

    Designs come best first. All of them have been simulated, or are rows of the table. To a simulator that rounds,
    to the pixels of an image for instance, many designs are the same one: those that miss the target by an answer that
    is equal to an earlier one's come last, and the search stays away from them.

    Parameters
    ----------
    simulator : callable or regressor
        Maps designs (n, n_features) to responses (n,) or (n, n_outputs), in the units of the table. It may answer
        NaN or infinity, or raise: the simulation then counts as failed, the search goes on and learns to stay away.
        A regressor is cloned, fitted to the table and searched in the place of a simulator.
    n_initial : int, default=50
        Designs that a search begins with.
    n_iter : int, default=50
        Most simulations that follow, one after another.
    start : {"data", "sampler"}, default="data"
        "data" begins with rows of the table, half of them those of least misfit and the others spread over the
        rest; they cost no simulation, and must be answers of the same simulator. "sampler" begins with `n_initial`
        simulations at draws of the sampler, the same for every target, and knows nothing of the table.
    sampler : sampler, default=None
        Fills the space with draws; None is :class:`~skinverse.samplers.LHSSampler`.
    tol : float, default=1e-3
        A design has converged when each response is within `tol` training standard deviations of its target. The
        search for a target ends when as many as asked for have; 0 spends `n_iter` simulations unless the target
        is met exactly.
    space : DesignSpace or array-like of shape (n_features, 2), default=None
        Allowed designs; None is the box of the training designs.
    random_state : int, RandomState or None, default=None
        Governs `fit`, and `inverse` where that is given none.
    verbose : int, default=0
        1 shows on standard error, target after target, a bar of the simulations, 2 leaves it there.

    Attributes
    ----------
    simulator_ : callable
    designs_ : ndarray of shape (n_rows, n_features)
        Distinct training designs.
    responses_ : ndarray of shape (n_rows, n_outputs)

    See Also
    --------
    NeuralAdjoint : Searches through a surrogate, at no simulation.

    Notes
    -----
    Needs BoTorch: ``pip install skinverse[bayesopt]``.

    The info bunch of :meth:`inverse` also holds `n_simulations` of shape (n_targets,), in which shared draws count
    for every target, and two arrays of shape (n_targets, n_initial + n_iter) about the designs in the order in which
    they were judged: `status`, which is "table", "ok", "failed" or "not run", and `trace`, the least misfit so far,
    its outputs in training standard deviations; infinite before the first answer inside the space.

    Where the simulator fails for designs, a further process models success, and the improvement is weighted by its
    probability. If there are too few answers for `n` designs, rows of the table follow, then rows moved into
    the space, whose `predicted` is NaN.

    The improvement is an average over draws of the responses, for one design at a time. Of more than eight outputs,
    as in a spectrum, the processes model the eight leading principal components. Kernels are Matérn 5/2 with the
    lengthscale prior that grows with the number of variables [4]_; noise is estimated. Whole numbers stay as they
    were drawn while the others are climbed. The work of an iteration grows with the cube of the number
    of designs judged.

    The published baseline on the latents of a generative network [5]_ is ``BayesOptInverter(simulator, n_initial=250,
    n_iter=400, start="sampler", tol=0)``; which improvement it maximised is not told.

    Answers are lost if the process dies; ``joblib.Memory().cache(simulator)`` keeps them.

    References
    ----------
    .. [1] R. Astudillo and P. Frazier, "Bayesian optimization of composite functions", ICML 2019.
       https://arxiv.org/abs/1906.01537
    .. [2] S. Ament et al., "Unexpected improvements to expected improvement for Bayesian optimization", NeurIPS 2023.
       https://arxiv.org/abs/2310.20708
    .. [3] M. Balandat et al., "BoTorch: a framework for efficient Monte-Carlo Bayesian optimization", NeurIPS 2020.
       https://arxiv.org/abs/1910.06403
    .. [4] C. Hvarfner, E. O. Hellsten and L. Nardi, "Vanilla Bayesian optimization performs great in high
       dimensions", ICML 2024. https://arxiv.org/abs/2402.02229
    .. [5] Z. Yang et al., "A general framework combining generative adversarial networks and mixture density networks
       for inverse modeling in microstructural materials design", 2021. https://arxiv.org/abs/2101.10553

    Examples
    --------
    >>> from skinverse.datasets import make_sine_wave
    >>> from skinverse.inverters import BayesOptInverter
    >>> from skinverse.simulators import SineWave
    >>> X, y = make_sine_wave(30, random_state=0)
    >>> inverter = BayesOptInverter(SineWave(), random_state=0).fit(X, y)
    >>> designs, info = inverter.inverse(0.5, n=3, return_info=True)  # doctest: +SKIP
    >>> info.converged, info.n_simulations  # doctest: +SKIP
    (array([[ True,  True,  True]]), array([5]))
    """

    supports_partial_targets = True
    _min_samples = 1

    _parameter_constraints = {
        "simulator": [callable, HasMethods(["fit", "predict"])],
        "n_initial": [Interval(Integral, 1, None, closed="left")],
        "n_iter": [Interval(Integral, 1, None, closed="left")],
        "start": [StrOptions({"data", "sampler"})],
        "sampler": [HasMethods("sample"), None],
        "tol": [Interval(Real, 0, None, closed="left")],
        "space": "no_validation",
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        simulator,
        *,
        n_initial=50,
        n_iter=50,
        start="data",
        sampler=None,
        tol=1e-3,
        space=None,
        random_state=None,
        verbose=0,
    ):
        self.simulator = simulator
        self.n_initial = n_initial
        self.n_iter = n_iter
        self.start = start
        self.sampler = sampler
        self.tol = tol
        self.space = space
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X, y, random_state):
        rows = distinct_rows(X)
        self.designs_, self.responses_ = X[rows], y[rows]
        self.simulator_ = self.simulator
        if hasattr(self.simulator, "predict"):
            self.simulator_ = seeded_clone(self.simulator, random_state).fit(X, self._as_given(y)).predict

    def _inverse(self, targets, n, space, random_state):
        _check_botorch()
        seeds = random_state.randint(2**31 - 1, size=2)
        messages, found = [], []
        if self.start == "sampler":
            drawn = self._drawn(space, seeds[0], messages)
        for k in range(len(targets)):
            goal = _Goal(targets[k : k + 1], self.y_scale_, self.tol, space)
            trials = drawn if self.start == "sampler" else self._rows(goal)
            told = f"target {k + 1} of {len(targets)}"
            with progress_bar(self.n_iter, "simulation", verbose=self.verbose, desc=told) as bar:
                trials = self._search(trials, goal, n, np.random.RandomState(seeds[1]), messages, bar)
            found.append({**self._best(trials, goal, n), **self._record(trials, goal)})
        found = {name: np.stack([f[name] for f in found]) for name in found[0]}
        self._warn(found, messages)
        return found.pop("X"), found

    def _drawn(self, space, seed, messages):
        """Draws of the sampler, simulated once for all targets."""
        sampler = LHSSampler() if self.sampler is None else self.sampler
        X = space.sample(self.n_initial, sampler=sampler, random_state=seed)
        return self._simulate(_Trials(X[:0], self.responses_[:0], []), X[distinct_rows(X)], messages)

    def _rows(self, goal):
        """The rows of the table that a search begins with, as trials."""
        order = np.argsort(goal.misfit(self.designs_, self.responses_, anywhere=True), kind="stable")
        size = min(self.n_initial, len(order))
        n_near = (size + 1) // 2
        spread = np.linspace(n_near, len(order) - 1, size - n_near).round().astype(int)
        rows = order[np.concatenate([np.arange(n_near), spread])]
        return _Trials(self.designs_[rows], self.responses_[rows], [TABLE] * size)

    def _search(self, trials, goal, n, random_state, messages, bar):
        """The trials and those that follow for one target, each of which moves the bar."""
        box = DesignSpace.from_data(np.concatenate([self.designs_, self.space_.bounds.T]))
        improvement = ExpectedImprovement(goal.scaled, box)
        worst = goal.misfit(self.designs_, self.responses_, anywhere=True).max()
        for _ in range(self.n_iter):
            misfit = goal.misfit(trials.X, trials.y)
            repeats = goal.repeats(trials.y, misfit)
            ranked = np.sort(misfit[~repeats])
            n_known = np.count_nonzero(np.isfinite(ranked))
            # Only a design better than the n-th best is among those returned.
            threshold = ranked[min(n, n_known) - 1] if n_known else worst
            repeats &= misfit <= threshold
            y = np.where(repeats[:, None], np.nan, trials.y)
            avoid = np.isin(misfit, misfit[repeats])
            if np.count_nonzero(goal.reached(trials.X, y)) >= n:
                break
            best = np.argsort(goal.misfit(trials.X, y, anywhere=True), kind="stable")[:_N_BEST]
            x = improvement.propose(
                trials.X, y / self.y_scale_, avoid, threshold, trials.X[best], goal.space, random_state
            )
            if x is None:
                break
            trials = self._simulate(trials, x[None], messages)
            bar.set_postfix({"misfit": goal.misfit(trials.X, trials.y).min()}, refresh=False)
            bar.update()
        return trials

    def _simulate(self, trials, X, messages):
        """The trials and what the simulator says of the designs `X`; what it raised joins the `messages`."""
        anything = np.zeros(
            (len(X), self.n_outputs_)
        )  # it is the answers that are wanted, not their distance
        judged = resimulation_error(X, anything, self.simulator_, judge="simulator")
        messages.extend(judged.messages.values())
        return _Trials(
            np.concatenate([trials.X, X]),
            np.concatenate([trials.y, judged.response[:, 0]]),
            [*trials.status, *judged.status[:, 0]],
        )

    def _best(self, trials, goal, n):
        """The best `n` designs known, and about them."""
        new = np.array(trials.status) == OK
        X = np.concatenate([trials.X[new], self.designs_])
        y = np.concatenate([trials.y[new], self.responses_])
        rows = distinct_rows(X)
        X, y = X[rows], y[rows]
        known = goal.space.contains(X)
        spare = (rows >= np.count_nonzero(new)) & (
            self.start == "sampler"
        )  # the table, if it was not to be used
        misfit = goal.misfit(X, y, anywhere=True)
        order = np.lexsort((misfit, goal.repeats(y, misfit), spare, ~known))
        chosen = np.resize(order, n)
        return {
            "X": goal.space.project(X[chosen]),
            "predicted": np.where(known[chosen, None], y[chosen], np.nan),
            "converged": goal.reached(X, y)[chosen],
        }

    def _record(self, trials, goal):
        """What happened in the search for one target."""
        size = self.n_initial + self.n_iter
        status = np.full(size, NOT_RUN, dtype="U7")
        status[: len(trials.status)] = trials.status
        trace = np.minimum.accumulate(goal.misfit(trials.X, trials.y))
        return {
            "trace": np.concatenate([trace, np.full(size - len(trace), trace[-1])]),
            "status": status,
            "n_simulations": np.count_nonzero((status != NOT_RUN) & (status != TABLE)),
        }

    def _warn(self, found, messages):
        n_failed = np.count_nonzero(found["status"] == FAILED)
        if n_failed:
            warn_user(
                f"{n_failed} of {found['n_simulations'].sum()} simulations failed, {why_failed(messages)}; "
                "see `status` in the info bunch.",
            )
        short = np.flatnonzero(~found["converged"].all(axis=1))
        if short.size:
            warn_user(
                f"{short.size} of {len(found['converged'])} targets were not reached within tol={self.tol:g} by all of "
                f"their designs, the first of them target {short[0]}; see `converged` in the info bunch. They may have "
                "no solution in the space, or need a larger n_iter.",
                ConvergenceWarning,
            )


class _Trials:
    """Designs, their responses, NaN where there is none, and what became of each."""

    def __init__(self, X, y, status):
        self.X, self.y, self.status = X, y, status


class _Goal:
    """One target, in training standard deviations, and where it is sought."""

    def __init__(self, target, y_scale, tol, space):
        self.scaled = Targets(target.lower / y_scale, target.upper / y_scale)
        self.y_scale, self.tol, self.space = y_scale, tol, space

    def misfit(self, X, y, *, anywhere=False):
        """Misfit of every design, infinite where there is no answer or, unless `anywhere`, outside the space."""
        misfit = self.scaled.misfit(y / self.y_scale)
        counts = np.isfinite(misfit) if anywhere else np.isfinite(misfit) & self.space.contains(X)
        return np.where(counts, misfit, np.inf)

    @staticmethod
    def repeats(y, misfit):
        """Answers that are equal to an earlier one to the last digit, and miss the target."""
        again = np.ones(len(y), dtype=bool)
        again[distinct_rows(y)] = False
        return again & (misfit > 0)

    def reached(self, X, y):
        """Designs inside the space that answer the target within `tol`."""
        gap = np.abs(self.scaled.residual(y / self.y_scale)).max(axis=1)
        return (gap <= self.tol) & self.space.contains(X)


def _check_botorch():
    try:
        with warnings.catch_warnings():  # importing it adds filters
            import botorch  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "BayesOptInverter needs BoTorch, which is not installed: pip install 'skinverse[bayesopt]'."
        ) from error
