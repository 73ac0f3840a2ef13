"""Search spaces."""

import warnings

import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import ParameterSampler, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinverse import (
    ForwardGaussianProcess,
    ForwardRegressor,
    ImageRegressor,
    MDNInverter,
    NearestDesignInverter,
    PriorInverter,
    RefinedInverter,
    TransformedDesignInverter,
    make_resimulation_scorer,
)
from skinverse.datasets import make_sine_wave
from skinverse.inverters import BayesOptInverter, INNInverter, IPageInverter
from skinverse.model_selection import search_space
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
