"""Images with mirrors, and the pixels that determine them."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.estimator_checks import parametrize_with_checks

from skinverse.datasets import make_architected_cells
from skinverse.symmetry import SymmetricImageEncoder


@pytest.mark.parametrize(
    ("symmetry", "edge", "n"), [("p4m", 32, 136), ("pmm", 32, 256), ("p4m", 7, 10), ("pmm", 7, 16)]
)
def test_as_many_values_as_the_group_leaves(symmetry, edge, n):
    encoder = SymmetricImageEncoder(symmetry).fit(np.zeros((1, edge**2)))
    images = encoder.inverse_transform(np.random.RandomState(0).rand(3, n)).reshape(3, edge, edge)
    assert_array_equal(images, images[:, ::-1])
    assert_array_equal(images, images[:, :, ::-1])
    assert (images == images.transpose(0, 2, 1)).all() == (symmetry == "p4m")
    assert len(np.unique(images[0])) == n


def test_round_trips():
    X, _ = make_architected_cells(20, n_pixels=16, random_state=0)
    encoder = SymmetricImageEncoder().fit(X)
    Z = encoder.transform(X)
    assert set(np.unique(Z)) == {0.0, 1.0}
    assert_array_equal(encoder.inverse_transform(Z), X)
    assert_array_equal(encoder.decoder_(torch.tensor(Z)).numpy(), X)
    # Of an image without mirrors, the mean of its eight positions.
    x = np.random.RandomState(0).rand(16, 16)
    positions = [a for y in (x, x.T) for a in (y, y[::-1], y[:, ::-1], y[::-1, ::-1])]
    assert_allclose(
        encoder.inverse_transform(encoder.transform([x.ravel()]))[0], np.mean(positions, axis=0).ravel()
    )


class OfAnyTable(SymmetricImageEncoder):
    """For tables with any number of columns, by the squares of which there are enough pixels."""

    def fit(self, X, y=None):
        super().fit(np.zeros((1, 9)))
        from sklearn.utils.validation import validate_data

        X = validate_data(self, X)
        self.orbit_ = np.arange(X.shape[1]) // 2
        return self


@parametrize_with_checks([OfAnyTable()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_wrong_input():
    with pytest.raises(ValueError, match="12 feature"):
        SymmetricImageEncoder().fit(np.zeros((2, 12)))
    with pytest.raises(ValueError, match="3 columns"):
        SymmetricImageEncoder().fit(np.zeros((2, 16))).inverse_transform(np.zeros((2, 4)))
