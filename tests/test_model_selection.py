"""Search spaces, and the choice of an inverter for a budget."""

import warnings

import numpy as np
import pandas as pd
import pytest
from exact_models import ExactRegressor, sine
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import ParameterSampler, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinverse import (
    BaseInverter,
    ForwardGaussianProcess,
    ForwardRegressor,
    ImageRegressor,
    MDNInverter,
    NearestDesignInverter,
    NeuralAdjoint,
    PriorInverter,
    RefinedInverter,
    TransformedDesignInverter,
    make_resimulation_scorer,
)
from skinverse.datasets import make_sine_wave
from skinverse.inverters import BayesOptInverter, INNInverter, IPageInverter
from skinverse.model_selection import choose_inverter, search_space
from skinverse.simulators import SineWave
from skinverse.testing import all_inverters

# Costly settings of a draw, made cheap once they are known to be accepted.
_CHEAP = {"max_epochs": 1, "hidden_layer_sizes": (4,), "n_proposals": 8, "n_starts": 8, "n_candidates": 8}


@pytest.fixture(scope="module")
def table():
    return make_sine_wave(60, random_state=0)


def cheap(estimator):
    """`estimator` with its costly settings made small, at any depth."""
    names = estimator.get_params(deep=True)
    return estimator.set_params(
        **{name: _CHEAP[name.split("__")[-1]] for name in names if name.split("__")[-1] in _CHEAP}
    )


SEARCHED = [
    *all_inverters(),
    BayesOptInverter(SineWave()),
    ForwardGaussianProcess(),
    *(ForwardRegressor(optimizer=optimizer) for optimizer in ("auto", "lm", "soap", "adam")),
    RefinedInverter(TransformedDesignInverter(MDNInverter(), StandardScaler()), ForwardRegressor()),
    make_pipeline(StandardScaler(), MDNInverter()),
]


@pytest.mark.parametrize("estimator", SEARCHED, ids=repr)
def test_every_draw_is_accepted_and_fits(estimator, table):
    space = search_space(estimator)
    assert 1 <= len(space) <= 10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two values are fewer than five draws, and one epoch is short
        for k, params in enumerate(ParameterSampler(space, 5, random_state=0)):
            drawn = clone(estimator).set_params(**params)
            assert {name: drawn.get_params()[name] for name in space} == params
            if k == 0:
                cheap(drawn).fit(*table)


@pytest.mark.parametrize("estimator", SEARCHED, ids=repr)
def test_every_value_of_a_list_is_a_valid_one(estimator):
    space = search_space(estimator)
    for name, values in space.items():
        for value in values if isinstance(values, list) else values.rvs(5, random_state=0):
            drawn = clone(estimator).set_params(**{name: value})
            *path, last = name.split("__")
            owner = drawn
            for step in path:
                owner = owner.get_params(deep=True)[step]
            owner._validate_params()
            assert owner.get_params(deep=False)[last] is value


def test_names_are_nested():
    whole = RefinedInverter(MDNInverter(), ForwardRegressor(optimizer="lm"))
    parts = {f"inverter__{name}" for name in search_space(MDNInverter())}
    parts |= {f"forward_model__{name}" for name in search_space(ForwardRegressor(optimizer="lm"))}
    assert set(search_space(whole)) == parts | {"n_proposals", "select"}
    encoded = TransformedDesignInverter(MDNInverter(), PCA(2))
    assert set(search_space(encoded)) == {f"inverter__{name}" for name in search_space(MDNInverter())}


def test_settings_say_what_matters():
    assert "y_noise" in search_space(INNInverter())
    assert "y_noise" not in search_space(INNInverter("bidirectional"))
    assert "autoregressive" in search_space(IPageInverter())["network"]
    assert "autoregressive" not in search_space(IPageInverter.as_published())["network"]
    assert "n_candidates" not in search_space(PriorInverter())
    assert "lr" not in search_space(ForwardRegressor(optimizer="lm"))
    assert "symmetric" in search_space(ImageRegressor())


def test_what_cannot_be_searched():
    with pytest.raises(TypeError, match="Nothing is known of what to search in LinearRegression"):
        search_space(LinearRegression())
    with pytest.raises(ValueError, match="kind must be"):
        search_space(MDNInverter(), kind="grid")


@pytest.mark.parametrize("estimator", SEARCHED, ids=repr)
def test_optuna_space_is_the_same(estimator):
    optuna = pytest.importorskip("optuna", reason="optuna is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converted = search_space(estimator, kind="optuna")
        space = search_space(estimator)
        assert set(converted) == set(space)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        for _ in range(5):
            drawn = study.ask(converted).params
            clone(estimator).set_params(**drawn)
            assert all(is_from(space[name], value) for name, value in drawn.items())


def is_from(values, value):
    if isinstance(values, list):
        return value in values
    low, high = values.support()
    return low <= value <= high and (values.dist.name != "randint" or value == int(value))


def test_optuna_search_runs(table):
    optuna = pytest.importorskip("optuna", reason="optuna is not installed")
    pytest.importorskip("optuna_integration", reason="optuna-integration is not installed")
    mixture = MDNInverter(max_epochs=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from optuna_integration import OptunaSearchCV

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        search = OptunaSearchCV(
            mixture,
            search_space(mixture, kind="optuna"),
            n_trials=3,
            cv=2,
            scoring=make_resimulation_scorer(SineWave()),
            random_state=0,
        ).fit(*table)
    assert set(search.best_params_) == set(search_space(mixture))
    best = search.best_estimator_.get_params()
    assert {name: best[name] for name in search.best_params_} == search.best_params_
    assert search.best_score_ == max(trial.value for trial in search.trials_)


def test_randomized_search_finds_the_better_of_a_pair():
    X, y = make_sine_wave(1000, random_state=0)
    search = RandomizedSearchCV(
        NearestDesignInverter(),
        search_space(NearestDesignInverter()),
        n_iter=2,
        cv=2,
        scoring=make_resimulation_scorer(SineWave(), aggregate="median"),
        random_state=0,
    ).fit(X, y)
    assert search.best_params_ == {"local_linear": True}


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
