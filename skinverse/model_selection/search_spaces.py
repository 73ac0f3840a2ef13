"""Settings of inverters and surrogates that are worth a search, and their ranges."""

from scipy.stats import loguniform, randint

from skinverse.compose import RefinedInverter
from skinverse.gaussian_process import ForwardGaussianProcess
from skinverse.image_surrogate import ImageRegressor
from skinverse.inverters import (
    AutoregressiveInverter,
    BayesOptInverter,
    CINNInverter,
    CVAEInverter,
    FlowMatchingInverter,
    INNInverter,
    IPageInverter,
    MDNInverter,
    NearestDesignInverter,
    NeuralAdjoint,
    PriorInverter,
    TandemInverter,
)
from skinverse.surrogate import ForwardRegressor

# Half a decade to either side of the defaults of Adam, 1e-3, and of SOAP, 3e-3. Beyond, training crawls or diverges.
_ADAM, _SOAP, _EITHER = loguniform(3e-4, 3e-3), loguniform(1e-3, 1e-2), loguniform(5e-4, 5e-3)
# Narrower starves the network, wider costs four times the work of the default a step.
_WIDTHS = [(64, 64), (128, 128), (128, 128, 128), (256, 256, 256)]
_COUPLING_WIDTHS = [(64, 64), (128, 128), (256, 256)]
# Of Levenberg-Marquardt, whose work grows with the fourth power of the width.
_SMALL_WIDTHS = [(8, 8), (12, 12), (16, 16), (24, 24)]
# From what converges on easy targets to what finds every branch.
_POOLS = [64, 256, 1024]
_SELECT = ["best", "diverse"]


def search_space(estimator, *, kind="scipy"):
    """Settings of an inverter or surrogate that are worth a search, and where to look for them.

    There are one to five for each estimator, in ranges about the default: size of the networks and learning rate, and
    what is particular to the method. Not among them is what a search should not buy: `max_epochs` and `n_members`, of
    which more is better and dearer; what held-out rows settle in `fit`; and what says which designs are allowed.

    Parameters
    ----------
    estimator : estimator
        Inverter, surrogate, or what holds some: a :class:`~skinverse.RefinedInverter`, a
        :class:`~skinverse.TransformedDesignInverter`, a Pipeline. Settings of parts have nested names, as
        ``inverter__n_components``. A part that is None is not searched: hand over the `forward_model` to search it.
        How some are set says which others matter: Levenberg-Marquardt has no `lr`.
    kind : {"scipy", "optuna"}, default="scipy"
        "scipy" is for :class:`sklearn.model_selection.RandomizedSearchCV`: lists, and distributions with ``rvs``.
        "optuna" is the same space in Optuna's distributions, for ``OptunaSearchCV`` of ``optuna-integration``; Optuna
        warns that widths are tuples, which its databases cannot hold.

    Returns
    -------
    space : dict {name of a parameter: list or distribution}

    Examples
    --------
    >>> from skinverse import MDNInverter, NearestDesignInverter, RefinedInverter
    >>> from skinverse.model_selection import search_space
    >>> search_space(NearestDesignInverter())
    {'local_linear': [False, True]}
    >>> sorted(search_space(RefinedInverter(MDNInverter())))    # doctest: +NORMALIZE_WHITESPACE
    ['inverter__covariance_type', 'inverter__hidden_layer_sizes', 'inverter__lr', 'inverter__n_components',
     'n_proposals', 'select']
    """
    if kind not in ("scipy", "optuna"):
        raise ValueError(f"kind must be 'scipy' or 'optuna', got {kind!r}.")
    space = _own_space(estimator)
    for name, part in estimator.get_params(deep=True).items():
        space.update({f"{name}__{key}": values for key, values in _own_space(part).items()})
    if not space:
        known = ", ".join(sorted(cls.__name__ for cls in _SPACES))
        raise TypeError(
            f"Nothing is known of what to search in {type(estimator).__name__}. Pass one of {known}, or what holds one."
        )
    return space if kind == "scipy" else {name: _as_optuna(values) for name, values in space.items()}


