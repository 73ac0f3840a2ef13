"""Low-discrepancy sequences."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import qmc

from skinverse.samplers import HaltonSampler, RandomSampler, SobolSampler


@pytest.mark.parametrize("n", [1, 2, 3, 5, 64, 100])
def test_sobol_is_the_start_of_the_sequence(n):
    points = SobolSampler(scramble=False).sample(n, 3)
    assert_array_equal(points, qmc.Sobol(3, scramble=False).random_base2(7)[:n])


@pytest.mark.parametrize("n", [1, 5, 64])
def test_halton_is_the_start_of_the_sequence(n):
    assert_array_equal(HaltonSampler(scramble=False).sample(n, 3), qmc.Halton(3, scramble=False).random(n))


def test_fewer_points_are_the_first_of_more():
    for sampler in (SobolSampler(), HaltonSampler()):
        few, many = (sampler.sample(n, 4, random_state=5) for n in (10, 90))
        assert_array_equal(few, many[:10])


def test_scrambled_sobol_is_a_net():
    points = SobolSampler().sample(64, 2, random_state=0)
    cells = np.floor(8 * points).astype(int)  # one point in every cell of an 8 x 8 board
    assert len(np.unique(cells, axis=0)) == 64


@pytest.mark.parametrize("sampler", [SobolSampler(), HaltonSampler()], ids=repr)
def test_more_even_than_random(sampler):
    ours, random = (s.sample(200, 3, random_state=0) for s in (sampler, RandomSampler()))
    assert qmc.discrepancy(ours) < 0.3 * qmc.discrepancy(random)


def test_unscrambled_sequences_do_not_advance_the_generator():
    rng = np.random.RandomState(0)
    SobolSampler(scramble=False).sample(4, 2, random_state=rng)
    HaltonSampler(scramble=False).sample(4, 2, random_state=rng)
    assert rng.randint(2**31) == np.random.RandomState(0).randint(2**31)


def test_result_owns_its_memory():
    points = SobolSampler().sample(5, 2, random_state=0)
    assert points.flags.c_contiguous
    assert points.base is None or points.base.size == points.size
