"""RCurveDisplay: error against the number of candidates."""

import numpy as np

from skinverse.display.drawing import (
    COLORS,
    DASHES,
    cycled,
    legend,
    mark_series,
    next_series,
    panels,
    plain_ticks,
)
from skinverse.display.judged import ask_and_judge, verdict_of


class RCurveDisplay:
    """The r_T curve: best error among the first T candidates, against T.

    The line is the mean over targets, which the worst targets rule; the band holds the middle half of
    the targets, and may lie below the mean altogether.

    Use :meth:`from_estimator`, :meth:`from_predictions` or :meth:`from_resimulation` rather than the
    constructor, which stores.

    Parameters
    ----------
    mean : ndarray of shape (T,)
        r_T for 1, 2, ... candidates.
    lower, upper : ndarray of shape (T,)
        Quartiles over targets.
    judge : str
        Whose verdict this is; named in the title.
    failure_rate : float, default=0.0
        Share of candidates without a response, named in the legend.
    unit : str, default=None
        Unit of the response; the error is in its square.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure

    See Also
    --------
    ResimulationDisplay : The responses themselves.
    skinverse.metrics.r_curve : The definition.

    Examples
    --------
    >>> from skinverse import NearestDesignInverter
    >>> from skinverse.datasets import make_sine_wave
    >>> from skinverse.display import RCurveDisplay
    >>> from skinverse.simulators import SineWave
    >>> X, y = make_sine_wave(500, random_state=0)
    >>> inverter = NearestDesignInverter().fit(X, y)
    >>> display = RCurveDisplay.from_estimator(inverter, y[:20] + 0.01, SineWave(), n=8)
    >>> display.mean.shape
    (8,)
    """

    def __init__(self, *, mean, lower, upper, judge, failure_rate=0.0, unit=None):
        self.mean = mean
        self.lower = lower
        self.upper = upper
        self.judge = judge
        self.failure_rate = failure_rate
        self.unit = unit

    @classmethod
    def from_resimulation(cls, result, *, on_failure="worst", unit=None, ax=None, **plot_params):
        """Draw a judge's verdict.

        Parameters
        ----------
        result : Resimulation
            What :func:`~skinverse.metrics.resimulation_error` returned.
        on_failure : {"worst", "exclude"}, default="worst"
            As for :func:`~skinverse.metrics.r_curve`.
        unit : str, default=None
            Unit of the response.
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : RCurveDisplay
        """
        curve = result.r_curve(on_failure=on_failure)
        display = cls(
            mean=curve.mean,
            lower=curve.quantile(0.25),
            upper=curve.quantile(0.75),
            judge=result.judge,
            failure_rate=result.failure_rate,
            unit=unit,
        )
        return display.plot(ax=ax, **plot_params)

    @classmethod
    def from_predictions(
        cls,
        y_star,
        y_pred,
        *,
        judge="own surrogate",
        on_failure="worst",
        unit=None,
        ax=None,
        **plot_params,
    ):
        """Draw the curve of responses that are there already.

        Parameters
        ----------
        y_star, y_pred, judge
            As for :meth:`ResimulationDisplay.from_predictions`.
        on_failure, unit
            As for :meth:`from_resimulation`.
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : RCurveDisplay
        """
        result = verdict_of(y_star, y_pred, judge)
        return cls.from_resimulation(result, on_failure=on_failure, unit=unit, ax=ax, **plot_params)

    @classmethod
    def from_estimator(
        cls,
        estimator,
        y_star,
        simulator,
        *,
        n=50,
        judge=None,
        random_state=0,
        on_failure="worst",
        unit=None,
        ax=None,
        **plot_params,
    ):
        """Ask for designs, have them judged, and draw.

        Parameters
        ----------
        estimator : fitted inverter, Pipeline or search
        y_star : array-like of shape (n_targets, n_outputs), (n_targets,) or scalar, or TargetRange
            Targets.
        simulator : callable or regressor
            The judge; see :func:`~skinverse.metrics.resimulation_error`.
        n : int, default=50
            Designs to ask for, the largest T.
        judge : str, default=None
            Name of the judge; a regressor must be named.
        random_state : int, default=0
            Governs the draw of designs.
        on_failure, unit
            As for :meth:`from_resimulation`.
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : RCurveDisplay
        """
        _, result = ask_and_judge(estimator, y_star, simulator, n, judge, random_state)
        return cls.from_resimulation(result, on_failure=on_failure, unit=unit, ax=ax, **plot_params)

    def plot(self, ax=None, *, label=None, band=True, line_kw=None, band_kw=None):
        """Draw the curve on logarithmic axes.

        Parameters
        ----------
        ax : Axes, default=None
            None makes a figure. Drawing on the same axes again adds a method to the comparison.
        label : str, default=None
            Name of the method in the legend.
        band : bool, default=True
            Whether to draw the band from the lower to the upper quartile.
        line_kw, band_kw : dict, default=None
            Passed on to ``Axes.plot`` and ``Axes.fill_between``.

        Returns
        -------
        self : RCurveDisplay
        """
        (self.ax_,), self.figure_ = panels(self, ax, 1)
        series = next_series(self.ax_)
        color = cycled(COLORS, series)
        T = np.arange(1, len(self.mean) + 1)
        if self.failure_rate:
            failures = f"{100 * self.failure_rate:.2g} % failed"
            label = failures if label is None else f"{label} ({failures})"
        style = {"color": color, "linestyle": cycled(DASHES, series), "linewidth": 1.8, **(line_kw or {})}
        # A logarithmic axis has no zero: exact answers are drawn level with the least error there is.
        values = np.stack([self.mean, self.lower, self.upper])
        positive = values[values > 0]
        mean, lower, upper = np.maximum(values, positive.min() if positive.size else 1.0)
        # A single candidate is a point, which no line shows.
        style.setdefault("marker", "o" if len(T) == 1 else None)
        (line,) = self.ax_.loglog(T, mean, label=label, **style)
        mark_series(line)
        if band:
            shade = {"color": line.get_color(), "alpha": 0.18, "linewidth": 0, **(band_kw or {})}
            self.ax_.fill_between(T, lower, upper, **shade)
        plain_ticks(self.ax_.xaxis)
        unit = "" if self.unit in (None, "", "1") else f" [{self.unit}²]"
        self.ax_.set_xlabel("candidates T")
        if series == 0 or unit:
            self.ax_.set_ylabel(f"$r_T$: best squared error of T{unit}")
        self.ax_.set_title(f"mean and quartiles over targets, judge: {self.judge}", fontsize="medium")
        legend(self.ax_, loc="best")
        return self
