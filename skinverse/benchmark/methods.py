"""The methods: every inverter with its defaults, the baselines, and settings like the published ones."""

from collections.abc import Callable
from dataclasses import dataclass

from skinverse.benchmark import published_methods as theirs
from skinverse.benchmark.problems import Problem
from skinverse.compose import RefinedInverter
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
from skinverse.spaces import DesignSpace
from skinverse.surrogate import ForwardRegressor

BASELINES, DEFAULTS, OPTIONS, PUBLISHED, ABLATION = (
    "baselines",
    "defaults",
    "options",
    "published",
    "ablation",
)
GROUPS = (BASELINES, DEFAULTS, OPTIONS, PUBLISHED, ABLATION)
# A component of a mixture holds the square of so many numbers, and the autoregressive flow a network a variable.
_MANY = 64


@dataclass(frozen=True)
class Setup:
    """What a method may use to make its inverter.

    `space` and `simulate`, the judge, speak of encoded designs where the task encodes them. `surrogate()` is the
    forward model that all searching methods of a table share, fitted; `published_surrogate(**settings)` is that of the
    paper, and `gan()` an encoder of images, both fitted and shared alike.
    """

    problem: Problem
    seed: int
    space: DesignSpace | None
    simulate: Callable
    surrogate: Callable
    published_surrogate: Callable
    gan: Callable


@dataclass(frozen=True)
class Method:
    """A line of the registry.

    ``make(setup)`` returns an unfitted inverter. `encoded` is False where it takes designs as they are on every task;
    `tasks` are those that it is for, None all; `max_targets` and `max_designs` are how many it is asked for where they
    take long; on tasks of more than `max_features` (encoded) variables it is unavailable; `looks_up` is True where no
    more designs can be had than there are rows.
    """

    name: str
    group: str
    make: Callable
    title: str
    encoded: bool = True
    tasks: tuple | None = None
    max_targets: int | None = None
    max_designs: int | None = None
    max_features: int | None = None
    looks_up: bool = False

    def is_for(self, task):
        """Whether it is meant for the task of that name."""
        return self.tasks is None or task in self.tasks


def _plain(cls, *args):
    return lambda s: cls(*args, space=s.space, random_state=s.seed)


def _neural_adjoint(**settings):
    return lambda s: NeuralAdjoint(s.surrogate(), space=s.space, random_state=s.seed, **settings)


def _of_networks(s):
    # Another method than the default for tables so small that this searches through Gaussian processes.
    return NeuralAdjoint(ForwardRegressor(n_members=3), space=s.space, random_state=s.seed)


def _ipage(s):
    return IPageInverter(forward_model=s.surrogate(), space=s.space, random_state=s.seed)


def _refined(make):
    return lambda s: RefinedInverter(make(s), s.surrogate(), random_state=s.seed)


def _bayes_opt(s):
    # Rows are a beginning where they are answers of the judge itself, to designs as they are searched.
    exact = s.problem.judge != "held-out surrogate" and not s.problem.task.noise
    start = "data" if exact and s.simulate is s.problem.simulate else "sampler"
    judge = getattr(s.simulate, "predict", s.simulate)
    return BayesOptInverter(judge, start=start, space=s.space, random_state=s.seed)


_FOUR = tuple(theirs.NA)
_IMAGES = ("microstructure-I", "microstructure-II")
_TWO = ("ballistics", "arm")
_FEW_TARGETS = 20

