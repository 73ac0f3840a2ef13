"""Conditional invertible neural network: a coupling flow given the response."""

import torch

from skinverse.inverters.density import ConditionalDensityInverter
from skinverse.nets.coupling import ConditionalFlow, CouplingFlow, make_transform
from skinverse.nets.guest import GuestFlow
from skinverse.utils.validation import Integral, Interval, StrOptions, layer_sizes


class CINNInverter(ConditionalDensityInverter):
    r"""Inverse design with a conditional invertible neural network [1]_ [2]_.

    A bijection :math:`z = g(x; y)` between designs and standard normal latents, a chain of coupling blocks whose
    networks also see the response, is trained by maximum likelihood,

    .. math:: -\log p(x \mid y) = \tfrac12 \lVert g(x; y)\rVert^2 - \log\lvert\det \partial g / \partial x\rvert
              + \text{const},

    and designs are :math:`g^{-1}(z; y^*)` for normal *z*. Densities are exact.

    Parameters
    ----------
    coupling : {"affine", "spline"} or callable, default="affine"
        "affine" scales and shifts [1]_; "spline" bends by monotone rational-quadratic splines [3]_, at two to three
        times the cost of a step. A callable ``coupling(n_features, n_conditions)`` brings a flow of another
        library instead, for instance ``functools.partial(zuko.flows.NSF, transforms=3)``: a module that maps
        conditions to a distribution with ``log_prob``, ``transform`` (designs to latents, with ``inv``) and a standard
        normal ``base``.
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
        Training ends early when the likelihood of held-out rows has not improved for a fifth of them.
    lr : float, default=1e-3
        Peak learning rate of Adam; it falls to zero as a cosine.
    batch_size : int, default=256
        At most a tenth of the rows, but for the smallest tables.
    sampler : sampler, default=None
        Fills the unit cube of latents; None is :class:`~skinverse.samplers.RandomSampler`.
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
    net_ : skorch.NeuralNet
    n_iter_ : int
        Epochs trained.

    Notes
    -----
    A continuous bijection cannot cut a normal law into separate branches: thin bridges of improbable designs remain
    between them. :class:`~skinverse.AutoregressiveInverter` and :class:`~skinverse.MDNInverter` suit many branches
    better.

    References
    ----------
    .. [1] L. Ardizzone et al., "Guided image generation with conditional invertible neural networks", 2019.
       https://arxiv.org/abs/1907.02392
    .. [2] J. Kruse, L. Ardizzone, C. Rother, U. Köthe, "Benchmarking invertible architectures on inverse
       problems", 2021. https://arxiv.org/abs/2101.10763
    .. [3] C. Durkan et al., "Neural spline flows", NeurIPS 2019. https://arxiv.org/abs/1906.04032

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse import CINNInverter
    >>> X = np.random.RandomState(0).normal(size=(500, 2))
    >>> inverter = CINNInverter(n_blocks=2, hidden_layer_sizes=(16,), max_epochs=30, random_state=0)
    >>> designs = inverter.fit(X, X.sum(axis=1)).inverse(1.0, n=500)[0]
    >>> bool(abs(designs.sum(axis=1).mean() - 1) < 0.2)
    True
    """

    _n_steps = 5_000

    _parameter_constraints = {
        **ConditionalDensityInverter._training_constraints,
        "coupling": [StrOptions({"affine", "spline"}), callable],
        "n_blocks": [Interval(Integral, 1, None, closed="left")],
        "n_bins": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        coupling="affine",
        *,
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
        self.coupling = coupling
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

    def _make_module(self, x, condition, generator):
        d, c = x.shape[1], condition.shape[1]
        if callable(self.coupling):
            with torch.random.fork_rng(devices=[]):  # other libraries draw from the global generator
                torch.default_generator.manual_seed(generator.initial_seed())
                return GuestFlow(self.coupling(d, c), d)
        flow = CouplingFlow(
            d,
            c,
            self.n_blocks,
            make_transform(self.coupling, self.n_bins),
            layer_sizes(self.hidden_layer_sizes),
            self.activation,
            generator=generator,
        )
        return ConditionalFlow(flow, d)
