"""What forward models share as scikit-learn regressors."""

import numpy as np
from sklearn.base import RegressorMixin

from skinverse.utils.chunks import chunks
from skinverse.utils.validation import validate_data


class ForwardModelMixin(RegressorMixin):
    """Several outputs at once, answered in chunks and shaped as the `y` of `fit`, whose dimensions are ``_y_ndim``."""

    _chunk_size = 8192  # rows predicted at once

    def _answers(self, X, return_std=False):
        """Responses, and with `return_std` their standard deviations, of ``_mean_and_std(X, return_std)``."""
        X = validate_data(self, X, dtype=np.float64, order="C", reset=False)
        mean, std = np.empty((2, len(X), self.n_outputs_))
        for rows in chunks(len(X), self._chunk_size):
            mean[rows], std[rows] = self._mean_and_std(X[rows], return_std)
        if self._y_ndim == 1:
            mean, std = mean[:, 0], std[:, 0]
        return (mean, std) if return_std else mean

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
