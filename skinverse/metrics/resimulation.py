"""Judging designs by simulating them again: errors, r_T, a scorer for searches."""

import time
from dataclasses import dataclass

import numpy as np

from skinverse.delegate import inverse
from skinverse.utils.chunks import chunks
from skinverse.utils.validation import check_array, check_positive_int

JUDGES = ("simulator", "held-out surrogate", "own surrogate")

OK, FAILED, NOT_RUN = "ok", "failed", "not run"


@dataclass(frozen=True)
class Resimulation:
    """What a judge says of designs.

    Attributes
    ----------
    error : ndarray of shape (n_targets, n)
        Squared distance of the judge's response to the target, NaN where there is no response.
    response : ndarray of shape (n_targets, n, n_outputs)
        The judge's responses, NaN where there is none.
    status : ndarray of str of shape (n_targets, n)
        "ok", "failed" (the judge raised, or answered NaN or infinity), or "not run" (time was up).
    messages : dict {(target, candidate): str}
        What the judge raised.
    judge : {"simulator", "held-out surrogate", "own surrogate"}
        Whose verdict this is. Only a simulator's is a re-simulation.
    seconds : float
        Wall time spent in the judge.
    """

    error: np.ndarray
    response: np.ndarray
    status: np.ndarray
    messages: dict
    judge: str
    seconds: float

    @property
    def failure_rate(self):
        """Share of designs without a response."""
        return float((self.status != OK).mean())

    def r_curve(self, *, on_failure="worst"):
        """The r_T curve; see :func:`r_curve`."""
        return r_curve(self.error, on_failure=on_failure)

    def summary(self, *, on_failure="worst"):
        """Numbers for one row of a table.

        Returns
        -------
        summary : dict
            `r_1` and `r_T` (T all candidates): mean; `r_1_median`, `r_1_q25`, `r_1_q75`, `r_1_q95`,
            `r_T_median`: over targets; `failure_rate`, `n_targets`, `T`, `judge`.
        """
        curve = self.r_curve(on_failure=on_failure)
        first = {f"r_1_q{int(q * 100)}": curve.quantile(q)[0] for q in (0.25, 0.75, 0.95)}
        return {
            "r_1": curve.mean[0],
            "r_1_median": curve.quantile(0.5)[0],
            **first,
            "r_T": curve.mean[-1],
            "r_T_median": curve.quantile(0.5)[-1],
            "failure_rate": self.failure_rate,
            "n_targets": len(self.error),
            "T": self.error.shape[1],
            "judge": self.judge,
        }


@dataclass(frozen=True)
class RCurve:
    """Best error among the first T candidates, for T = 1, 2, ...

    Attributes
    ----------
    best : ndarray of shape (n_counted, T)
        For each target that counts.
    failure_rate : float
        Share of failed candidates.
    n_excluded : int
        Targets left out because all of their candidates failed (``on_failure="exclude"``).
    """

    best: np.ndarray
    failure_rate: float
    n_excluded: int

    @property
    def mean(self):
        """r_T, the mean over targets, shape (T,)."""
        return self.best.mean(axis=0)

    def quantile(self, q):
        """A quantile over targets, shape (T,)."""
        return np.quantile(self.best, q, axis=0)


def r_curve(error, *, on_failure="worst"):
    r"""Best of the first T candidates, averaged over targets [1]_.

    :math:`r_T = \frac1N \sum_i \min_{j \le T} e_{ij}`. A failed candidate keeps its place in the
    order: it is never dropped, which would shift later ones forward.

    Parameters
    ----------
    error : array-like of shape (n_targets, n)
        NaN marks a failed candidate.
    on_failure : {"worst", "exclude"}, default="worst"
        What a target counts while all of its first T candidates have failed: "worst", the largest
        error of the whole table; "exclude", its first success, and targets without any success are
        left out and counted in `n_excluded`.

    Returns
    -------
    curve : RCurve

    Raises
    ------
    ValueError
        If no candidate at all succeeded.

    References
    ----------
    .. [1] S. Ren, W. Padilla and J. Malof, "Benchmarking deep inverse models over time, and the
       neural-adjoint method", NeurIPS 2020, eq. 1. https://arxiv.org/abs/2009.12919

    Examples
    --------
    >>> from skinverse.metrics import r_curve
    >>> r_curve([[4.0, 1.0], [float("nan"), 2.0]]).mean
    array([4. , 1.5])
    """
    error = check_array(error, dtype=np.float64, ensure_all_finite=False, input_name="error")
    if on_failure not in ("worst", "exclude"):
        raise ValueError(f"on_failure must be 'worst' or 'exclude', got {on_failure!r}.")
    failed = ~np.isfinite(error)
    if failed.all():
        raise ValueError(
            "Every candidate failed, so there is no error to report; look at the judge's status."
        )
    best = np.fmin.accumulate(np.where(failed, np.nan, error), axis=1)
    n_excluded = 0
    if on_failure == "worst":
        best = np.where(np.isnan(best), np.max(error[~failed]), best)
    else:
        hopeless = failed.all(axis=1)
        n_excluded = int(hopeless.sum())
        best = best[~hopeless]
        first = np.argmax(~np.isnan(best), axis=1)
        best = np.where(np.isnan(best), best[np.arange(len(best)), first][:, None], best)
    return RCurve(best=best, failure_rate=float(failed.mean()), n_excluded=n_excluded)


