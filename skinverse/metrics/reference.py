"""Draws from p(x | y*) to compare with, by simulation alone."""

import numpy as np
from sklearn.utils import Bunch

from skinverse.metrics.two_sample import posterior_mmd
from skinverse.utils.chunks import chunks
from skinverse.utils.lookup import ResponseLookup
from skinverse.utils.scaling import column_scale
from skinverse.utils.validation import check_array, check_positive_int, check_random_state, numbers_from

# Designs simulated at once.
_MAX_ROWS = 2**16


def reference_posterior(
    simulator, y_star, n=1000, *, n_simulations=500_000, prior=None, random_state=None, verbose=0
):
    r"""Draws from p(x | y*) by simulation alone: the prior draws that came nearest to the target.

    Rejection sampling, known as approximate Bayesian computation [1]_. The same simulations serve all
    targets, so references of neighbouring targets share designs.

    Parameters
    ----------
    simulator : Simulator or callable
        Maps designs (k, n_features) to responses (k,) or (k, n_outputs).
    y_star : array-like of shape (n_targets, n_outputs), (n_targets,) or scalar
        Targets; NaN means any value.
    n : int, default=1000
        Draws for each target.
    n_simulations : int, default=500_000
        Prior draws to simulate. All are held in memory.
    prior : callable, default=None
        ``prior(k, random_state=rng)`` draws k designs; None is ``simulator.sample_prior``.
    random_state : int, RandomState or None, default=None
    verbose : int, default=0
        1 shows a bar of the simulations on standard error, 2 leaves it there.

    Returns
    -------
    result : Bunch
        - `X`: ndarray of shape (n_targets, n, n_features), the draws, in random order;
        - `tolerance`: ndarray of shape (n_targets,), the largest distance kept: Euclidean, every output
          in units of its standard deviation over the prior;
        - `floor`: ndarray of shape (n_targets,), the sampling error of the reference: the unbiased
          :func:`posterior_mmd` between its two halves, which are independent. A score is told
          from 0 only if it is well above; NaN for fewer than 4 draws;
        - `scale`: ndarray of shape (n_features,), the standard deviation of the prior draws, in which `floor`
          is measured, and for the `scale` of :func:`posterior_mmd`;
        - `n_failed`: int, simulations left out because they answered NaN or infinity.

    Notes
    -----
    As `n_simulations` grows, the tolerance goes to zero and, for a process free of noise, y = f(x), the
    draws tend to the density

    .. math:: p(x \mid y^*) \propto p(x) \,/\, \sqrt{\det J(x) J(x)^\top}, \qquad J = \partial f / \partial x,

    on the solution set f(x) = y*, with respect to its length, area or volume: the prior over the
    generalised Jacobian. For a noisy process, put the noise into `simulator`. What remains is a bias, the
    thickness of the set: about the tolerance divided by the steepness of f. `floor` does not see it. With
    more than a few outputs the tolerance stays large, and the draws are no reference.

    References
    ----------
    .. [1] S. Sisson, Y. Fan and M. Beaumont, "Handbook of Approximate Bayesian Computation", 2018.
       https://arxiv.org/abs/1802.09720 (overview)

    Examples
    --------
    >>> from skinverse.metrics import reference_posterior
    >>> from skinverse.simulators import SineWave
    >>> truth = reference_posterior(SineWave(), [0.3, 1.2], n=500, n_simulations=50_000, random_state=0)
    >>> truth.X.shape, bool((truth.tolerance < 0.03).all())
    ((2, 500, 2), True)
    """
    n = check_positive_int(n, "n")
    n_simulations = check_positive_int(n_simulations, "n_simulations")
    if prior is None and not hasattr(simulator, "sample_prior"):
        raise TypeError(
            f"{type(simulator).__name__} has no method `sample_prior`; pass prior, a callable "
            "prior(k, random_state=rng) that draws k designs."
        )
    rng = check_random_state(random_state)
    designs = (simulator.sample_prior if prior is None else prior)(n_simulations, random_state=rng)
    designs = check_array(designs, dtype=np.float64, input_name="The prior's draws")
    y = [
        np.asarray(simulator(designs[rows]), dtype=np.float64)
        for rows in chunks(len(designs), _MAX_ROWS, unit="simulation", verbose=verbose)
    ]
    y = np.concatenate([part.reshape(len(part), -1) for part in y])
    if len(y) != len(designs):
        raise ValueError(f"The simulator answered {len(designs)} designs with {len(y)} rows of responses.")
    targets = _as_targets(y_star, y.shape[1])
    worked = np.isfinite(y).all(axis=1)
    n_failed = int((~worked).sum())
    if len(y) - n_failed < n:
        raise ValueError(
            f"n={n} draws cannot be kept of {len(y)} simulations, of which {n_failed} failed; raise n_simulations."
        )
    designs, y = designs[worked], y[worked]
    scale, unit = column_scale(designs), column_scale(y)
    y, targets, wanted = y / unit, targets / unit, ~np.isnan(targets)
    lower, upper = (np.where(wanted, targets, end) for end in (-np.inf, np.inf))
    rows = ResponseLookup(y).query(lower, upper, n)
    gap = np.where(wanted, y[rows[:, -1]] - targets, 0.0)
    X = designs[rows[:, rng.permutation(n)]]
    floor = np.full(len(X), np.nan)
    if n >= 4:
        floor = posterior_mmd(X[:, : n // 2], X[:, n // 2 :], scale=scale)
    return Bunch(X=X, tolerance=np.linalg.norm(gap, axis=1), floor=floor, scale=scale, n_failed=n_failed)


def _as_targets(y_star, n_outputs):
    with numbers_from(y_star, "y_star"):
        targets = np.asarray(y_star, dtype=np.float64)
    if targets.ndim < 2:
        targets = targets.reshape(-1, 1) if n_outputs == 1 else targets.reshape(1, -1)
    if targets.ndim != 2 or targets.shape[1] != n_outputs or len(targets) == 0:
        raise ValueError(
            f"y_star must have shape (n_targets, {n_outputs}), as the simulator has outputs, got {np.shape(y_star)}."
        )
    if np.isinf(targets).any() or np.isnan(targets).all(axis=1).any():
        raise ValueError("y_star must be finite, with NaN only for outputs that may take any value.")
    return targets
