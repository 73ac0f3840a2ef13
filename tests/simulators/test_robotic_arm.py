"""The robotic arm in both conventions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skinverse.simulators import RoboticArm

CONVENTIONS = ["absolute", "relative"]


def _tip(height, directions):
    """Vector sum of the three segments."""
    segments = [
        length * np.exp(1j * angle) for length, angle in zip([0.5, 0.5, 1.0], directions, strict=True)
    ]
    tip = 1j * height + sum(segments)
    return [tip.real, tip.imag]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_known_poses(convention):
    arm = RoboticArm(convention)
    quarter = np.pi / 2
    assert_allclose(arm([[0, 0, 0, 0]]), [[2, 0]], atol=1e-15)
    assert_allclose(arm([[0.3, 0, 0, 0]]), [[2, 0.3]], atol=1e-15)
    # first joint up a quarter: the arm drops again, or stands on end
    expected = {"absolute": [0.0, 0.5 - 0.5 - 1.0], "relative": [0.0, 2.0]}[convention]
    assert_allclose(arm([[0, quarter, 0, 0]]), [expected], atol=1e-15)


def test_positions_are_vector_sums():
    a, b, c = 0.7, -0.4, 1.1
    assert_allclose(RoboticArm("absolute")([[0.2, a, b, c]]), [_tip(0.2, [a, b - a, c - b - a])], atol=1e-15)
    assert_allclose(RoboticArm("relative")([[0.2, a, b, c]]), [_tip(0.2, [a, a + b, a + b + c])], atol=1e-15)


@pytest.mark.parametrize(("convention", "sd"), [("absolute", (0.44, 0.58)), ("relative", (0.51, 1.05))])
def test_published_spread_of_the_outputs(convention, sd):
    arm = RoboticArm(convention)
    y = arm(arm.sample_prior(100_000, random_state=0))
    assert_allclose(y.std(axis=0), sd, atol=0.006)


def test_prior_spread():
    X = RoboticArm().sample_prior(100_000, random_state=0)
    assert_allclose(X.mean(axis=0), 0, atol=0.01)
    assert_allclose(X.std(axis=0), [0.25, 0.5, 0.5, 0.5], rtol=0.01)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_mirror_is_the_other_elbow(convention):
    arm = RoboticArm(convention)
    X = arm.sample_prior(1000, random_state=0)
    other = arm.mirror(X)
    assert_allclose(arm(other), arm(X), atol=1e-14)
    assert_allclose(arm.mirror(other), X, atol=1e-14)
    assert (np.abs(other - X).max(axis=1) > 1e-6).all()


def test_mirror_of_a_straight_elbow_is_itself():
    assert_allclose(RoboticArm("relative").mirror([[0.1, 0.4, 0.0, 0.2]]), [[0.1, 0.4, 0.0, 0.2]])
    assert_allclose(RoboticArm("absolute").mirror([[0.1, 0.4, 0.8, 0.2]]), [[0.1, 0.4, 0.8, 0.2]])


def test_mirror_checks_its_input():
    with pytest.raises(ValueError, match="X has 2 features, but RoboticArm is expecting 4"):
        RoboticArm().mirror([[0.0, 1.0]])
