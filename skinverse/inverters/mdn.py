"""Mixture density network."""

from skinverse.inverters.density import ConditionalDensityInverter
from skinverse.nets.mixture import MixtureDensityNet
from skinverse.utils.validation import Integral, Interval, StrOptions, layer_sizes


class MDNInverter(ConditionalDensityInverter):
    r"""Inverse design with a mixture density network [1]_.

    Models :math:`p(x \mid y) = \sum_k w_k(y)\, \mathcal N(x \mid \mu_k(y), \Sigma_k(y))` by maximum likelihood and
    draws designs from :math:`p(x \mid y^*)`, each from a component of its own.

    Parameters
    ----------
    n_components : int, default=20
        Number of Gaussians *K*. Too few blur separate branches of solutions together.
    covariance_type : {"full", "diag"}, default="full"
        "full" lets components follow ridges that lie askew, through the Cholesky factor of the precision.
    hidden_layer_sizes : int or array-like of int, default=(128, 128, 128)
    activation : str, default="silu"
        As for :class:`~skinverse.ForwardRegressor`.
    dense : bool, default=False
        Whether hidden layers are densely connected, as in the GAN-MDN paper [2]_ (four layers of 16, K = 40).
    max_epochs : int, default=None
        Passes over the rows, at most; None is as many as make 10,000 steps, between 20 and 500.
        Training ends early when the likelihood of held-out rows has not improved for a fifth of them.
    lr : float, default=1e-3
        Peak learning rate of Adam; it falls to zero as a cosine.
    batch_size : int, default=256
    sampler : sampler, default=None
        Fills the unit cube of latents; None is :class:`~skinverse.samplers.RandomSampler`. A Latin hypercube
        spreads few draws evenly over components and their insides.
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
    Training, :meth:`score_samples` and drawing use the same density; published code draws from another one
    than it trains [3]_.

    References
    ----------
    .. [1] C. M. Bishop, "Mixture density networks", Aston University, 1994.
    .. [2] Z. Yang et al., "A general framework combining generative adversarial networks and mixture density
       networks for inverse modeling in microstructural materials design", 2021. https://arxiv.org/abs/2101.10553
    .. [3] S. Ren, W. Padilla and J. Malof, "Benchmarking deep inverse models over time, and the
       neural-adjoint method", NeurIPS 2020. https://arxiv.org/abs/2009.12919

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse.inverters import MDNInverter
    >>> X = np.random.RandomState(0).uniform(-1, 1, (500, 1))
    >>> y = X[:, 0] ** 2
    >>> inverter = MDNInverter(4, hidden_layer_sizes=(32,), max_epochs=60, random_state=0).fit(X, y)
    >>> designs = inverter.inverse(0.49, n=200)[0, :, 0]
    >>> sorted({float(x) for x in np.sign(designs)})     # both branches, +0.7 and -0.7
    [-1.0, 1.0]
    """

    _parameter_constraints = {
        **ConditionalDensityInverter._training_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions({"full", "diag"})],
        "dense": ["boolean"],
    }

    def __init__(
        self,
        n_components=20,
        *,
        covariance_type="full",
        hidden_layer_sizes=(128, 128, 128),
        activation="silu",
        dense=False,
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
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dense = dense
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

    def _values_per_draw(self, d):
        return d**2 if self.covariance_type == "full" else d

    def _values_per_score(self, d):
        return max(super()._values_per_score(d), self.n_components * self._values_per_draw(d))

    def _make_module(self, x, condition, generator):
        return MixtureDensityNet(
            condition.shape[1],
            x.shape[1],
            self.n_components,
            layer_sizes(self.hidden_layer_sizes),
            self.activation,
            full_covariance=self.covariance_type == "full",
            dense=self.dense,
            generator=generator,
        )
