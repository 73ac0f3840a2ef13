"""Gaussian processes as a differentiable surrogate of few rows."""

import numpy as np
import torch
from scipy.optimize import minimize
from sklearn.base import BaseEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

from skinverse.nets.gaussian_process import GaussianProcessNet
from skinverse.persistence import SaveMixin
from skinverse.utils.doc_links import DocLinkMixin
from skinverse.utils.regressors import ForwardModelMixin
from skinverse.utils.scaling import standard_units
from skinverse.utils.validation import (
    Integral,
    Interval,
    StrOptions,
    check_is_fitted,
    check_random_state,
    fit_context,
    validate_data,
)

# Limits of signal variance, length scales and noise variance, in standardised units, and of where searches begin.
_LIMITS = (1e-3, 1e5), (1e-2, 1e3), (1e-12, 1.0)
_STARTS = (0.1, 10.0), (0.1, 10.0), (1e-8, 1e-2)
# Added to the diagonal, for rows that coincide.
_JITTER = 1e-10


class ForwardGaussianProcess(ForwardModelMixin, SaveMixin, DocLinkMixin, BaseEstimator):
    r"""Gaussian processes [1]_ as a differentiable surrogate, for tables of some tens to some hundreds of rows.

    One process an output, with a length scale for each variable and noise, whose parameters maximise the marginal
    likelihood. It takes time in proportion to the cube of the number of rows; with many rows take
    :class:`ForwardRegressor`. Inverters that are given no forward model choose between the two.

    Parameters
    ----------
    kernel : {"auto", "rbf", "matern"}, default="auto"
        "rbf" for very smooth responses, "matern" (of order 5/2) for less smooth ones; "auto" takes that of the larger
        marginal likelihood, for each output.
    n_restarts : int, default=2
        Searches from random parameters beside the first one.
    random_state : int, RandomState or None, default=None
        Draws those.

    Attributes
    ----------
    module_ : torch.nn.Module
        Designs (n, n_features) to mean responses (n, n_outputs), both in the user's units, float64; its `std` is the
        standard deviation.
    kernels_ : list of str
        Of each output.
    log_marginal_likelihood_ : ndarray of shape (n_outputs,)
        Of the standardised outputs.
    noise_ : ndarray of shape (n_outputs,)
        Standard deviation of the noise, in units of the responses.
    n_samples_fit_ : int
    n_features_in_, n_outputs_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only if the columns of `X` have names.

    References
    ----------
    .. [1] C. E. Rasmussen, C. K. I. Williams, "Gaussian Processes for Machine Learning", MIT Press, 2006.
       https://gaussianprocess.org/gpml/

    Examples
    --------
    >>> from skinverse import ForwardGaussianProcess
    >>> from skinverse.datasets import make_sine_wave
    >>> X, y = make_sine_wave(150, random_state=0)
    >>> process = ForwardGaussianProcess(random_state=0).fit(X, y)
    >>> X_new, y_new = make_sine_wave(100, random_state=1)
    >>> process.score(X_new, y_new) > 0.99
    True
    """

    _parameter_constraints = {
        "kernel": [StrOptions({"auto", "rbf", "matern"})],
        "n_restarts": [Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    _chunk_size = 2048

    def __init__(self, kernel="auto", *, n_restarts=2, random_state=None):
        self.kernel = kernel
        self.n_restarts = n_restarts
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Find the parameters of each output's process.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Designs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Responses.

        Returns
        -------
        self : ForwardGaussianProcess
        """
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        self.n_samples_fit_, self._y_ndim = len(X), y.ndim
        y = y.reshape(len(y), -1).astype(np.float64)
        self.n_outputs_ = y.shape[1]
        (x_mean, x_scale), (y_mean, y_scale) = standard_units(X), standard_units(y)
        random_state = check_random_state(self.random_state)
        names = ("rbf", "matern") if self.kernel == "auto" else (self.kernel,)
        Z = (X - x_mean) / x_scale
        fitted = []
        for column in ((y - y_mean) / y_scale).T:
            rivals = [(*self._process(name, Z, column, random_state), name) for name in names]
            fitted.append(max(rivals, key=lambda rival: rival[0]))
        likelihoods, processes, self.kernels_ = map(list, zip(*fitted, strict=True))
        theta = np.exp([process.kernel_.theta for process in processes])
        self.log_marginal_likelihood_ = np.array(likelihoods)
        self.noise_ = np.sqrt(theta[:, -1]) * y_scale
        self.module_ = GaussianProcessNet(
            self.kernels_,
            x_mean,
            X - x_mean,
            theta[:, 1:-1] * x_scale,
            theta[:, 0],
            np.array([process.L_ for process in processes]),
            np.array([process.alpha_ for process in processes]),
            y_mean,
            y_scale,
        )
        return self

    def _process(self, name, Z, column, random_state):
        """Largest log marginal likelihood that was found, and scikit-learn's process of those parameters."""
        signal, lengths, noise = _LIMITS
        ones = np.ones(Z.shape[1])
        shape = RBF(ones, lengths) if name == "rbf" else Matern(ones, lengths, nu=2.5)
        kernel = ConstantKernel(1.0, signal) * shape + WhiteKernel(1e-6, noise)
        process = GaussianProcessRegressor(kernel, alpha=_JITTER, optimizer=None).fit(Z, column)

        def loss(theta):
            value, slope = process.log_marginal_likelihood(theta, eval_gradient=True, clone_kernel=False)
            return -value, -slope

        spans = np.log([_STARTS[0], *[_STARTS[1]] * Z.shape[1], _STARTS[2]])
        starts = [kernel.theta, *random_state.uniform(*spans.T, size=(self.n_restarts, len(spans)))]
        found = [minimize(loss, s, jac=True, method="L-BFGS-B", bounds=kernel.bounds) for s in starts]
        best = min(found, key=lambda result: result.fun)
        kernel = kernel.clone_with_theta(best.x)
        return -best.fun, GaussianProcessRegressor(kernel, alpha=_JITTER, optimizer=None).fit(Z, column)

    def predict(self, X, return_std=False):
        """Mean responses at the designs `X`, and their standard deviation if wanted.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Designs, in the user's units.
        return_std : bool, default=False
            Whether to return the standard deviation too, that of the response without noise.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Shaped as the `y` of `fit`.
        std : ndarray of the same shape
            Only with `return_std`.
        """
        check_is_fitted(self)
        return self._answers(X, return_std)

    def _mean_and_std(self, X, return_std):
        x = torch.tensor(X, device=self.module_.x.device)
        return self.module_(x).cpu().numpy(), self.module_.std(x).cpu().numpy() if return_std else 0
