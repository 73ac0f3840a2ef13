"""Inverse design for scikit-learn users: which designs x give me property y*?

Public names are loaded when first used, so that ``import skinverse`` costs nothing.
"""

from importlib import import_module

from skinverse._version import __version__ as __version__

_HOME = {
    "AutoregressiveInverter": "inverters",
    "BaseInverter": "base",
    "BayesOptInverter": "inverters",
    "CINNInverter": "inverters",
    "CVAEInverter": "inverters",
    "DecodedRegressor": "image_surrogate",
    "DesignSpace": "spaces",
    "FlowMatchingInverter": "inverters",
    "ForwardGaussianProcess": "gaussian_process",
    "ForwardRegressor": "surrogate",
    "GANDesignEncoder": "encoding",
    "GradientSolver": "solvers",
    "INNInverter": "inverters",
    "IPageInverter": "inverters",
    "ImageBinarizer": "binarizer",
    "ImageRegressor": "image_surrogate",
    "InverterMixin": "base",
    "LHSSampler": "samplers",
    "LevenbergMarquardtSolver": "solvers",
    "MDNInverter": "inverters",
    "NearestDesignInverter": "inverters",
    "NeuralAdjoint": "inverters",
    "PriorInverter": "inverters",
    "RefinedInverter": "compose",
    "SymmetricImageEncoder": "symmetry",
    "TandemInverter": "inverters",
    "TargetRange": "targets",
    "TransformedDesignInverter": "compose",
    "candidates_to_frame": "frames",
    "choose_inverter": "model_selection",
    "inverse": "delegate",
    "load": "persistence",
    "make_resimulation_scorer": "metrics",
    "read_card": "persistence",
    "resimulation_error": "metrics",
    "resimulation_score": "metrics",
    "save": "persistence",
    "search_space": "model_selection",
}
_SUBPACKAGES = (
    "compose",
    "datasets",
    "display",
    "inverters",
    "metrics",
    "model_selection",
    "samplers",
    "simulators",
    "solvers",
    "testing",
)

__all__ = sorted([*_HOME, *_SUBPACKAGES, "__version__"])


def __getattr__(name):
    if name in _HOME:
        value = getattr(import_module(f"skinverse.{_HOME[name]}"), name)
    elif name in _SUBPACKAGES:
        value = import_module(f"skinverse.{name}")
    else:
        raise AttributeError(f"module 'skinverse' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return __all__
