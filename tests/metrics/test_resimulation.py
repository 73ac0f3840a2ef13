import pickle
import time

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinverse import NearestDesignInverter, PriorInverter, TargetRange
from skinverse.datasets import make_robotic_arm, make_sine_wave
from skinverse.metrics import (
    make_resimulation_scorer,
    r_curve,
    resimulation_error,
    resimulation_score,
)
from skinverse.simulators import Ballistics, RoboticArm, SineWave

NAN = np.nan


def test_r_curve_is_the_running_minimum():
    rng = np.random.RandomState(0)
    error = rng.rand(20, 7)
    curve = r_curve(error)
    assert_allclose(curve.mean, [error[:, :T].min(axis=1).mean() for T in range(1, 8)])
    assert_allclose(curve.quantile(0.5), [np.median(error[:, :T].min(axis=1)) for T in range(1, 8)])


def test_failed_candidates_keep_their_place():
    """The published script packs successes to the left, so that minima mix targets."""
    error = [[NAN, 1.0, 3.0], [2.0, NAN, 0.5], [NAN, NAN, NAN]]
    worst = r_curve(error)
    assert_array_equal(worst.best, [[3, 1, 1], [2, 2, 0.5], [3, 3, 3]])
    assert worst.failure_rate == pytest.approx(5 / 9)
    excluded = r_curve(error, on_failure="exclude")
    assert_array_equal(excluded.best, [[1, 1, 1], [2, 2, 0.5]])
    assert excluded.n_excluded == 1
    assert_array_equal(r_curve(error, on_failure=7.0).best, [[7, 1, 1], [2, 2, 0.5], [7, 7, 7]])
    with pytest.raises(ValueError, match="Every candidate failed"):
        r_curve([[NAN]])
    with pytest.raises(ValueError, match="on_failure"):
        r_curve([[1.0]], on_failure="drop")


def test_mean_and_sum_over_outputs():
    X, y = make_robotic_arm(20, random_state=0)
    mean, total = (
        resimulation_error(X, y + [0.1, 0.3], RoboticArm(), reduce=r).error for r in ("mean", "sum")
    )
    assert_allclose(mean, 0.05)
    assert_allclose(total, 0.10)
    open_ = resimulation_error(X, np.column_stack([y[:, 0] + 0.1, np.full(20, NAN)]), RoboticArm())
    assert_allclose(open_.error, 0.01)


def test_failures_are_a_status_and_cost_no_other_result():
    def simulator(X):
        if (X[:, 0] > 0.9).any():
            raise RuntimeError("no convergence")
        y = X.sum(axis=1)
        return np.where(X[:, 1] < 0.1, np.inf, y)

    X = np.array([[[0.5, 0.5], [0.95, 0.5]], [[0.2, 0.05], [0.3, 0.3]]])
    for batch_size in (None, 1, 3):
        result = resimulation_error(X, [1.0, 0.5], simulator, batch_size=batch_size)
        assert result.status.tolist() == [["ok", "failed"], ["failed", "ok"]]
        assert_allclose(result.error, [[0, NAN], [NAN, 0.01]])
        assert result.messages == {(0, 1): "RuntimeError: no convergence"}
        assert result.failure_rate == 0.5
        assert np.isnan(result.response[0, 1]).all()


def test_time_limit_leaves_the_rest_unrun():
    def slow(X):
        time.sleep(0.05 * len(X))
        return X[:, 0]

    result = resimulation_error(np.zeros((4, 5, 2)), np.zeros(4), slow, batch_size=2, time_limit=0.15)
    flat = result.status.ravel()
    done = int((flat == "ok").sum())
    assert 0 < done < 20
    assert (flat[:done] == "ok").all()
    assert (flat[done:] == "not run").all()