METHODS = {
    method.name: method
    for method in (
        Method("prior", BASELINES, _plain(PriorInverter, "data"), "random rows", encoded=False),
        Method(
            "nearest", BASELINES, _plain(NearestDesignInverter), "nearest row", encoded=False, looks_up=True
        ),
        Method(
            "nearest-step",
            BASELINES,
            _plain(NearestDesignInverter, True),
            "nearest row + local step",
            looks_up=True,
            max_features=_MANY,
        ),
        Method("neural-adjoint", DEFAULTS, _neural_adjoint(), "NeuralAdjoint", encoded=False),
        Method("ipage", DEFAULTS, _ipage, "IPageInverter"),
        Method("mdn", DEFAULTS, _plain(MDNInverter), "MDNInverter", max_features=_MANY),
        Method("tandem", DEFAULTS, _plain(TandemInverter), "TandemInverter"),
        Method("cvae", DEFAULTS, _plain(CVAEInverter), "CVAEInverter"),
        Method("flow-matching", DEFAULTS, _plain(FlowMatchingInverter), "FlowMatchingInverter"),
        Method(
            "autoregressive",
            DEFAULTS,
            _plain(AutoregressiveInverter),
            "AutoregressiveInverter",
            max_features=_MANY,
        ),
        Method("cinn", DEFAULTS, _plain(CINNInverter), "CINNInverter"),
        Method("inn", DEFAULTS, _plain(INNInverter), "INNInverter"),
        Method(
            "na-data-starts",
            OPTIONS,
            _neural_adjoint(start="data"),
            'NeuralAdjoint(start="data")',
            encoded=False,
        ),
        Method(
            "na-far-starts",
            OPTIONS,
            _neural_adjoint(start="sampler"),
            'NeuralAdjoint(start="sampler")',
            encoded=False,
        ),
        Method(
            "na-no-anchor",
            OPTIONS,
            _neural_adjoint(anchor=False),
            "NeuralAdjoint(anchor=False)",
            encoded=False,
        ),
        Method("na-networks", OPTIONS, _of_networks, "NeuralAdjoint of networks", encoded=False),
        Method("mdn-refined", OPTIONS, _refined(_plain(MDNInverter)), "MDN, refined", max_features=_MANY),
        Method(
            "autoregressive-refined",
            OPTIONS,
            _refined(_plain(AutoregressiveInverter)),
            "autoregressive, refined",
            max_features=_MANY,
        ),
        Method("cinn-spline", OPTIONS, _plain(CINNInverter, "spline"), 'CINNInverter("spline")'),
        Method(
            "bayes-opt",
            OPTIONS,
            _bayes_opt,
            "BayesOptInverter",
            max_targets=5,
            max_designs=10,
            max_features=_MANY,
        ),
        Method(
            "na-published",
            PUBLISHED,
            theirs.na_published(),
            "NA as published",
            tasks=_FOUR,
            max_targets=_FEW_TARGETS,
        ),
        Method(
            "tandem-published",
            PUBLISHED,
            theirs.tandem_published(),
            "Tandem as published",
            tasks=_FOUR,
        ),
        Method(
            "cvae-published",
            PUBLISHED,
            theirs.cvae_published,
            "cVAE as published",
            tasks=_FOUR,
        ),
        Method(
            "inn-published",
            PUBLISHED,
            theirs.inn_published,
            "INN as published",
            tasks=_FOUR,
        ),
        Method(
            "cinn-published",
            PUBLISHED,
            theirs.cinn_published,
            "cINN as published",
            tasks=_FOUR,
        ),
        Method(
            "mdn-published",
            PUBLISHED,
            theirs.mdn_published,
            "MDN as published",
            tasks=_FOUR,
        ),
        Method(
            "ipage-published",
            PUBLISHED,
            theirs.ipage_published,
            "iPage as published",
            tasks=tuple(theirs.IPAGE),
            max_targets=100,
        ),
        Method(
            "pca-mdn",
            PUBLISHED,
            lambda s: theirs.dense_mdn(s.space, s.seed),
            "PCA-MDN",
            tasks=_IMAGES,
        ),
        Method("gan-mdn", PUBLISHED, theirs.gan_mdn, "GAN-MDN", tasks=_IMAGES, encoded=False),
        Method(
            "direct-mdn",
            PUBLISHED,
            theirs.direct_mdn,
            "direct MDN",
            tasks=_IMAGES,
            encoded=False,
        ),
        Method(
            "na-boundary",
            ABLATION,
            theirs.na_published(starts=False),
            "NA as published, uniform starts",
            tasks=_TWO,
            max_targets=_FEW_TARGETS,
        ),
        Method(
            "na-starts",
            ABLATION,
            theirs.na_published(boundary=False),
            "NA as published, no boundary loss",
            tasks=_TWO,
            max_targets=_FEW_TARGETS,
        ),
        Method(
            "na-neither",
            ABLATION,
            theirs.na_published(starts=False, boundary=False),
            "NA as published, neither",
            tasks=_TWO,
            max_targets=_FEW_TARGETS,
        ),
        Method(
            "tandem-unbounded",
            ABLATION,
            theirs.tandem_published(boundary=False),
            "Tandem as published, no boundary loss",
            tasks=_TWO,
        ),
    )
}
