"""CoverageDisplay: are regions that should hold a share of the designs as wide as they say?"""

import numpy as np
from scipy.stats import binom

from skinverse.display.drawing import (
    BACKGROUND_COLOR,
    COLORS,
    DASHES,
    FRAME_COLOR,
    cycled,
    legend,
    mark_series,
    next_series,
    panels,
)
from skinverse.metrics.calibration import expected_coverage

_REGIONS = {"hpd": "densest regions", "tarp": "balls about random points"}


class CoverageDisplay:
    """How often credible regions of p(x | y) hold the true design, against how often they should.

    A calibrated inverter lies on the diagonal. For densest regions, below it is over-confident: regions too small, or
    beside the truth. The grey band is where a calibrated one lies at each level in 95 % of samples of this size.

    Use :meth:`from_estimator` or :meth:`from_result` rather than the constructor, which stores.

    Parameters
    ----------
    levels, coverage : ndarray of shape (n_levels,)
        Credible levels and how often regions of each held the true design, both 0 to 1.
    lower, upper : ndarray of shape (n_levels,)
        Edges of the band.
    n_samples : int
        Held-out designs.
    p_value : float
        Of the test for uniform credibility, see :func:`~skinverse.metrics.expected_coverage`.
    method : {"hpd", "tarp"}
        Which regions.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure

    See Also
    --------
    skinverse.metrics.expected_coverage : The definition.
    sklearn.calibration.CalibrationDisplay : The same question to classifiers.

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse import PriorInverter
    >>> from skinverse.display import CoverageDisplay
    >>> X = np.random.RandomState(0).uniform(size=(1000, 2))
    >>> y = X.sum(axis=1)
    >>> prior = PriorInverter().fit(X[:900], y[:900])
    >>> display = CoverageDisplay.from_estimator(prior, X[900:], y[900:], n=20)
    >>> display.coverage.shape, display.method
    ((19,), 'tarp')
    """

    def __init__(self, *, levels, coverage, lower, upper, n_samples, p_value, method):
        self.levels = levels
        self.coverage = coverage
        self.lower = lower
        self.upper = upper
        self.n_samples = n_samples
        self.p_value = p_value
        self.method = method

    @classmethod
    def from_result(cls, result, *, ax=None, **plot_params):
        """Draw what has been computed.

        Parameters
        ----------
        result : Bunch
            What :func:`~skinverse.metrics.expected_coverage` returned.
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : CoverageDisplay
        """
        levels, n_samples = np.asarray(result.levels), len(result.credibility)
        # Several random points for each design say little more than one, so designs alone are counted.
        lower, upper = (binom.ppf(q, n_samples, levels) / n_samples for q in (0.025, 0.975))
        display = cls(
            levels=levels,
            coverage=np.asarray(result.coverage),
            lower=lower,
            upper=upper,
            n_samples=n_samples,
            p_value=result.p_value,
            method=result.method,
        )
        return display.plot(ax=ax, **plot_params)

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        n=100,
        levels=None,
        method="auto",
        n_references=1,
        random_state=0,
        ax=None,
        **plot_params,
    ):
        """Draw designs for held-out responses, count, and draw the curve.

        Parameters
        ----------
        estimator : fitted inverter, Pipeline or search
        X : array-like of shape (n_samples, n_features)
            Held-out designs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their responses.
        n, levels, method, n_references, random_state
            As for :func:`~skinverse.metrics.expected_coverage`.
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : CoverageDisplay
        """
        result = expected_coverage(
            estimator,
            X,
            y,
            n=n,
            levels=levels,
            method=method,
            n_references=n_references,
            random_state=random_state,
        )
        return cls.from_result(result, ax=ax, **plot_params)

    def plot(self, ax=None, *, label=None, line_kw=None, band_kw=None):
        """Draw the curve, the diagonal and the band of chance.

        Parameters
        ----------
        ax : Axes, default=None
            None makes a figure. Drawing on the same axes again adds a method to the comparison.
        label : str, default=None
            Name of the method in the legend.
        line_kw, band_kw : dict, default=None
            Passed on to ``Axes.plot`` and ``Axes.fill_between``.

        Returns
        -------
        self : CoverageDisplay
        """
        (self.ax_,), self.figure_ = panels(self, ax, 1)
        series = next_series(self.ax_)
        levels, coverage, lower, upper = (
            np.concatenate([[0.0], values, [1.0]])
            for values in (self.levels, self.coverage, self.lower, self.upper)
        )
        if series == 0:
            shade = {"color": BACKGROUND_COLOR, "alpha": 0.5, "linewidth": 0, **(band_kw or {})}
            chance = f"calibrated, 95 % of samples of {self.n_samples}"
            self.ax_.fill_between(levels, lower, upper, label=chance, zorder=0, **shade)
            self.ax_.axline((0, 0), slope=1, color=FRAME_COLOR, linewidth=0.8, zorder=1)
            if self.method == "hpd":
                self.ax_.text(0.97, 0.03, "over-confident", color=FRAME_COLOR, ha="right", va="bottom")
        text = f"p = {self.p_value:.2g}"
        style = {
            "color": cycled(COLORS, series),
            "linestyle": cycled(DASHES, series),
            "linewidth": 1.8,
            "zorder": 3,
            **(line_kw or {}),
        }
        (line,) = self.ax_.plot(
            levels, coverage, label=text if label is None else f"{label}: {text}", **style
        )
        mark_series(line)
        self.ax_.set(
            xlabel="credible level", ylabel="share of regions that hold the truth", xlim=(0, 1), ylim=(0, 1)
        )
        self.ax_.set_aspect("equal")
        self.ax_.set_title(_REGIONS[self.method], fontsize="medium")
        legend(self.ax_, loc="upper left")
        return self
