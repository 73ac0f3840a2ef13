"""iPage: posterior draws on maximin latents, localised by the gradient of a forward model."""

from skinverse.inverters.autoregressive import AutoregressiveInverter
from skinverse.inverters.inn import INNInverter
from skinverse.localized import LocalizedInverter, pool_size, proposals_of
from skinverse.samplers import LHSSampler
from skinverse.solvers import GradientSolver
from skinverse.utils.validation import LAYER_SIZES, HasMethods, Integral, Interval, StrOptions
from skinverse.utils.warm_start import fit_after

# A twentieth of the work of a maximin design gets nearly all of its distance in a hundredth of the time.
_EFFORT = 0.05
# Design variables up to which "auto" trains a network for each.
_MOST_AUTOREGRESSIVE = 16
# Parameters handed on to any network, and to couplings only.
_NETWORKS = (
    "hidden_layer_sizes",
    "activation",
    "max_epochs",
    "lr",
    "batch_size",
    "device",
    "net_params",
    "verbose",
)
_COUPLINGS = ("peak_weights", "curve", "n_blocks", "n_latents", "n_padding")


class IPageInverter(LocalizedInverter):
    r"""Intelligent localisation with exploratory sampling (iPage) [1]_.

    1. *Training.* An invertible network learns which designs belong to a response, and a forward model the response of
       a design.
    2. *Inference.* Latents that fill their space evenly, a maximin Latin hypercube, are turned into posterior draws
       :math:`\hat x = f^{-1}(y^*, z)`.
    3. *Localisation.* A solver moves each draw, along the gradient of the forward model, to the solution next to it.

    Draws start within a step or two of a solution and lie on all branches, those that get stuck are replaced, and
    designs come best first.

    The published network is one chain of affine couplings :math:`x \leftrightarrow [y, z]`, trained in both directions
    at once, whose forward half is the forward model: ``training="bidirectional", forward_model="network"``, or
    :meth:`as_published` with all settings of the paper. The defaults differ: an autoregressive flow whose latent is the
    very cube that the hypercube fills, trained by maximum likelihood, and a forward model of its own, of which
    nothing is asked but accuracy.

    Parameters
    ----------
    network : {"auto", "autoregressive", "affine", "spline"}, default="auto"
        "autoregressive" is the flow of :class:`~skinverse.AutoregressiveInverter`, for few design variables; "affine"
        and "spline" are the bijections of :class:`~skinverse.INNInverter`. "auto" is "autoregressive" up to 16
        design variables if training is by likelihood, and "affine" otherwise. For any other proposal method see
        :class:`~skinverse.RefinedInverter`.
    training : {"likelihood", "bidirectional"}, default="likelihood"
        "bidirectional" minimises misfit and discrepancies of both directions under the dynamic schedule of the paper;
        it needs couplings.
    forward_model : regressor or "network", default=None
        Localises and judges. "network" is the forward half of the bijection; a regressor as for
        :class:`~skinverse.NeuralAdjoint`, with the same default.
    solver : solver, default=None
        None is :class:`~skinverse.solvers.LevenbergMarquardtSolver`.
    sampler : sampler, default=None
        Fills the unit cube of latents, which the normal quantile carries to normal latents where the network has
        those. None is ``LHSSampler("maximin")`` with little effort.
    n_proposals : int, default=None
        Latents for each target; None takes a twentieth more than designs are asked for, at least 64, and at least
        1000 when ``select="diverse"``.
    max_redraws : int, default=10
        Rounds in which proposals that got stuck are replaced.
    select : {"best", "diverse"} or callable, default="best"
        As for :class:`~skinverse.NeuralAdjoint`. "diverse" finds every branch even with few designs.
    anchor : {"auto"} or bool, default="auto"
        As for :class:`~skinverse.NeuralAdjoint`.
    peak_weights : tuple of three float, default=(10, 50, 10)
    curve : {"cosine", "linear"}, default="cosine"
        The dynamic schedule of bidirectional training, as for :class:`~skinverse.INNInverter`.
    n_blocks : int, default=6
        Coupling blocks.
    n_latents : int, default=None
    n_padding : int, default=2
        As for :class:`~skinverse.INNInverter`.
    hidden_layer_sizes : int or array-like of int, default=None
        Of each network inside; None is (128, 128, 128) for the autoregressive flow and (128, 128) for couplings.
    activation : str, default="silu"
        As for :class:`~skinverse.ForwardRegressor`.
    max_epochs : int, default=None
        Passes over the rows, at most; None is as many as make 10,000 steps for the autoregressive flow and 5,000 for
        couplings, between 20 and 500.
    lr : float, default=1e-3
        Peak learning rate of Adam; it falls to zero as a cosine.
    batch_size : int, default=256
        At most a tenth of the rows, but for the smallest tables.
    space : DesignSpace or array-like of shape (n_features, 2), default=None
        Allowed designs; None is the box of the training designs.
    device : str or torch.device, default="auto"
        "auto" is a CUDA GPU when there is one.
    net_params : dict, default=None
        Passed to the skorch nets last.
    random_state : int, RandomState or None, default=None
        Governs `fit`, and `inverse` where that is given none.
    verbose : int, default=0
        1 shows bars of the epochs and, in :meth:`inverse`, of the targets, on standard error; 2 leaves them there.

    Attributes
    ----------
    inverter_ : AutoregressiveInverter or INNInverter
        The network, with ``inverse`` and, as the case may be, ``score_samples`` or ``predict``.
    forward_model_ : regressor
        What localised; ``forward_model_.predict`` predicts responses.
    anchored_ : bool
        What `anchor` came to.

    Notes
    -----
    The info bunch of :meth:`inverse` also holds `latent`, the point of the unit cube that a design began as,
    `proposal`, the posterior draw it became, and `expected_error` and `at_bound` as for
    :class:`~skinverse.NeuralAdjoint`.

    What the paper leaves open, and is decided here: both sides of the bijection are padded by `n_padding`; variables
    and responses are standardised; latents go through the normal quantile; the weights of the losses pass into each
    other along a cosine and have the peaks of :class:`~skinverse.INNInverter`; designs stay in the box.

    References
    ----------
    .. [1] J. Zhang, S. Bi and V. Fung, "Accelerating inverse learning via intelligent localization with exploratory
       sampling", AAAI 2023. https://doi.org/10.1609/aaai.v37i12.26725

    Examples
    --------
    >>> from skinverse import ForwardRegressor, IPageInverter
    >>> from skinverse.datasets import make_sine_wave
    >>> from skinverse.simulators import SineWave
    >>> X, y = make_sine_wave(500, random_state=0)
    >>> surrogate = ForwardRegressor((32,), max_epochs=30)
    >>> inverter = IPageInverter(
    ...     forward_model=surrogate, hidden_layer_sizes=(32,), max_epochs=20, random_state=0
    ... ).fit(X, y)
    >>> designs, info = inverter.inverse(0.5, n=5, return_info=True)
    >>> bool(abs(SineWave()(designs[0]) - 0.5).max() < 0.1), info.latent.shape
    (True, (1, 5, 2))
    """

    _parameter_constraints = {
        **{name: INNInverter._training_constraints[name] for name in _NETWORKS},
        "sampler": INNInverter._training_constraints["sampler"],
        **LocalizedInverter._localization_constraints,
        "network": [StrOptions({"auto", "autoregressive", "affine", "spline"})],
        "training": [StrOptions({"likelihood", "bidirectional"})],
        "forward_model": [HasMethods(["fit", "predict"]), StrOptions({"network"}), None],
        "hidden_layer_sizes": [*LAYER_SIZES, None],
        "n_proposals": [Interval(Integral, 1, None, closed="left"), None],
        **{name: INNInverter._parameter_constraints[name] for name in _COUPLINGS},
    }

    def __init__(
        self,
        network="auto",
        *,
        training="likelihood",
        forward_model=None,
        solver=None,
        sampler=None,
        n_proposals=None,
        max_redraws=10,
        select="best",
        anchor="auto",
        peak_weights=(10, 50, 10),
        curve="cosine",
        n_blocks=6,
        n_latents=None,
        n_padding=2,
        hidden_layer_sizes=None,
        activation="silu",
        max_epochs=None,
        lr=1e-3,
        batch_size=256,
        space=None,
        device="auto",
        net_params=None,
        random_state=None,
        verbose=0,
    ):
        self.network = network
        self.training = training
        self.forward_model = forward_model
        self.solver = solver
        self.sampler = sampler
        self.n_proposals = n_proposals
        self.max_redraws = max_redraws
        self.select = select
        self.anchor = anchor
        self.peak_weights = peak_weights
        self.curve = curve
        self.n_blocks = n_blocks
        self.n_latents = n_latents
        self.n_padding = n_padding
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

    @classmethod
    def as_published(cls, *, n_steps=300, lr_localization=1e-3, **params):
        """The method with the settings of the paper, as far as it gives them.

        Affine couplings trained in both directions under the dynamic schedule, whose forward half localises by
        Adam; best-of-five maximin latents, one for each design asked for; no redrawing, no correction at the
        training rows. Sizes, epochs and rates are those for the sine wave (Table 5).

        Parameters
        ----------
        n_steps : int, default=300
            Steps of Adam. The paper gives no number; this is Neural Adjoint's.
        lr_localization : float, default=1e-3
            In units of the box's edges.
        **params
            Other parameters of the constructor.
        """
        settings = {
            "network": "affine",
            "training": "bidirectional",
            "forward_model": "network",
            "solver": GradientSolver(n_steps, lr=lr_localization, schedule="constant"),
            "sampler": LHSSampler("maximin", optimizer="best-of"),
            "n_proposals": 1,
            "max_redraws": 0,
            "anchor": False,
            "n_blocks": 4,
            "hidden_layer_sizes": (128, 128, 128),
            "activation": "relu",
            "max_epochs": 1000,
            "batch_size": 1024,
        }
        return cls(**{**settings, **params})

    def _fit(self, X, y, random_state, warm=False):
        inverter = self._make_inverter(X.shape[1], random_state.randint(2**31 - 1))
        fitted = getattr(self, "inverter_", None)
        self.inverter_ = fit_after(inverter, fitted, X, self._as_given(y), warm=warm)
        self._fit_localizer(X, y, random_state, warm)

    def _make_inverter(self, n_features, seed):
        network = self.network
        if network == "auto":
            few = n_features <= _MOST_AUTOREGRESSIVE
            network = "autoregressive" if few and self.training == "likelihood" else "affine"
        if network == "autoregressive" and self.training == "bidirectional":
            raise ValueError(
                "training='bidirectional' needs a network that maps designs to responses and back, but "
                "network='autoregressive' maps latents to designs. Take network='affine' or 'spline'."
            )
        if network == "autoregressive" and isinstance(self.forward_model, str):
            raise ValueError(
                "forward_model='network' needs a network with a forward half, which network='autoregressive' has not. "
                "Take network='affine' or 'spline', or forward_model=None."
            )
        settings = {name: getattr(self, name) for name in _NETWORKS}
        if self.hidden_layer_sizes is None:
            del settings["hidden_layer_sizes"]
        settings["sampler"] = LHSSampler("maximin", effort=_EFFORT) if self.sampler is None else self.sampler
        settings |= {"space": self.space_, "random_state": seed}
        if network == "autoregressive":
            return AutoregressiveInverter(**settings)
        settings |= {name: getattr(self, name) for name in _COUPLINGS}
        loss = "mle" if self.training == "likelihood" else "bidirectional"
        return INNInverter(loss, coupling=network, **settings)

    def _make_forward_model(self, X, y, random_state, warm):
        if isinstance(self.forward_model, str):
            return ForwardHalfModel(self.inverter_)
        return super()._make_forward_model(X, y, random_state, warm)

    def _proposals(self, n, space, seeds):
        pool = pool_size(n, self.n_proposals, 1000 if self.select == "diverse" else 64)
        return pool, proposals_of(self.inverter_, n, pool, space, seeds)


class ForwardHalfModel:
    """The forward half of an invertible network as a fitted forward model.

    Parameters
    ----------
    inverter : INNInverter
        Fitted.
    """

    def __init__(self, inverter):
        self.module_ = inverter.forward_module_
        self.predict = inverter.predict
