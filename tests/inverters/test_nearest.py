import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skinverse import DesignSpace, NearestDesignInverter, TargetRange
from skinverse.datasets import make_robotic_arm, make_sine_wave
from skinverse.simulators import RoboticArm, SineWave


def test_equals_brute_force():
    X, y = make_robotic_arm(400, random_state=0)
    y_star = y[:7] + 0.01
    designs, info = NearestDesignInverter().fit(X, y).inverse(y_star, 5, return_info=True)
    gap = ((y[None] - y_star[:, None]) / y.std(axis=0)) ** 2
    order = np.argsort(gap.sum(axis=2), axis=1)[:, :5]
    assert_array_equal(designs, X[order])
    assert_array_equal(info.predicted, y[order])


def test_open_and_interval_targets_equal_brute_force():
    X, y = make_robotic_arm(400, random_state=0)
    scale = y.std(axis=0)
    inverter = NearestDesignInverter().fit(X, y)
    designs = inverter.inverse([[1.0, np.nan]], 4)
    assert_array_equal(designs[0], X[np.argsort(np.abs(y[:, 0] - 1.0), kind="stable")[:4]])
    lower, upper = np.array([1.0, -0.1]), np.array([1.1, np.inf])
    designs = inverter.inverse(TargetRange([lower], [upper]), 4)
    gap = (((y - np.clip(y, lower, upper)) / scale) ** 2).sum(axis=1)
    assert_array_equal(designs[0], X[np.argsort(gap, kind="stable")[:4]])


def test_duplicated_rows_are_answered_once():
    X, y = make_sine_wave(100, random_state=0)
    inverter = NearestDesignInverter().fit(np.concatenate([X, X]), np.concatenate([y, y]))
    assert len(np.unique(inverter.inverse(0.5, 10)[0], axis=0)) == 10


def test_too_many_designs_is_an_error():
    X, y = make_sine_wave(10, random_state=0)
    with pytest.raises(ValueError, match="only 10 distinct"):
        NearestDesignInverter().fit(X, y).inverse(0.5, 11)


def test_local_linear_step_is_exact_on_a_plane():
    rng = np.random.RandomState(0)
    X = rng.rand(300, 3)
    y = X @ np.array([[1.0, 0.5], [2.0, -1.0], [0.0, 1.0]])
    y_star = rng.rand(20, 3)[:, :3] * 0.4 + 0.3
    y_star = y_star @ np.array([[1.0, 0.5], [2.0, -1.0], [0.0, 1.0]])
    designs, info = NearestDesignInverter(local_linear=True).fit(X, y).inverse(y_star, 1, return_info=True)
    response = designs[:, 0] @ np.array([[1.0, 0.5], [2.0, -1.0], [0.0, 1.0]])
    assert_allclose(response, y_star, atol=1e-10)
    assert_allclose(info.predicted[:, 0], y_star, atol=1e-10)


def test_local_linear_step_beats_lookup_on_the_arm():
    X, y = make_robotic_arm(2000, random_state=0)
    targets = RoboticArm()(RoboticArm().sample_prior(200, random_state=1))
    error = [
        np.median(
            (RoboticArm()(NearestDesignInverter(step).fit(X, y).inverse_transform(targets)) - targets) ** 2
        )
        for step in (False, True)
    ]
    assert error[1] < 0.1 * error[0]


def test_constant_column_and_narrow_space():
    X, y = make_sine_wave(200, random_state=0)
    X = np.column_stack([X, np.ones(200)])
    space = DesignSpace([[0, 0.4], [-1, 1], [1, 1]])
    for step in (False, True):
        inverter = NearestDesignInverter(step, space=space).fit(X, y)
        designs, info = inverter.inverse([0.5, 1.0], 10, return_info=True)
        assert space.contains(designs).all()
        assert np.isfinite(info.predicted).all()
    # more than lie inside: the others are moved, and say that their response is unknown
    designs, info = NearestDesignInverter(space=space).fit(X, y).inverse([0.5], 100, return_info=True)
    assert space.contains(designs).all()
    unknown = np.isnan(info.predicted[0, :, 0])
    assert 0 < unknown.sum() < 100
    assert not unknown[: (~unknown).sum()].any()
    assert_allclose(SineWave()(designs[0][~unknown][:, :2]), info.predicted[0][~unknown])


def test_duplicated_rows_weigh_nothing_however_they_come():
    rng = np.random.RandomState(0)
    X, y = rng.uniform(size=(40, 2)), rng.normal(size=(40, 2)) * [1, 10]
    twice = np.concatenate([np.arange(40), np.zeros(30, dtype=int)])
    whole = NearestDesignInverter().fit(X[twice], y[twice])
    parts = NearestDesignInverter().partial_fit(X[:20], y[:20]).partial_fit(X[20:], y[20:])
    assert_allclose(whole.y_scale_, parts.y_scale_)
    assert_allclose(whole.inverse(y + 0.3, 5), parts.inverse(y + 0.3, 5))


def test_the_step_is_taken_by_what_may_move():
    """On a plane the step is exact, with one variable fixed and one whole all the same."""
    X = np.random.RandomState(0).uniform(size=(60, 3)) * [1, 1, 5]
    X[:, 2] = np.round(X[:, 2])
    y = X @ [1.0, 0.5, 0.2]
    space = DesignSpace([[-1, 2], [0, 1], [0, 5]], integer=[2])
    inverter = NearestDesignInverter(local_linear=True, n_neighbors=20, space=space).fit(X, y)
    designs, info = inverter.inverse([1.0, 1.4], 5, fixed={1: 0.5, 2: 2}, return_info=True)
    assert (designs[..., 1:] == [0.5, 2]).all()
    assert_allclose(designs @ [1.0, 0.5, 0.2], [[1.0] * 5, [1.4] * 5])
    assert_allclose(info.predicted[..., 0], [[1.0] * 5, [1.4] * 5])