def test_jobs_change_nothing():
    def fragile(X):
        if (X[:, 0] > 0.8).any():
            raise RuntimeError(f"no convergence at {X[X[:, 0] > 0.8][0, 0]:.3f}")
        return np.where(X[:, 1] < 0.2, np.inf, np.sin(X).sum(axis=1))

    X = np.random.RandomState(0).uniform(size=(20, 3, 2))
    alone = resimulation_error(X, np.zeros(20), fragile)
    assert 0 < len(alone.messages) < (alone.status == "failed").sum() < 60
    for settings in (
        {"n_jobs": 2},
        {"n_jobs": 2, "batch_size": 7},
        {"n_jobs": 1, "batch_size": 7},
    ):
        result = resimulation_error(X, np.zeros(20), fragile, **settings)
        for name in ("error", "response", "status"):
            assert_array_equal(getattr(result, name), getattr(alone, name))
        assert result.messages == alone.messages
    with pytest.raises(ValueError, match="answered with shape"):
        resimulation_error(X, np.zeros(20), lambda X: X, n_jobs=2)


def test_jobs_share_the_designs_evenly():
    sizes = []

    def simulator(X):
        sizes.append(len(X))
        return X[:, 0]

    with parallel_config("threading", n_jobs=3):
        resimulation_error(np.zeros((7, 1, 2)), np.zeros(7), simulator, n_jobs=3)
        assert sorted(sizes) == [1, 3, 3]
        sizes.clear()
        resimulation_error(np.zeros((7, 1, 2)), np.zeros(7), simulator)
        assert sizes == [7]
        inverter = NearestDesignInverter().fit(np.zeros((7, 2)), np.zeros(7))
        resimulation_score(inverter, None, np.zeros(4), simulator=simulator, n_jobs=2)
        assert sizes[1:] == [2, 2]


def test_one_design_is_asked_once():
    asked = []

    def broken(X):
        asked.append(len(X))
        raise RuntimeError

    resimulation_error(np.zeros((3, 1, 2)), np.zeros(3), broken, batch_size=1)
    assert asked == [1, 1, 1]
    resimulation_error(np.zeros((3, 1, 2)), np.zeros(3), broken, batch_size=2)
    assert asked[3:] == [2, 1, 1, 1]


def test_ballistics_failures_are_nan_not_numbers():
    X = np.array([[[0.0, 1.0, 0.5, 15.0], [0.0, -1.0, 0.5, 15.0]]])
    result = resimulation_error(X, 5.0, Ballistics())
    assert result.status.tolist() == [["ok", "failed"]]


