"""The method for a budget of simulations."""

import time

import numpy as np
from joblib import Parallel, delayed
from sklearn.model_selection import KFold, ShuffleSplit, check_cv
from sklearn.utils import Bunch, _safe_indexing

from skinverse.delegate import inverse
from skinverse.forward_model import default_forward_model
from skinverse.inverters import MDNInverter, NearestDesignInverter, NeuralAdjoint
from skinverse.metrics import r_curve, resimulation_error
from skinverse.metrics.resimulation import why_failed
from skinverse.utils.progress import progress_bar
from skinverse.utils.seeding import seeded_clone
from skinverse.utils.user_warnings import warn_user
from skinverse.utils.validation import Integral, check_positive_int, check_random_state


def choose_inverter(
    X,
    y,
    *,
    simulator=None,
    T=1,
    candidates=None,
    cv=None,
    n_targets=100,
    n_jobs=None,
    random_state=None,
    verbose=0,
):
    """The inverter whose best of `T` designs is best, `T` being what you can afford to simulate for a target.

    Which method is best depends on that number: for one design it is the one that is surest, for hundreds one whose
    designs differ. Each candidate is fitted to a part of the table and asked for `T` designs for responses of the
    other part; they are ranked by r_T, as told by a judge that no candidate has seen.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Designs.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their responses.
    simulator : callable or regressor, default=None
        The judge. A callable, designs (n, n_features) to responses, is called for `n_targets` x `T` designs of each
        candidate. A regressor is cloned and fitted to the held-out rows, and stands in where simulating is too dear.
        None is the default surrogate of :class:`~skinverse.NeuralAdjoint`.
    T : int, default=1
        Designs simulated for a target.
    candidates : dict {name: inverter} or list of inverters, default=None
        None is the nearest row with a local-linear step, a mixture density network and the Neural Adjoint, and
        for ``T > 1`` the latter with a diverse selection.
    cv : int, splitter or iterable, default=None
        Parts of the table. None is one split, which holds out a fifth of the rows, or half of them where a
        regressor judges and must learn from them. An int is the number of shuffled folds, each of which fits all
        candidates once.
    n_targets : int, default=100
        Held-out responses asked for, in all; fewer where fewer rows are held out.
    n_jobs : int, default=None
        Candidates fitted at the same time, and then parts of their designs simulated, by joblib: on other cores, or
        where :func:`joblib.parallel_config` says, as on a cluster. None is one, or as many as that configuration says.
    random_state : int, RandomState or None, default=None
        Governs splits, fits and draws.
    verbose : int, default=0
        1 shows on standard error a bar of the steps, each a fit or the judging of a candidate's designs; 2 leaves it
        there.

    Returns
    -------
    result : Bunch
        `best_estimator`, fitted to all rows; `best_name`; `table`, one dict for each candidate, best first, with
        `name`, `r_1`, `r_T`, `r_T_se` (standard error over targets), `failure_rate`, and seconds `fit_time` and
        `inverse_time` of a split; `curves`, dict of r_1, ..., r_T, shape (T,); `n_simulations` (0 if a regressor
        judged); `judge`; and `judge_error`, mean squared error of a regressor on the rows that it did not
        see, else 0. Differences of r_T below `judge_error`, or of the size of `r_T_se`, say nothing.

    Notes
    -----
    A failed simulation counts as the largest error of the whole table. The r_T of the winner is a little too
    good, as it was picked by it: for a figure to report, simulate again for fresh targets.

    Examples
    --------
    >>> from skinverse import NearestDesignInverter, PriorInverter
    >>> from skinverse.datasets import make_sine_wave
    >>> from skinverse.model_selection import choose_inverter
    >>> from skinverse.simulators import SineWave
    >>> X, y = make_sine_wave(500, random_state=0)
    >>> rivals = {"random": PriorInverter(), "near": NearestDesignInverter(local_linear=True)}
    >>> result = choose_inverter(X, y, simulator=SineWave(), T=3, candidates=rivals, random_state=0)
    >>> result.best_name, result.n_simulations
    ('near', 600)
    """
    T = check_positive_int(T, "T")
    n_targets = check_positive_int(n_targets, "n_targets")
    candidates = _default_candidates(T, len(X)) if candidates is None else _named(candidates)
    judge = default_forward_model(np.asarray(X), np.asarray(y)) if simulator is None else simulator
    seeds = [int(seed) for seed in check_random_state(random_state).randint(2**31 - 1, size=2)]
    learns = hasattr(judge, "predict")
    folds = list(_splitter(cv, learns, seeds[0]).split(X, y))
    # As many targets of each fold as make `n_targets`, give or take the ends of the table.
    counts = np.diff(np.linspace(0, n_targets, len(folds) + 1).round().astype(int))
    folds = [
        (train, test, _safe_indexing(y, np.random.RandomState(seeds[1]).permutation(test)[:count]))
        for (train, test), count in zip(folds, counts, strict=True)
        if count
    ]
    parallel, n = Parallel(n_jobs, return_as="generator"), len(candidates)
    judging = {"judge": "held-out surrogate"} if learns else {"n_jobs": n_jobs}
    with progress_bar(len(folds) * (2 * n + learns), "step", verbose=verbose) as bar:
        judges = [(judge, 0.0)] * len(folds)
        if learns:
            judges = _counted(
                bar, parallel(delayed(_fit_judge)(judge, X, y, *fold[:2], seeds[1]) for fold in folds)
            )
        tried = _counted(
            bar,
            parallel(
                delayed(_try)(candidate, X, y, train, targets, T, seeds[1])
                for train, _, targets in folds
                for candidate in candidates.values()
            ),
        )
        asked = [(targets, fitted) for (_, _, targets), (fitted, _) in zip(folds, judges, strict=True)]
        judged = _counted(
            bar,
            (resimulation_error(designs, *asked[k // n], **judging) for k, (designs, _) in enumerate(tried)),
        )
    error = np.concatenate(
        [[result.error for result in judged[k : k + n]] for k in range(0, len(judged), n)], axis=1
    )
    _tell_failures(error, [text for result in judged for text in result.messages.values()])
    seconds = np.reshape([times for _, times in tried], (-1, n, 2)).mean(axis=0)
    # One table of all candidates, so that a failure costs them all the same.
    best = r_curve(error.reshape(-1, T)).best.reshape(error.shape)
    table = [
        {
            "name": name,
            "r_1": float(of_target[:, 0].mean()),
            "r_T": float(of_target[:, -1].mean()),
            "r_T_se": float(of_target[:, -1].std() / np.sqrt(len(of_target))),
            "failure_rate": float(np.isnan(own).mean()),
            "fit_time": float(fit_time),
            "inverse_time": float(inverse_time),
        }
        for name, of_target, own, (fit_time, inverse_time) in zip(
            candidates, best, error, seconds, strict=True
        )
    ]
    table.sort(key=lambda row: row["r_T"])
    best_name = table[0]["name"]
    return Bunch(
        best_estimator=_seeded(candidates[best_name], seeds[1]).fit(X, y),
        best_name=best_name,
        table=table,
        curves=dict(zip(candidates, best.mean(axis=1), strict=True)),
        n_simulations=0 if learns else error.size,
        judge="held-out surrogate" if learns else "simulator",
        judge_error=float(np.mean([judge_error for _, judge_error in judges])),
    )


def _default_candidates(T, n_rows):
    candidates = {"mixture density": MDNInverter(), "neural adjoint": NeuralAdjoint()}
    if 2 * T <= n_rows:  # no more designs can be looked up than there are rows
        candidates = {"nearest row, stepped": NearestDesignInverter(local_linear=True), **candidates}
    if T > 1:
        candidates["neural adjoint, diverse"] = NeuralAdjoint(select="diverse")
    return candidates


def _named(candidates):
    """Candidates by name; those of a list are named by their class, and by their place where that is not enough."""
    if hasattr(candidates, "fit"):
        raise TypeError(
            f"candidates must be a dict {{name: inverter}} or a list of inverters, got {candidates!r}; put it in a "
            "list."
        )
    if not candidates:
        raise ValueError("candidates is empty; pass a dict {name: inverter} or a list of inverters.")
    if hasattr(candidates, "items"):
        return dict(candidates)
    names = [type(candidate).__name__ for candidate in candidates]
    return {
        name if names.count(name) == 1 else f"{name} {k}": candidate
        for k, (name, candidate) in enumerate(zip(names, candidates, strict=True))
    }


def _splitter(cv, learns, seed):
    """Splitter of the table into rows to fit and rows to judge by."""
    if cv is None:
        return ShuffleSplit(1, test_size=0.5 if learns else 0.2, random_state=seed)
    if isinstance(cv, Integral):
        return KFold(cv, shuffle=True, random_state=seed)
    return check_cv(cv)


def _seeded(estimator, seed):
    return seeded_clone(estimator, np.random.RandomState(seed))


def _counted(bar, results):
    """Results as a list, each of them counted as it comes."""
    found = []
    for result in results:
        found.append(result)
        bar.update()
    return found


def _tell_failures(error, messages):
    """Say what the simulator raised, by a warning, or by ValueError if it never answered."""
    n_failed = np.count_nonzero(np.isnan(error))
    if n_failed == error.size:
        raise ValueError(f"All {n_failed} simulations failed, {why_failed(messages)}")
    if messages:
        warn_user(f"{n_failed} of {error.size} simulations failed, {why_failed(messages)}")


def _fit_judge(judge, X, y, train, test, seed):
    """A regressor fitted to held-out rows, and its mean squared error on the others."""
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    judge = _seeded(judge, seed).fit(X[test], y[test])
    rows = X[train], y[train]
    return judge, resimulation_error(*rows, judge, judge="held-out surrogate").error.mean()


def _try(candidate, X, y, train, targets, T, seed):
    """Designs (n_targets, T, n_features) of a candidate, and the seconds it took to fit and to ask."""
    started = time.perf_counter()
    fitted = _seeded(candidate, seed).fit(_safe_indexing(X, train), _safe_indexing(y, train))
    asked = time.perf_counter()
    designs = inverse(fitted, targets, T, random_state=seed)
    return designs, (asked - started, time.perf_counter() - asked)
