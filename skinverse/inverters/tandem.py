"""Tandem network: an inverse network trained through a frozen forward one."""

import numpy as np
import torch
from torch.utils.data import TensorDataset

from skinverse.base import BaseInverter
from skinverse.forward_model import default_forward_model, fit_forward_model
from skinverse.nets.activations import ACTIVATIONS
from skinverse.nets.mlp import MLP
from skinverse.nets.tandem import TandemNet
from skinverse.training.losses import TandemLoss
from skinverse.training.net import make_net, unattended
from skinverse.utils.chunks import chunks
from skinverse.utils.devices import resolve_device
from skinverse.utils.scaling import standard_units
from skinverse.utils.validation import (
    LAYER_SIZES,
    HasMethods,
    Integral,
    Interval,
    Real,
    StrOptions,
    layer_sizes,
)

# Targets answered together.
_MAX_TARGETS = 2**14


class TandemInverter(BaseInverter):
    r"""One design for a response, by an inverse network trained through a frozen surrogate [1]_.

    A network :math:`g(y)` cannot be fitted to the designs of a one-to-many table, whose mean over branches is no
    solution. So it is fitted to

    .. math:: \lVert \hat f(g(y)) - y \rVert^2

    through a surrogate :math:`\hat f` that is trained first, with its best weights, and left as it is. The network
    settles on one branch and says nothing of the others: asked for n designs it repeats its answer n times.

    Parameters
    ----------
    forward_model : regressor, default=None
        As for :class:`~skinverse.NeuralAdjoint`; None is :class:`~skinverse.ForwardGaussianProcess` for up to 300 rows
        of at most 16 variables and 4 outputs without a floor, else :class:`~skinverse.ForwardRegressor`.
    boundary : {"squash", "penalty"}, default="squash"
        "squash" ends the network in a sigmoid, so that designs lie in the space. "penalty" adds the mean distance
        outside it to the loss, as in [2]_; designs that still lie outside are moved to the nearest allowed
        one, and flagged by `projected` in the info bunch.
    boundary_weight : float, default=1.0
        Weight of the penalty.
    hidden_layer_sizes : int or array-like of int, default=(128, 128, 128)
        Of the inverse network.
    activation : str, default="silu"
        As for :class:`~skinverse.ForwardRegressor`.
    max_epochs : int, default=None
        Passes of the inverse network over the rows, at most; None is as many as make 10,000 steps, between 20 and 500.
        Training ends early when the loss of held-out rows has not improved for a fifth of them.
    lr : float, default=3e-3
        Peak learning rate of SOAP; it falls to zero as a cosine.
    batch_size : int, default=256
    space : DesignSpace or array-like of shape (n_features, 2), default=None
        Allowed designs; None is the box of the training designs. Whole numbers are rounded.
    device : str or torch.device, default="auto"
        "auto" is a CUDA GPU when there is one.
    net_params : dict, default=None
        Passed to the skorch net last.
    random_state : int, RandomState or None, default=None
        Governs `fit`; `inverse` is deterministic.
    verbose : int, default=0
        1 shows a bar of the epochs on standard error, 2 leaves it there.

    Attributes
    ----------
    forward_model_ : regressor
    net_ : skorch.NeuralNet
    n_iter_ : int
        Epochs of the inverse network.

    References
    ----------
    .. [1] D. Liu, Y. Tan, E. Khoram, Z. Yu, "Training deep neural networks for the inverse design of nanophotonic
       structures", ACS Photonics 5, 2018. https://doi.org/10.1021/acsphotonics.7b01377
    .. [2] S. Ren, W. Padilla and J. Malof, "Benchmarking deep inverse models over time, and the
       neural-adjoint method", NeurIPS 2020. https://arxiv.org/abs/2009.12919

    Examples
    --------
    >>> from skinverse import ForwardRegressor, TandemInverter
    >>> from skinverse.datasets import make_sine_wave
    >>> X, y = make_sine_wave(500, random_state=0)
    >>> surrogate = ForwardRegressor((32,), max_epochs=30)
    >>> inverter = TandemInverter(surrogate, hidden_layer_sizes=(32,), max_epochs=20, random_state=0).fit(X, y)
    >>> designs = inverter.inverse([0.5, 1.2], n=2)
    >>> bool((designs[:, 0] == designs[:, 1]).all())
    True
    """

    _parameter_constraints = {
        "forward_model": [HasMethods(["fit", "predict"]), None],
        "boundary": [StrOptions({"squash", "penalty"})],
        "boundary_weight": [Interval(Real, 0, None, closed="left")],
        "hidden_layer_sizes": LAYER_SIZES,
        "activation": [StrOptions(set(ACTIVATIONS))],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "space": "no_validation",
        "device": [str, torch.device],
        "net_params": [dict, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        forward_model=None,
        *,
        boundary="squash",
        boundary_weight=1.0,
        hidden_layer_sizes=(128, 128, 128),
        activation="silu",
        max_epochs=None,
        lr=3e-3,
        batch_size=256,
        space=None,
        device="auto",
        net_params=None,
        random_state=None,
        verbose=0,
    ):
        self.forward_model = forward_model
        self.boundary = boundary
        self.boundary_weight = boundary_weight
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.space = space
        self.device = device
        self.net_params = net_params
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X, y, random_state):
        model = self.forward_model
        if model is None:
            model = default_forward_model(X, y, n_members=1, device=self.device, verbose=self.verbose)
        self.forward_model_ = fit_forward_model(model, X, self._as_given(y), random_state)
        seed = int(random_state.randint(2**31 - 1))
        self.y_mean_, _ = standard_units(y)
        inverse_net = MLP(
            y.shape[1],
            X.shape[1],
            layer_sizes(self.hidden_layer_sizes),
            self.activation,
            generator=torch.Generator().manual_seed(seed),
        )
        module = TandemNet(
            inverse_net.double(),
            self.forward_model_.module_,
            self.space_,
            self.y_mean_,
            self.y_scale_,
            squash=self.boundary == "squash",
        )
        penalty = 0.0 if self.boundary == "squash" else self.boundary_weight
        self.net_ = make_net(
            module,
            TandemLoss(penalty),
            lr=self.lr,
            **unattended(len(X), self.batch_size, self.max_epochs),
            seed=seed,
            device=resolve_device(self.device),
            verbose=self.verbose,
            net_params=self.net_params,
        )
        condition = self._condition(y, resolve_device(self.device))
        self.net_.fit(TensorDataset(condition, condition))
        self.module_ = self.net_.module_.requires_grad_(False).eval()
        self.n_iter_ = len(self.net_.history)

    def _condition(self, y, device):
        return torch.tensor((y - self.y_mean_) / self.y_scale_, dtype=torch.float64, device=device)

    @torch.no_grad()
    def _inverse(self, targets, n, space, random_state):
        condition = self._condition(targets.lower, self.module_.lower.device)
        parts = [self.module_.design(condition[part])[1] for part in chunks(len(condition), _MAX_TARGETS)]
        x = torch.cat(parts).cpu().numpy()
        allowed = space.project(x)
        # Rounding a whole number and holding a fixed one is asked for, not a way out.
        free = (space.width > 0) & ~space.integer
        slack = 1e-9 * self.space_.width[free]
        moved = (np.abs(allowed - x)[:, free] > slack).any(axis=1)
        predicted = self.forward_model_.predict(allowed).reshape(len(x), -1)
        repeated = (np.repeat(array[:, None], n, axis=1) for array in (allowed, predicted, moved))
        designs, predicted, moved = repeated
        return designs, {"predicted": predicted, "projected": moved}
