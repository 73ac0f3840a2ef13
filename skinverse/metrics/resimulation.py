"""Judging designs by simulating them again."""

import time
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from math import ceil

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs

from skinverse.metrics.r_curve import r_curve
from skinverse.targets import as_targets
from skinverse.utils.chunks import chunks
from skinverse.utils.user_warnings import warn_user
from skinverse.utils.validation import check_positive_int

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

    def warn_of_errors(self):
        """UserWarning with the first message, if the judge raised: a mistake in it looks like a failure."""
        if self.messages:
            why = why_failed([*self.messages.values()])
            warn_user(f"{len(self.messages)} of {self.status.size} simulations failed, {why}")

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


def resimulation_error(
    X,
    y_star,
    simulator,
    *,
    reduce="mean",
    judge=None,
    batch_size=None,
    time_limit=None,
    n_jobs=None,
    verbose=0,
):
    """Simulate designs again and compare the responses with the targets.

    Parameters
    ----------
    X : array-like of shape (n_targets, n, n_features)
        Designs as ``inverse`` returns them; shape (n_targets, n_features) is one for each target.
    y_star : array-like of shape (n_targets, n_outputs), (n_targets,) or scalar, or TargetRange
        Targets; an entry NaN means any value and counts nothing. Of a :class:`~skinverse.TargetRange` the nearest
        response counts, so that one inside has no error.
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
        Designs handed to the simulator at once; None is all of them, or, where `n_jobs` is given, one batch a job. A
        batch that raises is asked again one design at a time, so that one failure costs no other result.
    time_limit : float, default=None
        Seconds of wall time after which no further batch is started; the designs left over are
        recorded as "not run". None is no limit.
    n_jobs : int, default=None
        Batches simulated at the same time, by joblib: on other cores, or where :func:`joblib.parallel_config` says, as
        on a cluster. -1 is one for each core there. None is one, or as many as that configuration says.
    verbose : int, default=0
        1 shows on standard error a bar of the designs simulated, batch by batch, and so wants a `batch_size`; 2
        leaves it there.

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
    targets = as_targets(y_star, len(X))
    is_regressor = hasattr(simulator, "predict")
    ask = _predict_of(simulator) if is_regressor else simulator
    if judge is None and is_regressor:
        raise ValueError(
            "A regressor's verdict is no re-simulation: name it by judge='held-out surrogate' or judge='own surrogate'."
        )
    judge = judge or "simulator"

    started = time.perf_counter()
    response, status, messages = _simulate(
        ask, X.reshape(-1, X.shape[2]), targets.lower.shape[1], batch_size, time_limit, n_jobs, verbose
    )
    seconds = time.perf_counter() - started
    response = response.reshape(*X.shape[:2], -1)
    error = (targets.residual(response) ** 2).sum(axis=2)
    if reduce == "mean":
        error = error / targets.wanted.sum(axis=1, keepdims=True)
    return Resimulation(
        error=error,
        response=response,
        status=status.reshape(X.shape[:2]),
        messages={divmod(k, X.shape[1]): text for k, text in messages.items()},
        judge=judge,
        seconds=seconds,
    )


def why_failed(messages):
    """End of a sentence on simulations that failed, with what the first one raised if they did."""
    return f"the first one raised {messages[0]}" if messages else "they answered NaN or infinity"


def _predict_of(regressor):
    """Its ``predict``, for one that was fitted to a frame with the names that it knows."""
    names = getattr(regressor, "feature_names_in_", None)
    if names is None or not find_spec("pandas"):
        return regressor.predict
    return partial(_predict_named, regressor)


def _predict_named(regressor, X):
    import pandas as pd

    return regressor.predict(pd.DataFrame(X, columns=regressor.feature_names_in_))


def _simulate(ask, X, n_outputs, batch_size, time_limit, n_jobs=1, verbose=0):
    """Responses (n, n_outputs), a status each, and the messages of those that raised."""
    n = len(X)
    if batch_size is None:
        batch_size = n if n_jobs is None else ceil(n / effective_n_jobs(n_jobs))
    else:
        batch_size = check_positive_int(batch_size, "batch_size")
    seconds_left = _countdown(time_limit)

    def batches():
        for rows in chunks(n, batch_size, unit="design", verbose=verbose):
            left = seconds_left()
            if left is not None and left < 0:
                return
            yield delayed(_simulate_batch)(ask, X[rows], n_outputs, left)

    if n_jobs == 1 or batch_size >= n:
        done = (simulate(*arguments) for simulate, arguments, _ in batches())
    else:  # handed out as they can begin, so that none begins when time is up
        done = Parallel(n_jobs, batch_size=1, pre_dispatch="n_jobs")(batches())
    response = np.full((n, n_outputs), np.nan)
    status = np.full(n, NOT_RUN, dtype=object)
    messages = {}
    for rows, (of_batch, batch_status, batch_messages) in zip(chunks(n, batch_size), done, strict=False):
        response[rows], status[rows] = of_batch, batch_status
        messages |= {rows.start + k: text for k, text in batch_messages.items()}
    return response, status.astype(str), messages


def _simulate_batch(ask, X, n_outputs, time_limit):
    """As :func:`_simulate`, all at once, and one by one where that raises."""
    seconds_left = _countdown(time_limit)
    try:
        y = np.asarray(ask(np.array(X)), dtype=np.float64)
        y = y.reshape(len(y), -1) if y.ndim else y.reshape(1, 1)
        if y.shape != (len(X), n_outputs):
            raise _WrongShape(
                f"The simulator answered with shape {y.shape} where {(len(X), n_outputs)} is wanted."
            )
    except _WrongShape:
        raise
    except Exception as error:
        if len(X) == 1:
            return np.nan, FAILED, {0: f"{type(error).__name__}: {error}"}
        return _simulate(ask, X, n_outputs, 1, seconds_left())
    finite = np.isfinite(y).all(axis=1)
    return np.where(finite[:, None], y, np.nan), np.where(finite, OK, FAILED), {}


def _countdown(time_limit):
    """Function that tells the seconds left, or None without a limit."""
    deadline = None if time_limit is None else time.perf_counter() + time_limit
    return lambda: None if deadline is None else deadline - time.perf_counter()


class _WrongShape(ValueError):
    """The judge does not fit the targets; no record of a failure but a mistake of the caller."""
