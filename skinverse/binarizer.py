"""Binary images back from grey ones, at the end of the way back to designs."""

import numpy as np
import torch
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin

from skinverse.utils.doc_links import DocLinkMixin
from skinverse.utils.otsu import otsu
from skinverse.utils.validation import (
    Interval,
    Real,
    StrOptions,
    check_array,
    check_is_fitted,
    fit_context,
    validate_data,
)


class ImageBinarizer(OneToOneFeatureMixin, TransformerMixin, DocLinkMixin, BaseEstimator):
    """Leaves designs as they are, and makes zeros and ones of what comes back.

    At the front of a pipeline it turns the grey images of a linear decomposition, or of a density of pixels, into
    binary ones: ``make_pipeline(ImageBinarizer(), PCA(9))`` is the encoding of PCA-MDN.

    Parameters
    ----------
    threshold : {"otsu", "share"} or float, default="otsu"
        Where grey images are cut: by Otsu's method each at its own value; "share" keeps as many ones as the sum of
        its greys, between 0 and 1, promises; or all at one grey.

    Notes
    -----
    A mean over many binary images has few greys above one half where ones are rare, so that rounding loses them.
    Otsu's method does not heed the scale of greys, "share" does not heed their contrast.

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse.binarizer import ImageBinarizer
    >>> binarizer = ImageBinarizer().fit(np.eye(4))
    >>> binarizer.inverse_transform([[0.1, 0.3, 0.1, 0.28]])
    array([[0., 1., 0., 1.]])
    """

    _parameter_constraints = {
        "threshold": [StrOptions({"otsu", "share"}), Interval(Real, None, None, closed="neither")]
    }

    def __init__(self, threshold="otsu"):
        self.threshold = threshold

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the images `X` (n_samples, n_pixels)."""
        validate_data(self, X, dtype=np.float64)
        return self

    def transform(self, X):
        """The images `X` (n_samples, n_pixels), as they are."""
        check_is_fitted(self)
        return validate_data(self, X, dtype=np.float64, reset=False)

    def inverse_transform(self, X):
        """Zeros and ones in the place of greys, (n_samples, n_pixels)."""
        check_is_fitted(self)
        X = check_array(X, dtype=np.float64, input_name="X")
        if X.shape[1] != self.n_features_in_:
            raise ValueError(f"X must have {self.n_features_in_} columns as in fit, got {X.shape[1]}.")
        if self.threshold == "share":
            n_ones = np.clip(np.rint(X.sum(axis=1)), 0, X.shape[1]).astype(int)
            rank = (-X).argsort(axis=1, kind="stable").argsort(axis=1)
            return (rank < n_ones[:, None]).astype(np.float64)
        cut = otsu(torch.tensor(X)).numpy() if self.threshold == "otsu" else self.threshold
        return (X > cut).astype(np.float64)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "n_features_in_")
