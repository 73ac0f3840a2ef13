import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from skinverse.targets import Targets

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