def resimulation_error(X, y_star, simulator, *, reduce="mean", judge=None, batch_size=None, time_limit=None):
    """Simulate designs again and compare the responses with the targets.

    Parameters
    ----------
    X : array-like of shape (n_targets, n, n_features)
        Designs as ``inverse`` returns them; shape (n_targets, n_features) is one for each target.
    y_star : array-like of shape (n_targets, n_outputs), (n_targets,) or scalar
        Targets; an entry NaN means any value and counts nothing.
    simulator : callable or regressor
        Maps designs (n, n_features) to responses (n,) or (n, n_outputs). A fitted regressor is asked
        by its ``predict`` and named as what it is, a surrogate.
    reduce : {"mean", "sum"}, default="mean"
        Over the outputs. The Neural-Adjoint paper takes the mean, the iPage paper the sum.
    judge : {"simulator", "held-out surrogate", "own surrogate"}, default=None
        Name of the judge, carried in the result. None is "simulator" for a callable; a regressor must
        be named: "own surrogate" if the inverter searched through it or learnt from the same rows,
        "held-out surrogate" if it learnt from rows that the inverter never saw.
    batch_size : int, default=None
        Designs handed to the simulator at once; None is all of them. A batch that raises is asked
        again one design at a time, so that one failure costs no other result.
    time_limit : float, default=None
        Seconds of wall time after which no further batch is started; the designs left over are
        recorded as "not run". None is no limit.

    Returns
    -------
    result : Resimulation

    Raises
    ------
    ValueError
        If shapes disagree, or the simulator answers with another number of rows or outputs.

    Examples
    --------
    >>> from skinverse.metrics import resimulation_error
    >>> from skinverse.simulators import SineWave
    >>> resimulation_error([[[0.0, 0.0], [0.5, 0.5]]], 1.0, SineWave()).error
    array([[0., 4.]])
    """
    X = np.asarray(X, dtype=np.float64)
    X = X[:, None] if X.ndim == 2 else X
    if X.ndim != 3:
        raise ValueError(f"X must have shape (n_targets, n, n_features), got {X.shape}.")
    if reduce not in ("mean", "sum"):
        raise ValueError(f"reduce must be 'mean' or 'sum', got {reduce!r}.")
    if judge is not None and judge not in JUDGES:
        raise ValueError(f"judge must be one of {JUDGES}, got {judge!r}.")
    targets = _as_targets(y_star, len(X))
    is_regressor = hasattr(simulator, "predict")
    ask = simulator.predict if is_regressor else simulator
    if judge is None and is_regressor:
        raise ValueError(
            "A regressor's verdict is no re-simulation: name it by judge='held-out surrogate' or judge='own surrogate'."
        )
    judge = judge or "simulator"

    started = time.perf_counter()
    response, status, messages = _simulate(
        ask, X.reshape(-1, X.shape[2]), targets.shape[1], batch_size, time_limit
    )
    seconds = time.perf_counter() - started
    response = response.reshape(*X.shape[:2], -1)
    gap = np.where(np.isnan(targets)[:, None], 0.0, response - targets[:, None])
    error = (gap**2).sum(axis=2)
    if reduce == "mean":
        error = error / (~np.isnan(targets)).sum(axis=1, keepdims=True)
    return Resimulation(
        error=error,
        response=response,
        status=status.reshape(X.shape[:2]),
        messages={divmod(k, X.shape[1]): text for k, text in messages.items()},
        judge=judge,
        seconds=seconds,
    )


