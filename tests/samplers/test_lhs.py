"""Latin hypercubes, against the classical programs."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import pdist

from skinverse.samplers import LHSSampler
from skinverse.samplers import lhs as lhs_module
from skinverse.samplers.lhs import _closest_distance, _library
from skinverse.utils.validation import InvalidParameterError

CRITERIA = [None, "center", "maximin", "centermaximin", "correlation"]


def _reference(n, n_dims, seed, **kwargs):
    """The library's own answer."""
    lhs, seed_name = _library()
    return lhs(n_dims, samples=n, **{seed_name: np.random.RandomState(seed)}, **kwargs)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("n", [3, 4, 10, 57, 200])
@pytest.mark.parametrize("n_dims", [2, 3, 5, 8, 12])
def test_same_numbers_as_the_library(criterion, n, n_dims):
    for seed in range(3):
        ours = LHSSampler(criterion, n_iter=6, optimizer="best-of").sample(n, n_dims, random_state=seed)
        assert_array_equal(ours, _reference(n, n_dims, seed, criterion=criterion, iterations=6))


@pytest.mark.parametrize("criterion", [None, "center", "maximin", "centermaximin"])
def test_same_numbers_as_the_library_in_one_dimension(criterion):
    ours = LHSSampler(criterion, optimizer="best-of").sample(30, 1, random_state=0)
    assert_array_equal(ours, _reference(30, 1, 0, criterion=criterion))


@pytest.mark.parametrize("criterion", ["maximin", "centermaximin", "correlation"])
def test_no_number_of_draws_means_the_default_of_the_library(criterion):
    ours = LHSSampler(criterion, n_iter=None, optimizer="best-of").sample(20, 3, random_state=4)
    assert_array_equal(ours, _reference(20, 3, 4, criterion=criterion))
    assert_array_equal(ours, LHSSampler(criterion, optimizer="best-of").sample(20, 3, random_state=4))


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("optimizer", ["repulsion", "best-of"])
@pytest.mark.parametrize(("n", "n_dims"), [(1, 1), (1, 4), (2, 3), (9, 1), (40, 5)])
def test_latin_property(criterion, optimizer, n, n_dims):
    points = LHSSampler(criterion, optimizer=optimizer).sample(n, n_dims, random_state=0)
    slices = np.sort(np.floor(n * points), axis=0)
    assert_array_equal(slices, np.tile(np.arange(n)[:, None], n_dims))


@pytest.mark.parametrize("criterion", ["center", "centermaximin"])
def test_centres(criterion):
    points = LHSSampler(criterion).sample(10, 3, random_state=0)
    assert_allclose(np.sort(points, axis=0), np.tile((np.arange(10)[:, None] + 0.5) / 10, 3))


def test_more_draws_push_the_closest_pair_apart():
    closest = [
        np.mean(
            [
                pdist(
                    LHSSampler("maximin", n_iter=k, optimizer="best-of").sample(40, 3, random_state=s)
                ).min()
                for s in range(5)
            ]
        )
        for k in (1, 10, 100)
    ]
    assert closest[0] < closest[1] < closest[2]


@pytest.mark.parametrize("n_dims", [1, 2, 4, 7, 10, 11, 16])
@pytest.mark.parametrize("n", [2, 3, 100, 401])
@pytest.mark.parametrize("pairs_at_once", [50, 2**20])
def test_closest_distance_is_that_of_all_pairs(n, n_dims, pairs_at_once, monkeypatch):
    monkeypatch.setattr(lhs_module, "_PAIRS_AT_ONCE", pairs_at_once)
    rng = np.random.RandomState(n + n_dims)
    lattice = np.floor(10 * rng.uniform(size=(n, n_dims))) / 7  # many ties, duplicates
    for points in (rng.uniform(size=(n, n_dims)), lattice):
        assert _closest_distance(points) == pdist(points).min()


def test_a_single_point_has_no_closest_pair():
    assert _closest_distance(np.zeros((1, 3))) == np.inf


def test_optimizer_and_effort_are_checked():
    for sampler in (LHSSampler("maximin", optimizer="swap"), LHSSampler("maximin", effort=0)):
        with pytest.raises(InvalidParameterError, match=r"'(optimizer|effort)' parameter"):
            sampler.sample(5, 2)


@pytest.mark.parametrize("criterion", [None, "center", "centermaximin", "correlation"])
def test_only_maximin_listens_to_the_optimizer(criterion):
    expected = LHSSampler(criterion).sample(20, 3, random_state=0)
    other = LHSSampler(criterion, optimizer="best-of", effort=0.1)
    assert_array_equal(other.sample(20, 3, random_state=0), expected)


def test_successor_of_the_library_gives_the_same_numbers(monkeypatch):
    pytest.importorskip("pydoe")
    samplers = [LHSSampler(criterion, optimizer="best-of") for criterion in CRITERIA]
    expected = [sampler.sample(25, 3, random_state=1) for sampler in samplers]
    monkeypatch.setattr(lhs_module, "sys", SimpleNamespace(version_info=(3, 12)))
    _library.cache_clear()
    try:
        assert _library()[0].__module__.startswith("pydoe.")
        for sampler, points in zip(samplers, expected, strict=True):
            assert_array_equal(sampler.sample(25, 3, random_state=1), points)
    finally:
        _library.cache_clear()


def test_no_warning_escapes_and_the_filters_stay():
    program = (
        "import warnings, sys; from skinverse.samplers import LHSSampler; "
        "assert 'pyDOE2' not in sys.modules; assert 'torch' not in sys.modules; "
        "warnings.simplefilter('error'); before = list(warnings.filters); "
        "LHSSampler('maximin').sample(5, 2, random_state=0); "
        "LHSSampler('maximin', optimizer='best-of').sample(5, 2, random_state=0); "
        "assert warnings.filters == before"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
