"""Otsu's threshold of grey images."""

import torch

_N_BINS = 256


def otsu(images):
    """Grey that parts the pixels of each image into two classes of least variance within [1]_.

    Of 256 bins between the least and the largest grey of an image it is the centre of the one at which cutting
    leaves the largest variance between the classes.

    Parameters
    ----------
    images : Tensor of shape (n, n_pixels)

    Returns
    -------
    thresholds : Tensor of shape (n, 1)

    References
    ----------
    .. [1] N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. Syst. Man Cybern. 9, 1979.
           https://doi.org/10.1109/TSMC.1979.4310076
    """
    low, high = images.aminmax(dim=1, keepdim=True)
    width = (high - low) / _N_BINS
    place = (images - low) / torch.where(width > 0, width, 1.0)
    place = place.long().clamp_(max=_N_BINS - 1)
    ones = torch.ones((), dtype=images.dtype, device=images.device).expand_as(images)
    counts = images.new_zeros(len(images), _N_BINS).scatter_add_(1, place, ones)
    centres = low + width * (torch.arange(_N_BINS, device=images.device) + 0.5)
    # Pixels up to each bin and beyond it, and the sums of their values.
    n_low, sum_low = counts.cumsum(dim=1), (counts * centres).cumsum(dim=1)
    n_high, sum_high = n_low[:, -1:] - n_low, sum_low[:, -1:] - sum_low
    between = n_low * n_high * (sum_low / n_low.clamp(min=1) - sum_high / n_high.clamp(min=1)) ** 2
    return centres.gather(1, between.argmax(dim=1, keepdim=True))
