"""What holds for every sampler."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skinverse.samplers import HaltonSampler, LHSSampler, RandomSampler, SobolSampler
from skinverse.utils.validation import InvalidParameterError

CRITERIA = [None, "center", "maximin", "centermaximin", "correlation"]
RANDOM = [RandomSampler(), SobolSampler(), HaltonSampler(), *(LHSSampler(c) for c in CRITERIA)]
FIXED = [SobolSampler(scramble=False), HaltonSampler(scramble=False)]


@pytest.mark.parametrize("sampler", RANDOM + FIXED, ids=repr)
@pytest.mark.parametrize(
    ("n", "n_dims"), [(1, 1), (1, 3), (2, 1), (2, 2), (7, 1), (50, 4), (np.int64(3), 13)]
)
def test_points_of_the_cube_without_a_warning(sampler, n, n_dims):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        points = sampler.sample(n, n_dims, random_state=0)
    assert points.shape == (n, n_dims)
    assert points.dtype == np.float64
    assert ((points >= 0) & (points <= 1)).all()


@pytest.mark.parametrize("sampler", RANDOM, ids=repr)
def test_seed_governs_the_points(sampler):
    points = sampler.sample(20, 3, random_state=1)
    assert_array_equal(points, sampler.sample(20, 3, random_state=1))
    rng = np.random.RandomState(1)
    assert_array_equal(points, sampler.sample(20, 3, random_state=rng))
    assert not np.array_equal(points, sampler.sample(20, 3, random_state=rng))
    assert not np.array_equal(points, sampler.sample(20, 3, random_state=2))


@pytest.mark.parametrize("sampler", RANDOM + FIXED, ids=repr)
def test_global_generator_is_left_alone(sampler):
    before = np.random.get_state()  # noqa: NPY002
    sampler.sample(20, 3, random_state=1)
    after = np.random.get_state()  # noqa: NPY002
    assert_array_equal(before[1], after[1])
    assert before[2:] == after[2:]


@pytest.mark.parametrize("sampler", RANDOM, ids=repr)
def test_every_coordinate_is_uniform(sampler):
    points = np.vstack([sampler.sample(16, 2, random_state=seed) for seed in range(250)])
    counts = np.stack([np.histogram(column, bins=4, range=(0, 1))[0] for column in points.T])
    assert (np.abs(counts - 1000) < 5 * np.sqrt(1000 * 0.75)).all()


@pytest.mark.parametrize("sampler", RANDOM + FIXED, ids=repr)
def test_clone_pickle_and_repr(sampler):
    points = sampler.sample(9, 2, random_state=0)
    for copy in (clone(sampler), pickle.loads(pickle.dumps(sampler))):
        assert repr(copy) == repr(sampler)
        assert_array_equal(copy.sample(9, 2, random_state=0), points)


@pytest.mark.parametrize("sampler", RANDOM + FIXED, ids=repr)
@pytest.mark.parametrize("wrong", [0, -3, 1.5, "2", None])
def test_wrong_sizes_raise(sampler, wrong):
    with pytest.raises((TypeError, ValueError), match="n must be an integer of at least 1"):
        sampler.sample(wrong, 2)
    with pytest.raises((TypeError, ValueError), match="n_dims must be an integer of at least 1"):
        sampler.sample(2, wrong)


@pytest.mark.parametrize(
    ("sampler", "name"),
    [
        (SobolSampler(scramble="yes"), "scramble"),
        (HaltonSampler(scramble=3), "scramble"),
        (LHSSampler("maximum"), "criterion"),
        (LHSSampler("maximin", n_iter=0), "n_iter"),
        (LHSSampler("maximin", n_iter=2.0), "n_iter"),
    ],
)
def test_wrong_parameters_raise_when_sampling(sampler, name):
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of {type(sampler).__name__}"):
        sampler.sample(3, 2)


def test_a_generator_is_refused_in_sklearn_words():
    with pytest.raises(ValueError, match="cannot be used to seed"):
        RandomSampler().sample(3, 2, random_state=np.random.default_rng(0))
