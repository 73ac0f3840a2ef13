import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skinverse.datasets import make_architected_cells
from skinverse.datasets.cells import _stiffen
from skinverse.simulators import ArchitectedCell
from skinverse.simulators.random_fields import percolates
from skinverse.utils.validation import InvalidParameterError


@pytest.mark.parametrize("symmetry", ["p4m", "p1"])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_cells_are_as_described(symmetry, share):
    X, y = make_architected_cells(
        20, symmetry=symmetry, optimized_share=share, n_pixels=12, output="stiffness", random_state=0
    )
    cells = X.reshape(20, 12, 12)
    assert set(np.unique(X)) == {0.0, 1.0}
    assert percolates(cells).all()
    assert (cells.mean(axis=(1, 2)) > 0.2).all()
    assert (cells.mean(axis=(1, 2)) < 0.8).all()
    assert (symmetry == "p4m") == (cells == cells.transpose(0, 2, 1)).all()
    assert_array_equal(y, ArchitectedCell(12, output="stiffness")(X))


def test_optimised_cells_are_stiffer_than_random_ones_of_their_weight():
    random, optimised = (
        make_architected_cells(60, optimized_share=share, n_pixels=16, random_state=0) for share in (0, 1)
    )
    gain = []
    for low in np.arange(0.25, 0.75, 0.1):
        means = [
            y[(X.mean(axis=1) >= low) & (X.mean(axis=1) < low + 0.1)].mean() for X, y in (random, optimised)
        ]
        gain.append(means[1] / means[0])
    assert min(gain) > 1.1


def test_optimality_criteria_climb_and_keep_the_weight():
    share = np.array([0.3, 0.4])
    start = np.full((2, 8, 8), share[:, None, None])
    start[:, 3:5, :] += 0.3  # a uniform cell has no reason to change
    start[:, :, 3:5] += 0.3
    start *= share[:, None, None] / start.mean(axis=(1, 2), keepdims=True)
    end = _stiffen(start, share, "p4m")
    assert_allclose(end.mean(axis=(1, 2)), share, rtol=1e-6)
    before, after = (ArchitectedCell(8)(rho.reshape(2, -1))[:, 0] for rho in (start, end))
    assert (after > 1.5 * before).all()


def test_seed_governs_everything_and_frames_carry_the_names():
    first, again, frame = (
        make_architected_cells(9, n_pixels=8, optimized_share=0.3, random_state=3, as_frame=f)
        for f in (False, False, True)
    )
    for a, b, c in zip(first, again, frame, strict=True):
        assert_array_equal(a, b)
        assert_array_equal(a, c.to_numpy())
    assert frame[1].name == "modulus"
    assert frame[0].columns[9] == "pixel_1_1"
    assert not np.array_equal(first[0], make_architected_cells(9, n_pixels=8, random_state=4)[0])


def test_wrong_share_raises():
    with pytest.raises(
        InvalidParameterError, match="The 'optimized_share' parameter of make_architected_cells"
    ):
        make_architected_cells(5, optimized_share=1.5)
    with pytest.raises(ValueError, match="n_pixels must be even"):
        make_architected_cells(5, n_pixels=7)
