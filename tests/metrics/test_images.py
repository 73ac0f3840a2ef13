"""Texture and novelty of images with known answers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skinverse.metrics.images import image_quality, two_point_correlation


def brute_force(image):
    size = len(image)
    total, count = np.zeros((2, size))
    for i in range(-(size // 2), size - size // 2):
        for j in range(-(size // 2), size - size // 2):
            r = round(np.hypot(i, j))
            total[r] += (image * np.roll(image, (i, j), (0, 1))).mean()
            count[r] += 1
    return (total / np.maximum(count, 1))[: size // 2 + 1]


@pytest.mark.parametrize("size", [7, 8])
def test_two_point_correlation_equals_brute_force(size):
    images = np.random.RandomState(0).rand(3, size, size) < 0.4
    correlation = two_point_correlation(images)
    assert_allclose(correlation, [brute_force(image) for image in images.astype(float)], atol=1e-12)
    assert_allclose(correlation[:, 0], images.mean(axis=(1, 2)))
    assert_allclose(two_point_correlation(np.roll(images, (2, 3), (1, 2))), correlation, atol=1e-12)
    assert_allclose(two_point_correlation(images.reshape(3, -1)), correlation)


def test_stripes():
    """Half ones, of period 8: pairs along a stripe always agree, pairs across it follow a triangle wave."""
    stripes = np.broadcast_to(np.arange(32) % 8 < 4, (32, 32))
    correlation = two_point_correlation(stripes[None])[0]
    triangle = np.abs(np.arange(33) % 8 - 4) / 8
    assert correlation[0] == 0.5
    # At distance 1: four neighbours along the axes and four over corners, which round to 1.
    assert correlation[1] == pytest.approx((2 * 0.5 + 2 * triangle[1] + 4 * triangle[1]) / 8)
    assert_allclose(correlation[9:16].mean(), 0.25, atol=0.02)


def test_noise_is_uncorrelated():
    noise = np.random.RandomState(0).rand(200, 16, 16) < 0.3
    correlation = two_point_correlation(noise).mean(axis=0)
    assert_allclose(correlation[1:], 0.09, atol=0.003)


def test_quality_of_copies_of_another_law_and_of_another_share():
    rng = np.random.RandomState(0)
    reference = rng.rand(60, 16, 16) < 0.3
    copies = image_quality(reference, reference)
    assert copies.two_point_distance == copies.fraction_distance == 0
    assert (copies.novelty == 0).all()
    gaps = (reference[:, None] != reference[None]).mean(axis=(2, 3)) + np.eye(60)
    assert_allclose(copies.reference_novelty, gaps.min(axis=1))

    same_law = image_quality(rng.rand(60, 16, 16) < 0.3, reference)
    coarse = np.kron(rng.rand(60, 4, 4) < 0.3, np.ones((4, 4)))
    texture = image_quality(coarse, reference)
    denser = image_quality(rng.rand(60, 16, 16) < 0.5, reference)
    assert same_law.two_point_distance < 0.01
    assert texture.two_point_distance > 5 * same_law.two_point_distance
    assert denser.fraction_distance == pytest.approx(0.2, abs=0.01)
    assert np.median(same_law.novelty) == pytest.approx(np.median(copies.reference_novelty), abs=0.02)


def test_images_that_cannot_be_compared():
    images = np.zeros((3, 16))
    with pytest.raises(ValueError, match="square images"):
        two_point_correlation(np.zeros((3, 10)))
    with pytest.raises(ValueError, match="square images"):
        two_point_correlation(np.zeros((3, 4, 5)))
    with pytest.raises(ValueError, match="NaN"):
        two_point_correlation(images * np.nan)
    with pytest.raises(ValueError, match="same size"):
        image_quality(images, np.zeros((3, 25)))
    with pytest.raises(ValueError, match="at least 2"):
        image_quality(images, images[:1])
    with pytest.raises(ValueError, match="generated must hold zeros and ones"):
        image_quality(images + 0.5, images)
