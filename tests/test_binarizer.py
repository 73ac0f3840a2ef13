"""Grey images cut into binary ones."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skinverse.binarizer import ImageBinarizer
from skinverse.simulators import MicrostructureAbsorber
from skinverse.utils.otsu import otsu
from skinverse.utils.validation import InvalidParameterError


@parametrize_with_checks([ImageBinarizer(), ImageBinarizer("share")])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_binary_images_come_back_as_they_were():
    X = MicrostructureAbsorber(16).sample_prior(20, random_state=0)
    for threshold in ("otsu", "share", 0.5):
        binarizer = ImageBinarizer(threshold).fit(X)
        assert_array_equal(binarizer.inverse_transform(binarizer.transform(X)), X)
        assert_array_equal(binarizer.inverse_transform(0.2 + 0.6 * X)[:, :1].shape, (20, 1))


def test_each_threshold_cuts_where_it_says():
    grey = np.random.RandomState(0).uniform(0, 0.6, size=(8, 100))
    cut = {name: ImageBinarizer(name).fit(grey).inverse_transform(grey) for name in ("otsu", "share", 0.5)}
    assert_array_equal(cut[0.5], grey > 0.5)
    assert_array_equal(cut["otsu"], grey > otsu(torch.tensor(grey)).numpy())
    for image, ones in zip(grey, cut["share"], strict=True):
        assert ones.sum() == round(image.sum())
        assert image[ones == 1].min() >= image[ones == 0].max()


def test_few_components_of_sparse_images_are_not_lost():
    X = MicrostructureAbsorber(32).sample_prior(300, random_state=0)
    pipe = make_pipeline(ImageBinarizer("share"), PCA(9)).fit(X)
    rounded = (pipe[-1].inverse_transform(pipe.transform(X)) > 0.5).mean()
    assert abs(pipe.inverse_transform(pipe.transform(X)).mean() - X.mean()) < 0.01
    assert rounded < 0.9 * X.mean()


def test_wrong_input():
    with pytest.raises(InvalidParameterError, match="threshold"):
        ImageBinarizer("mean").fit(np.eye(3))
    with pytest.raises(ValueError, match="3 columns"):
        ImageBinarizer().fit(np.eye(3)).inverse_transform(np.eye(4))
