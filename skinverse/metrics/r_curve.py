"""Best error among the first T candidates."""

from dataclasses import dataclass

import numpy as np

from skinverse.utils.validation import Real, check_array


@dataclass(frozen=True)
class RCurve:
    """Best error among the first T candidates, for T = 1, 2, ...

    Attributes
    ----------
    best : ndarray of shape (n_counted, T)
        For each target that counts.
    failure_rate : float
        Share of failed candidates.
    n_excluded : int
        Targets left out because all of their candidates failed (``on_failure="exclude"``).
    """

    best: np.ndarray
    failure_rate: float
    n_excluded: int

    @property
    def mean(self):
        """r_T, the mean over targets, shape (T,)."""
        return self.best.mean(axis=0)

    def quantile(self, q):
        """A quantile over targets, shape (T,)."""
        return np.quantile(self.best, q, axis=0)


def r_curve(error, *, on_failure="worst"):
    r"""Best of the first T candidates, averaged over targets [1]_.

    :math:`r_T = \frac1N \sum_i \min_{j \le T} e_{ij}`. A failed candidate keeps its place in the
    order: it is never dropped, which would shift later ones forward.

    Parameters
    ----------
    error : array-like of shape (n_targets, n)
        NaN marks a failed candidate.
    on_failure : {"worst", "exclude"} or float, default="worst"
        What a target counts while all of its first T candidates have failed: "worst", the largest
        error of the whole table; a number, that number; "exclude", its first success, and targets
        without any success are left out and counted in `n_excluded`.

    Returns
    -------
    curve : RCurve

    Raises
    ------
    ValueError
        If no candidate at all succeeded.

    References
    ----------
    .. [1] S. Ren, W. Padilla and J. Malof, "Benchmarking deep inverse models over time, and the
       neural-adjoint method", NeurIPS 2020, eq. 1. https://arxiv.org/abs/2009.12919

    Examples
    --------
    >>> from skinverse.metrics import r_curve
    >>> r_curve([[4.0, 1.0], [float("nan"), 2.0]]).mean
    array([4. , 1.5])
    """
    error = check_array(error, dtype=np.float64, ensure_all_finite=False, input_name="error")
    if on_failure not in ("worst", "exclude") and not (isinstance(on_failure, Real) and on_failure >= 0):
        raise ValueError(
            f"on_failure must be 'worst', 'exclude' or an error of at least 0, got {on_failure!r}."
        )
    failed = ~np.isfinite(error)
    if failed.all():
        raise ValueError(
            "Every candidate failed, so there is no error to report; look at the judge's status."
        )
    best = np.fmin.accumulate(np.where(failed, np.nan, error), axis=1)
    n_excluded = 0
    if on_failure != "exclude":
        worst = np.max(error[~failed]) if on_failure == "worst" else on_failure
        best = np.where(np.isnan(best), worst, best)
    else:
        hopeless = failed.all(axis=1)
        n_excluded = int(hopeless.sum())
        best = best[~hopeless]
        first = np.argmax(~np.isnan(best), axis=1)
        best = np.where(np.isnan(best), best[np.arange(len(best)), first][:, None], best)
    return RCurve(best=best, failure_rate=float(failed.mean()), n_excluded=n_excluded)
