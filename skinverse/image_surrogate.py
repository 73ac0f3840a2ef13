"""Surrogates of images: a convolutional network, and one behind a decoder of latents."""

from copy import deepcopy

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import nn

from skinverse.ensemble import EnsembleRegressor
from skinverse.forward_model import fit_forward_model
from skinverse.nets.convolutional import PeriodicConvNet
from skinverse.persistence import SaveMixin
from skinverse.solvers.base import device_of
from skinverse.utils.chunks import chunks
from skinverse.utils.doc_links import DocLinkMixin
from skinverse.utils.regressors import ForwardModelMixin
from skinverse.utils.validation import (
    HasMethods,
    Integral,
    StrOptions,
    check_is_fitted,
    check_random_state,
    fit_context,
    validate_data,
)

_SMALLEST = 4  # pixels of an edge at which a network of default depth stops halving
_N_IMAGES = 256  # decoded at once
_FIRST, _MOST = 16, 64  # channels of its stages: doubling from the first up to the most


class ImageRegressor(EnsembleRegressor):
    r"""Differentiable surrogate of what square, periodic images respond: a convolutional network.

    A cell that is repeated in both directions responds alike wherever it is taken to begin, and the network knows
    that: its convolutions wrap around the edges and end in a mean over all places.

    Parameters
    ----------
    n_channels : "auto" or array-like of int, default="auto"
        Channels of the stages of two convolutions; between stages the image is halved. "auto" is 16, 32, 64, 64, ...,
        with as many stages as it takes to come down to four pixels.
    symmetric : bool, default=False
        Whether the responses do not change when an image is mirrored or turned by 90 degrees, as for a mean over both
        polarisations or both moduli. It multiplies the table by eight.
    n_members : int, default=1
        Networks in the ensemble, as for :class:`ForwardRegressor`.
    max_epochs : int, default=60
        Passes over the rows.
    lr : float, default=2e-3
        Peak learning rate of Adam, falling to zero as a cosine.
    batch_size : int, default=64
    validation_fraction, censored, device, net_params, random_state, verbose, warm_start
        As for :class:`ForwardRegressor`.

    Attributes
    ----------
    module_, net_, nets_, history_, optimizer_, response_floor_, held_out_, n_iter_, n_outputs_, feature_names_in_
        As for :class:`ForwardRegressor`.

    Notes
    -----
    Designs are ``image.ravel()`` with an edge that the stages can halve; grey values are fine. Large images want a GPU.

    Examples
    --------
    >>> from skinverse.datasets import make_architected_cells
    >>> from skinverse.image_surrogate import ImageRegressor
    >>> X, y = make_architected_cells(300, n_pixels=8, random_state=0)
    >>> surrogate = ImageRegressor((8, 8), symmetric=True, max_epochs=20, random_state=0).fit(X, y)
    >>> surrogate.score(X, y) > 0.8
    True
    """

    _parameter_constraints = {
        **EnsembleRegressor._parameter_constraints,
        "n_channels": [StrOptions({"auto"}), "array-like"],
        "symmetric": ["boolean"],
    }

    def __init__(
        self,
        n_channels="auto",
        *,
        symmetric=False,
        n_members=1,
        max_epochs=60,
        lr=2e-3,
        batch_size=64,
        validation_fraction=0.1,
        censored="auto",
        device="auto",
        net_params=None,
        random_state=None,
        verbose=0,
        warm_start=False,
    ):
        self.n_channels = n_channels
        self.symmetric = symmetric
        self.n_members = n_members
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.censored = censored
        self.device = device
        self.net_params = net_params
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start

    def _make_core(self, X, y, optimizer, generator):
        edge = round(X.shape[1] ** 0.5)
        channels = self._channels(edge)
        if edge**2 != X.shape[1] or edge % 2 ** (len(channels) - 1):
            raise ValueError(
                f"ImageRegressor is for square images whose edge can be halved {len(channels) - 1} times "
                f"(n_channels={self.n_channels!r}), got {X.shape[1]} feature(s). Designs are image.ravel(); fewer "
                "stages in n_channels halve less often, and (n,) never."
            )
        return PeriodicConvNet(edge, y.shape[1], channels, symmetric=self.symmetric, generator=generator)

    def _optimizers(self, X, y, *, partial):
        return ("adam",)

    def _channels(self, edge):
        if not isinstance(self.n_channels, str):
            channels = tuple(self.n_channels)
            if not channels or not all(isinstance(c, Integral) and c >= 1 for c in channels):
                raise ValueError(
                    f"n_channels must hold positive integers, one a stage, and at least one; got {channels}."
                )
            return channels
        channels = [_FIRST]
        while edge % 2 == 0 and edge // 2 >= _SMALLEST:
            edge //= 2
            channels.append(min(2 * channels[-1], _MOST))
        return tuple(channels)

    def _input_scaling(self, X):
        # One mean and one scale: all pixels are alike.
        return np.full(X.shape[1], X.mean()), np.full(X.shape[1], X.std() or np.inf)


