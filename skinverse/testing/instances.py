"""Tiny instances of every inverter, ready to fit in a second."""

from importlib.util import find_spec

from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from skinverse.compose import RefinedInverter, TransformedDesignInverter
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
from skinverse.samplers import LHSSampler
from skinverse.solvers import GradientSolver
from skinverse.surrogate import ForwardRegressor


def _small_surrogate(**params):
    return ForwardRegressor((8,), max_epochs=15, **params)


def all_inverters():
    """One small unfitted instance of each inverter and of each of its main modes.

    Of :class:`~skinverse.inverters.BayesOptInverter` only where BoTorch is installed.

    Returns
    -------
    inverters : list of BaseInverter

    Examples
    --------
    >>> from skinverse.testing import all_inverters
    >>> for name in sorted({type(inverter).__name__ for inverter in all_inverters()} - {"BayesOptInverter"}):
    ...     print(name)
    AutoregressiveInverter
    CINNInverter
    CVAEInverter
    FlowMatchingInverter
    INNInverter
    IPageInverter
    MDNInverter
    NearestDesignInverter
    NeuralAdjoint
    PriorInverter
    RefinedInverter
    TandemInverter
    TransformedDesignInverter
    """
    optional = []
    if find_spec("botorch"):
        search = BayesOptInverter(_small_surrogate(), n_initial=8, n_iter=1, random_state=0)
        optional.append(search)
    return [
        *optional,
        NearestDesignInverter(),
        NearestDesignInverter(local_linear=True),
        PriorInverter(random_state=0),
        PriorInverter("data", forward_model=_small_surrogate(), n_candidates=30, random_state=0),
        NeuralAdjoint(_small_surrogate(), n_starts=8, max_redraws=2, random_state=0),
        NeuralAdjoint(
            _small_surrogate(n_members=2),
            solver=GradientSolver(20, tol=0.1),
            start="sampler",
            n_starts=8,
            max_redraws=1,
            select="diverse",
            random_state=0,
        ),
        MDNInverter(3, hidden_layer_sizes=(16,), max_epochs=10, random_state=0),
        MDNInverter(
            2,
            covariance_type="diag",
            hidden_layer_sizes=(8, 8),
            dense=True,
            max_epochs=10,
            sampler=LHSSampler(),
            random_state=0,
        ),
        AutoregressiveInverter(8, hidden_layer_sizes=(8,), max_epochs=10, random_state=0),
        CINNInverter("spline", n_blocks=2, n_bins=4, hidden_layer_sizes=(8,), max_epochs=10, random_state=0),
        CINNInverter(n_blocks=2, hidden_layer_sizes=(8,), max_epochs=10, random_state=0),
        TandemInverter(_small_surrogate(), hidden_layer_sizes=(8,), max_epochs=10, random_state=0),
        TandemInverter(
            _small_surrogate(), boundary="penalty", hidden_layer_sizes=(8,), max_epochs=10, random_state=0
        ),
        CVAEInverter(hidden_layer_sizes=(8,), max_epochs=10, random_state=0),
        INNInverter(n_blocks=2, hidden_layer_sizes=(8,), max_epochs=10, random_state=0),
        INNInverter("mmd", n_blocks=2, hidden_layer_sizes=(8,), max_epochs=10, random_state=0),
        FlowMatchingInverter((8,), n_steps=3, max_epochs=10, random_state=0),
        INNInverter("bidirectional", n_blocks=2, hidden_layer_sizes=(8,), max_epochs=10, random_state=0),
        IPageInverter(
            forward_model=_small_surrogate(),
            n_proposals=8,
            max_redraws=2,
            hidden_layer_sizes=(8,),
            max_epochs=10,
            random_state=0,
        ),
        IPageInverter.as_published(
            n_steps=20, n_blocks=2, hidden_layer_sizes=(8,), max_epochs=10, random_state=0
        ),
        RefinedInverter(
            MDNInverter(3, hidden_layer_sizes=(16,), max_epochs=10),
            _small_surrogate(),
            n_proposals=8,
            max_redraws=2,
            random_state=0,
        ),
        TransformedDesignInverter(
            MDNInverter(2, hidden_layer_sizes=(8,), max_epochs=10), PCA(0.9), random_state=0
        ),
        TransformedDesignInverter(
            NearestDesignInverter(), StandardScaler(), StandardScaler(), random_state=0
        ),
        RefinedInverter(PriorInverter(), _small_surrogate(), n_proposals=8, max_redraws=2, random_state=0),
    ]


def expected_failed_checks(inverter):
    """scikit-learn's checks that an inverter is right to fail, each with its reason.

    Returns
    -------
    failures : dict {name of the check: reason}
        For the argument of the same name of :func:`sklearn.utils.estimator_checks.check_estimator`.
    """
    if not hasattr(inverter, "score_samples"):
        return {}
    reason = "score_samples(X, y) is the density of X given y, and the check calls it without y"
    return {
        "check_methods_sample_order_invariance": reason,
        "check_methods_subset_invariance": reason,
    }
