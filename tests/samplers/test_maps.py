"""Maps out of the unit cube."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest, norm

from skinverse.samplers import SobolSampler, cube_to_box, cube_to_normal


def test_normal_quantiles():
    u = np.linspace(0.001, 0.999, 50).reshape(5, 10)
    assert_allclose(norm.cdf(cube_to_normal(u)), u, rtol=1e-13)


def test_ends_of_the_cube_stay_finite_and_symmetric():
    z = cube_to_normal([0.0, 1e-300, 2.0**-60, 0.5, 1 - 2.0**-53, 1.0])
    assert np.isfinite(z).all()
    assert_allclose(z[:3], -z[-1])
    assert (np.diff(z) >= 0).all()
    assert_allclose(norm.sf(z[-1]), 2.0**-53, rtol=1e-12)


def test_uniform_points_become_normal():
    z = cube_to_normal(SobolSampler().sample(1024, 2, random_state=0))
    assert all(kstest(column, "norm").pvalue > 0.5 for column in z.T)


def test_box_is_stretched_linearly_and_ends_are_exact():
    u = np.array([[0.0, 0.0, 0.3], [0.5, 0.25, 0.3], [1.0, 1.0, 0.3]])
    x = cube_to_box(u, [0.1, -7.0, 2.0], [0.7, 1.0, 2.0])
    assert_allclose(x, [[0.1, -7, 2], [0.4, -5, 2], [0.7, 1, 2]], rtol=1e-15)
    assert_array_equal(x[0, :2], [0.1, -7.0])
    assert_array_equal(x[2, :2], [0.7, 1.0])
    assert_array_equal(x[:, 2], [2.0, 2.0, 2.0])


def test_rounding_never_leaves_the_box():
    rng = np.random.RandomState(0)
    u = np.concatenate([rng.uniform(size=2000), 1 - 2.0 ** -rng.randint(40, 54, 2000)])[:, None]
    lower = rng.normal(size=50)
    upper = lower + 10 ** rng.uniform(-16, 3, 50)
    x = cube_to_box(u.repeat(50, axis=1), lower, upper)
    assert ((x >= lower) & (x <= upper)).all()


def test_huge_box_does_not_overflow():
    assert_allclose(cube_to_box([[0.75]], [-1.7e308], [1.7e308]), [[0.85e308]])


def test_input_is_not_modified():
    u = np.array([[0.0, 1.0]])
    u.setflags(write=False)
    assert_array_equal(cube_to_box(u, 0, 2), [[0.0, 2.0]])
    cube_to_normal(u)


@pytest.mark.parametrize("u", [[[-0.1]], [[1.1]], [[np.nan]]])
def test_points_outside_the_cube_raise(u):
    with pytest.raises(ValueError, match=r"u must lie in \[0, 1\]"):
        cube_to_normal(u)
    with pytest.raises(ValueError, match=r"u must lie in \[0, 1\]"):
        cube_to_box(u, 0, 1)


def test_impossible_boxes_raise():
    u = [[0.5, 0.5]]
    with pytest.raises(ValueError, match="must be finite with lower <= upper"):
        cube_to_box(u, [0, 1], [1, 0])
    with pytest.raises(ValueError, match="must be finite with lower <= upper"):
        cube_to_box(u, 0, np.inf)
    with pytest.raises(ValueError, match="must be finite with lower <= upper"):
        cube_to_box(u, [0, np.nan], 1)
    with pytest.raises(
        ValueError, match=r"lower must be a number or have shape \(n_dims,\) = \(2,\), got \(3,\)"
    ):
        cube_to_box(u, [0, 0, 0], 1)