class DecodedEnsemble(nn.Sequential):
    """A decoder and an ensemble behind it, whose members may be asked one by one."""

    def member_values(self, z):
        """Responses of each member, (n_members, n, n_outputs)."""
        decoder, ensemble = self
        return ensemble.member_values(decoder(z))


class DecodedRegressor(ForwardModelMixin, SaveMixin, DocLinkMixin, BaseEstimator):
    """A surrogate of images as one of their latents: decoder first, then the surrogate.

    It lets a solver move latents while the response is learnt, and predicted, from the image that they make:

    ``TransformedDesignInverter(NeuralAdjoint(DecodedRegressor(ImageRegressor(), encoder)), encoder)``.

    Parameters
    ----------
    regressor : regressor
        Of images; cloned and fitted in `fit`. Once fitted it must hold a torch module `module_`, see
        :class:`ImageRegressor`.
    encoder : fitted transformer
        With ``decoder_``, a torch module from latents to images, which is what the regressor is fitted on. Wrap
        it in :class:`sklearn.frozen.FrozenEstimator`, or ``clone`` forgets what it has learnt.
    random_state : int, RandomState or None, default=None
        Seeds the regressor if that has no seed.

    Attributes
    ----------
    regressor_ : regressor
    module_ : torch.nn.Module
        Latents (n, n_latents) to responses (n, n_outputs), float64.
    response_floor_ : ndarray of shape (n_outputs,)
        Of the regressor, -inf where it knows none.
    n_features_in_, n_outputs_ : int
    """

    _parameter_constraints = {
        "regressor": [HasMethods(["fit", "predict"])],
        "encoder": [HasMethods(["inverse_transform"])],
        "random_state": ["random_state"],
    }

    def __init__(self, regressor, encoder, *, random_state=None):
        self.regressor = regressor
        self.encoder = encoder
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, Z, y):
        """Fit the regressor to the images of latents.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_latents)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Responses of the images.

        Returns
        -------
        self : DecodedRegressor

        Raises
        ------
        TypeError
            If the encoder has no such module.
        """
        check_is_fitted(self.encoder)
        Z, y = validate_data(self, Z, y, dtype=np.float64, order="C", multi_output=True, y_numeric=True)
        decoder = getattr(self.encoder, "decoder_", None)
        if not isinstance(decoder, nn.Module):
            raise TypeError(
                "encoder must hold a torch module `decoder_` from latents to images once fitted, as GANDesignEncoder "
                f"and SymmetricImageEncoder do; {type(self.encoder).__name__} does not."
            )
        images = np.concatenate(list(_decoded(decoder, Z)))
        self.regressor_ = fit_forward_model(self.regressor, images, y, check_random_state(self.random_state))
        self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]
        self.response_floor_ = getattr(self.regressor_, "response_floor_", np.full(self.n_outputs_, -np.inf))
        model = self.regressor_.module_
        decoder = deepcopy(decoder).to(device_of(model))
        kind = DecodedEnsemble if hasattr(model, "member_values") else nn.Sequential
        self.module_ = kind(decoder, model).eval().requires_grad_(False)
        return self

    def predict(self, Z):
        """Responses at the latents `Z` (n_samples, n_latents), shaped as the `y` of `fit`."""
        check_is_fitted(self)
        Z = validate_data(self, Z, dtype=np.float64, order="C", reset=False)
        return np.concatenate([self.regressor_.predict(images) for images in _decoded(self.module_[0], Z)])


@torch.no_grad()
def _decoded(decoder, Z):
    """Images of latents, some at a time."""
    for rows in chunks(len(Z), _N_IMAGES):
        yield decoder(torch.tensor(Z[rows], device=device_of(decoder))).cpu().numpy()
