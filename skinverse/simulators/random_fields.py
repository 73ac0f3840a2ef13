"""Periodic Gaussian random fields and the binary images cut from them."""

import numpy as np
from scipy import fft, ndimage


def gaussian_fields(size, spectra, rng):
    """Periodic Gaussian fields with given spectra.

    Parameters
    ----------
    size : int
        Pixels of an edge.
    spectra : callable ``spectra(k) -> ndarray of shape (n, size, size // 2 + 1)``
        Amplitude of each field at wave numbers `k` of that shape, in cycles a cell.
    rng : RandomState

    Returns
    -------
    fields : ndarray of shape (n, size, size)
    """
    k = np.hypot(fft.fftfreq(size, 1 / size)[:, None], fft.rfftfreq(size, 1 / size))
    amplitude = spectra(k)
    noise = rng.standard_normal((len(amplitude), size, size))
    return fft.irfft2(fft.rfft2(noise) * amplitude, s=(size, size))


def threshold(fields, fractions):
    """Ones where a field is among the largest share of its values.

    Parameters
    ----------
    fields : ndarray of shape (n, size, size)
    fractions : ndarray of shape (n,)
        Share of ones, reached to the pixel; ties, as in symmetric fields, go together.

    Returns
    -------
    images : ndarray of float64 of shape (n, size, size)
    """
    flat = np.sort(fields.reshape(len(fields), -1), axis=1)
    cut = np.rint((1 - np.asarray(fractions)) * flat.shape[1]).astype(int)
    level = np.take_along_axis(flat, np.clip(cut, 0, flat.shape[1] - 1)[:, None], axis=1)
    return (fields >= level[:, :, None]).astype(np.float64)


def symmetrized(fields, symmetry):
    """Sum of a field's images under a plane group of the square cell.

    Parameters
    ----------
    fields : ndarray of shape (n, size, size)
    symmetry : {"p4m", "pmm", "p1"}
        Mirrors along both axes and diagonals, along both axes, none.

    Returns
    -------
    fields : ndarray of shape (n, size, size)
    """
    if symmetry == "p1":
        return fields
    fields = fields + fields[:, ::-1]
    fields = fields + fields[:, :, ::-1]
    return fields + fields.transpose(0, 2, 1) if symmetry == "p4m" else fields


def percolates(images):
    """Whether the ones of periodic images hang together from cell to cell, along both axes.

    Parameters
    ----------
    images : ndarray of shape (n, size, size)
        Zeros and ones. Pixels touch by their edges.

    Returns
    -------
    through : ndarray of bool of shape (n,)
        A path that strays farther than a neighbouring cell is not followed.
    """
    return np.array([_joins_copies(image) for image in np.asarray(images) > 0.5], dtype=bool)


def _joins_copies(image):
    label = ndimage.label(np.tile(image, (3, 3)))[0]
    _, there, beyond = (slice(k * len(image), (k + 1) * len(image)) for k in range(3))
    middle = label[there, there]
    return all(((middle == copy) & image).any() for copy in (label[there, beyond], label[beyond, there]))