def _as_targets(y_star, n_targets):
    targets = np.asarray(y_star, dtype=np.float64)
    if targets.ndim < 2:
        one_target = targets.ndim == 1 and n_targets == 1 and len(targets) != 1
        targets = targets.reshape(1, -1) if one_target else targets.reshape(-1, 1)
    if targets.ndim != 2 or len(targets) != n_targets:
        raise ValueError(
            f"y_star must hold one row for each of the {n_targets} targets in X, got shape {np.shape(y_star)}."
        )
    if np.isinf(targets).any() or np.isnan(targets).all(axis=1).any():
        raise ValueError("y_star must be finite, with NaN only for outputs that may take any value.")
    return targets


def _simulate(ask, X, n_outputs, batch_size, time_limit):
    """Responses (n, n_outputs), a status each, and the messages of those that raised."""
    n = len(X)
    batch_size = n if batch_size is None else check_positive_int(batch_size, "batch_size")
    response = np.full((n, n_outputs), np.nan)
    status = np.full(n, NOT_RUN, dtype=object)
    messages = {}
    deadline = None if time_limit is None else time.perf_counter() + time_limit

    def late():
        return deadline is not None and time.perf_counter() > deadline

    def answer(rows):
        y = np.asarray(ask(X[rows].copy()), dtype=np.float64)
        y = y.reshape(len(y), -1) if y.ndim else y.reshape(1, 1)
        expected = (rows.stop - rows.start, n_outputs)
        if y.shape != expected:
            raise _WrongShape(f"The simulator answered with shape {y.shape} where {expected} is wanted.")
        response[rows] = y
        status[rows] = np.where(np.isfinite(y).all(axis=1), OK, FAILED)

    for batch in chunks(n, batch_size):
        if late():
            break
        try:
            answer(batch)
        except _WrongShape:
            raise
        except Exception:
            for k in range(batch.start, batch.stop):
                if late():
                    break
                try:
                    answer(slice(k, k + 1))
                except _WrongShape:
                    raise
                except Exception as error:
                    status[k] = FAILED
                    messages[k] = f"{type(error).__name__}: {error}"
    response[status != OK] = np.nan
    return response, status.astype(str), messages


class _WrongShape(ValueError):
    """The judge does not fit the targets; no record of a failure but a mistake of the caller."""


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
        The judge; see :func:`resimulation_error`.
    n : int, default=1
        Designs to ask for.
    T : int, default=None
        Candidates of which the best counts; None is all `n`.
    aggregate : {"mean", "median"}, default="mean"
        Over targets. A mean is ruled by the worst targets.
    reduce, on_failure, judge
        As for :func:`resimulation_error` and :func:`r_curve`.
    random_state : int, default=0
        Governs the draw of designs, so that scores repeat.

    Returns
    -------
    score : float
        Minus the error, in squared units of `y`; -inf if every simulation failed.
    """
    T = n if T is None else check_positive_int(T, "T")
    if T > n:
        raise ValueError(f"T={T} candidates cannot be taken from n={n} designs; ask for more designs.")
    if aggregate not in ("mean", "median"):
        raise ValueError(f"aggregate must be 'mean' or 'median', got {aggregate!r}.")
    designs = inverse(estimator, y, n, random_state=random_state)
    result = resimulation_error(designs[:, :T], y, simulator, reduce=reduce, judge=judge)
    if (result.status != OK).all():
        return -np.inf
    curve = result.r_curve(on_failure=on_failure)
    return -float(curve.mean[-1] if aggregate == "mean" else curve.quantile(0.5)[-1])


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


def make_resimulation_scorer(simulator, *, n=1, T=None, aggregate="mean", on_failure="worst", **settings):
    """A scorer for ``scoring=`` of searches and cross-validation.

    Parameters
    ----------
    simulator, n, T, aggregate, on_failure, **settings
        As for :func:`resimulation_score`. Must be picklable for ``n_jobs > 1``.

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
    settings = {"n": n, "T": T, "aggregate": aggregate, "on_failure": on_failure, **settings}
    return ResimulationScorer(simulator, **settings)
