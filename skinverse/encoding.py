"""Encoders of designs: images as points of a small latent box."""

from copy import deepcopy

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from torch.utils.data import TensorDataset

from skinverse.nets.gan import SCALE, BlockAverages, Discriminator, Generator, SoftDecoder
from skinverse.nets.mlp import MLP
from skinverse.persistence import SaveMixin
from skinverse.samplers import SobolSampler
from skinverse.solvers import LevenbergMarquardtSolver
from skinverse.solvers.base import device_of
from skinverse.spaces import DesignSpace
from skinverse.targets import Targets
from skinverse.training.adversarial import train_gan
from skinverse.training.losses import SquaredError
from skinverse.training.net import make_net
from skinverse.utils.chunks import chunks
from skinverse.utils.devices import resolve_device
from skinverse.utils.doc_links import DocLinkMixin
from skinverse.utils.otsu import otsu
from skinverse.utils.validation import (
    Integral,
    Interval,
    Real,
    StrOptions,
    check_array,
    check_is_fitted,
    check_random_state,
    fit_context,
    validate_data,
    validate_parameter_constraints,
)

# Pixels worked on at once, on a CPU and on a GPU; with 16 filters the widest layer holds four times as many values.
_MAX_PIXELS = {"cpu": 2**19, "cuda": 2**23}
# Generated images that the first guess of latents is learnt from, and the most steps that improve on it.
_N_EXAMPLES, _N_STEPS = 2048, 10
_ROUNDING = 1e-9  # by which latents may miss their box