def _own_space(estimator):
    """Space of an estimator without its parts; empty where none is known."""
    for cls in type(estimator).__mro__:
        if cls in _SPACES:
            space = _SPACES[cls](estimator)
            return {name: list(v) if isinstance(v, list) else v for name, v in space.items()}
    return {}


def _as_optuna(values):
    from optuna import distributions

    if isinstance(values, list):
        return distributions.CategoricalDistribution(values)
    low, high = values.support()
    if values.dist.name == "randint":
        return distributions.IntDistribution(int(low), int(high))
    return distributions.FloatDistribution(low, high, log=True)


def _of_regressor(model):
    # "auto" weighs Levenberg-Marquardt itself, where it is affordable, and picks network and activation for it.
    if model.optimizer == "auto":
        return {"optimizer": ["auto", "soap", "adam"], "lr": _EITHER}
    if model.optimizer == "lm":
        return {"hidden_layer_sizes": _SMALL_WIDTHS, "activation": ["tanh", "silu", "softplus"]}
    lr = _SOAP if model.optimizer == "soap" else _ADAM
    return {"hidden_layer_sizes": _WIDTHS, "activation": ["silu", "tanh", "gelu"], "lr": lr}


def _of_invertible(inverter):
    # The noise of the response weighs the misfit against the density of designs, but for the dynamic schedule.
    noise = {} if inverter.loss == "bidirectional" else {"y_noise": ["auto", 0.005, 0.01, 0.02, 0.05, 0.1]}
    return {"coupling": ["affine", "spline"], "n_blocks": randint(4, 11), "lr": _ADAM, **noise}


def _of_ipage(inverter):
    # The autoregressive flow is trained by likelihood, and has no forward half.
    couplings = inverter.training == "bidirectional" or isinstance(inverter.forward_model, str)
    networks = ["affine", "spline"] if couplings else ["autoregressive", "affine", "spline"]
    return {"network": networks, "n_proposals": _POOLS, "select": _SELECT, "lr": _ADAM}


def _of_prior(inverter):
    ranked = {} if inverter.forward_model is None else {"n_candidates": [100, 1000, 10_000]}
    return {"prior": ["space", "data"], **ranked}


def _trained(widths=_WIDTHS, lr=_ADAM, **others):
    return lambda inverter: {**others, "hidden_layer_sizes": widths, "lr": lr}


_SPACES = {
    # Bins of a histogram: sharper against more rows needed.
    AutoregressiveInverter: _trained(n_bins=[None, 16, 32, 64, 128]),
    # A search from many rows against one that begins with few; `n_iter` and `tol` are the user's budget.
    BayesOptInverter: lambda inverter: {"n_initial": randint(10, 101), "start": ["data", "sampler"]},
    CINNInverter: _trained(_COUPLING_WIDTHS, coupling=["affine", "spline"], n_blocks=randint(4, 11)),
    # Below 1 the latent tells more of the design: sharper draws, and branches lost.
    CVAEInverter: _trained(kl_weight=loguniform(0.1, 3.0), noisy=[False, True]),
    FlowMatchingInverter: _trained(),
    # The likelihood of the rows against what held-out rows say.
    ForwardGaussianProcess: lambda model: {"kernel": ["auto", "rbf", "matern"]},
    ForwardRegressor: _of_regressor,
    ImageRegressor: lambda model: {"symmetric": [False, True], "lr": _EITHER, "batch_size": [32, 64, 128]},
    INNInverter: _of_invertible,
    IPageInverter: _of_ipage,
    # Too few Gaussians blur branches together, too many cost training.
    MDNInverter: _trained(n_components=randint(5, 51), covariance_type=["full", "diag"]),
    NearestDesignInverter: lambda inverter: {"local_linear": [False, True]},
    NeuralAdjoint: lambda inverter: {
        "start": ["nearest", "data", "sampler"],
        "n_starts": _POOLS,
        "select": _SELECT,
    },
    PriorInverter: _of_prior,
    RefinedInverter: lambda inverter: {"n_proposals": _POOLS, "select": _SELECT},
    TandemInverter: _trained(lr=_SOAP, boundary=["squash", "penalty"]),
}
