"""Are the draws as wide as they should be? Ranks and coverage over held-out designs."""

import warnings

import numpy as np
from scipy.stats import kstest
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from skinverse.delegate import inverse
from skinverse.targets import TargetRange
from skinverse.utils.chunks import chunks
from skinverse.utils.validation import check_array, check_positive_int, check_random_state

# Designs whose density is asked for at once.
_MAX_ROWS = 2**16


def simulation_based_calibration(estimator, X, y, *, n=100, random_state=0):
    r"""Rank every held-out design among draws for its response, coordinate by coordinate [1]_.

    If draws follow p(x | y) and the rows are new draws of the same process, the rank of the true
    coordinate among `n` draws is uniform over 0, ..., n. A U shape is over-confidence, a hill is
    under-confidence, a slope a bias (many low ranks: the draws are too large).

    Parameters
    ----------
    estimator : fitted inverter, Pipeline or search
        Anything :func:`skinverse.inverse` can ask. Draws should be independent: a stratified sampler in
        the inverter spoils the ranks at both ends.
    X : array-like of shape (n_samples, n_features)
        Held-out designs, a sample of the prior that the training designs came from.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their responses.
    n : int, default=100
        Draws for each row. Every row is asked for on its own with its own seed: in one call, inverters
        share their latents between targets, and the ranks would not be independent.
    random_state : int or RandomState, default=0
        Governs the draws and how ties are broken.

    Returns
    -------
    result : Bunch
        - `ranks`: ndarray of int of shape (n_samples, n_features), in 0 to n; ties are broken at random;
        - `p_value`: ndarray of shape (n_features,), Kolmogorov-Smirnov test of
          (rank + u) / (n + 1), with u uniform in [0, 1], against the uniform law. This is exact for any
          n and needs no bins. For a verdict over all features, compare the smallest with
          0.05 / n_features;
        - `max_deviation`: ndarray of shape (n_features,), the largest distance between the distribution
          function of the ranks and that of the uniform law: how wrong, where `p_value` says
          how surely.

    See Also
    --------
    expected_coverage : Looks at all coordinates at once.

    Notes
    -----
    Calibrated is not informative: draws from the prior pass, whatever the target. Read it beside
    :func:`posterior_mmd` or :func:`resimulation_error`. Each coordinate is seen on its own, so
    a wrong dependence between coordinates goes unseen.

    References
    ----------
    .. [1] S. Talts et al., "Validating Bayesian inference algorithms with simulation-based
       calibration", 2018. https://arxiv.org/abs/1804.06788

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse import PriorInverter
    >>> from skinverse.metrics import simulation_based_calibration
    >>> X = np.random.RandomState(0).uniform(size=(1000, 2))
    >>> y = X.sum(axis=1)
    >>> prior = PriorInverter().fit(X[:900], y[:900])
    >>> simulation_based_calibration(prior, X[900:], y[900:], n=20).p_value > 0.01
    array([ True,  True])
    """
    X, draws, rng = _draw(estimator, X, y, n, random_state)
    n = draws.shape[1]
    ranks = _ranks(draws, X[:, None], rng)
    smooth = (ranks + rng.uniform(size=ranks.shape)) / (n + 1)
    reached = (ranks[:, :, None] <= np.arange(n)).mean(axis=0)
    return Bunch(
        ranks=ranks,
        p_value=np.array([kstest(column, "uniform").pvalue for column in smooth.T]),
        max_deviation=np.abs(reached - np.arange(1, n + 1) / (n + 1)).max(axis=1),
    )


