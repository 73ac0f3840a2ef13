"""Conditional flow matching."""

import numpy as np

from skinverse.inverters.density import ConditionalDensityInverter
from skinverse.metrics.diversity import novelty, spacing
from skinverse.nets.flow_matching import FlowMatchingNet
from skinverse.training.losses import StochasticLoss
from skinverse.utils.validation import Integral, Interval, layer_sizes

# Rows whose responses are asked for to see whether draws repeat the table.
_N_CHECKED = 500


class FlowMatchingInverter(ConditionalDensityInverter):
    r"""Inverse design by conditional flow matching [1]_ [2]_.

    A velocity field :math:`v(x, t \mid y)` carries normal noise at t = 0 to designs at t = 1. It is fitted to the
    velocities of straight lines, the paths of optimal transport between a normal law and a point,

    .. math:: \mathbb E \lVert v((1 - t)\, z + t\, x,\ t \mid y) - (x - z) \rVert^2,

    which needs no bijective layers and no Jacobians. Draws solve the differential equation by a few Heun steps.
    Times of training and steps are densest near t = 1, where a sharp law takes shape [2]_, and the network sees waves
    of up to 16 design variables beside themselves [3]_, so that many branches can be told apart.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128, 128, 128)
        Of the velocity network.
    activation : str, default="silu"
        As for :class:`~skinverse.ForwardRegressor`.
    n_steps : int, default=10
        Heun steps of a draw, two evaluations of the network each.
    max_epochs : int, default=None
        Passes over the rows, at most; None is as many as make 20,000 steps, between 20 and 500.
        Training ends early when the loss of held-out rows has not improved for a fifth of them.
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
    novelty_ratio_ : float
        Median distance of draws for responses of the table to the nearest row, over the median distance of a row to
        the nearest other. About one for draws of the law of the table; near zero for a network that has learnt the
        rows by heart. Of the last `fit`; `partial_fit` does not see the table.

    Notes
    -----
    The log-density integrates the divergence along the same steps; it is that of the differential equation, up to the
    error of `n_steps`: with few it comes out a little too high where the law is sharp.

    References
    ----------
    .. [1] Y. Lipman et al., "Flow matching for generative modeling", ICLR 2023. https://arxiv.org/abs/2210.02747
    .. [2] M. Dax et al., "Flow matching for scalable simulation-based inference", NeurIPS 2023.
       https://arxiv.org/abs/2305.17161
    .. [3] M. Tancik et al., "Fourier features let networks learn high frequency functions in low dimensional
       domains", NeurIPS 2020. https://arxiv.org/abs/2006.10739

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse import FlowMatchingInverter
    >>> X = np.random.RandomState(0).normal(size=(500, 2))
    >>> inverter = FlowMatchingInverter(hidden_layer_sizes=(32, 32), max_epochs=40, lr=3e-3, random_state=0)
    >>> designs = inverter.fit(X, X.sum(axis=1)).inverse(1.0, n=500)[0]
    >>> bool(abs(designs.sum(axis=1).mean() - 1) < 0.2)
    True
    """

    _n_steps = 20_000

    _parameter_constraints = {
        **ConditionalDensityInverter._training_constraints,
        "n_steps": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        hidden_layer_sizes=(128, 128, 128),
        *,
        activation="silu",
        n_steps=10,
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
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.n_steps = n_steps
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
        return FlowMatchingNet(
            x.shape[1],
            condition.shape[1],
            layer_sizes(self.hidden_layer_sizes),
            self.activation,
            self.n_steps,
            generator=generator,
        )

    def _values_per_score(self, d):
        # The derivatives of a velocity by all that its network sees.
        return max(super()._values_per_score(d), d * self.module_.velocity.n_inputs)

    def _fit(self, X, y, random_state):
        super()._fit(X, y, random_state)
        self._check_novelty(X, y, random_state)

    def _go_on(self, X, y, random_state, partial):
        super()._go_on(X, y, random_state, partial)
        if not partial:
            self._check_novelty(X, y, random_state)

    def _check_novelty(self, X, y, random_state):
        rows = random_state.permutation(len(X))[:_N_CHECKED]
        u = self._tensor(random_state.uniform(size=(4, X.shape[1])))
        draws = self.x_mean_ + self.x_scale_ * self._decode(self._condition(y[rows]), u).cpu().numpy()
        usual = spacing(X)
        self.novelty_ratio_ = float(np.median(novelty(draws, X)) / usual) if usual > 0 else np.inf
