"""BayesOptInverter, where BoTorch is installed."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import KNeighborsRegressor

from skinverse import DesignSpace, NearestDesignInverter, TargetRange
from skinverse.datasets import make_robotic_arm, make_sine_wave
from skinverse.inverters import BayesOptInverter
from skinverse.simulators import RoboticArm, SineWave
from skinverse.utils.validation import InvalidParameterError

pytest.importorskip("botorch", reason="botorch is not installed")


class Recorder:
    """A simulator that remembers what it was asked, and fails where `fails` says so."""

    def __init__(self, law, fails=None):
        self.law, self.fails, self.asked = law, fails, []

    def __call__(self, X):
        if self.fails is not None and self.fails(X).any():
            if len(X) == 1:  # a batch is asked again one by one
                self.asked.append(X)
            raise RuntimeError("no convergence")
        self.asked.append(X)
        return self.law(X)

    @property
    def designs(self):
        return np.concatenate(self.asked)


def branin(X):
    """Three equal minima, 0.397887, on [-5, 10] x [0, 15]."""
    a, b = X.T
    bowl = b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6
    return bowl**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10


def test_beats_random_draws_of_the_same_number():
    """30 simulations of the sine: random draws miss the target by about 1e-2, in units of its variance."""
    X, y = make_sine_wave(5, random_state=0)
    space = DesignSpace(SineWave().bounds)
    inverter = BayesOptInverter(
        SineWave(), n_initial=15, n_iter=15, start="sampler", space=space, random_state=0
    ).fit(X, y)
    targets = np.array([-1.3, 0.2, 1.2])
    _, info = inverter.inverse(targets, return_info=True)
    draws = SineWave()(space.sample(30, random_state=0)).ravel()
    random = ((draws - targets[:, None]) ** 2).min(axis=1)
    assert info.converged.all()
    assert (info.misfit[:, 0] < 1e-5).all()
    assert (info.misfit[:, 0] < random).all()
    assert (info.n_simulations <= 30).all()


def test_two_outputs_of_the_arm():
    X, y = make_robotic_arm(60, random_state=0)
    targets = y.mean(axis=0) + [[0.0, 0.1], [0.1, -0.2]]
    inverter = BayesOptInverter(RoboticArm(), n_initial=30, n_iter=20, random_state=0).fit(X, y)
    designs, info = inverter.inverse(targets, 2, return_info=True)
    assert info.converged.all()
    assert (
        np.abs(RoboticArm()(designs.reshape(4, 4)) - targets.repeat(2, axis=0)) / y.std(axis=0) < 1e-3
    ).all()


def test_finds_a_minimum_of_branin():
    """A target at the edge of what is possible, where the slope vanishes."""
    space = DesignSpace([[-5, 10], [0, 15]])
    X = space.sample(20, random_state=0)
    inverter = BayesOptInverter(branin, n_initial=20, n_iter=30, tol=1e-6, space=space, random_state=0)
    inverter.fit(X, branin(X))
    x = inverter.inverse_transform([0.397887])[0]
    minima = np.array([[-np.pi, 12.275], [np.pi, 2.275], [9.42478, 2.475]])
    assert np.abs(minima - x).max(axis=1).min() < 0.2


@pytest.mark.parametrize("start", ["data", "sampler"])
def test_record_equals_what_was_asked(start):
    """Trace, counts and the best designs by brute force over what the simulator saw."""
    X, y = make_robotic_arm(40, random_state=0)
    simulator = Recorder(RoboticArm())
    inverter = BayesOptInverter(simulator, n_initial=8, n_iter=5, start=start, tol=0, random_state=0)
    inverter.fit(X, y)
    target = np.array([[1.0, 0.3]])
    with pytest.warns(Warning, match="not reached within tol=0"):
        designs, info = inverter.inverse(target, 4, return_info=True)
    asked = simulator.designs
    assert info.n_simulations[0] == len(asked) == (13 if start == "sampler" else 5)
    known = asked if start == "sampler" else np.concatenate([X, asked])
    gap = RoboticArm()(known) - target
    order = np.argsort(((gap / y.std(axis=0)) ** 2).sum(axis=1))
    assert_allclose(designs[0], known[order[:4]])
    assert_allclose(info.predicted[0], RoboticArm()(designs[0]))
    scaled = (((RoboticArm()(asked) - target) / y.std(axis=0)) ** 2).mean(axis=1)
    judged = scaled if start == "sampler" else np.r_[info.trace[0, :8], scaled]
    assert_allclose(info.trace[0], np.minimum.accumulate(judged))
    assert_array_equal(info.status[0], ["table" if start == "data" else "ok"] * 8 + ["ok"] * 5)


def test_a_target_of_the_table_costs_nothing():
    X, y = make_sine_wave(50, random_state=0)
    simulator = Recorder(SineWave())
    designs, info = BayesOptInverter(simulator, n_initial=5).fit(X, y).inverse(y[[7, 30]], return_info=True)
    assert_array_equal(designs[:, 0], X[[7, 30]])
    assert_array_equal(info.misfit, np.zeros((2, 1)))
    assert_array_equal(info.n_simulations, [0, 0])
    assert not simulator.asked
    assert (np.unique(info.status) == ["not run", "table"]).all()


def test_failures_are_recorded_and_avoided():
    """Half of the space fails; the search learns where, and reaches the target in the other half."""
    X, y = make_sine_wave(5, random_state=0)
    simulator = Recorder(SineWave(), fails=lambda X: X[:, 0] + X[:, 1] < 0)
    space = DesignSpace(SineWave().bounds)
    inverter = BayesOptInverter(
        simulator, n_initial=20, n_iter=12, start="sampler", tol=0, space=space, random_state=0
    ).fit(X, y)
    with pytest.warns(
        UserWarning, match="simulations failed, the first one raised RuntimeError: no convergence"
    ):
        designs, info = inverter.inverse(0.6, 3, return_info=True)
    failed = info.status[0] == "failed"
    assert_array_equal(failed, simulator.fails(simulator.designs))
    assert 5 <= failed[:20].sum() <= 15
    assert failed[20:].sum() <= 3
    assert not simulator.fails(designs[0]).any()
    assert info.misfit.max() < 1e-6


def test_nan_and_infinity_are_failures():
    X, y = make_sine_wave(20, random_state=0)
    inverter = BayesOptInverter(
        lambda X: np.where(X[:, 0] < 0, np.inf, np.nan), n_iter=4, random_state=0
    ).fit(X, y)
    with pytest.warns(UserWarning, match="4 of 4 simulations failed, they answered NaN or infinity"):
        _, info = inverter.inverse(0.51, return_info=True)
    assert (info.status[0] == "failed").sum() == 4
    assert np.isfinite(info.misfit).all()


@pytest.mark.parametrize("start", ["data", "sampler"])
def test_if_all_fail_the_table_answers(start):
    X, y = make_sine_wave(20, random_state=0)
    simulator = Recorder(SineWave(), fails=lambda X: X[:, 0] < 9)
    inverter = BayesOptInverter(simulator, n_initial=5, n_iter=3, start=start, random_state=0).fit(X, y)
    with pytest.warns(UserWarning, match="simulations failed"):
        designs, info = inverter.inverse(0.51, 3, return_info=True)
    expected, about = NearestDesignInverter().fit(X, y).inverse(0.51, 3, return_info=True)
    assert_array_equal(designs, expected)
    assert_array_equal(info.predicted, about.predicted)
    assert not info.converged.any()
    if start == "sampler":
        assert np.isinf(info.trace).all()


def test_same_seed_same_search_and_targets_do_not_mix():
    X, y = make_sine_wave(30, random_state=0)
    for start in ("data", "sampler"):
        inverter = BayesOptInverter(SineWave(), n_initial=10, n_iter=2, start=start).fit(X, y)
        together = inverter.inverse([0.5, -1.0], 3, random_state=1)
        assert_array_equal(inverter.inverse([0.5, -1.0], 3, random_state=1), together)
        assert_array_equal(inverter.inverse([-1.0], 3, random_state=1)[0], together[1])
        assert len(np.unique(together[0], axis=0)) == 3


def test_whole_numbers_and_fixed_values():
    """y = layers * width: with 3 layers fixed, or with whole layers, the product is still met."""
    rng = np.random.RandomState(0)
    X = np.column_stack([rng.randint(1, 9, size=30), rng.rand(30), rng.rand(30)])
    law = Recorder(lambda X: X[:, 0] * X[:, 1] + X[:, 2])
    space = DesignSpace([[1, 8], [0, 1], [0, 1]], integer=[0])
    inverter = BayesOptInverter(law, n_iter=20, start="data", space=space, random_state=0).fit(X, law.law(X))
    for fixed in (None, {0: 3, 2: 0.25}):
        designs, info = inverter.inverse([2.5], 3, fixed=fixed, return_info=True)
        assert info.converged.all()
        assert info.feasible.all()
        assert_allclose(law.law(designs[0]), 2.5, atol=2e-3 * law.law(X).std())
    assert (designs[..., [0, 2]] == [3, 0.25]).all()


def test_a_finite_space_is_searched_once():
    """Six designs: each is simulated once, and the best ones are exact."""
    X = np.array([[0.0, 0.0], [1.0, 2.0]])
    law = Recorder(lambda X: X[:, 0] + 10 * X[:, 1])
    space = DesignSpace([[0, 1], [0, 2]], integer=[0, 1])
    inverter = BayesOptInverter(law, n_iter=20, space=space, tol=0, random_state=0).fit(X, law.law(X))
    with pytest.warns(Warning, match="not reached"):
        designs, info = inverter.inverse([10.2], 6, return_info=True)
    assert info.n_simulations[0] == 4
    assert_array_equal(designs[0, :3], [[0, 1], [1, 1], [1, 0]])


def test_open_outputs_and_ranges():
    X, y = make_robotic_arm(60, random_state=0)
    inverter = BayesOptInverter(RoboticArm(), n_initial=20, n_iter=15, random_state=0).fit(X, y)
    designs, info = inverter.inverse([[1.23, np.nan]], 2, return_info=True)
    assert info.converged.all()
    assert_allclose(RoboticArm()(designs[0])[:, 0], 1.23, atol=1e-3)
    lower, upper = np.array([1.6, 0.5]), np.array([1.62, np.inf])
    designs, info = inverter.inverse(TargetRange([lower], [upper]), 2, return_info=True)
    assert info.converged.all()
    response = RoboticArm()(designs[0])
    slack = 1e-3 * y.std(axis=0)
    assert ((response >= lower - slack) & (response <= upper + slack)).all()


def test_many_outputs_are_searched_by_components():
    """A spectrum of 40 values that three numbers decide."""
    grid = np.linspace(0, 1, 40)

    def spectrum(X):
        return X[:, :1] * np.sin(3 * grid) + X[:, 1:2] ** 2 * grid + np.cos(4 * X[:, 2:] * grid)

    X = np.random.RandomState(0).rand(30, 3)
    target = spectrum(np.array([[0.3, 0.6, 0.8]]))
    inverter = BayesOptInverter(spectrum, n_initial=20, n_iter=15, tol=1e-2, random_state=0).fit(
        X, spectrum(X)
    )
    _, info = inverter.inverse(target, return_info=True)
    assert info.converged.all()


def test_a_regressor_is_fitted_and_searched():
    X, y = make_robotic_arm(80, random_state=0)
    inverter = BayesOptInverter(KNeighborsRegressor(3), n_initial=10, n_iter=3, random_state=0).fit(X, y)
    designs, info = inverter.inverse([[1.0, 0.3]], 1, return_info=True)
    model = KNeighborsRegressor(3).fit(X, y)
    rows = (X[:, None] == designs[0]).all(axis=2).any()
    assert_allclose(
        info.predicted[0], y[(X == designs[0]).all(axis=1)] if rows else model.predict(designs[0])
    )


def test_wrong_inputs():
    X, y = make_sine_wave(20, random_state=0)
    for wrong in ({"simulator": 3}, {"n_iter": 0}, {"n_initial": 0}, {"start": "nearest"}, {"tol": -1.0}):
        with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
            BayesOptInverter(**{"simulator": SineWave(), **wrong}).fit(X, y)
    with pytest.raises(ValueError, match=r"answered with shape \(1, 3\) where \(1, 1\)"):
        BayesOptInverter(lambda X: np.zeros((len(X), 3))).fit(X, y).inverse(0.51)


def test_without_botorch_the_error_names_the_extra(monkeypatch):
    X, y = make_sine_wave(20, random_state=0)
    inverter = BayesOptInverter(SineWave()).fit(X, y)
    monkeypatch.setitem(sys.modules, "botorch", None)
    with pytest.raises(ImportError, match=r"pip install 'skinverse\[bayesopt\]'"):
        inverter.inverse(0.51)


def test_a_simulator_that_rounds_is_asked_for_other_answers():
    """The best design has copies without number; those that come with it are others, and better than the draws."""

    def rounding(X):
        X = np.round(10 * X) / 10
        return np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + 0.3 * X[:, 0] * X[:, 1]

    simulator = Recorder(rounding)
    space = DesignSpace([[-1, 1], [-1, 1]])
    X = space.sample(20, random_state=0)
    inverter = BayesOptInverter(simulator, n_initial=20, n_iter=12, tol=0, start="sampler", space=space)
    _, info = inverter.fit(X, rounding(X)).inverse([0.713], 3, random_state=0, return_info=True)
    error = np.abs(info.predicted[0, :, 0] - 0.713)
    drawn = np.sort(np.abs(np.unique(rounding(simulator.asked[0])) - 0.713))
    assert len(np.unique(info.predicted)) == 3
    assert (np.diff(error) >= 0).all()
    assert (error < drawn[:3]).all()
