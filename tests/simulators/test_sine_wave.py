"""The sine-wave law."""

import numpy as np
from numpy.testing import assert_allclose
from scipy import ndimage

from skinverse.simulators import SineWave


def test_hand_computed_values():
    X = [[1 / 6, 0.0], [-1 / 6, 1 / 3], [0.25, 0.25]]
    expected = [[2.0], [-2.0], [0.0]]  # sin(3pi/4) + cos(3pi/4) = 0
    assert_allclose(SineWave()(X), expected, atol=1e-15)


def test_moments_under_the_prior():
    y = SineWave()(SineWave().sample_prior(200_000, random_state=0))
    assert_allclose([y.mean(), y.var()], [0.0, 1.0], atol=0.01)


def test_target_of_1_2_has_nine_closed_rings():
    axis = np.linspace(-1, 1, 601)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    above = (SineWave()(grid.reshape(-1, 2)) > 1.2).reshape(601, 601)
    n_islands = ndimage.label(above)[1]
    n_seas = ndimage.label(~above)[1]
    on_the_edge = above[[0, -1]].any(axis=1).tolist() + above[:, [0, -1]].any(axis=0).tolist()
    assert (n_islands, n_seas, on_the_edge) == (9, 1, [False] * 4)
