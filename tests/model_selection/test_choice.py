"""The choice of an inverter for a budget."""

import warnings

import numpy as np
import pandas as pd
import pytest
from exact_models import ExactRegressor, sine
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinverse import (
    BaseInverter,
    MDNInverter,
    NearestDesignInverter,
    NeuralAdjoint,
    PriorInverter,
)
from skinverse.datasets import make_sine_wave
from skinverse.metrics import resimulation_error
from skinverse.model_selection import choose_inverter
from skinverse.simulators import SineWave


class Line(BaseInverter):
    """Designs on [0, 1] around the target, `offset` away and `spread` wide, the first one in the middle."""

    supports_partial_targets = True
    _parameter_constraints = {
        "offset": "no_validation",
        "spread": "no_validation",
        "space": "no_validation",
        "random_state": ["random_state"],
    }

    def __init__(self, offset=0.0, spread=0.0, *, space=((-5, 5),), random_state=None):
        self.offset = offset
        self.spread = spread
        self.space = space
        self.random_state = random_state

    def _fit(self, X, y, random_state):
        self.rows_ = X

    def _inverse(self, targets, n, space, random_state):
        steps = np.arange(1, n + 1) // 2 * np.where(np.arange(n) % 2, 1, -1) * self.spread
        return (targets.lower + self.offset + steps)[:, :, None], {}


@pytest.fixture
def line():
    X = np.random.RandomState(0).uniform(size=(80, 1))
    return X, X[:, 0]


def identity(X):
    return X[:, 0]


def test_exact_beats_random(line):
    result = choose_inverter(
        *line, simulator=identity, T=4, candidates=[PriorInverter(), Line()], random_state=0
    )
    assert result.best_name == "Line"
    assert isinstance(result.best_estimator, Line)
    assert len(result.best_estimator.rows_) == 80
    assert [row["name"] for row in result.table] == ["Line", "PriorInverter"]
    assert result.table[0]["r_T"] == 0
    assert result.n_simulations == 2 * 16 * 4
    assert all(row["fit_time"] > 0 and row["inverse_time"] > 0 for row in result.table)


def test_budget_decides():
    """One sure design off by .1, against a fan whose middle is off by .3 and whose fourth lies exactly."""
    X = np.random.RandomState(0).uniform(size=(50, 1))
    rivals = {"sure": Line(0.1), "diverse": Line(0.3, 0.3)}
    curves = {}
    for T, expected in ((1, "sure"), (2, "sure"), (20, "diverse")):
        result = choose_inverter(X, X[:, 0], simulator=identity, T=T, candidates=rivals, random_state=0)
        assert result.best_name == expected
        curves[T] = result.curves
    np.testing.assert_allclose(curves[20]["sure"], np.full(20, 0.01))
    np.testing.assert_allclose(curves[20]["diverse"], [0.09, 0.09, *[0.0] * 18], atol=1e-12)


def test_failures_cost_all_candidates_the_same(line):
    def fragile(X):
        return np.where(X[:, 0] > 2, np.nan, X[:, 0])

    rivals = {"bad": Line(1.0), "lost": Line(4.0)}
    result = choose_inverter(*line, simulator=fragile, candidates=rivals, random_state=0)
    by_name = {row["name"]: row for row in result.table}
    assert by_name["lost"]["failure_rate"] == 1
    assert by_name["lost"]["r_T"] == pytest.approx(by_name["bad"]["r_T"]) == pytest.approx(1.0)


def test_held_out_surrogate_learns_from_what_candidates_did_not_see(line):
    X, y = line
    seen = []

    class Spy(LinearRegression):
        def fit(self, X, y):
            seen.append(X)
            return super().fit(X, y)

    class Recorder(Line):
        def _fit(self, X, y, random_state):
            seen.append(X)

    result = choose_inverter(X, y, simulator=Spy(), T=2, candidates={"exact": Recorder()}, random_state=0)
    judged_by, fitted_to, refitted_to = (set(rows.ravel()) for rows in seen)
    assert not judged_by & fitted_to
    assert judged_by | fitted_to == refitted_to == set(X.ravel())
    assert (result.judge, result.n_simulations) == ("held-out surrogate", 0)
    assert result.judge_error < 1e-20


