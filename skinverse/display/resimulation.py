"""ResimulationDisplay: targets against what the judge says of the designs."""

import numpy as np

from skinverse.delegate import inverter_of
from skinverse.display.drawing import (
    COLORS,
    FAILURE_COLOR,
    FRAME_COLOR,
    MARKERS,
    closed,
    cycled,
    legend,
    mark_series,
    next_series,
    output_labels,
    panels,
)
from skinverse.display.judged import ask_and_judge, targets_of, verdict_of
from skinverse.metrics.resimulation import OK
from skinverse.targets import as_targets

_NO_DISTANCE = 1e-16
_MAX_PANELS = 12


class ResimulationDisplay:
    """Wanted responses against the judge's responses to the proposed designs.

    Exact answers lie on the identity line. Of a :class:`~skinverse.TargetRange` each response has a bar from the lower
    to the upper limit, which crosses the line if the response lies inside, and its point at the wanted response that is
    nearest; an open side ends beyond the data. Designs without a response are not left out: they are drawn as
    crosses at the lower edge, above their target, and counted in the legend.

    Use :meth:`from_estimator`, :meth:`from_predictions` or :meth:`from_resimulation` rather than the
    constructor, which stores.

    Parameters
    ----------
    y_star : ndarray of shape (n_targets, n_outputs), or TargetRange of two of these
        Targets; an output that may take any value is NaN and not drawn.
    response : ndarray of shape (n_targets, n, n_outputs)
        The judge's responses, NaN where there is none.
    status : ndarray of str of shape (n_targets, n)
        "ok" where there is a response.
    judge : str
        Whose verdict this is; named in the title.
    output_names, output_units : sequence of str of length n_outputs, default=None
        For the axes. The unit "1" is not written.

    Attributes
    ----------
    ax_ : Axes, or ndarray of Axes
        One panel for each output drawn.
    figure_ : Figure

    See Also
    --------
    RCurveDisplay : Error against the number of candidates.
    SpectrumDisplay : Responses that are curves.

    Examples
    --------
    >>> from skinverse import NearestDesignInverter
    >>> from skinverse.datasets import make_sine_wave
    >>> from skinverse.display import ResimulationDisplay
    >>> from skinverse.simulators import SineWave
    >>> X, y = make_sine_wave(500, random_state=0)
    >>> inverter = NearestDesignInverter().fit(X, y)
    >>> display = ResimulationDisplay.from_estimator(inverter, [0.5, 1.2], SineWave(), n=3)
    >>> display.response.shape
    (2, 3, 1)
    """

    def __init__(self, *, y_star, response, status, judge, output_names=None, output_units=None):
        self.y_star = y_star
        self.response = response
        self.status = status
        self.judge = judge
        self.output_names = output_names
        self.output_units = output_units

    @classmethod
    def from_resimulation(
        cls, result, y_star, *, output_names=None, output_units=None, ax=None, **plot_params
    ):
        """Draw a judge's verdict.

        Parameters
        ----------
        result : Resimulation
            What :func:`~skinverse.metrics.resimulation_error` returned.
        y_star : array-like of shape (n_targets, n_outputs), (n_targets,) or scalar, or TargetRange
            The targets it was asked about.
        output_names, output_units : sequence of str, default=None
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : ResimulationDisplay
        """
        display = cls(
            y_star=targets_of(result, y_star).y_star,
            response=result.response,
            status=result.status,
            judge=result.judge,
            output_names=output_names,
            output_units=output_units,
        )
        return display.plot(ax=ax, **plot_params)

    @classmethod
    def from_predictions(
        cls,
        y_star,
        y_pred,
        *,
        judge="own surrogate",
        output_names=None,
        output_units=None,
        ax=None,
        **plot_params,
    ):
        """Draw responses that are there already.

        Parameters
        ----------
        y_star : array-like of shape (n_targets, n_outputs), (n_targets,) or scalar, or TargetRange
            Targets.
        y_pred : array-like of shape (n_targets, n, n_outputs)
            Responses to the designs, such as `predicted` in the info bunch; NaN where there is none. An array of
            fewer dimensions holds one response for each target.
        judge : {"own surrogate", "held-out surrogate", "simulator"}, default="own surrogate"
            Whose responses these are.
        output_names, output_units : sequence of str, default=None
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : ResimulationDisplay
        """
        return cls.from_resimulation(
            verdict_of(y_star, y_pred, judge),
            y_star,
            output_names=output_names,
            output_units=output_units,
            ax=ax,
            **plot_params,
        )

    @classmethod
    def from_estimator(
        cls,
        estimator,
        y_star,
        simulator,
        *,
        n=1,
        judge=None,
        random_state=0,
        output_names=None,
        output_units=None,
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
        n : int, default=1
            Designs to ask for, for each target.
        judge : str, default=None
            Name of the judge; a regressor must be named.
        random_state : int, default=0
            Governs the draw of designs.
        output_names, output_units : sequence of str, default=None
            None takes those of `simulator` if it has any, and names else from what `fit` saw.
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : ResimulationDisplay
        """
        _, result = ask_and_judge(estimator, y_star, simulator, n, judge, random_state)
        if output_names is None:
            seen = getattr(inverter_of(estimator), "output_names_in_", None)
            output_names = getattr(simulator, "output_names", seen)
        if output_units is None:
            output_units = getattr(simulator, "output_units", None)
        return cls.from_resimulation(
            result, y_star, output_names=output_names, output_units=output_units, ax=ax, **plot_params
        )

    def plot(
        self, ax=None, *, kind="response", outputs=None, T=None, label=None, scatter_kw=None, line_kw=None
    ):
        """Draw one panel for each output.

        Parameters
        ----------
        ax : Axes, or array of as many Axes as outputs are drawn, default=None
            None makes a figure. Drawing on the same axes again adds a method to the comparison.
        kind : {"response", "distance"}, default="response"
            "response" draws responses around the identity line; "distance" the distance of response
            and target, or nearest limit, on a logarithmic axis, where accurate methods can be told apart.
        outputs : sequence of int, default=None
            Columns of the outputs to draw; None draws all, of which there may be twelve.
        T : int, default=None
            Candidates drawn for each target, the first ones; None draws all.
        label : str, default=None
            Name of the method in the legend.
        scatter_kw, line_kw : dict, default=None
            Passed on to ``Axes.scatter`` and, for the identity line, to ``Axes.axline``.

        Returns
        -------
        self : ResimulationDisplay
        """
        if kind not in ("response", "distance"):
            raise ValueError(f"kind must be 'response' or 'distance', got {kind!r}.")
        response, failed = self.response[:, :T], self.status[:, :T] != OK
        targets = as_targets(self.y_star, len(response))
        labels = output_labels(response.shape[2], self.output_names, self.output_units)
        outputs = np.arange(response.shape[2]) if outputs is None else np.asarray(outputs, dtype=int)
        if len(outputs) > _MAX_PANELS:
            raise ValueError(
                f"A picture holds at most {_MAX_PANELS} outputs, got {len(outputs)}. Choose some by outputs=, "
                "or draw curves with SpectrumDisplay."
            )
        size = (4.6, 4.2) if len(outputs) <= 2 else (3.4, 3.3)
        axes, self.figure_ = panels(self, ax, len(outputs), size=size, n_columns=3)
        self.ax_ = axes[0] if len(axes) == 1 else np.array(axes, dtype=object)
        for panel, k in zip(axes, outputs, strict=True):
            limits = targets.lower[:, k, None], targets.upper[:, k, None]
            self._draw(panel, kind, *limits, response[:, :, k], failed, label, scatter_kw, line_kw)
            panel.set_xlabel(f"wanted {labels[k]}")
            panel.set_ylabel(
                f"response, {labels[k]}" if kind == "response" else f"|response − wanted|, {labels[k]}"
            )
            panel.set_title(f"judge: {self.judge}", fontsize="medium")
            legend(panel, loc="best")
        return self

    def _draw(self, panel, kind, lower, upper, response, failed, label, scatter_kw, line_kw):
        series = next_series(panel)
        color = cycled(COLORS, series)
        lower, upper = (np.broadcast_to(side, failed.shape) for side in (lower, upper))
        asked = np.isfinite(lower) | np.isfinite(upper)
        shown, lost = asked & ~failed, asked & failed
        low, high = closed(lower, upper, response[shown])
        wanted = np.where(failed, (low + high) / 2, np.clip(response, lower, upper))
        wishes = wanted[asked]
        if series == 0 and kind == "response" and wishes.size:
            style = {"color": FRAME_COLOR, "linewidth": 0.8, "zorder": 1, **(line_kw or {})}
            # The limits come to hold the point that the line is given by.
            panel.axline((wishes[0], wishes[0]), slope=1, label="response = wanted", **style)
        n_failed = int(lost.sum())
        if n_failed:
            failures = f"{n_failed} of {failed.size} failed"
            label = failures if label is None else f"{label} ({failures})"
        style = {
            "s": 14,
            "alpha": float(np.clip(30 / np.sqrt(max(shown.sum(), 1)), 0.25, 0.8)),
            "color": color,
            "marker": cycled(MARKERS, series),
            "linewidths": 0,
            **(scatter_kw or {}),
        }
        height = response if kind == "response" else np.maximum(np.abs(response - wanted), _NO_DISTANCE)
        if kind == "distance":
            panel.set_yscale("log")
        mark_series(panel.scatter(wanted[shown], height[shown], label=label, **style))
        ranged = shown & (lower < upper)
        if ranged.any():
            panel.hlines(
                height[ranged],
                low[ranged],
                high[ranged],
                color=style["color"],
                alpha=style["alpha"],
                linewidth=1,
                zorder=1,
                label="wanted range" if series == 0 else None,
            )
        if n_failed:
            panel.scatter(
                wanted[lost],
                np.full(n_failed, 0.02 + 0.03 * series),
                marker="x",
                s=24,
                color=style.get("color", FAILURE_COLOR),
                transform=panel.get_xaxis_transform(),
                clip_on=False,
            )
