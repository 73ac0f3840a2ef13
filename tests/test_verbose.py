"""Nothing is printed unless it is asked for; what is asked for are bars on standard error."""

import pickle
import re
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from skorch.callbacks import Callback
from tqdm import tqdm

from skinverse import (
    ForwardRegressor,
    MDNInverter,
    NearestDesignInverter,
    NeuralAdjoint,
    PriorInverter,
    TandemInverter,
    resimulation_error,
)
from skinverse.datasets import make_sine_wave
from skinverse.metrics import reference_posterior
from skinverse.model_selection import choose_inverter
from skinverse.simulators import NeuralSimulator, SineWave
from skinverse.solvers import LevenbergMarquardtSolver
from skinverse.testing import all_inverters

UNITS = ("epoch", "target", "simulation", "design", "step")


@pytest.fixture(scope="module")
def table():
    return make_sine_wave(60, random_state=0)


@pytest.fixture(autouse=True)
def no_bar_is_left_open():
    yield
    assert not tqdm._instances


def answer(inverter, table, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(inverter).set_params(**params).fit(*table).inverse([0.5, 0.7], 2)


def units(text):
    """What the bars in `text` count."""
    return {unit for unit in UNITS if re.search(rf"{unit}/s|s/{unit}", text)}


def on_screen(text):
    """The lines of `text` that are still to be seen: a carriage return begins a line again."""
    lines = []
    for line in text.split("\n"):
        seen = ""
        for part in line.split("\r"):
            seen = part + seen[len(part) :]
        lines.append(seen.rstrip())
    return [line for line in lines if line]


@pytest.mark.parametrize("inverter", all_inverters(), ids=repr)
def test_fit_and_inverse_are_quiet_by_default(inverter, table, capfd):
    answer(inverter, table)
    assert capfd.readouterr() == ("", "")


def test_silence_does_not_start_tqdm(table, monkeypatch):
    def started(*args, **kwargs):
        raise AssertionError("a bar was started")

    monkeypatch.setattr("skinverse.utils.progress.tqdm", started)
    answer(NeuralAdjoint(ForwardRegressor((4,), max_epochs=2)), table)
    resimulation_error([[0.0, 0.0]], 1.0, SineWave())
    with pytest.raises(AssertionError, match="a bar was started"):
        SineWave()([[0.0, 0.0]], verbose=1)


VERBOSE = [
    pytest.param(inverter, name, id=f"{name}-{inverter}")
    for inverter in all_inverters()
    for name in inverter.get_params()
    if name.endswith("verbose")
]
# Those that train nothing themselves, or search for nothing; the others do both.
ONE_BAR = {
    "NeuralAdjoint": {"target"},
    "RefinedInverter": {"target"},
    "BayesOptInverter": {"simulation"},
    "TandemInverter": {"epoch"},
    "ForwardRegressor": {"epoch"},
}


@pytest.mark.parametrize(("inverter", "name"), VERBOSE)
def test_bars_of_epochs_and_targets(inverter, name, table, capfd):
    """Of every part that trains or searches, at any depth, and no word on standard output."""
    owner = inverter.get_params()[name.removesuffix("__verbose")] if "__" in name else inverter
    silent = answer(inverter, table)
    told = answer(inverter, table, **{name: 2})
    out, err = capfd.readouterr()
    assert out == ""
    assert units(err) == ONE_BAR.get(type(owner).__name__, {"epoch", "target"})
    if "epoch" in units(err):
        assert re.search(r"\d+/1[05] \[.*epoch.*train_loss=", err)
    if "target" in units(err):
        assert "2/2" in err
    np.testing.assert_array_equal(told, silent)


@pytest.mark.parametrize("inverter", [NeuralAdjoint(), TandemInverter(max_epochs=2)], ids=repr)
def test_a_surrogate_that_nobody_has_chosen_follows_along(inverter, capfd):
    X, y = make_sine_wave(12, random_state=0)
    # With so many variables, as else the surrogate of few rows would be no network.
    answer(inverter, (np.tile(X, 9), y), verbose=1, random_state=0)
    assert "MLP: " in capfd.readouterr().err


def test_one_takes_its_bars_away_and_two_leaves_them(table, capfd):
    inverter = MDNInverter(2, max_epochs=3, random_state=0)
    answer(inverter, table, verbose=1)
    err = capfd.readouterr().err
    assert units(err) == {"epoch", "target"}
    assert on_screen(err) == []
    answer(inverter, table, verbose=2)
    assert units("\n".join(on_screen(capfd.readouterr().err))) == {"epoch", "target"}


def test_skorch_prints_its_lines_through_net_params(table, capfd):
    ForwardRegressor((4,), max_epochs=3, net_params={"verbose": 1}).fit(*table)
    out, err = capfd.readouterr()
    assert err == ""
    assert len([line for line in out.splitlines() if line.split()[:1] in (["1"], ["2"], ["3"])]) >= 3


class AtEpoch(Callback):
    """Does something at the end of the third epoch."""

    def __init__(self, what):
        self.what = what

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 3:
            self.what(net)


def fails(*args, **kwargs):
    raise RuntimeError("out of paper")


def is_interrupted(*args, **kwargs):
    raise KeyboardInterrupt


@pytest.mark.parametrize("optimizer", ["adam", "soap", "lm"])
def test_bars_go_with_errors_and_interrupts_of_training(optimizer, table, capfd):
    def fit(what):
        settings = {"max_epochs": 6, "net_params": {"callbacks": [AtEpoch(what)]}, "verbose": 1}
        return ForwardRegressor((4,), optimizer=optimizer, **settings).fit(*table)

    with pytest.raises(RuntimeError, match="out of paper"):
        fit(fails)
    with pytest.warns(UserWarning, match="Training was interrupted after 3 of at most 6 epochs"):
        fit(is_interrupted)
    assert on_screen(capfd.readouterr().err) == []


@pytest.mark.parametrize(("what", "error"), [(fails, RuntimeError), (is_interrupted, KeyboardInterrupt)])
def test_bars_go_with_errors_and_interrupts_of_a_search(what, error, table, capfd, monkeypatch):
    inverter = NeuralAdjoint(ForwardRegressor((4,), max_epochs=3), verbose=1).fit(*table)
    monkeypatch.setattr(LevenbergMarquardtSolver, "solve", what)
    with pytest.raises(error):
        inverter.inverse(0.5)
    err = capfd.readouterr().err
    assert units(err) == {"target"}
    assert on_screen(err) == []


def test_bars_go_with_interrupts_of_a_simulation(capfd):
    for simulate in (
        lambda: resimulation_error(np.zeros((3, 2)), np.zeros(3), is_interrupted, batch_size=1, verbose=1),
        lambda: Watched(is_interrupted)(np.zeros((3, 2)), verbose=1),
    ):
        with pytest.raises(KeyboardInterrupt):
            simulate()
        err = capfd.readouterr().err
        assert units(err) == {"design"}
        assert on_screen(err) == []


class Watched(SineWave):
    """Shows every batch to somebody."""

    def __init__(self, watcher):
        super().__init__()
        self.watcher = watcher

    def _simulate(self, X):
        self.watcher(X)
        return super()._simulate(X)


def test_a_net_can_be_pickled_after_and_during_training_under_a_bar(table):
    kept = []
    callbacks = [AtEpoch(lambda net: kept.append(pickle.loads(pickle.dumps(net.callbacks_[-1]))))]
    model = ForwardRegressor((4,), max_epochs=4, verbose=1, net_params={"callbacks": callbacks}).fit(*table)
    name, bar = kept[0]
    assert name == "bar"
    bar.on_epoch_end(model.net_)
    assert "bar" not in dict(model.net_.callbacks_)
    whole = ForwardRegressor((4,), max_epochs=4, verbose=1, random_state=0).fit(*table)
    again = pickle.loads(pickle.dumps(whole))
    np.testing.assert_array_equal(again.predict(table[0]), whole.predict(table[0]))


def test_bar_of_simulations(capfd):
    X = np.zeros((5, 4, 2))
    y_star = np.zeros(5)
    silent = resimulation_error(X, y_star, SineWave(), batch_size=6)
    assert capfd.readouterr() == ("", "")
    told = resimulation_error(X, y_star, SineWave(), batch_size=6, verbose=2)
    out, err = capfd.readouterr()
    assert out == ""
    assert "20/20" in err
    np.testing.assert_array_equal(told.error, silent.error)


def test_bar_of_a_simulator(capfd):
    X = SineWave().sample_prior(250, random_state=0)
    y = SineWave()(X)
    assert capfd.readouterr() == ("", "")
    batches = []
    np.testing.assert_array_equal(Watched(batches.append)(X, verbose=2), y)
    np.testing.assert_array_equal(np.concatenate(batches), X)
    assert max(map(len, batches)) == 3
    out, err = capfd.readouterr()
    assert out == ""
    assert "250/250" in err
    assert units(err) == {"design"}


def test_bar_of_the_designs_behind_a_neural_simulator(capfd):
    proxy = NeuralSimulator(SineWave(), ForwardRegressor((4,), max_epochs=2), n_samples=40, random_state=0)
    quiet = proxy.fit().held_out_rmse_
    assert capfd.readouterr() == ("", "")
    np.testing.assert_array_equal(proxy.set_params(verbose=2).fit().held_out_rmse_, quiet)
    out, err = capfd.readouterr()
    assert out == ""
    assert "40/40" in err


@pytest.mark.parametrize(
    ("simulator", "n_steps"), [(SineWave(), 8), (ForwardRegressor((4,), max_epochs=2), 10)]
)
def test_bar_of_the_choice_of_an_inverter(simulator, n_steps, table, capfd):
    def choose(verbose):
        rivals = [PriorInverter(), NearestDesignInverter()]
        how = {"n_targets": 10, "cv": 2, "random_state": 0, "verbose": verbose}
        return choose_inverter(*table, simulator=simulator, candidates=rivals, **how)

    quiet = choose(0)
    assert capfd.readouterr() == ("", "")
    for name, curve in choose(2).curves.items():
        np.testing.assert_array_equal(curve, quiet.curves[name])
    out, err = capfd.readouterr()
    assert out == ""
    assert f"{n_steps}/{n_steps}" in err
    assert units(err) == {"step"}


def test_bar_of_a_reference_posterior(capfd):
    quiet = reference_posterior(SineWave(), 0.5, 10, n_simulations=1000, random_state=0)
    assert capfd.readouterr() == ("", "")
    told = reference_posterior(SineWave(), 0.5, 10, n_simulations=1000, random_state=0, verbose=2)
    np.testing.assert_array_equal(told.X, quiet.X)
    assert "1000/1000" in capfd.readouterr().err
