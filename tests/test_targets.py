import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skinverse import NearestDesignInverter, candidates_to_frame
from skinverse.metrics import reference_posterior
from skinverse.simulators import SineWave
from skinverse.targets import TargetRange, Targets, as_targets

T = Targets(np.array([[1.0, -np.inf], [0.0, 2.0]]), np.array([[1.0, np.inf], [1.0, np.inf]]))


def test_residual_and_misfit():
    y = np.array([[3.0, 9.0], [0.5, 1.0]])
    assert_array_equal(T.residual(y), [[2, 0], [0, -1]])
    assert_allclose(T.misfit(y), [4.0, 0.5])
    assert_allclose(T.misfit(np.stack([y, y], axis=1)), [[4.0, 4.0], [0.5, 0.5]])
    assert_array_equal(T.wanted, [[True, False], [True, True]])
    assert_array_equal(T.exact, [[True, False], [False, False]])


def test_floor_opens_targets_from_below():
    floor = np.array([0.5, -np.inf])
    latent = Targets(
        np.array([[0.5, 1.0], [0.7, 1.0], [0.0, 1.0]]), np.array([[0.5, 1.0], [0.7, 1.0], [0.9, 1.0]])
    )
    latent = latent.above_floor(floor)
    assert_array_equal(latent.lower[:, 0], [-np.inf, 0.7, -np.inf])
    assert_array_equal(latent.upper[:, 0], [0.5, 0.7, 0.9])
    assert_array_equal(latent.lower[:, 1], 1.0)


@pytest.mark.parametrize(
    ("y_star", "n_targets", "lower", "upper"),
    [
        (0.5, 1, [[0.5]], [[0.5]]),
        ([1, 2], 2, [[1], [2]], [[1], [2]]),
        ([1, np.nan], 1, [[1, -np.inf]], [[1, np.inf]]),
        (TargetRange(lower=1.0), 1, [[1]], [[np.inf]]),
        (TargetRange(None, [1, 2]), 2, [[-np.inf], [-np.inf]], [[1], [2]]),
        (TargetRange(0, [1, 2]), 2, [[0], [0]], [[1], [2]]),
        (
            TargetRange([0, -np.inf, np.nan], [1, 2, np.nan]),
            2,
            [[0, -np.inf, -np.inf]] * 2,
            [[1, 2, np.inf]] * 2,
        ),
        (TargetRange([[0, 1]], [[2, 1], [3, 3]]), 2, [[0, 1], [0, 1]], [[2, 1], [3, 3]]),
    ],
)
def test_what_users_say_as_intervals_and_back(y_star, n_targets, lower, upper):
    targets = as_targets(y_star, n_targets)
    for given in (targets, as_targets(targets.y_star, n_targets)):
        assert_array_equal(given.lower, lower)
        assert_array_equal(given.upper, upper)
    assert isinstance(targets.y_star, TargetRange) == isinstance(y_star, TargetRange)


def test_a_range_without_width_is_a_value():
    assert_array_equal(as_targets(TargetRange([1, np.nan], [1, np.nan]), 1).y_star, [[1, np.nan]])


@pytest.mark.parametrize(
    ("y_star", "message"),
    [
        ([1, 2], r"one row for each of the 3 targets in X, got shape \(2,\)"),
        (TargetRange(np.zeros((2, 2)), 1), r"one row for each of the 3 targets in X, got shape \(2, 2\)"),
        (np.full((3, 2), np.inf), "must be finite"),
        ([[1], [np.nan], [1]], "asks for nothing in target 1"),
        (TargetRange(-np.inf, [1, np.inf, 1]), "asks for nothing in target 1"),
        (TargetRange([1, np.inf, 1]), "target 1, output 0 are inf and nan: no response reaches them"),
        (TargetRange(upper=-np.inf), "no response reaches them"),
        (TargetRange(), "asks for nothing in target 0"),
        (TargetRange(2, [1, 2, 3]), "lower limit of y_star is above the upper one"),
        (TargetRange(np.zeros((3, 2)), np.ones((1, 3))), "speak of 2 and 3 outputs"),
    ],
)
def test_what_cannot_be_wanted(y_star, message):
    with pytest.raises(ValueError, match=message):
        as_targets(y_star, 3)


@pytest.mark.parametrize(
    ("y_star", "error"), [("a", ValueError), ([1.0, [2.0, 3.0]], ValueError), ({}, TypeError)]
)
def test_what_is_no_number_is_told_by_name(y_star, error):
    asked = [
        lambda: as_targets(y_star, 1),
        lambda: reference_posterior(SineWave(), y_star, 5, n_simulations=10),
        lambda: NearestDesignInverter().fit([[0.0], [1.0]], [0.0, 1.0]).inverse(y_star),
    ]
    for ask in asked:
        with pytest.raises(error, match="y_star must hold numbers, got"):
            ask()


FRAME = pd.DataFrame(np.random.RandomState(0).uniform(size=(30, 2)), columns=["gap", "cost"])
FRAME.index = [f"sample{k}" for k in range(30)]


@pytest.fixture
def of_frames():
    return NearestDesignInverter().fit(FRAME.to_numpy(), FRAME)


def test_a_row_of_a_frame_is_a_target(of_frames):
    row = FRAME.loc["sample3"]
    assert_array_equal(of_frames.inverse(row)[0, 0], row)
    assert_array_equal(of_frames.inverse(TargetRange(lower=row, upper=row))[0, 0], row)
    table = candidates_to_frame(of_frames.inverse(row, 2), y_star=row, estimator=of_frames)
    assert (table[["target_gap", "target_cost"]] == row.to_numpy()).all(axis=None)
    for swapped in (row[["cost", "gap"]], FRAME[["cost", "gap"]], TargetRange(row[["cost", "gap"]])):
        with pytest.raises(ValueError, match="must match those seen in fit"):
            of_frames.inverse(swapped)


def test_the_name_of_values_of_a_single_output_does_not_matter():
    inverter = NearestDesignInverter().fit(FRAME.to_numpy(), FRAME.gap)
    wanted = pd.Series(FRAME.gap.to_numpy()[:3], name="wanted")
    assert_array_equal(inverter.inverse(wanted)[:, 0], FRAME.to_numpy()[:3])


@pytest.mark.parametrize(
    ("y_star", "error", "message"),
    [
        (np.zeros((1, 1, 2)), ValueError, r"y_star must have shape \(n_targets, 2\) .* got \(1, 1, 2\)"),
        (np.empty((0, 2)), ValueError, r"one target or more, got \(0, 2\)"),
        ([TargetRange(0, 1), TargetRange(0, 1)], TypeError, "whose limits are arrays"),
    ],
)
def test_what_is_no_target(of_frames, y_star, error, message):
    with pytest.raises(error, match=message):
        of_frames.inverse(y_star)
