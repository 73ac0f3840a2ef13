"""How like generated binary images are to real ones: their texture, their shares of solid, their novelty."""

import numpy as np
from scipy import fft
from scipy.stats import wasserstein_distance
from sklearn.utils import Bunch

from skinverse.utils.chunks import chunks
from skinverse.utils.validation import check_array

# Pixels transformed, or distances held, at once.
_MAX_VALUES = 2**22


def two_point_correlation(images):
    r"""Probability that two pixels at a distance are both ones, averaged over directions.

    :math:`S_2(r)` is the mean over places *p* and over the offsets *d* that round to the length *r* of
    :math:`x_p\, x_{p + d}`, images being repeated periodically [1]_. :math:`S_2(0)` is the share of ones, and far
    away :math:`S_2` tends to its square where the image has no long order.

    Parameters
    ----------
    images : array-like of shape (n_images, size, size) or (n_images, size**2)
        Zeros and ones, or greys between.

    Returns
    -------
    correlation : ndarray of shape (n_images, size // 2 + 1)
        At r = 0, 1, ..., size // 2 pixels.

    Notes
    -----
    Pairs across the edge join what is not neighbouring in an image that is not periodic: of the offsets of length
    *r*, about a share r / size of the pairs along each axis. Compare images of the same kind only.

    References
    ----------
    .. [1] S. Torquato, "Random heterogeneous materials", Springer, 2002, chapter 2.
           https://doi.org/10.1007/978-1-4757-6355-3

    Examples
    --------
    >>> from skinverse.metrics.images import two_point_correlation
    >>> two_point_correlation([[[1, 0], [0, 1]]]).round(2)      # a checkerboard: no ones side by side
    array([[0.5 , 0.17]])
    """
    images = _check_images(images, "images")
    size = images.shape[1]
    steps = np.minimum(np.arange(size), size - np.arange(size))
    radius = np.rint(np.hypot(steps[:, None], steps)).astype(int).ravel()
    within = radius <= size // 2
    n_offsets = np.bincount(radius[within])
    rings = np.zeros((size**2, len(n_offsets)))
    rings[np.flatnonzero(within), radius[within]] = 1 / n_offsets[radius[within]]
    parts = []
    for rows in chunks(len(images), _MAX_VALUES // size**2):
        power = np.abs(fft.rfft2(images[rows])) ** 2
        products = fft.irfft2(power, s=(size, size)) / size**2
        parts.append(products.reshape(-1, size**2) @ rings)
    return np.concatenate(parts)


def image_quality(generated, reference):
    """Distances between a sample of generated images and one of real images.

    Parameters
    ----------
    generated : array-like of shape (n_generated, size, size) or (n_generated, size**2)
        Zeros and ones.
    reference : array-like of shape (n_reference, size, size) or (n_reference, size**2)
        Zeros and ones, at least two.

    Returns
    -------
    quality : Bunch
        `two_point_distance` : float
            Root mean square over r of the difference of the mean :func:`two_point_correlation` of both samples.
        `fraction_distance` : float
            Wasserstein distance of the distributions of the shares of ones: the share by which an image has to be
            changed on average to make one distribution of the other.
        `novelty` : ndarray of shape (n_generated,)
            Share of pixels in which a generated image differs from the reference nearest to it; 0 is a copy.
        `reference_novelty` : ndarray of shape (n_reference,)
            The same of each reference to the nearest other one: what new images would have.

    Notes
    -----
    None sees everything. A sample of one image repeated may be near in all of them but for `fraction_distance`,
    and copies are perfect but for `novelty`. Samples of the same law do not score 0: compare with halves of
    `reference`.

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse.metrics.images import image_quality
    >>> real = np.random.RandomState(0).rand(50, 8, 8) < 0.3
    >>> quality = image_quality(real[:25], real)
    >>> bool((quality.novelty == 0).all()), quality.two_point_distance < 0.01
    (True, True)
    """
    generated, reference = _check_images(generated, "generated"), _check_images(reference, "reference")
    if generated.shape[1] != reference.shape[1]:
        raise ValueError(
            "generated and reference must be images of the same size, got edges of "
            f"{generated.shape[1]} and {reference.shape[1]} pixels."
        )
    if len(reference) < 2:
        raise ValueError("reference must hold at least 2 images, got 1.")
    for name, images in (("generated", generated), ("reference", reference)):
        if not ((images == 0) | (images == 1)).all():
            raise ValueError(f"{name} must hold zeros and ones; threshold grey images first.")
    curves = [two_point_correlation(images).mean(axis=0) for images in (generated, reference)]
    fractions = [images.mean(axis=(1, 2)) for images in (generated, reference)]
    return Bunch(
        two_point_distance=float(np.sqrt(np.mean((curves[0] - curves[1]) ** 2))),
        fraction_distance=float(wasserstein_distance(*fractions)),
        novelty=_nearest(generated, reference),
        reference_novelty=_nearest(reference, reference, others=True),
    )


def _nearest(images, reference, others=False):
    """Share of pixels in which each image differs from the nearest of `reference`, itself aside if `others`."""
    a, b = images.reshape(len(images), -1), reference.reshape(len(reference), -1)
    parts = []
    for rows in chunks(len(a), _MAX_VALUES // len(b)):
        differing = a[rows].sum(axis=1, keepdims=True) + b.sum(axis=1) - 2 * a[rows] @ b.T
        if others:
            differing[np.arange(len(differing)), np.arange(len(a))[rows]] = np.inf
        parts.append(differing.min(axis=1))
    return np.concatenate(parts) / a.shape[1]


def _check_images(images, name):
    """Images as floats (n, size, size)."""
    images = check_array(images, dtype=np.float64, ensure_2d=False, allow_nd=True, input_name=name)
    size = round(images[0].size ** 0.5)
    if images.ndim not in (2, 3) or images.shape[1:] not in {(size, size), (size**2,)}:
        raise ValueError(
            f"{name} must be square images, of shape (n_images, size, size) or (n_images, size**2), "
            f"got {images.shape}."
        )
    return images.reshape(-1, size, size)