class GANDesignEncoder(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, SaveMixin, DocLinkMixin, BaseEstimator
):
    r"""Binary images as latents of a generative adversarial network, both ways [1]_ [2]_.

    A generator *G* is trained against a discriminator until its images of latents uniform in :math:`[-1, 1]^{k^2}`
    pass for real ones. ``inverse_transform`` makes images of latents, ``transform`` finds latents of images, and
    ``TransformedDesignInverter(MDNInverter(), GANDesignEncoder())`` is the GAN-MDN.

    Parameters
    ----------
    latent_size : int, default=2
        Edge *k* of the latent grid: designs are images of 32 k x 32 k pixels, ``image.ravel()``, and have
        :math:`k^2` latents, the grid row by row.
    n_filters : int, default=16
        Filters of the layers next to the image; each layer farther away has twice as many. As published: 16, 32,
        64 and 128.
    collapse_weight, style_weight : float, default=1.0, 1.0
        Of two terms in the generator's loss: the first drives images of a batch apart, without which many latents
        may come to mean one image, the second ties their texture to that of the real ones, see Notes.
    threshold : {"otsu"}, float or None, default="otsu"
        Where the grey images of the generator are cut: by Otsu's method [3]_ each at its own value, or all at one
        grey. None leaves them grey. Greys are in [-1, 1], near 0 and 1 where the generator is sure.
    max_epochs : int, default=100
        Passes over the images.
    lr : float, default=1e-3
        Peak learning rate of Adam for the generator; it falls to zero as a cosine. The discriminator learns at
        half of it.
    batch_size : int, default=64
    device : str or torch.device, default="auto"
        "auto" is a CUDA GPU when there is one.
    net_params : dict, default=None
        Passed to the skorch net last.
    random_state : int, RandomState or None, default=None
        Governs `fit`. Neither direction draws random numbers.
    verbose : int, default=0
        1 shows bars of the epochs and, in :meth:`transform`, of the images, on standard error; 2 leaves them there.

    Attributes
    ----------
    generator_ : Module
        Latent grids (n, 1, k, k) to grey images (n, 1, 32 k, 32 k), in double precision.
    net_ : skorch.NeuralNet
        With both networks and the history; not after :meth:`from_generator`.
    n_iter_ : int
        Epochs trained; not after :meth:`from_generator`.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Only if the columns of `X` have names.

    See Also
    --------
    skinverse.TransformedDesignInverter : Inverters on encoded designs.
    skinverse.metrics.images.image_quality : Whether generated images are like real ones.

    Notes
    -----
    Otsu's method: of 256 bins between the least and the largest grey of an image, the one at which cutting leaves
    the largest variance between the two classes; a pixel is 1 if its grey is above the centre of that bin.

    The way back to latents: a perceptron guesses them from the image averaged over blocks of 4 x 4 pixels, and a
    Levenberg-Marquardt solver improves the guess inside the box, the misfit being the distance of the block
    averages of the grey image from those of the design, both shifted and scaled to mean 0 and norm 1, as Otsu's
    method does not heed shift and scale either. The perceptron is learnt from 2,048 generated images as soon as
    there is a generator. An image that no latents make gets those of a near one.

    Give a :class:`~skinverse.TransformedDesignInverter` the space ``[[0, 1]] * n_pixels``. Its default, the box of
    the training designs, pins every pixel that is the same in all of them.

    ``clone`` forgets what was learnt, and so a generator from :meth:`from_generator` too. To keep it, as in
    :class:`~skinverse.TransformedDesignInverter`, which clones its parts, wrap the encoder in
    :class:`sklearn.frozen.FrozenEstimator`.

    What the publications leave open of the losses is settled in
    :class:`skinverse.training.adversarial.AdversarialLoss`.

    References
    ----------
    .. [1] Z. Yang et al., "Microstructural materials design via deep adversarial learning methodology", J. Mech.
           Des. 140, 2018. https://arxiv.org/abs/1805.02791
    .. [2] Z. Yang et al., "A general framework combining generative adversarial networks and mixture density
           networks for inverse modeling in microstructural materials design", 2021.
           https://arxiv.org/abs/2101.10553
    .. [3] N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. Syst. Man Cybern. 9,
           1979.
           https://doi.org/10.1109/TSMC.1979.4310076

    Examples
    --------
    >>> from skinverse.encoding import GANDesignEncoder
    >>> from skinverse.simulators import MicrostructureAbsorber
    >>> X = MicrostructureAbsorber(32).sample_prior(60, random_state=0)
    >>> encoder = GANDesignEncoder(latent_size=1, n_filters=2, max_epochs=2, random_state=0).fit(X)
    >>> encoder.inverse_transform([[-0.7], [0.2]]).shape
    (2, 1024)
    >>> encoder.transform(X[:5]).shape
    (5, 1)
    """

    _parameter_constraints = {
        "latent_size": [Interval(Integral, 1, None, closed="left")],
        "n_filters": [Interval(Integral, 1, None, closed="left")],
        "collapse_weight": [Interval(Real, 0, None, closed="left")],
        "style_weight": [Interval(Real, 0, None, closed="left")],
        "threshold": [StrOptions({"otsu"}), Interval(Real, -1, 1, closed="neither"), None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "device": [str, torch.device],
        "net_params": [dict, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        latent_size=2,
        *,
        n_filters=16,
        collapse_weight=1.0,
        style_weight=1.0,
        threshold="otsu",
        max_epochs=100,
        lr=1e-3,
        batch_size=64,
        device="auto",
        net_params=None,
        random_state=None,
        verbose=0,
    ):
        self.latent_size = latent_size
        self.n_filters = n_filters
        self.collapse_weight = collapse_weight
        self.style_weight = style_weight
        self.threshold = threshold
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.device = device
        self.net_params = net_params
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Train the generator.

        Parameters
        ----------
        X : array-like of shape (n_samples, (32 * latent_size)**2)
            Images of zeros and ones, row by row.
        y : None
            Ignored.

        Returns
        -------
        self : GANDesignEncoder
        """
        X = validate_data(
            self, X, dtype=np.float64, order="C", ensure_min_samples=2, ensure_non_negative=True
        )
        edge = SCALE * self.latent_size
        if X.shape[1] != edge**2:
            raise ValueError(
                f"latent_size={self.latent_size} is for images of {edge} x {edge} pixels, {edge**2} features, got "
                f"{X.shape[1]} feature(s). Images need an edge of {SCALE} * latent_size pixels."
            )
        if not ((X == 0) | (X == 1)).all():
            raise ValueError(
                f"X must hold images of zeros and ones, got values from {X.min():g} to {X.max():g}. "
                "Threshold grey images first."
            )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        draw, device = torch.Generator().manual_seed(seed), resolve_device(self.device)
        generator = Generator(self.n_filters, generator=draw)
        self.net_ = train_gan(
            generator,
            Discriminator(self.latent_size, self.n_filters, generator=draw),
            torch.tensor(2 * X.reshape(-1, 1, edge, edge) - 1, dtype=torch.float32, device=device),
            latent_size=self.latent_size,
            collapse_weight=self.collapse_weight,
            style_weight=self.style_weight,
            max_epochs=self.max_epochs,
            lr=self.lr,
            batch_size=self.batch_size,
            seed=seed,
            device=device,
            verbose=self.verbose,
            net_params=self.net_params,
        )
        self.n_iter_ = len(self.net_.history)
        self._take(generator, seed)
        return self

    @classmethod
    def from_generator(cls, weights, latent_size=2, *, threshold="otsu", device="auto"):
        """Fitted encoder with a generator trained elsewhere.

        Parameters
        ----------
        weights : mapping of str to array-like, str or path
            As for :meth:`skinverse.nets.gan.Generator.from_arrays`, or where an .npz file of them lies.
        latent_size : int, default=2
            The same weights serve any.
        threshold : {"otsu"}, float or None, default="otsu"
        device : str or torch.device, default="auto"

        Returns
        -------
        encoder : GANDesignEncoder
        """
        if not hasattr(weights, "keys"):
            with np.load(weights) as archive:
                weights = dict(archive)
        generator = Generator.from_arrays(weights)
        encoder = cls(latent_size, n_filters=generator.n_filters, threshold=threshold, device=device)
        validate_parameter_constraints(cls._parameter_constraints, encoder.get_params(), cls.__name__)
        encoder.n_features_in_ = (SCALE * latent_size) ** 2
        encoder._take(generator, seed=0)
        return encoder

    def _take(self, generator, seed):
        """Keep a generator, and learn to guess the latents of its images."""
        device = resolve_device(self.device)
        # In double precision an image does not depend on what else is in the batch.
        self.generator_ = deepcopy(generator).to(device, torch.float64).eval().requires_grad_(False)
        self._averages = BlockAverages(deepcopy(self.generator_).float(), self.latent_size)
        Z = 2 * SobolSampler().sample(_N_EXAMPLES, self._n_features_out, seed) - 1
        blocks, cuts = [], []
        for grey in self._grey(Z, self._averages.generator):
            cuts.append(otsu(grey))
            blocks.append(self._averages.of_images(grey > cuts[-1]))
        blocks, self._usual_cut = torch.cat(blocks), float(torch.cat(cuts).mean())
        guess = MLP(blocks.shape[1], Z.shape[1], (256, 256), generator=torch.Generator().manual_seed(seed))
        net = make_net(
            guess,
            SquaredError(),
            optimizer="adam",
            lr=2e-3,
            max_epochs=40,
            batch_size=64,
            seed=seed,
            device=device,
            verbose=self.verbose,
        )
        net.fit(TensorDataset(_as_inputs(blocks), torch.tensor(Z, dtype=torch.float32, device=device)))
        self._guess = guess.eval().requires_grad_(False)

    def inverse_transform(self, Z):
        """Images of latents.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_size**2)
            Values in [-1, 1], where the generator was trained; others are an error. Inverters stay in the box of
            the latents they are fitted to unless given another `space`.

        Returns
        -------
        X : ndarray of shape (n_samples, (32 * latent_size)**2)
            Zeros and ones; greys in [-1, 1] with ``threshold=None``.
        """
        check_is_fitted(self)
        Z = check_array(Z, dtype=np.float64, order="C", input_name="Z")
        if Z.shape[1] != self._n_features_out:
            raise ValueError(
                f"Z must have latent_size**2 = {self._n_features_out} columns, got {Z.shape[1]}."
            )
        if (np.abs(Z) > 1 + _ROUNDING).any():
            raise ValueError(
                f"Z must lie in [-1, 1], where the generator was trained, got {Z.min():g} to {Z.max():g}. "
                f"Clip them, or pass an inverter the space [[-1, 1]] * {self._n_features_out}."
            )
        return torch.cat([self._cut(grey).cpu() for grey in self._grey(Z, self.generator_)]).numpy()

    @torch.no_grad()
    def _grey(self, Z, generator):
        """Grey images (n, pixels) of latents, a few at a time."""
        like = next(generator.parameters())
        for rows in chunks(len(Z), _n_at_once(like.device, self.n_features_in_)):
            z = torch.tensor(Z[rows]).to(like).view(-1, 1, self.latent_size, self.latent_size)
            yield generator(z).flatten(1)

    def _cut(self, grey):
        if self.threshold is None:
            return grey
        return (grey > (otsu(grey) if self.threshold == "otsu" else self.threshold)).to(grey.dtype)

    @property
    def decoder_(self):
        """Module of latents to images in [0, 1] whose edges are soft, to be differentiated.

        In the place of a threshold of its own for each image it has their mean, so as to be smooth.
        """
        check_is_fitted(self)
        cut = self._usual_cut if self.threshold == "otsu" else self.threshold
        return SoftDecoder(deepcopy(self.generator_).float(), self.latent_size, cut)

    def transform(self, X):
        """Latents of images.

        Parameters
        ----------
        X : array-like of shape (n_samples, (32 * latent_size)**2)
            Images. They need not be binary, but are matched up to shift and scale of their values.

        Returns
        -------
        Z : ndarray of shape (n_samples, latent_size**2)
            In [-1, 1].
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, order="C", reset=False)
        device = device_of(self.generator_)
        batch_size = _n_at_once(device, self.n_features_in_)
        solver = LevenbergMarquardtSolver(_N_STEPS, batch_size=batch_size)
        box = DesignSpace(np.tile([-1.0, 1.0], (self._n_features_out, 1)))
        parts = []
        for rows in chunks(len(X), batch_size, unit="image", verbose=self.verbose):
            blocks = self._averages.of_images(torch.tensor(X[rows], device=device))
            wanted = blocks.cpu().numpy()
            starts = self._guess(_as_inputs(blocks)).double().cpu().numpy()
            result = solver.solve(
                self._averages, Targets(wanted, wanted), starts, box, y_scale=np.ones(wanted.shape[1])
            )
            parts.append(result.x)
        return np.concatenate(parts)

    @property
    def _n_features_out(self):
        return self.latent_size**2

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags


def _n_at_once(device, n_pixels):
    """Images of `n_pixels` to be worked on together."""
    return max(1, _MAX_PIXELS.get(device.type, _MAX_PIXELS["cpu"]) // n_pixels)


def _as_inputs(blocks):
    """Block averages (n, m) of norm 1 as inputs of a net: of variance 1, in single precision."""
    return (blocks * blocks.shape[1] ** 0.5).float()
