"""Piecewise-linear autoregressive flow on the unit cube."""

from copy import deepcopy

import numpy as np
import torch
from torch.nn import CrossEntropyLoss

from skinverse.inverters.density import ConditionalDensityInverter
from skinverse.nets.autoregressive import AutoregressiveNet
from skinverse.nets.marginals import DiscreteMarginal
from skinverse.training.net import lowest_loss
from skinverse.utils.user_warnings import warn_user
from skinverse.utils.validation import Integral, Interval, layer_sizes

# Decoupled weight decay of a factor, and of one that overfits all the same.
_WEIGHT_DECAY, _MORE_DECAY = 0.1, 0.3
# Share of later rows outside the range of the first ones that is passed over.
_MOST_OUTSIDE = 0.01


class AutoregressiveInverter(ConditionalDensityInverter):
    r"""Inverse design with an autoregressive flow of piecewise-linear maps, for few design variables.

    Each variable is mapped to [0, 1] by its distribution function over the table, and there

    .. math:: p(u \mid y) = \prod_i p(u_i \mid u_1, \ldots, u_{i-1}, y),

    each factor a histogram of *K* bins read off a network, so that its distribution function is piecewise
    linear [1]_. Histograms bend to any number of branches, which flows that deform a normal law cannot cut apart. The
    latent is the unit cube itself: the very cube that a Latin hypercube fills.

    The factors share nothing, so each is trained alone and ends when its own held-out rows say so: the first ones are
    smooth and soon overfit, while the last ones, which the response all but determines, go on getting sharper. A factor
    that ends early is trained once more with more weight decay, and the better of the two by held-out rows is kept.

    Parameters
    ----------
    n_bins : int, default=None
        Bins *K* of a factor; None takes one for every sixteen rows, at least 8 and at most 128. A draw is known to
        one bin at best: more bins are sharper, and want more rows. A variable
        that takes few values again and again, such as a whole number, has a bin for each of them instead.
    hidden_layer_sizes : int or array-like of int, default=(128, 128, 128)
        Of the network of each factor.
    activation : str, default="silu"
        As for :class:`~skinverse.ForwardRegressor`.
    max_epochs : int, default=None
        Passes over the rows for each factor, at most; None is as many as make 10,000 steps, between 20 and 500.
        Training ends early when the likelihood of held-out rows has not improved for a fifth of them.
    lr : float, default=1e-3
        Peak learning rate of Adam; it falls to zero as a cosine.
    batch_size : int, default=256
        At most a tenth of the rows, but for the smallest tables.
    sampler : sampler, default=None
        Fills the unit cube of latents; None is :class:`~skinverse.samplers.RandomSampler`.
    space : DesignSpace or array-like of shape (n_features, 2), default=None
        Allowed designs; None is the box of the training designs, which no draw leaves.
    device : str or torch.device, default="auto"
        "auto" is a CUDA GPU when there is one.
    net_params : dict, default=None
        Passed to the skorch nets last.
    random_state : int, RandomState or None, default=None
        Governs `fit`, and `inverse` where that is given none.
    verbose : int, default=0
        1 shows bars of the epochs and, in :meth:`inverse`, of the targets, on standard error; 2 leaves them there.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of an earlier one, and keeps the scales of designs and responses.

    Attributes
    ----------
    nets_ : list of skorch.NeuralNet
        One a variable.
    net_ : skorch.NeuralNet
        That of the last variable.
    n_iter_ : int
        Epochs of the factor that took most.

    Notes
    -----
    Cost grows with the number of variables, one network each. Designs outside the range of the table have density zero,
    and so have values that a discrete variable does not take there; its factor is a probability, not a density.

    References
    ----------
    .. [1] T. Müller et al., "Neural importance sampling", ACM Transactions on Graphics 38(5), 2019.
       https://arxiv.org/abs/1808.03856

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse import AutoregressiveInverter
    >>> X = np.random.RandomState(0).uniform(-1, 1, (1000, 1))
    >>> inverter = AutoregressiveInverter(16, hidden_layer_sizes=(32,), max_epochs=30, random_state=0)
    >>> designs = inverter.fit(X, X[:, 0] ** 2).inverse(0.49, n=200)[0, :, 0]
    >>> sorted({float(x) for x in np.sign(designs)})     # both branches, +0.7 and -0.7
    [-1.0, 1.0]
    """

    _parameter_constraints = {
        **ConditionalDensityInverter._training_constraints,
        "n_bins": [Interval(Integral, 2, None, closed="left"), None],
    }

    def __init__(
        self,
        n_bins=None,
        *,
        hidden_layer_sizes=(128, 128, 128),
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
        return AutoregressiveNet(
            x,
            condition.shape[1],
            min(max(len(x) // 16, 8), 128) if self.n_bins is None else self.n_bins,
            layer_sizes(self.hidden_layer_sizes),
            self.activation,
            generator=generator,
        )

    def _train_on(self, X, y, start=None, **how):
        super()._train_on(X, y, start=start, **how)
        if start is None:
            discrete = [isinstance(marginal, DiscreteMarginal) for marginal in self.module_.marginals.columns]
            self._levels = [
                np.unique(column) if few else None for column, few in zip(X.T, discrete, strict=True)
            ]

    def _in_user_units(self, x):
        X = super()._in_user_units(x)
        for i, levels in enumerate(self._levels):
            if (
                levels is not None
            ):  # the values of the table, which rounding may have left, and the space with them
                X[..., i] = levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, X[..., i])]
        return X

    def _is_continuous(self):
        return np.array([levels is None for levels in self._levels])

    def _train(self, x, condition, seed, start=None, partial=False):
        module = self._first_module(start, x, condition, seed).to(x.device)
        u, log_slope = module.marginals.to_cube(x)
        outside = int(torch.isinf(log_slope).sum())
        if outside > _MOST_OUTSIDE * len(x):
            warn_user(
                f"{outside} of {len(x)} rows lie outside the range of the rows that training began with, or have "
                "values that a discrete variable did not take there, where this density is zero. Begin with a fair "
                "sample of all rows: fit with warm_start=False, or the first call of partial_fit.",
            )
        bins = module.bins(u)
        # The likelihood of a histogram is the cross-entropy of its bins, up to a constant.
        how = {"warm": start is not None, "partial": partial}
        self.nets_ = [
            self._train_factor(i, factor, module.inputs(i, condition, u), bins[:, i], seed, **how)
            for i, factor in enumerate(module.factors)
        ]
        self.net_ = self.nets_[-1]
        self._count(self.nets_, partial and start is not None)
        module.factors = torch.nn.ModuleList(deepcopy(net.module_) for net in self.nets_)
        self.module_ = module.double()

    def _train_factor(self, i, factor, inputs, bins, seed, **how):
        def train(decay):
            loss = CrossEntropyLoss()
            return self._train_net(
                deepcopy(factor), loss, inputs, bins, seed, part=i, weight_decay=decay, **how
            )

        net = train(_WEIGHT_DECAY)
        if any(how.values()) or net.interrupted_ or len(net.history) == net.max_epochs:
            return net
        return min(net, train(_MORE_DECAY), key=lowest_loss)
