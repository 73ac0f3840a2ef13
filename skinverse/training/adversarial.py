"""Generative adversarial training through skorch: two networks, one optimizer, two steps a batch."""

import torch
from skorch.callbacks import PassthroughScoring
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from skinverse.training.batches import TensorBatches
from skinverse.training.callbacks import CosineSchedule, StopOnNonFiniteLoss
from skinverse.training.interruption import InterruptibleNet

# Learning rate of the discriminator, as a share of the generator's. At the same rate it tells all generated images
# in a few epochs, after which the generator is driven by the other terms of its loss alone.
_SLOWER = 0.5


class AdversarialLoss(nn.Module):
    r"""What each network minimises, given a discriminator *D* that also returns its feature maps.

    The discriminator: :math:`-\log \sigma(D(x)) - \log(1 - \sigma(D(G(z))))`, averaged over real images *x* and
    latents *z* [1]_. The generator: :math:`-\log \sigma(D(G(z)))`, the form of its loss whose gradient does not
    vanish while the discriminator wins, and

    - `collapse_weight` times the pulling-away term [2]_, the mean over all pairs of different images of a batch of
      :math:`\cos^2(s_i, s_j)`, with *s* the last feature map of a generated image;
    - `style_weight` times the mean over layers and entries of :math:`(\bar g_{G(z)} - \bar g_x)^2`, where
      :math:`\bar g` is the Gram matrix of a layer's features [3]_ averaged over the batch.

    The GAN of the GAN-MDN paper has both terms [4]_. What that paper leaves open is settled so: features are those
    of the discriminator, which come free and know the images at hand; real and generated images share a batch, and
    so its normalisation, which would hide what distinguishes their means if they were normalised apart; Gram
    matrices are compared as means over the batch, since no generated image is a copy of a certain real one.

    Parameters
    ----------
    collapse_weight, style_weight : float

    References
    ----------
    .. [1] I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014. https://arxiv.org/abs/1406.2661
    .. [2] J. Zhao, M. Mathieu, Y. LeCun, "Energy-based generative adversarial network", ICLR 2017.
           https://arxiv.org/abs/1609.03126
    .. [3] L. A. Gatys, A. S. Ecker, M. Bethge, "A neural algorithm of artistic style", 2015.
           https://arxiv.org/abs/1508.06576
    .. [4] Z. Yang et al., "Microstructural materials design via deep adversarial learning methodology", J. Mech.
           Des. 140, 2018. https://arxiv.org/abs/1805.02791
    """

    def __init__(self, collapse_weight=0.0, style_weight=0.0):
        super().__init__()
        self.collapse_weight, self.style_weight = collapse_weight, style_weight

    def of_discriminator(self, discriminator, real: Tensor, generated: Tensor) -> Tensor:
        """Cross-entropy of telling `real` from `generated` images, both (n, 1, size, size)."""
        log_odds, _ = discriminator(torch.cat([real, generated]))
        for_real, for_generated = log_odds.split([len(real), len(generated)])
        return F.softplus(-for_real).mean() + F.softplus(for_generated).mean()

    def of_generator(self, discriminator, real: Tensor, generated: Tensor) -> Tensor:
        """What the generator of the images `generated` minimises."""
        log_odds, features = discriminator(torch.cat([real, generated]))
        loss = F.softplus(-log_odds[len(real) :]).mean()
        if self.collapse_weight:
            loss = loss + self.collapse_weight * pulling_away(features[-1][len(real) :])
        if self.style_weight:
            grams = [gram(f).split([len(real), len(generated)]) for f in features]
            style = [F.mse_loss(made.mean(dim=0), wanted.mean(dim=0)) for wanted, made in grams]
            loss = loss + self.style_weight * torch.stack(style).mean()
        return loss


def gram(features: Tensor) -> Tensor:
    """Gram matrices (n, c, c) of feature maps (n, c, h, w): mean products of channels over places."""
    f = features.flatten(2)
    return f @ f.mT / f.shape[2]


def pulling_away(features: Tensor) -> Tensor:
    """Mean squared cosine between the features (n, ...) of different images: 1 if all are alike."""
    unit = F.normalize(features.flatten(1), dim=1)
    n = len(unit)
    return ((unit @ unit.T).square().sum() - n) / max(n * (n - 1), 1)


class Adversaries(nn.ModuleDict):
    """A generator and a discriminator, by these names."""