def test_simulator_cannot_change_the_designs():
    X = np.ones((1, 2, 2))

    def vandal(A):
        A[:] = 7
        return A[:, 0]

    resimulation_error(X, 0.0, vandal)
    assert (X == 1).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: resimulation_error(np.zeros(3), 0.0, SineWave()), "n_targets, n, n_features"),
        (lambda: resimulation_error(np.zeros((2, 1, 2)), [0.0], SineWave()), "2 targets"),
        (lambda: resimulation_error(np.zeros((1, 1, 2)), 0.0, SineWave(), reduce="max"), "reduce"),
        (lambda: resimulation_error(np.zeros((1, 1, 2)), np.inf, SineWave()), "finite"),
        (lambda: resimulation_error(np.zeros((1, 1, 2)), 0.0, lambda X: X), "shape"),
        (lambda: resimulation_error(np.zeros((1, 1, 2)), 0.0, SineWave(), judge="me"), "judge"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_regressor_must_be_named():
    X, y = make_sine_wave(50, random_state=0)
    surrogate = LinearRegression().fit(X, y)
    with pytest.raises(ValueError, match="held-out surrogate"):
        resimulation_error(X[:, None], y, surrogate)
    result = resimulation_error(X[:, None], y, surrogate, judge="held-out surrogate")
    assert result.judge == result.summary()["judge"] == "held-out surrogate"
    assert resimulation_error(X, y, SineWave()).judge == "simulator"


def test_score_is_minus_r_T():
    X, y = make_sine_wave(500, random_state=0)
    inverter = NearestDesignInverter().fit(X[:400], y[:400])
    error = resimulation_error(inverter.inverse(y[400:], 5), y[400:], SineWave()).error
    score = resimulation_score(inverter, X[400:], y[400:], simulator=SineWave(), n=5)
    assert score == pytest.approx(-error.min(axis=1).mean())
    score = resimulation_score(inverter, X[400:], y[400:], simulator=SineWave(), n=5, T=1, aggregate="median")
    assert score == pytest.approx(-np.median(error[:, 0]))
    with pytest.raises(ValueError, match="T=3"):
        resimulation_score(inverter, X, y, simulator=SineWave(), T=3)
    assert resimulation_score(inverter, X[:3], y[:3], simulator=lambda X: np.full(len(X), NAN)) == -np.inf


def test_scorer_in_searches_and_cross_validation():
    X, y = make_sine_wave(2000, random_state=0)
    scorer = make_resimulation_scorer(SineWave(), n=2, aggregate="median")
    pickle.loads(pickle.dumps(scorer))
    assert repr(scorer).startswith("make_resimulation_scorer(SineWave(), n=2")
    pipe = make_pipeline(StandardScaler(), NearestDesignInverter())
    grid = {"nearestdesigninverter__local_linear": [False, True]}
    serial = GridSearchCV(pipe, grid, scoring=scorer, cv=2).fit(X, y)
    parallel = GridSearchCV(pipe, grid, scoring=scorer, cv=2, n_jobs=2).fit(X, y)
    assert_allclose(serial.cv_results_["mean_test_score"], parallel.cv_results_["mean_test_score"])
    several = GridSearchCV(
        pipe,
        grid,
        scoring={"r2": scorer, "r1": make_resimulation_scorer(SineWave(), aggregate="median")},
        refit="r1",
    )
    assert several.fit(X, y).best_params_ == serial.best_params_
    scores = cross_validate(PriorInverter(), X, y, scoring=scorer, cv=2)["test_score"]
    assert (scores < serial.best_score_).all()
    halving = HalvingGridSearchCV(pipe, grid, scoring=scorer, cv=2, random_state=0).fit(X, y)
    assert halving.best_params_ == serial.best_params_


@pytest.mark.parametrize(("reduce", "share"), [("mean", 0.5), ("sum", 1.0)])
def test_of_a_range_the_nearest_response_counts(reduce, share):
    X, y = make_robotic_arm(50, random_state=0)
    wanted = TargetRange(y - [[0.2, 0.0]], np.where([True, False], y + 0.1, np.inf))
    moved = RoboticArm()(X) + np.array([0.4, -0.3])
    result = resimulation_error(X, wanted, lambda _: moved, reduce=reduce)
    assert_allclose(result.error, share * (0.3**2 + 0.3**2))
    inside = resimulation_error(X, wanted, RoboticArm(), reduce=reduce)
    assert_allclose(inside.error, 0, atol=1e-28)
    one_counts = resimulation_error(
        X, TargetRange(lower=y - [[0.0, np.nan]]), lambda _: moved - 0.6, reduce=reduce
    )
    assert_allclose(one_counts.error, 0.2**2)


def test_failing_most_of_the_time_does_not_pay():
    """What steps off the rows is exact, but has a response only once in twenty: the rows are the better answer."""
    X = np.random.RandomState(0).uniform(size=(200, 2))
    y, known = X.sum(axis=1), {tuple(row) for row in X}

    def simulator(Z):
        works = np.array([tuple(z) in known or hash(tuple(z)) % 20 == 0 for z in Z])
        return np.where(works, Z.sum(axis=1), NAN)

    scorer = make_resimulation_scorer(simulator)
    search = GridSearchCV(NearestDesignInverter(), {"local_linear": [False, True]}, scoring=scorer, cv=3).fit(
        X, y
    )
    assert search.best_params_ == {"local_linear": False}
    assert search.cv_results_["mean_test_score"][1] == pytest.approx(-0.95 * y.var(), rel=0.2)


def test_a_mistake_in_the_simulator_is_told():
    X, y = make_sine_wave(50, random_state=0)
    inverter = NearestDesignInverter().fit(X, y)
    with pytest.warns(UserWarning, match="50 of 50 simulations failed, the first one raised IndexError"):
        assert resimulation_score(inverter, X, y, simulator=lambda X: X["a"]) == -np.inf


@pytest.mark.parametrize(
    ("simulator", "settings", "error"),
    [
        ("x", {}, TypeError),
        (SineWave(), {"foo": 2}, TypeError),
        (SineWave(), {"aggregate": "max"}, ValueError),
        (SineWave(), {"n": 2, "T": 5}, ValueError),
    ],
)
def test_a_scorer_checks_its_settings_when_it_is_made(simulator, settings, error):
    with pytest.raises(error):
        make_resimulation_scorer(simulator, **settings)