def expected_coverage(estimator, X, y, *, n=100, levels=None, method="auto", n_references=1, random_state=0):
    r"""How often regions that should hold a share of p(x | y) hold the true design.

    Parameters
    ----------
    estimator : fitted inverter, Pipeline or search
        Anything :func:`skinverse.inverse` can ask; its draws should be independent.
    X : array-like of shape (n_samples, n_features)
        Held-out designs, a sample of the prior that the training designs came from.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their responses.
    n : int, default=100
        Draws for each row, each row asked for on its own as in :func:`simulation_based_calibration`.
    levels : array-like of shape (n_levels,), default=None
        Credible levels in [0, 1]; None is 0.05, 0.1, ..., 0.95.
    method : {"auto", "hpd", "tarp"}, default="auto"
        Which regions. "hpd": the densest that hold the share [1]_; needs an inverter with
        ``score_samples(X, y)``, the log-density, itself and not at the end of a Pipeline. "tarp": balls about
        random points, which need draws only [2]_; they are drawn uniformly in the box of `X`, in
        which distances are measured, too. "auto": "hpd" where it can be.
    n_references : int, default=1
        Random points for each row, for "tarp". More of them smooth the curve.
    random_state : int or RandomState, default=0
        Governs the draws, the random points, and how ties are broken.

    Returns
    -------
    result : Bunch
        - `levels`, `coverage`: ndarrays of shape (n_levels,); calibrated is ``coverage == levels``, give or take
          ``sqrt(levels * (1 - levels) / n_samples)``;
        - `credibility`: ndarray of shape (n_samples,), or (n_samples, n_references) for several references:
          the smallest level at which the region holds the true design;
        - `p_value`: float, Kolmogorov-Smirnov test of `credibility` against the uniform law; for several
          references the smallest of their p-values times their number;
        - `miscalibration`: float, the area between the curve and the diagonal, 0 to 0.5, over all
          levels; about ``0.31 / sqrt(n_samples)`` by chance;
        - `signed_miscalibration`: float, -0.5 to 0.5; negative: over-confident (regions too small,
          or beside the truth), positive: under-confident; 0 give or take ``0.29 / sqrt(n_samples)`` by chance.
          For "hpd" it is the area with its sign, above the diagonal positive. For "tarp" it is that of the
          central regions between two balls, which leave out equal shares at either end, since wrong
          widths cancel in the area of the balls;
        - `method`: "hpd" or "tarp".

    Notes
    -----
    Credibility is (rank + u) / (n + 1), with the rank of the true design among its `n` draws and u uniform in
    [0, 1]: exactly uniform for a calibrated estimator, however small `n` is.

    Calibrated is not informative: draws from the prior pass, whatever the target. "hpd" is blind to errors that
    leave the ranks of the density unchanged, such as exchanged branches of equal weight. "tarp" is slow to see a bias,
    which is towards some random points and away from others: one of half a standard deviation takes
    thousands of rows.

    References
    ----------
    .. [1] J. Hermans et al., "A crisis in simulation-based inference? Beware, your posterior approximations can be
       unfaithful", TMLR 2022. https://arxiv.org/abs/2110.06581
    .. [2] P. Lemos et al., "Sampling-based accuracy testing of posterior estimators for general inference",
       ICML 2023. https://arxiv.org/abs/2302.03026

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse import PriorInverter
    >>> from skinverse.metrics import expected_coverage
    >>> X = np.random.RandomState(0).uniform(size=(1000, 2))
    >>> y = X.sum(axis=1)
    >>> prior = PriorInverter().fit(X[:900], y[:900])
    >>> curve = expected_coverage(prior, X[900:], y[900:], n=20, levels=[0.5, 0.9])
    >>> curve.method, bool(curve.p_value > 0.01)
    ('tarp', True)
    """
    if method not in ("auto", "hpd", "tarp"):
        raise ValueError(f"method must be 'auto', 'hpd' or 'tarp', got {method!r}.")
    n_references = check_positive_int(n_references, "n_references")
    levels = np.linspace(0.05, 0.95, 19) if levels is None else np.asarray(levels, dtype=np.float64)
    if levels.ndim != 1 or not ((levels >= 0) & (levels <= 1)).all():
        raise ValueError(f"levels must be a sequence of numbers in [0, 1], got {levels}.")
    model = _density_model(estimator)
    if method == "hpd" and model is None:
        raise TypeError(
            f"{type(estimator).__name__} tells no density of its own designs: method='hpd' needs score_samples(X, y) "
            "of an inverter that is no Pipeline. Pass method='tarp'."
        )
    if method == "auto":
        method = "tarp" if model is None else "hpd"

    X, draws, rng = _draw(estimator, X, y, n, random_state)
    if method == "hpd":
        depth = -_log_density(model, draws, X, np.asarray(y))
        ranks = _ranks(depth[:, :-1, None], depth[:, -1:, None], rng)
    else:
        ranks = _tarp_ranks(draws, X, n_references, rng)
    credibility = (ranks + rng.uniform(size=ranks.shape)) / (draws.shape[1] + 1)
    p_value = min(kstest(column, "uniform").pvalue for column in credibility.T) * credibility.shape[1]
    inner = credibility if method == "hpd" else np.abs(2 * credibility - 1)
    return Bunch(
        levels=levels,
        coverage=np.mean(credibility.ravel() <= levels[:, None], axis=1),
        credibility=credibility[:, 0] if credibility.shape[1] == 1 else credibility,
        p_value=min(float(p_value), 1.0),
        miscalibration=_area(credibility.ravel()),
        signed_miscalibration=float(0.5 - inner.mean()),
        method=method,
    )


