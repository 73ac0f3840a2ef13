"""Names of what a saved file may speak of: classes, functions and methods. Nothing else is ever looked up."""

import sys
from importlib import import_module

# By the module where it is public, so that files outlive a move behind it.
CLASSES = {
    "skinverse.binarizer": ("ImageBinarizer",),
    "skinverse.compose": ("RefinedInverter", "TransformedDesignInverter"),
    "skinverse.encoding": ("GANDesignEncoder",),
    "skinverse.gaussian_process": ("ForwardGaussianProcess",),
    "skinverse.image_surrogate": ("DecodedEnsemble", "DecodedRegressor", "ImageRegressor"),
    "skinverse.inverters": (
        "AutoregressiveInverter",
        "BayesOptInverter",
        "CINNInverter",
        "CVAEInverter",
        "FlowMatchingInverter",
        "INNInverter",
        "IPageInverter",
        "MDNInverter",
        "NearestDesignInverter",
        "NeuralAdjoint",
        "PriorInverter",
        "TandemInverter",
    ),
    "skinverse.inverters.ipage": ("ForwardHalfModel",),
    "skinverse.nets.autoregressive": ("AutoregressiveNet",),
    "skinverse.nets.convolutional": ("PeriodicConvNet",),
    "skinverse.nets.coupling": (
        "AffineTransform",
        "ConditionalFlow",
        "CouplingBlock",
        "CouplingFlow",
        "SplineTransform",
    ),
    "skinverse.nets.ensemble": ("Ensemble",),
    "skinverse.nets.flow_matching": ("FlowMatchingNet",),
    "skinverse.nets.gan": ("BlockAverages", "Discriminator", "Generator", "SoftDecoder"),
    "skinverse.nets.gaussian_process": ("GaussianProcessNet",),
    "skinverse.nets.invertible": (
        "ConstantWeights",
        "DynamicWeights",
        "ForwardHalf",
        "InvertibleNet",
        "PrincipalComponents",
    ),
    "skinverse.nets.marginals": ("ContinuousMarginal", "DiscreteMarginal", "MarginalMap"),
    "skinverse.nets.mixture": ("DenselyConnected", "MixtureDensityNet"),
    "skinverse.nets.mlp": ("MLP",),
    "skinverse.nets.standardized": ("Standardized",),
    "skinverse.nets.tandem": ("TandemNet",),
    "skinverse.nets.vae": ("ConditionalVAE",),
    "skinverse.persistence": ("SavedNet",),
    "skinverse.samplers": ("HaltonSampler", "LHSSampler", "RandomSampler", "SobolSampler"),
    "skinverse.simulators": (
        "ArchitectedCell",
        "Ballistics",
        "CylinderMetamaterial",
        "MicrostructureAbsorber",
        "MultilayerSphere",
        "NeuralSimulator",
        "RoboticArm",
        "SineWave",
        "SrTiO3TightBinding",
        "ThinFilmStack",
    ),
    "skinverse.solvers": ("GradientSolver", "LevenbergMarquardtSolver"),
    "skinverse.solvers.anchored": ("AnchoredModel",),
    "skinverse.solvers.localizer": ("Localizer",),
    "skinverse.solvers.residuals": ("ResidualInterpolator",),
    "skinverse.spaces": ("DesignSpace",),
    "skinverse.surrogate": ("ForwardRegressor",),
    "skinverse.symmetry": ("SymmetricImageEncoder", "_Orbits"),
    "skinverse.utils.lookup": ("ResponseLookup",),
    # Those of scikit-learn whose state is arrays and plain values.
    "sklearn.decomposition": (
        "FactorAnalysis",
        "FastICA",
        "IncrementalPCA",
        "KernelPCA",
        "NMF",
        "PCA",
        "TruncatedSVD",
    ),
    "sklearn.frozen": ("FrozenEstimator",),
    "sklearn.linear_model": ("LinearRegression", "Ridge"),
    "sklearn.neighbors": ("NearestNeighbors",),
    "sklearn.pipeline": ("Pipeline",),
    "sklearn.preprocessing": (
        "KernelCenterer",
        "MaxAbsScaler",
        "MinMaxScaler",
        "PowerTransformer",
        "QuantileTransformer",
        "RobustScaler",
        "StandardScaler",
    ),
    "torch.nn": (
        "AvgPool2d",
        "BatchNorm1d",
        "BatchNorm2d",
        "Conv2d",
        "ConvTranspose2d",
        "Dropout",
        "Flatten",
        "GELU",
        "Identity",
        "LayerNorm",
        "LeakyReLU",
        "Linear",
        "ModuleDict",
        "ModuleList",
        "ReLU",
        "Sequential",
        "SiLU",
        "Sigmoid",
        "Softplus",
        "Tanh",
    ),
}
FUNCTIONS = {"skinverse.solvers": ("best_of", "diverse_best_of")}
# Bound methods that fitted objects keep.
METHODS = {
    ("skinverse.inverters.INNInverter", "predict"),
    ("skinverse.spaces.DesignSpace", "to_unit"),
    ("skinverse.surrogate.ForwardRegressor", "predict"),
}


def names(table):
    """What `table`, CLASSES or FUNCTIONS, holds of the modules imported so far, as a dict {object: dotted name}."""
    return {
        getattr(sys.modules[module], name): f"{module}.{name}"
        for module, members in table.items()
        if module in sys.modules
        for name in members
        if hasattr(sys.modules[module], name)
    }


def resolve(name, table):
    """The object of that dotted name.

    Raises
    ------
    ValueError
        If `table` does not list it, or this version has no such thing.
    """
    module, _, member = str(name).rpartition(".")
    if member not in table.get(module, ()):
        raise ValueError(
            f"it speaks of {name!r}, which is not among the classes and functions that skinverse loads"
        )
    try:
        return getattr(import_module(module), member)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"it speaks of {name!r}, which is not installed here ({error})") from error
