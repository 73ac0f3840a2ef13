"""Symmetric images by the pixels that determine them."""

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from torch import nn

from skinverse.utils.doc_links import DocLinkMixin
from skinverse.utils.validation import StrOptions, check_array, check_is_fitted, fit_context, validate_data


class SymmetricImageEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, DocLinkMixin, BaseEstimator):
    """Square images with mirrors, as one value for each set of pixels that mirrors map to each other.

    A cell of 32 x 32 pixels with all four mirrors has 136 such values in the place of 1,024, and whatever an inverter
    proposes for them comes back symmetric:

    ``TransformedDesignInverter(inverter, SymmetricImageEncoder())``.

    Parameters
    ----------
    symmetry : {"p4m", "pmm"}, default="p4m"
        Plane group: mirrors along both axes and diagonals, or along both axes. The mirrors lie in the middle of the
        image, between pixels or on them.

    Attributes
    ----------
    orbit_ : ndarray of int of shape (n_features_in_,)
        Which value each pixel has.
    decoder_ : torch.nn.Module
        Values (n, n_orbits) to images (n, n_features_in_).
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Only if the columns of `X` have names.

    Notes
    -----
    ``transform`` takes means, so that an image without the symmetry becomes the nearest grey one that has it.

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse.symmetry import SymmetricImageEncoder
    >>> ring = np.array([[1, 1, 1, 1], [1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]]).ravel()
    >>> encoder = SymmetricImageEncoder().fit([ring])
    >>> encoder.transform([ring])
    array([[1., 1., 0.]])
    >>> bool((encoder.inverse_transform([[1, 1, 0]]) == ring).all())
    True
    """

    _parameter_constraints = {"symmetry": [StrOptions({"p4m", "pmm"})]}

    def __init__(self, symmetry="p4m"):
        self.symmetry = symmetry

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the size of the images `X` (n_samples, n_pixels), row by row."""
        X = validate_data(self, X, dtype=np.float64)
        edge = round(X.shape[1] ** 0.5)
        if edge**2 != X.shape[1]:
            raise ValueError(
                f"SymmetricImageEncoder is for square images, image.ravel(), got {X.shape[1]} feature(s)."
            )
        place = np.minimum(np.arange(edge), np.arange(edge)[::-1])
        i, j = np.meshgrid(place, place, indexing="ij")
        if self.symmetry == "p4m":
            i, j = np.minimum(i, j), np.maximum(i, j)
        self.orbit_ = np.unique((i * edge + j).ravel(), return_inverse=True)[1]
        self.decoder_ = _Orbits(self.orbit_)
        return self

    def transform(self, X):
        """Values (n_samples, n_orbits) of images (n_samples, n_pixels): means over pixels that belong together."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        sums = np.zeros((self._n_features_out, len(X)))
        np.add.at(sums, self.orbit_, X.T)
        return (sums / np.bincount(self.orbit_)[:, None]).T

    def inverse_transform(self, Z):
        """Images (n_samples, n_pixels) of values (n_samples, n_orbits)."""
        check_is_fitted(self)
        Z = check_array(Z, dtype=np.float64, input_name="Z")
        if Z.shape[1] != self._n_features_out:
            raise ValueError(
                f"Z must have {self._n_features_out} columns, one a set of pixels, got {Z.shape[1]}."
            )
        return Z[:, self.orbit_]

    @property
    def _n_features_out(self):
        return int(self.orbit_.max()) + 1


class _Orbits(nn.Module):
    def __init__(self, orbit):
        super().__init__()
        self.register_buffer("orbit", torch.tensor(orbit))

    def forward(self, z):
        return z[:, self.orbit]
