import numpy as np
import pytest
from exact_models import ExactRegressor, biased_sine
from scipy.stats import spearmanr
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from skinverse import (
    DesignSpace,
    MDNInverter,
    NearestDesignInverter,
    PriorInverter,
    RefinedInverter,
    TransformedDesignInverter,
)
from skinverse.datasets import make_robotic_arm, make_sine_wave
from skinverse.simulators import RoboticArm, SineWave


def draws(**params):
    return MDNInverter(8, hidden_layer_sizes=(32,), max_epochs=20, **params)


def test_refinement_takes_the_error_away(exact_arm):
    X, y = make_robotic_arm(1000, random_state=0)
    targets = y[:30]
    raw = draws(random_state=0).fit(X, y).inverse(targets, 10)
    inverter = RefinedInverter(draws(), exact_arm, random_state=0).fit(X, y)
    refined, info = inverter.inverse(targets, 10, return_info=True)
    assert np.median((RoboticArm()(raw.reshape(-1, 4)).reshape(30, 10, 2) - targets[:, None]) ** 2) > 1e-4
    assert info.converged.all()
    assert np.abs(RoboticArm()(refined.reshape(-1, 4)).reshape(30, 10, 2) - targets[:, None]).max() < 2e-5


def test_proposals_of_prior_and_lookup_can_be_refined(exact_sine):
    X, y = make_sine_wave(500, random_state=0)
    y_star = np.linspace(-1.8, 1.8, 7)
    for inverter in (PriorInverter(), NearestDesignInverter()):
        designs = RefinedInverter(inverter, exact_sine, random_state=0).fit(X, y).inverse(y_star, 20)
        assert np.abs(SineWave()(designs.reshape(-1, 2)).reshape(7, 20) - y_star[:, None]).max() < 2e-5


def test_error_of_the_forward_model_is_interpolated_wherever_a_design_lies():
    X, y = make_sine_wave(3000, random_state=0)
    y_star = np.linspace(-1.8, 1.8, 41)
    error, correlation = {}, {}
    for anchor in (True, False, "auto"):
        inverter = RefinedInverter(
            PriorInverter(), ExactRegressor(biased_sine), anchor=anchor, random_state=0
        )
        designs, info = inverter.fit(X, y).inverse(y_star, 64, return_info=True)
        errors = (SineWave()(designs.reshape(-1, 2)).reshape(41, 64) - y_star[:, None]) ** 2
        error[anchor] = errors.mean()
        correlation[anchor] = spearmanr(info.expected_error.ravel(), errors.ravel()).statistic
    assert error[False] > 1e-4
    assert error[True] < 1e-4 * error[False]
    assert error["auto"] == error[True]
    assert correlation[True] > 0.4
    # Best first: the designs ranked first are known best.
    assert np.median(errors[:, 0]) < 0.1 * np.median(errors)


def test_space_reaches_the_proposals(exact_sine):
    X, y = make_sine_wave(500, random_state=0)
    space = DesignSpace([[0, 0.4], [-1, 1]])
    for inverter in (
        RefinedInverter(draws(space=space), exact_sine, random_state=0),
        RefinedInverter(draws(), exact_sine, space=space, random_state=0),
    ):
        fitted = inverter.fit(X, y)
        assert fitted.space_ == fitted.inverter_.space_ == space
        designs, info = fitted.inverse([0.5, 1.0], 10, return_info=True)
        assert space.contains(designs).all()
        assert info.converged.all()


def test_partial_targets_follow_the_inverter(exact_arm):
    X, y = make_robotic_arm(500, random_state=0)
    designs = (
        RefinedInverter(PriorInverter(), exact_arm, random_state=0).fit(X, y).inverse([[1.5, np.nan]], 5)
    )
    assert np.abs(RoboticArm()(designs[0])[:, 0] - 1.5).max() < 2e-5
    with pytest.raises(ValueError, match="NaN"):
        RefinedInverter(draws(), exact_arm, random_state=0).fit(X, y).inverse([[1.5, np.nan]], 5)


def test_nested_parameters():
    inverter = RefinedInverter(draws()).set_params(inverter__n_components=3)
    assert inverter.inverter.n_components == 3
    X, y = make_sine_wave(50, random_state=0)
    with pytest.raises(TypeError, match="module_"):
        RefinedInverter(draws(), LinearRegression()).fit(X, y)


def test_given_parts_are_left_alone(exact_sine):
    X, y = make_sine_wave(100, random_state=0)
    proposer = draws()
    RefinedInverter(proposer, exact_sine, space=[[-1, 1], [-1, 1]], random_state=0).fit(X, y)
    assert proposer.space is None
    assert proposer.random_state is None
    assert not hasattr(proposer, "net_")


def test_a_lookup_of_few_rows_can_be_refined():
    X, y = make_sine_wave(30, random_state=0)
    inverter = RefinedInverter(NearestDesignInverter(), random_state=0).fit(X, y)
    assert inverter.inverse(0.5, 3).shape == (1, 3, 2)
    scaled = TransformedDesignInverter(NearestDesignInverter(), StandardScaler())
    assert RefinedInverter(scaled, random_state=0).fit(X, y).inverse(0.5, 3).shape == (1, 3, 2)
    with pytest.raises(ValueError, match="n=31 designs"):
        inverter.inverse(0.5, 31)
