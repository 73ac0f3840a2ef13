"""Invertible neural network between designs and [response, latents]."""

import numpy as np
import torch

from skinverse.inverters.latent import LatentInverter
from skinverse.nets.coupling import AffineTransform, CouplingFlow
from skinverse.nets.invertible import InvertibleNet
from skinverse.training.losses import StochasticLoss
from skinverse.utils.chunks import chunks
from skinverse.utils.validation import Integral, Interval, Real, StrOptions, check_is_fitted, validate_data

# Designs predicted together.
_MAX_ROWS = 8192


class INNInverter(LatentInverter):
    r"""Inverse design with an invertible neural network [1]_ [2]_.

    One bijection, a chain of affine couplings, maps designs to responses and latents,
    :math:`x \leftrightarrow [y, z]`, both sides padded to one width. Forwards it is a surrogate, :meth:`predict`;
    backwards, with the wanted response and normal latents, it draws designs.

    ``loss="mle"`` maximises the likelihood of the designs under the law that the network should map them to,

    .. math:: \frac{\lVert \hat y - y\rVert^2}{2\sigma_y^2} + \frac{\lVert z\rVert^2}{2}
              + \frac{\lVert p\rVert^2}{2\sigma_p^2} - \log\lvert\det J\rvert,

    with the network's own latents *z* and padding *p*, summed over dimensions, each with its own standard deviation.
    (Published code squares fresh random numbers in place of *z* [2]_, which constrains nothing.) ``loss="mmd"`` is the
    original recipe [1]_: squared misfit of the response, maximum mean discrepancy of [y, z] from independence, and of
    the designs drawn backwards from the table's, whose weight rises during training.

    Parameters
    ----------
    loss : {"mle", "mmd"}, default="mle"
    n_latents : int, default=None
        Latent variables z; None takes as many as there are more design variables than responses, at least one.
    n_padding : int, default=2
        Columns beyond what both sides need. They give the bijection room to tear solutions apart.
    y_noise, padding_noise : float, default=0.02, 0.05
        Standard deviations :math:`\sigma_y, \sigma_p`, in those of the table. A small one makes the response
        matter more and the likelihood harder to climb.
    n_blocks : int, default=6
        Coupling blocks, each of which transforms all variables once.
    hidden_layer_sizes : array-like of int, default=(128, 128)
        Of each of the two networks of a block.
    activation : str, default="silu"
        As for :class:`~skinverse.ForwardRegressor`.
    max_epochs : int, default=None
        Passes over the rows, at most; None is as many as make 5,000 steps, between 20 and 500.
        Training ends early when the loss of held-out rows has not improved for a fifth of them.
    lr : float, default=1e-3
        Peak learning rate of Adam; it falls to zero as a cosine.
    batch_size : int, default=256
        At most a tenth of the rows, but for the smallest tables.
    sampler : sampler, default=None
        Fills the unit cube of latents and padding; None is :class:`~skinverse.samplers.RandomSampler`.
    space : DesignSpace or array-like of shape (n_features, 2), default=None
        Allowed designs; None is the box of the training designs.
    device : str or torch.device, default="auto"
        "auto" is a CUDA GPU when there is one.
    net_params : dict, default=None
        Passed to the skorch net last.
    random_state : int, RandomState or None, default=None
        Governs `fit`, and `inverse` where that is given none.
    verbose : int, default=0
        1 prints a line an epoch.

    Attributes
    ----------
    module_ : torch.nn.Module
        Its ``encode`` and ``decode_rows`` are the two directions, in standardised units.
    net_ : skorch.NeuralNet
    n_iter_ : int
        Epochs trained.

    Notes
    -----
    The response is taken as determined by the design. Where it is noisy, set `y_noise` to the share of noise in its
    standard deviation, or take :class:`~skinverse.CINNInverter`, which learns it.

    References
    ----------
    .. [1] L. Ardizzone et al., "Analyzing inverse problems with invertible neural networks", ICLR 2019.
       https://arxiv.org/abs/1808.04730
    .. [2] S. Ren, W. Padilla and J. Malof, "Benchmarking deep inverse models over time, and the
       neural-adjoint method", NeurIPS 2020. https://arxiv.org/abs/2009.12919

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse import INNInverter
    >>> X = np.random.RandomState(0).normal(size=(500, 2))
    >>> inverter = INNInverter(n_blocks=2, hidden_layer_sizes=(16,), max_epochs=30, lr=3e-3, random_state=0)
    >>> inverter = inverter.fit(X, X.sum(axis=1))
    >>> designs = inverter.inverse(1.0, n=500)[0]
    >>> bool(abs(designs.sum(axis=1).mean() - 1) < 0.2), inverter.predict(X[:5]).shape
    (True, (5,))
    """

    _n_steps = 5_000

    _parameter_constraints = {
        **LatentInverter._training_constraints,
        "loss": [StrOptions({"mle", "mmd"})],
        "n_latents": [Interval(Integral, 1, None, closed="left"), None],
        "n_padding": [Interval(Integral, 0, None, closed="left")],
        "y_noise": [Interval(Real, 0, None, closed="neither")],
        "padding_noise": [Interval(Real, 0, None, closed="neither")],
        "n_blocks": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        loss="mle",
        *,
        n_latents=None,
        n_padding=2,
        y_noise=0.02,
        padding_noise=0.05,
        n_blocks=6,
        hidden_layer_sizes=(128, 128),
        activation="silu",
        max_epochs=None,
        lr=1e-3,
        batch_size=256,
        sampler=None,
        space=None,
        device="auto",
        net_params=None,
        random_state=None,
        verbose=0,
    ):
        self.loss = loss
        self.n_latents = n_latents
        self.n_padding = n_padding
        self.y_noise = y_noise
        self.padding_noise = padding_noise
        self.n_blocks = n_blocks
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.sampler = sampler
        self.space = space
        self.device = device
        self.net_params = net_params
        self.random_state = random_state
        self.verbose = verbose

    def _make_criterion(self, seed):
        return StochasticLoss(seed)

    def _make_module(self, x, condition, generator):
        d, c = x.shape[1], condition.shape[1]
        n_hidden = max(1, d - c) if self.n_latents is None else self.n_latents
        width = max(2, max(d, c + n_hidden) + self.n_padding)
        hidden = tuple(self.hidden_layer_sizes)
        flow = CouplingFlow(
            width, 0, self.n_blocks, AffineTransform(), hidden, self.activation, generator=generator
        )
        return InvertibleNet(
            flow,
            d,
            c,
            n_hidden,
            width=width,
            y_noise=self.y_noise,
            padding_noise=self.padding_noise,
            objective=self.loss,
        )

    def predict(self, X):
        """Responses of designs by the forward half of the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As the `y` of `fit`.
        """
        check_is_fitted(self)
        y = self._respond(validate_data(self, X, dtype=np.float64, reset=False))
        return y[:, 0] if self.y_ndim_ == 1 else y

    @torch.no_grad()
    def _respond(self, X):
        """Responses (n, n_outputs) in the user's units."""
        parts = [self.module_.response(self._standardize(X[rows])) for rows in chunks(len(X), _MAX_ROWS)]
        return self.y_mean_ + self.y_scale_ * torch.cat(parts).cpu().numpy()

    def _inverse(self, targets, n, space, random_state):
        X, info = super()._inverse(targets, n, space, random_state)
        predicted = self._respond(X.reshape(-1, X.shape[2]))
        return X, {"predicted": predicted.reshape(*X.shape[:2], -1), **info}
