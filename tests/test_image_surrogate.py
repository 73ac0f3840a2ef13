"""Surrogates of images, and of the latents they are decoded from."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from skinverse import ForwardRegressor, GANDesignEncoder, NeuralAdjoint, TransformedDesignInverter
from skinverse.datasets import make_architected_cells
from skinverse.image_surrogate import DecodedRegressor, ImageRegressor
from skinverse.nets.gan import Generator


class OfAnyTable(ImageRegressor):
    """For tables with any number of columns: images whose last pixels are always 0."""

    def _make_core(self, X, y, optimizer, generator):
        edge = int(np.ceil(X.shape[1] ** 0.5))
        net = super()._make_core(np.zeros((len(X), edge**2)), y, optimizer, generator)
        return nn.Sequential(nn.ConstantPad1d((0, edge**2 - X.shape[1]), 0.0), net)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # no table of numbers looks the same wherever it begins
        return tags


@parametrize_with_checks(
    [OfAnyTable((2,), max_epochs=2, batch_size=16)],
    expected_failed_checks=lambda _: {
        "check_methods_subset_invariance": "the last digits in single precision depend on the size of the batch"
    },
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def cells():
    return make_architected_cells(600, n_pixels=8, random_state=0)


@pytest.fixture(scope="module")
def fitted(cells):
    return ImageRegressor((8, 16), symmetric=True, max_epochs=30, random_state=0, device="cpu").fit(*cells)


def test_convolutions_learn_cells_better_than_a_perceptron(cells, fitted):
    X, y = make_architected_cells(300, n_pixels=8, random_state=1)
    perceptron = ForwardRegressor(optimizer="adam", max_epochs=100, random_state=0).fit(*cells)
    assert fitted.score(X, y) > max(0.9, perceptron.score(X, y))


def test_what_it_predicts_hardly_depends_on_the_position(cells, fitted):
    images = cells[0][:50].reshape(-1, 8, 8)
    positions = [images.transpose(0, 2, 1), images[:, ::-1], np.roll(images, 2, axis=1)]
    for other in positions:
        assert_allclose(fitted.predict(other.reshape(50, 64)), fitted.predict(cells[0][:50]), atol=0.02)


def test_many_outputs_and_ensembles(cells):
    X, y = cells
    model = ImageRegressor((4,), n_members=2, max_epochs=2, random_state=0).fit(X, np.stack([y, -y], axis=1))
    mean, std = model.predict(X[:3], return_std=True)
    assert mean.shape == std.shape == (3, 2)
    assert (std > 0).all()
    assert_allclose(model.module_(torch.tensor(X[:3])).numpy(), mean)


@pytest.mark.parametrize(
    ("channels", "n_features", "message"),
    [
        ("auto", 60, "60 feature"),
        ((2, 2), 81, "halved 1 times"),
        ((), 64, "at least one"),
        ((0,), 64, "positive"),
    ],
)
def test_designs_and_stages_that_do_not_fit(channels, n_features, message):
    with pytest.raises(ValueError, match=message):
        ImageRegressor(channels).fit(np.eye(n_features), np.arange(n_features, dtype=float))


@pytest.fixture(scope="module")
def encoder():
    """With a generator of large random weights, whose images differ."""
    generator = Generator(2, generator=torch.Generator().manual_seed(0))
    arrays = {name: 15 * a if name.endswith("_weights") else a for name, a in generator.to_arrays().items()}
    return GANDesignEncoder.from_generator(arrays, 1, threshold=0.0, device="cpu")


def test_soft_images_are_binary_but_for_their_edges(encoder):
    Z = np.random.RandomState(0).uniform(-1, 1, size=(20, 1))
    with torch.no_grad():
        soft = encoder.decoder_(torch.tensor(Z)).numpy()
    assert ((soft >= 0) & (soft <= 1)).all()
    # Single precision against double: pixels at the very threshold may differ.
    assert ((soft > 0.5) != encoder.inverse_transform(Z)).mean() < 1e-3


def test_a_surrogate_behind_a_decoder(encoder):
    rng = np.random.RandomState(0)
    Z = rng.uniform(-1, 1, size=(200, 1))
    X = encoder.inverse_transform(Z)
    y = X.mean(axis=1)
    regressor = ImageRegressor((4, 4), max_epochs=40, lr=1e-2, batch_size=16, device="cpu")
    model = DecodedRegressor(regressor, FrozenEstimator(encoder), random_state=0).fit(Z, y)
    assert_allclose(model.predict(Z[:9]), model.module_(torch.tensor(Z[:9])).numpy()[:, 0], rtol=1e-5)
    assert model.score(Z, y) > 0.5
    again = clone(model).fit(Z, y)
    assert_array_equal(again.predict(Z), model.predict(Z))

    z = torch.tensor(Z[:20], requires_grad=True)
    model.module_(z).sum().backward()
    ahead, behind = (z.detach()[:, None] + s * 1e-3 * torch.eye(1, dtype=z.dtype) for s in (1, -1))
    slopes = (model.module_(ahead.flatten(0, 1)) - model.module_(behind.flatten(0, 1))).view(20, 1) / 2e-3
    # The generator's ReLU has kinks everywhere.
    assert np.corrcoef(z.grad.ravel(), slopes.ravel())[0, 1] > 0.98


def test_search_through_a_decoder_returns_its_images(encoder):
    Z = np.linspace(-1, 1, 40)[:, None]
    X = encoder.inverse_transform(Z)
    model = DecodedRegressor(ImageRegressor((2,), max_epochs=1, device="cpu"), FrozenEstimator(encoder))
    search = NeuralAdjoint(model, space=[[-1, 1]], n_starts=4, max_redraws=0, anchor=False)
    inverter = TransformedDesignInverter(
        search, FrozenEstimator(encoder), space=[[0, 1]] * 1024, random_state=0
    )
    y = X.mean(axis=1)
    with pytest.warns(ConvergenceWarning):  # a surrogate of one epoch reaches little
        designs, info = inverter.fit(X, y).inverse(y.max() + y.std(), 2, return_info=True)
    assert_array_equal(designs[0], encoder.inverse_transform(info.transformed[0]))
    learnt = inverter.inverter_.forward_model_
    assert_allclose(info.predicted[0, :, 0], learnt.predict(info.transformed[0]), rtol=1e-5)


def test_an_encoder_must_have_a_decoder():
    linear = PCA(2).fit(np.eye(16))
    for encoder in (linear, FrozenEstimator(linear)):
        with pytest.raises(TypeError, match="decoder_"):
            DecodedRegressor(ImageRegressor((2,)), encoder).fit(np.eye(2), np.arange(2.0))


def test_an_encoder_must_have_learnt():
    with pytest.raises(ValueError, match="not fitted"):
        DecodedRegressor(ImageRegressor(), GANDesignEncoder()).fit(np.zeros((4, 4)), np.zeros(4))
