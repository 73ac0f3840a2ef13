"""Nothing is printed unless it is asked for."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone

from skinverse import resimulation_error
from skinverse.datasets import make_sine_wave
from skinverse.simulators import SineWave
from skinverse.testing import all_inverters


@pytest.fixture(scope="module")
def table():
    return make_sine_wave(60, random_state=0)


def fit(inverter, table, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(inverter).set_params(**params).fit(*table)


@pytest.mark.parametrize("inverter", all_inverters(), ids=repr)
def test_fit_and_inverse_are_quiet_by_default(inverter, table, capfd):
    fitted = fit(inverter, table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted.inverse([0.5], 2)
    assert capfd.readouterr() == ("", "")


TALKATIVE = [
    inverter
    for inverter in all_inverters()
    if any(name.endswith("verbose") for name in inverter.get_params())
]


@pytest.mark.parametrize("inverter", TALKATIVE, ids=repr)
def test_verbose_prints_a_line_an_epoch(inverter, table, capfd):
    """Of every network that is trained, at any depth."""
    for name in inverter.get_params():
        if name.endswith("verbose"):
            fit(inverter, table, **{name: 1})
            lines = capfd.readouterr().out.splitlines()
            assert sum("train_loss" in line for line in lines) >= 1
            assert sum(line.split()[:1] == ["1"] for line in lines) >= 1


def test_bar_of_simulations(capfd):
    X = np.zeros((5, 4, 2))
    y_star = np.zeros(5)
    silent = resimulation_error(X, y_star, SineWave(), batch_size=6)
    assert capfd.readouterr() == ("", "")
    told = resimulation_error(X, y_star, SineWave(), batch_size=6, verbose=1)
    out, err = capfd.readouterr()
    assert out == ""
    assert "20/20" in err
    np.testing.assert_array_equal(told.error, silent.error)
