"""Invertible neural network between designs and [response, latents]."""

from copy import deepcopy

import numpy as np
import torch

from skinverse.inverters.latent import LatentInverter
from skinverse.nets.coupling import CouplingFlow, make_transform
from skinverse.nets.invertible import (
    ConstantWeights,
    DynamicWeights,
    ForwardHalf,
    InvertibleNet,
    PrincipalComponents,
)
from skinverse.nets.standardized import Standardized
from skinverse.training.callbacks import RememberBest
from skinverse.training.losses import StochasticLoss
from skinverse.utils.chunks import chunks
from skinverse.utils.validation import (
    Integral,
    Interval,
    Real,
    StrOptions,
    check_is_fitted,
    layer_sizes,
    validate_data,
)

# Designs predicted together.
_MAX_ROWS = 8192
# The noise of the response that "auto" stands for, and the share of the variance of many responses that it keeps.
_NOISE, _KEPT = 0.02, 0.999


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
    the designs drawn backwards from the table's, whose weight rises during training. ``loss="bidirectional"`` has the
    same three terms under the dynamic schedule of iPage [3]_,

    .. math:: \lambda_x L_x + \lambda_y L_y + \lambda_z L_z,

    :math:`\lambda_y` alone during the first half, then fading out while the others come in. The network ends with its
    last weights, which draw; those of least misfit on held-out rows are kept beside them, and predict.

    Parameters
    ----------
    loss : {"mle", "mmd", "bidirectional"}, default="mle"
    coupling : {"affine", "spline"}, default="affine"
        As for :class:`~skinverse.CINNInverter`.
    n_latents : int, default=None
        Latent variables z; None takes as many as there are more design variables than responses, at least one.
    n_padding : int, default=2
        Columns beyond what both sides need. They give the bijection room to tear solutions apart.
    y_noise : float or "auto", default="auto"
        Standard deviation :math:`\sigma_y`, in that of the table. A small one makes the response matter more and the
        likelihood harder to climb. "auto" is 0.02, unless responses outnumber design variables and ``loss="mle"``.
        Then most responses belong to no design, and the network maps to principal components of the table's, those
        that hold 99.9 % of the variance but at most one more than twice the design variables, by so many of which
        curved responses can be told apart. Each has a standard deviation of its own, 0.02 or more, which is learned.
    padding_noise : float, default=0.05
        Standard deviation :math:`\sigma_p`.
    peak_weights : tuple of three float, default=(10, 50, 10)
        Of :math:`\lambda_x, \lambda_y, \lambda_z` with ``loss="bidirectional"``. (The paper says that all three have
        the same peak, much larger than one, and Adam does not feel a common factor.)
    curve : {"cosine", "linear"}, default="cosine"
        How they pass into each other, which the paper leaves open.
    n_blocks : int, default=6
        Coupling blocks, each of which transforms all variables once.
    n_bins : int, default=8
        Bins of a spline.
    hidden_layer_sizes : int or array-like of int, default=(128, 128)
        Of each of the two networks of a block.
    activation : str, default="silu"
        As for :class:`~skinverse.ForwardRegressor`.
    max_epochs : int, default=None
        Passes over the rows, at most; None is as many as make 5,000 steps, between 20 and 500.
        Training ends early when the loss of held-out rows has not improved for a fifth of them, but for
        ``loss="bidirectional"``, whose schedule is run to its end.
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
        1 shows bars of the epochs and, in :meth:`inverse`, of the targets, on standard error; 2 leaves them there.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of an earlier one, and keeps the scales of designs and responses.

    Attributes
    ----------
    module_ : torch.nn.Module
        Its ``encode`` and ``decode_rows`` are the two directions, in standardised units.
    forward_module_ : torch.nn.Module
        The forward half, designs to responses in the user's units.
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
    .. [3] J. Zhang, S. Bi and V. Fung, "Accelerating inverse learning via intelligent localization with exploratory
       sampling", AAAI 2023. https://doi.org/10.1609/aaai.v37i12.26725

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
        "loss": [StrOptions({"mle", "mmd", "bidirectional"})],
        "coupling": [StrOptions({"affine", "spline"})],
        "n_latents": [Interval(Integral, 1, None, closed="left"), None],
        "n_padding": [Interval(Integral, 0, None, closed="left")],
        "y_noise": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "padding_noise": [Interval(Real, 0, None, closed="neither")],
        "peak_weights": [tuple, list],
        "curve": [StrOptions({"cosine", "linear"})],
        "n_blocks": [Interval(Integral, 1, None, closed="left")],
        "n_bins": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        loss="mle",
        *,
        coupling="affine",
        n_latents=None,
        n_padding=2,
        y_noise="auto",
        padding_noise=0.05,
        peak_weights=(10, 50, 10),
        curve="cosine",
        n_blocks=6,
        n_bins=8,
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
        warm_start=False,
    ):
        self.loss = loss
        self.coupling = coupling
        self.n_latents = n_latents
        self.n_padding = n_padding
        self.y_noise = y_noise
        self.padding_noise = padding_noise
        self.peak_weights = peak_weights
        self.curve = curve
        self.n_blocks = n_blocks
        self.n_bins = n_bins
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
        self.warm_start = warm_start

    def _make_criterion(self, seed):
        return StochasticLoss(seed)

    def _make_module(self, x, condition, generator):
        d, c = x.shape[1], condition.shape[1]
        components = None
        if self.y_noise == "auto" and self.loss == "mle" and c > d:
            components = PrincipalComponents.of(condition, _KEPT, 2 * d + 1)
            c = components.axes.shape[1]
        n_hidden = max(1, d - c) if self.n_latents is None else self.n_latents
        width = max(2, max(d, c + n_hidden) + self.n_padding)
        flow = CouplingFlow(
            width,
            0,
            self.n_blocks,
            make_transform(self.coupling, self.n_bins),
            layer_sizes(self.hidden_layer_sizes),
            self.activation,
            generator=generator,
        )
        return InvertibleNet(
            flow,
            d,
            c,
            n_hidden,
            width=width,
            y_noise=self._y_noise(),
            padding_noise=self.padding_noise,
            components=components,
            weights=self._loss_weights(),
        )

    def _y_noise(self):
        return _NOISE if self.y_noise == "auto" else self.y_noise

    def _loss_weights(self):
        if self.loss == "mle":
            return None
        if self.loss == "mmd":
            return ConstantWeights(1 / self._y_noise())
        peaks = tuple(self.peak_weights)
        numbers = all(isinstance(peak, Real) and np.isfinite(peak) for peak in peaks)
        if len(peaks) != 3 or not numbers or min(peaks) < 0:
            raise ValueError(
                "peak_weights must be three finite numbers, none below zero: of the discrepancy of designs, of the "
                f"misfit and of the discrepancy of latents; got {self.peak_weights!r}."
            )
        return DynamicWeights(peaks, self.curve)

    def _learns_in_parts(self):
        # The schedule of bidirectional training must know where it ends.
        return self.loss != "bidirectional"

    def _train(self, x, condition, seed, **how):
        super()._train(x, condition, seed, **how)
        forward = deepcopy(self.module_)
        best = dict(self.net_.callbacks_).get("best")
        if isinstance(best, RememberBest):
            forward.load_state_dict(best.weights_)
        scales = (self._tensor(a) for a in (self.x_mean_, self.x_scale_, self.y_mean_, self.y_scale_))
        self.forward_module_ = Standardized(ForwardHalf(forward), *scales).requires_grad_(False).eval()

    def _train_net(self, *args, **how):
        return super()._train_net(*args, restore_best=self.loss != "bidirectional", **how)

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
        X = validate_data(self, X, dtype=np.float64, order="C", reset=False)
        return self._as_given(self._respond(X))

    @torch.no_grad()
    def _respond(self, X):
        """Responses (n, n_outputs) in the user's units."""
        parts = [self.forward_module_(self._tensor(X[rows])) for rows in chunks(len(X), _MAX_ROWS)]
        return torch.cat(parts).cpu().numpy()

    def _describe(self, X, targets):
        predicted = self._respond(X.reshape(-1, X.shape[2]))
        return {"predicted": predicted.reshape(*X.shape[:2], -1)}
