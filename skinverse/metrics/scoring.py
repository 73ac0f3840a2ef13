"""Re-simulation as a scorer for searches and cross-validation."""

import numpy as np

from skinverse.delegate import inverse
from skinverse.metrics.resimulation import resimulation_error
from skinverse.utils.validation import check_positive_int


def resimulation_score(
    estimator,
    X,
    y,
    *,
    simulator,
    n=1,
    T=None,
    aggregate="mean",
    reduce="mean",
    on_failure="worst",
    random_state=0,
    judge=None,
    n_jobs=None,
):
    """Minus r_T of an inverter over the targets `y`: a scorer, greater is better.

    Sees through pipelines and searches. The estimator is asked for `n` designs for each target, these
    are simulated, and the best of the first `T` counts.

    Parameters
    ----------
    estimator : fitted inverter, Pipeline or search
    X : ignored
        Designs of the test rows; scorers are handed them.
    y : array-like of shape (n_targets,) or (n_targets, n_outputs)
        Targets.
    simulator : callable or regressor
        The judge; see :func:`~skinverse.metrics.resimulation_error`.
    n : int, default=1
        Designs to ask for.
    T : int, default=None
        Candidates of which the best counts; None is all `n`.
    aggregate : {"mean", "median"}, default="mean"
        Over targets. A mean is ruled by the worst targets.
    reduce, judge, n_jobs
        As for :func:`~skinverse.metrics.resimulation_error`.
    on_failure : {"worst", "exclude"} or float, default="worst"
        As for :func:`~skinverse.metrics.r_curve`, but "worst" is no less than the variance of the targets, which is
        what answering each of them with their mean costs: an inverter that fails most of the time and is right for
        the rest would score best if failures cost no more than its own errors.
    random_state : int, default=0
        Governs the draw of designs, so that scores repeat.

    Returns
    -------
    score : float
        Minus the error, in squared units of `y`; -inf if every simulation failed.

    Warns
    -----
    UserWarning
        If the simulator raised, with the first message.
    """
    _check_settings(n, T, aggregate)
    T = n if T is None else T
    designs = inverse(estimator, y, n, random_state=random_state)
    result = resimulation_error(designs[:, :T], y, simulator, reduce=reduce, judge=judge, n_jobs=n_jobs)
    result.warn_of_errors()
    if result.failure_rate == 1:
        return -np.inf
    if on_failure == "worst":
        variance = np.nanvar(np.asarray(y, dtype=np.float64).reshape(len(designs), -1), axis=0)
        of_mean = variance.mean() if reduce == "mean" else variance.sum()
        on_failure = max(np.nanmax(result.error), of_mean)
    curve = result.r_curve(on_failure=on_failure)
    return -float(curve.mean[-1] if aggregate == "mean" else curve.quantile(0.5)[-1])


def _check_settings(n, T, aggregate):
    n = check_positive_int(n, "n")
    if T is not None and check_positive_int(T, "T") > n:
        raise ValueError(f"T={T} candidates cannot be taken from n={n} designs; ask for more designs.")
    if aggregate not in ("mean", "median"):
        raise ValueError(f"aggregate must be 'mean' or 'median', got {aggregate!r}.")


class ResimulationScorer:
    """:func:`resimulation_score` with its settings bound; made by :func:`make_resimulation_scorer`."""

    def __init__(self, simulator, **settings):
        self.simulator = simulator
        self.settings = settings

    def __call__(self, estimator, X, y):
        return resimulation_score(estimator, X, y, simulator=self.simulator, **self.settings)

    def __repr__(self):
        settings = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        return f"make_resimulation_scorer({self.simulator!r}{settings})"


def make_resimulation_scorer(
    simulator,
    *,
    n=1,
    T=None,
    aggregate="mean",
    reduce="mean",
    on_failure="worst",
    random_state=0,
    judge=None,
    n_jobs=None,
):
    """A scorer for ``scoring=`` of searches and cross-validation.

    Parameters
    ----------
    simulator, n, T, aggregate, reduce, on_failure, random_state, judge, n_jobs
        As for :func:`resimulation_score`. Must be picklable for ``n_jobs > 1`` of the search.

    Returns
    -------
    scorer : callable ``scorer(estimator, X, y) -> float``

    Examples
    --------
    >>> from sklearn.model_selection import cross_val_score
    >>> from skinverse.datasets import make_sine_wave
    >>> from skinverse.inverters import NearestDesignInverter
    >>> from skinverse.metrics import make_resimulation_scorer
    >>> from skinverse.simulators import SineWave
    >>> X, y = make_sine_wave(2000, random_state=0)
    >>> scorer = make_resimulation_scorer(SineWave(), n=3)
    >>> scores = cross_val_score(NearestDesignInverter(), X, y, cv=3, scoring=scorer)
    >>> bool((scores > -1e-4).all())
    True
    """
    if not (callable(simulator) or hasattr(simulator, "predict")):
        raise TypeError(f"simulator must be a callable or a fitted regressor, got {simulator!r:.60}.")
    _check_settings(n, T, aggregate)
    return ResimulationScorer(
        simulator,
        n=n,
        T=T,
        aggregate=aggregate,
        reduce=reduce,
        on_failure=on_failure,
        random_state=random_state,
        judge=judge,
        n_jobs=n_jobs,
    )