def _draw(estimator, X, y, n, random_state):
    """Held-out designs, n draws for each row's response, and the generator for what follows."""
    n = check_positive_int(n, "n")
    X = check_array(X, dtype=np.float64, input_name="X")
    if isinstance(y, TargetRange):
        raise TypeError(
            "y must hold the responses of X, but is a TargetRange: draws for an interval have no true design to be "
            "compared with. Pass the responses themselves."
        )
    y = np.asarray(y)
    if y.ndim not in (1, 2) or len(y) != len(X):
        raise ValueError(f"X and y must have one row a sample, got shapes {X.shape} and {y.shape}.")
    rng = check_random_state(random_state)
    seeds = rng.randint(2**31 - 1, size=len(X))
    rows = [inverse(estimator, y[i : i + 1], n, random_state=int(seed)) for i, seed in enumerate(seeds)]
    draws = np.concatenate(rows).astype(np.float64)
    if draws.shape != (len(X), n, X.shape[1]):
        raise ValueError(
            f"The estimator answered with draws of shape {draws.shape} where {(len(X), n, X.shape[1])} is wanted: "
            "X must hold designs as the estimator proposes them."
        )
    return X, draws, rng


def _ranks(draws, truth, rng):
    """How many of the n draws (n_samples, n, k) lie below the truth (n_samples, 1, k); ties at random."""
    ties = (draws == truth).sum(axis=1)
    return (draws < truth).sum(axis=1) + rng.randint(ties + 1)


def _tarp_ranks(draws, X, n_references, rng):
    """Ranks (n_samples, n_references) of the true designs by their distance to random points."""
    lower, width = X.min(axis=0), np.ptp(X, axis=0)
    width = np.where(width > 0, width, 1.0)
    truth, draws = (X - lower) / width, (draws - lower) / width
    ranks = []
    for _ in range(n_references):
        point = rng.uniform(size=truth.shape)[:, None]
        near, far = (np.linalg.norm(a - point, axis=2)[:, :, None] for a in (truth[:, None], draws))
        ranks.append(_ranks(far, near, rng))
    return np.concatenate(ranks, axis=1)


def _density_model(estimator):
    """The inverter whose log-density is that of the estimator's designs, or None."""
    while hasattr(estimator, "best_estimator_"):
        estimator = estimator.best_estimator_
    # A Pipeline passes score_samples on, but without y.
    return estimator if hasattr(estimator, "score_samples") and not isinstance(estimator, Pipeline) else None


def _log_density(model, draws, X, y):
    """Log-densities (n_samples, n + 1) of the draws and, last, of the true design."""
    designs = np.concatenate([draws, X[:, None]], axis=1)
    size = designs.shape[1]
    parts = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        for rows in chunks(len(X), _MAX_ROWS // size):
            part = designs[rows].reshape(-1, X.shape[1])
            parts.append(np.asarray(model.score_samples(part, np.repeat(y[rows], size, axis=0))))
    density = np.concatenate(parts).reshape(len(X), size)
    if np.isnan(density).any():
        raise ValueError(f"score_samples of {type(model).__name__} answered NaN; pass method='tarp'.")
    return density


def _area(credibility):
    """Area between the distribution function of a sample in [0, 1] and the diagonal."""
    ends = np.concatenate([[0.0], np.sort(credibility), [1.0]])
    height = np.linspace(0, 1, len(ends) - 1)
    upper, lower = ends[1:] - height, ends[:-1] - height
    return float(np.sum(upper * np.abs(upper) - lower * np.abs(lower)) / 2)
