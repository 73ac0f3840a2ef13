"""Conditional variational autoencoder."""

import torch

from skinverse.inverters.latent import LatentInverter
from skinverse.nets.vae import ConditionalVAE
from skinverse.training.losses import StochasticLoss
from skinverse.training.net import lowest_loss
from skinverse.utils.validation import (
    Integral,
    Interval,
    Real,
    StrOptions,
    layer_sizes,
    one_for_each_variable,
)

# Mean standard deviation of the decoder, in those of the designs, above which latents count as unused, and the share
# of the epochs in which the weight of the divergence then rises.
_UNUSED, _WARMUP = 0.9, 0.3


class CVAEInverter(LatentInverter):
    r"""Inverse design with a conditional variational autoencoder [1]_ [2]_.

    A decoder :math:`\mu(z, y)` turns normal latents into designs, an encoder :math:`q(z \mid x, y)` learns which
    latents a design may have come from, and both maximise

    .. math:: \mathbb E_q \log \mathcal N(x \mid \mu(z, y), \sigma^2) - w\, \mathrm{KL}(q \,\|\, \mathcal N(0, I)).

    The standard deviation :math:`\sigma` of each design variable is learnt [3]_. The published form fixes it and tunes
    the weight of the divergence for each task instead, and where that weight is too large the latents go unused. Where
    very many designs have one response they may go unused with any; a weight that rises in training helps then [4]_.
    A published loss of squared errors and w times the divergence is that of ``sigma=0.5**0.5, kl_weight=w``, and its
    draws are those of ``noisy=False`` [5]_.

    Parameters
    ----------
    n_latents : int, default=None
        Latent variables; None takes as many as there are design variables.
    kl_weight : float, default=1.0
        Weight *w* of the divergence; 1 is the bound on the likelihood.
    kl_warmup : float or "auto", default="auto"
        Share of the epochs in which the weight rises from zero. "auto" is none, unless :meth:`fit` ends with latents
        that go unused, the learnt :math:`\sigma` being nearly the spread of the designs: it then trains once more with
        0.3, and keeps what has the better bound on held-out rows.
    sigma : float or array-like of shape (n_features,), default=None
        Standard deviation :math:`\sigma` of the decoder, in the units of the designs; None learns it.
    noisy : bool, default=True
        Whether draws have the decoder's noise :math:`\sigma` on them, as the model says. Without it, as published,
        they are nearer to their target and less spread than they should be.
    hidden_layer_sizes : int or array-like of int, default=(128, 128, 128)
        Of encoder and decoder each.
    activation : str, default="silu"
        As for :class:`~skinverse.ForwardRegressor`.
    max_epochs : int, default=None
        Passes over the rows, at most; None is as many as make 10,000 steps, between 20 and 500.
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

    References
    ----------
    .. [1] K. Sohn, H. Lee, X. Yan, "Learning structured output representation using deep conditional generative
       models", NeurIPS 2015.
    .. [2] W. Ma et al., "Probabilistic representation and inverse design of metamaterials based on a deep generative
       model with semi-supervised learning strategy", Adv. Mater. 31, 2019. https://doi.org/10.1002/adma.201901111
    .. [3] O. Rybkin, K. Daniilidis, S. Levine, "Simple and effective VAE training with calibrated decoders",
       ICML 2021. https://arxiv.org/abs/2006.13202
    .. [4] S. R. Bowman et al., "Generating sentences from a continuous space", CoNLL 2016.
       https://arxiv.org/abs/1511.06349
    .. [5] S. Ren, W. Padilla and J. Malof, "Benchmarking deep inverse models over time, and the
       neural-adjoint method", NeurIPS 2020. https://arxiv.org/abs/2009.12919

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse import CVAEInverter
    >>> X = np.random.RandomState(0).normal(size=(500, 2))
    >>> inverter = CVAEInverter(hidden_layer_sizes=(32,), max_epochs=30, lr=3e-3, random_state=0)
    >>> designs = inverter.fit(X, X.sum(axis=1)).inverse(1.0, n=500)[0]
    >>> bool(abs(designs.sum(axis=1).mean() - 1) < 0.2)
    True
    """

    _parameter_constraints = {
        **LatentInverter._training_constraints,
        "n_latents": [Interval(Integral, 1, None, closed="left"), None],
        "kl_weight": [Interval(Real, 0, None, closed="left")],
        "kl_warmup": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "sigma": [Interval(Real, 0, None, closed="neither"), "array-like", None],
        "noisy": ["boolean"],
    }

    def __init__(
        self,
        n_latents=None,
        *,
        kl_weight=1.0,
        kl_warmup="auto",
        sigma=None,
        noisy=True,
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
        self.n_latents = n_latents
        self.kl_weight = kl_weight
        self.kl_warmup = kl_warmup
        self.sigma = sigma
        self.noisy = noisy
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
        return StochasticLoss(seed, warm_up=self._warmup)

    def _train(self, x, condition, seed, start=None, partial=False):
        if start is None:
            self._warmup = 0.0 if self.kl_warmup == "auto" else self.kl_warmup
        super()._train(x, condition, seed, start=start, partial=partial)
        if self.kl_warmup != "auto" or start is not None or partial or self.net_.interrupted_:
            return
        if self._leaves_latents_unused():
            first = self.net_, self.module_, self.n_iter_
            self._warmup = _WARMUP
            super()._train(x, condition, seed)
            if lowest_loss(first[0]) <= lowest_loss(self.net_):
                self.net_, self.module_, self.n_iter_ = first
                self._warmup = 0.0

    def _leaves_latents_unused(self):
        return self.sigma is None and float(self.module_.log_scale.detach().exp().mean()) > _UNUSED

    def _given_sigma(self, d):
        """In standard deviations of the designs, (d,), or None."""
        if self.sigma is None:
            return None
        sigma = one_for_each_variable(self.sigma, "sigma", d)
        return torch.tensor(sigma / self.x_scale_, dtype=torch.float32)

    def _make_module(self, x, condition, generator):
        d = x.shape[1]
        return ConditionalVAE(
            d,
            condition.shape[1],
            d if self.n_latents is None else self.n_latents,
            layer_sizes(self.hidden_layer_sizes),
            self.activation,
            kl_weight=self.kl_weight,
            kl_warmup=self._warmup,
            sigma=self._given_sigma(d),
            noisy=self.noisy,
            generator=generator,
        )