class AdversarialNet(InterruptibleNet):
    """skorch net that trains a generator against a discriminator.

    Its module holds both by these names, its dataset nothing but images. The optimizer holds all parameters, and a
    step moves those of one network alone, as only these have gradients. In every batch the discriminator takes a
    step, then the generator, on the same generated images; `train_loss` is the generator's, `discriminator_loss`
    the other.

    Parameters
    ----------
    latent_size : int
        Edge of the grid of latents, which are uniform in (-1, 1).
    seed : int
        Determines the latents.
    """

    def __init__(self, *args, latent_size, seed, **kwargs):
        super().__init__(*args, **kwargs)
        self.latent_size = latent_size
        self.seed = seed

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        super().on_train_begin(net, X, y, **kwargs)
        self.latents_ = torch.Generator().manual_seed(self.seed)

    def train_step(self, batch, **fit_params):
        (real,) = batch
        z = 2 * torch.rand(len(real), 1, self.latent_size, self.latent_size, generator=self.latents_) - 1
        generator, discriminator = self.module_["generator"], self.module_["discriminator"]
        generated = generator(z.to(real))
        loss = self.criterion_.of_discriminator(discriminator, real, generated.detach())
        self._move(discriminator, loss)
        self.history.record_batch("discriminator_loss", loss.item())
        loss = self.criterion_.of_generator(discriminator, real, generated)
        self._move(generator, loss)
        return {"loss": loss.detach(), "y_pred": None}

    def _move(self, network, loss):
        """Step of the optimizer down the gradient of `loss` by the parameters of `network`."""
        self.optimizer_.zero_grad(set_to_none=True)
        parameters = list(network.parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        self.optimizer_.step()


def train_gan(
    generator,
    discriminator,
    images,
    *,
    latent_size,
    collapse_weight=0.0,
    style_weight=0.0,
    max_epochs=100,
    lr=1e-3,
    batch_size=64,
    seed=0,
    device="cpu",
    verbose=0,
    net_params=None,
):
    """skorch net fitted to images; both networks are trained in place where they lie on `device`.

    Adam with :math:`\\beta_1 = 0.5`, as is usual for convolutional GANs [1]_.

    Parameters
    ----------
    generator, discriminator : Module
        Latent grids (n, 1, k, k) to images, images to log-odds and feature maps.
    images : Tensor of shape (n, 1, size, size)
        On `device`, with the values that the generator should make.
    latent_size : int
        Edge *k* of the latent grid.
    collapse_weight, style_weight : float
        As for :class:`AdversarialLoss`.
    max_epochs, batch_size : int
    lr : float
        Peak learning rate of the generator; it falls to zero over `max_epochs` as a cosine. That of the
        discriminator is half of it.
    seed : int, default=0
        Determines the order of the images and the latents.
    device : str or torch.device, default="cpu"
    verbose : int, default=0
        1 shows a bar of the epochs on standard error, 2 leaves it there.
    net_params : dict, optional
        Passed to skorch last, above everything else; its "callbacks" are added, not put in place.

    Returns
    -------
    net : AdversarialNet

    References
    ----------
    .. [1] A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep convolutional
           generative adversarial networks", ICLR 2016. https://arxiv.org/abs/1511.06434
    """
    net_params = dict(net_params or {})
    if net_params.pop("accelerator", None) is not None:
        raise ValueError(
            "A GAN cannot be trained by several processes, as its batch normalisation wants whole batches. Leave "
            "'accelerator' out of net_params."
        )
    params = dict(
        module=Adversaries({"generator": generator, "discriminator": discriminator}),
        criterion=AdversarialLoss(collapse_weight, style_weight),
        latent_size=latent_size,
        seed=seed,
        optimizer=torch.optim.Adam,
        optimizer__betas=(0.5, 0.999),
        optimizer__param_groups=[("discriminator.*", {"lr": _SLOWER * lr})],
        lr=lr,
        max_epochs=max_epochs,
        batch_size=batch_size,
        iterator_train=TensorBatches,
        iterator_train__generator=torch.Generator().manual_seed(seed),
        train_split=None,
        device=str(device),
        verbose=0,
        bars=verbose,
        callbacks=[
            ("finite", StopOnNonFiniteLoss()),
            ("schedule", CosineSchedule()),
            ("discriminator", PassthroughScoring("discriminator_loss", on_train=True)),
            *net_params.pop("callbacks", ()),
        ],
    )
    return AdversarialNet(**{**params, **net_params}).fit(TensorDataset(images))
