"""The scorer in Optuna's search, where Optuna is installed."""

import warnings

import numpy as np
import pytest

import skinverse
from skinverse import NearestDesignInverter, make_resimulation_scorer
from skinverse.datasets import make_sine_wave
from skinverse.simulators import SineWave

optuna = pytest.importorskip("optuna", reason="optuna is not installed")
pytest.importorskip("optuna_integration", reason="optuna-integration is not installed")


def test_optuna_search_finds_the_better_inverter():
    X, y = make_sine_wave(1000, random_state=0)
    choices = optuna.distributions.CategoricalDistribution([False, True])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from optuna_integration import OptunaSearchCV

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        search = OptunaSearchCV(
            NearestDesignInverter(),
            {"local_linear": choices},
            n_trials=4,
            cv=2,
            scoring=make_resimulation_scorer(SineWave(), aggregate="median"),
            random_state=0,
        ).fit(X, y)
    assert search.best_params_ == {"local_linear": True}
    assert np.isfinite(skinverse.inverse(search, [0.5, 1.0], 2)).all()