def test_error_of_a_judge_is_told():
    X, y = make_sine_wave(200, random_state=0)
    near = [NearestDesignInverter()]
    wrong = choose_inverter(X, y, simulator=LinearRegression(), candidates=near, random_state=0).judge_error
    exact = choose_inverter(X, y, simulator=ExactRegressor(sine), candidates=near, random_state=0).judge_error
    assert exact < 1e-20 < 0.1 < wrong


@pytest.mark.parametrize("cv", [None, 3])
def test_same_seed_same_choice_and_frames_keep_their_names(cv):
    X, y = make_sine_wave(90, random_state=0)
    X = pd.DataFrame(X, columns=["a", "b"])
    results = [
        choose_inverter(
            X,
            pd.Series(y, name="c"),
            simulator=SineWave(),
            T=2,
            candidates=[PriorInverter(), NearestDesignInverter(), NearestDesignInverter(local_linear=True)],
            cv=cv,
            n_targets=10,
            random_state=3,
        )
        for _ in range(2)
    ]
    assert list(results[0].best_estimator.feature_names_in_) == ["a", "b"]
    assert set(results[0].curves) == {"PriorInverter", "NearestDesignInverter 1", "NearestDesignInverter 2"}
    assert results[0].n_simulations == 3 * 10 * 2
    for name, curve in results[0].curves.items():
        np.testing.assert_array_equal(curve, results[1].curves[name])


@pytest.mark.slow
def test_defaults():
    X, y = make_sine_wave(100, random_state=0)
    result = choose_inverter(X, y, T=3, n_targets=20, random_state=0)
    assert len(result.table) == len(result.curves) == 4
    assert result.judge == "held-out surrogate"
    assert isinstance(result.best_estimator, NeuralAdjoint)


def test_wrong_arguments(line):
    with pytest.raises(ValueError, match="candidates is empty"):
        choose_inverter(*line, simulator=identity, candidates=[])
    with pytest.raises(ValueError, match="T must be an integer of at least 1"):
        choose_inverter(*line, simulator=identity, T=0)


def test_the_seed_governs_the_steps_of_a_pipeline():
    X, y = make_sine_wave(100, random_state=0)
    pipeline = make_pipeline(StandardScaler(), MDNInverter(2, hidden_layer_sizes=(8,), max_epochs=3))
    first, again = (
        choose_inverter(X, y, simulator=SineWave(), candidates=[pipeline], n_targets=5, random_state=0)
        for _ in range(2)
    )
    assert first.table[0]["r_T"] == again.table[0]["r_T"]


def test_what_the_simulator_raises_is_told(line):
    def mistaken(X):
        raise KeyError("radius")

    with pytest.raises(
        ValueError, match="All 80 simulations failed, the first one raised KeyError: 'radius'"
    ):
        choose_inverter(*line, simulator=mistaken, candidates=[Line(), Line(0.1)], n_targets=40, cv=2)

    def fragile(X):
        if len(X) > 1 or X[0, 0] < 0.5:
            raise KeyError("radius")
        return X[:, 0]

    with pytest.warns(UserWarning, match="simulations failed, the first one raised KeyError: 'radius'"):
        choose_inverter(*line, simulator=fragile, candidates=[Line()], random_state=0)


def test_frames_and_a_surrogate_as_judge_do_not_warn():
    X = pd.DataFrame(np.random.RandomState(0).uniform(size=(60, 2)), columns=["a", "b"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        choose_inverter(X, X.sum(axis=1), candidates=[NearestDesignInverter()], random_state=0)
        judge = LinearRegression().fit(X, X.sum(axis=1))
        resimulation_error(X.to_numpy(), X.sum(axis=1), judge, judge="own surrogate")


def test_one_candidate_is_no_list(line):
    with pytest.raises(TypeError, match="put it in a list"):
        choose_inverter(*line, candidates=NearestDesignInverter())
