"""Warnings show the line of the user, wherever the inverter sits."""

import warnings

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skinverse
from skinverse import (
    NearestDesignInverter,
    NeuralAdjoint,
    TransformedDesignInverter,
    make_resimulation_scorer,
)
from skinverse.datasets import make_sine_wave
from skinverse.utils.user_warnings import warn_user

X, y = make_sine_wave(60, random_state=0)
FAR = [y.max() + 100]


def caught(call):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        call()
    assert told
    return told


def search():
    score = make_resimulation_scorer(lambda X: np.full(len(X), 1 / 0))
    return GridSearchCV(NearestDesignInverter(), {"local_linear": [True]}, scoring=score, cv=2)


PIPE = make_pipeline(StandardScaler(), NearestDesignInverter()).fit(X, y)
CALLS = {
    "inverse": lambda: NearestDesignInverter().fit(X, y).inverse(FAR),
    "solver": lambda: NeuralAdjoint(max_redraws=0, random_state=0).fit(X, y).inverse(FAR),
    "inner": lambda: (
        TransformedDesignInverter(NearestDesignInverter(), StandardScaler()).fit(X, y).inverse(FAR)
    ),
    "function": lambda: skinverse.inverse(PIPE, FAR),
    "pipeline": lambda: PIPE.inverse_transform(FAR),
    "search": lambda: search().fit(X, y),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_line_that_called(name):
    ours = [w for w in caught(CALLS[name]) if "simulations" in str(w.message) or "targets" in str(w.message)]
    assert ours
    assert {w.filename for w in ours} == {__file__}


def test_a_line_of_the_package_is_passed_over():
    inside = {"warn_user": warn_user}
    exec(compile("def call():\n    warn_user('x')", skinverse.__file__, "exec"), inside)
    (told,) = caught(inside["call"])
    assert told.filename == __file__
