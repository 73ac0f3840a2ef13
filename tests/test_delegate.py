import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler

import skinverse
from skinverse import NearestDesignInverter, make_resimulation_scorer
from skinverse.datasets import make_sine_wave
from skinverse.simulators import SineWave

X, y = make_sine_wave(2000, random_state=0)
Y_STAR = y[:3] + 0.01


def test_sees_through_pipelines_and_searches():
    plain = NearestDesignInverter().fit(X, y)
    expected = plain.inverse(Y_STAR, 4)
    pipe = Pipeline(
        [("scale", StandardScaler()), ("skip", "passthrough"), ("invert", NearestDesignInverter())]
    )
    assert_allclose(skinverse.inverse(pipe.fit(X, y), Y_STAR, 4), expected)
    assert_allclose(
        skinverse.inverse(make_pipeline(MinMaxScaler(), clone(pipe)).fit(X, y), Y_STAR, 4), expected
    )
    scorer = make_resimulation_scorer(SineWave(), aggregate="median")
    search = GridSearchCV(pipe, {"invert__local_linear": [False, True]}, scoring=scorer, cv=2).fit(X, y)
    assert search.best_params_ == {"invert__local_linear": True}
    assert_allclose(
        skinverse.inverse(search, Y_STAR, 4), skinverse.inverse(search.best_estimator_, Y_STAR, 4)
    )
    assert_array_equal(search.inverse_transform(Y_STAR), search.best_estimator_.inverse_transform(Y_STAR))
    designs, info = skinverse.inverse(pipe, Y_STAR, 4, return_info=True)
    assert_allclose(SineWave()(designs.reshape(-1, 2)), info.predicted.reshape(-1, 1))
    search = RandomizedSearchCV(
        NearestDesignInverter(), {"local_linear": [False, True]}, n_iter=2, scoring=scorer, cv=2
    )
    assert skinverse.inverse(search.fit(X, y), Y_STAR, 2).shape == (3, 2, 2)


def test_what_cannot_be_inverted_is_named():
    with pytest.raises(TypeError, match="LinearRegression has no method"):
        skinverse.inverse(LinearRegression().fit(X, y), Y_STAR)
    with pytest.raises(TypeError, match="normalizer"):
        skinverse.inverse(make_pipeline(Normalizer(), NearestDesignInverter()).fit(X, y), Y_STAR)


def test_unfitted():
    scorer = make_resimulation_scorer(SineWave(), aggregate="median")
    with pytest.raises(NotFittedError):
        skinverse.inverse(make_pipeline(StandardScaler(), NearestDesignInverter()), Y_STAR)
    with pytest.raises(NotFittedError):
        skinverse.inverse(GridSearchCV(NearestDesignInverter(), {}, scoring=scorer), Y_STAR)
    no_refit = GridSearchCV(NearestDesignInverter(), {}, scoring=scorer, refit=False, cv=2).fit(X, y)
    with pytest.raises(NotFittedError):
        skinverse.inverse(no_refit, Y_STAR)
    assert np.isfinite(no_refit.cv_results_["mean_test_score"]).all()
