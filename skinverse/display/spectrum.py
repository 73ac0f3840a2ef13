"""SpectrumDisplay: wanted spectra and what the judge says of the designs."""

import numpy as np

from skinverse.display.drawing import (
    BACKGROUND_COLOR,
    COLORS,
    DASHES,
    FRAME_COLOR,
    closed,
    cycled,
    legend,
    mark_series,
    next_series,
    panels,
    quantity,
)
from skinverse.display.judged import ask_and_judge, targets_of, verdict_of
from skinverse.targets import as_targets

# Attributes of simulators that hold the points of a spectrum.
_GRIDS = {"wavelengths": "wavelength [nm]", "frequencies": "frequency [THz]"}
_NAMES = {"T": "transmittance", "R": "reflectance", "A": "absorptance"}
_MAX_TARGETS = 9
# Up to so many points of a spectrum are marked one by one.
_FEW_POINTS = 25
_POINTS = {"marker": "o", "markersize": 3}


class SpectrumDisplay:
    """Wanted spectra and the judge's spectra of the proposed designs, one panel a target.

    The wanted spectrum is dark, the candidates are thin lines, the best of them a thick one. A
    :class:`~skinverse.TargetRange` is a band between its limits, with a bar at each point where those are few; an open
    side ends beyond the data.

    Use :meth:`from_estimator`, :meth:`from_predictions` or :meth:`from_resimulation` rather than the
    constructor, which stores.

    Parameters
    ----------
    grid : ndarray of shape (n_outputs,)
        Where the spectra are known, ascending.
    y_star : ndarray of shape (n_targets, n_outputs), or TargetRange of two of these
        Wanted spectra, NaN where any value will do.
    response : ndarray of shape (n_targets, n, n_outputs)
        The judge's spectra, NaN where there is none.
    judge : str
        Whose verdict this is; named in the title.
    grid_label, output_label : str
        For the axes, with units.

    Attributes
    ----------
    rms : ndarray of shape (n_targets, n)
        Root mean square distance of each spectrum to the wanted one, or to the limits it is beyond; NaN where there
        is none.
    ax_ : Axes, or ndarray of Axes
        One panel for each target drawn.
    figure_ : Figure

    See Also
    --------
    ResimulationDisplay : Responses of few outputs.

    Examples
    --------
    >>> from skinverse import NearestDesignInverter
    >>> from skinverse.datasets import make_thin_film_stack
    >>> from skinverse.display import SpectrumDisplay
    >>> from skinverse.simulators import ThinFilmStack
    >>> X, y = make_thin_film_stack(200, random_state=0)
    >>> inverter = NearestDesignInverter().fit(X[2:], y[2:])
    >>> display = SpectrumDisplay.from_estimator(inverter, y[:2], ThinFilmStack(), n=3)
    >>> display.response.shape, display.grid_label, display.output_label
    ((2, 3, 256), 'wavelength [nm]', 'absorptance')
    """

    def __init__(self, *, grid, y_star, response, judge, grid_label, output_label):
        self.grid = grid
        self.y_star = y_star
        self.response = response
        self.judge = judge
        self.grid_label = grid_label
        self.output_label = output_label
        self.rms = np.sqrt(as_targets(y_star, len(response)).misfit(response))

    @classmethod
    def from_resimulation(
        cls,
        result,
        y_star,
        *,
        grid=None,
        grid_label=None,
        output_label="response",
        ax=None,
        **plot_params,
    ):
        """Draw a judge's verdict.

        Parameters
        ----------
        result : Resimulation
            What :func:`~skinverse.metrics.resimulation_error` returned.
        y_star : array-like of shape (n_targets, n_outputs) or TargetRange
            The targets it was asked about.
        grid : array-like of shape (n_outputs,), default=None
            Wavelength, frequency or whatever the outputs are counted by, in any order; None counts them from 0.
        grid_label : str, default=None
            Name and unit of `grid`, ``"wavelength [nm]"``. None is "output" for counted outputs.
        output_label : str, default="response"
            Name and unit of the outputs.
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : SpectrumDisplay
        """
        n_outputs = result.response.shape[2]
        if grid is None:
            grid, grid_label = np.arange(n_outputs), grid_label or "output"
        grid = np.asarray(grid, dtype=np.float64)
        if grid.shape != (n_outputs,):
            raise ValueError(f"grid must have one entry for each of {n_outputs} outputs, got {grid.shape}.")
        order = np.argsort(grid)
        display = cls(
            grid=grid[order],
            y_star=targets_of(result, y_star)[:, order].y_star,
            response=result.response[:, :, order],
            judge=result.judge,
            grid_label=grid_label or "",
            output_label=output_label,
        )
        return display.plot(ax=ax, **plot_params)

    @classmethod
    def from_predictions(cls, y_star, y_pred, *, judge="own surrogate", ax=None, **params):
        """Draw spectra that are there already.

        Parameters
        ----------
        y_star, y_pred, judge
            As for :meth:`ResimulationDisplay.from_predictions`.
        ax
            As for :meth:`plot`.
        **params
            `grid`, `grid_label` and `output_label` as for :meth:`from_resimulation`, others as for :meth:`plot`.

        Returns
        -------
        display : SpectrumDisplay
        """
        return cls.from_resimulation(verdict_of(y_star, y_pred, judge), y_star, ax=ax, **params)

    @classmethod
    def from_estimator(
        cls, estimator, y_star, simulator, *, n=5, judge=None, random_state=0, ax=None, **params
    ):
        """Ask for designs, have them judged, and draw.

        Parameters
        ----------
        estimator : fitted inverter, Pipeline or search
        y_star : array-like of shape (n_targets, n_outputs) or TargetRange
            Wanted spectra.
        simulator : callable or regressor
            The judge; see :func:`~skinverse.metrics.resimulation_error`. Its `wavelengths` or `frequencies`, if it
            has any, are the default `grid`.
        n : int, default=5
            Designs to ask for, for each target.
        judge : str, default=None
            Name of the judge; a regressor must be named.
        random_state : int, default=0
            Governs the draw of designs.
        ax
            As for :meth:`plot`.
        **params
            `grid`, `grid_label` and `output_label` as for :meth:`from_resimulation`, others as for :meth:`plot`.

        Returns
        -------
        display : SpectrumDisplay
        """
        _, result = ask_and_judge(estimator, y_star, simulator, n, judge, random_state)
        return cls.from_resimulation(result, y_star, ax=ax, **{**_described(simulator), **params})

    def plot(self, ax=None, *, targets=None, T=None, label=None, target_kw=None, line_kw=None):
        """Draw one panel for each target.

        Parameters
        ----------
        ax : Axes, or array of as many Axes as targets are drawn, default=None
            None makes a figure. Drawing on the same axes again adds a method to the comparison.
        targets : sequence of int, default=None
            Which targets to draw; None draws the first nine.
        T : int, default=None
            Candidates drawn for each target, the first ones; None draws all.
        label : str, default=None
            Name of the method in the legend.
        target_kw, line_kw : dict, default=None
            Passed on to ``Axes.plot`` for the wanted spectrum, whose colour a band takes over, and for the candidates.

        Returns
        -------
        self : SpectrumDisplay
        """
        targets = range(min(len(self.response), _MAX_TARGETS)) if targets is None else list(targets)
        wanted = as_targets(self.y_star, len(self.response))
        alone = len(targets) == 1
        axes, self.figure_ = panels(
            self, ax, len(targets), size=(5.4, 3.8) if alone else (3.7, 3.0), n_columns=3
        )
        self.ax_ = axes[0] if alone else np.array(axes, dtype=object)
        for panel, k in zip(axes, targets, strict=True):
            if next_series(panel) == 0:
                self._draw_wanted(panel, wanted[k], self.response[k, :T], target_kw or {})
            self._draw(panel, self.response[k, :T], self.rms[k, :T], label, line_kw)
            panel.set_xlabel(self.grid_label)
            panel.set_ylabel(self.output_label)
            panel.set_title(f"target {k}, judge: {self.judge}", fontsize="medium")
            legend(panel, loc="best")
        return self

    def _draw_wanted(self, panel, wanted, spectra, target_kw):
        """The wanted spectrum: a line where it is one value, a band where it is an interval."""
        few = np.count_nonzero(wanted.wanted) <= _FEW_POINTS
        style = {"color": FRAME_COLOR, "linewidth": 2.4, "zorder": 3, **(_POINTS if few else {}), **target_kw}
        if wanted.exact.any():
            panel.plot(self.grid, np.where(wanted.exact, wanted.lower, np.nan), label="wanted", **style)
        ranged = wanted.wanted & ~wanted.exact
        if ranged.any():
            low, high = closed(wanted.lower, wanted.upper, spectra)
            shade = {
                "color": target_kw.get("color", BACKGROUND_COLOR),
                "alpha": 0.5,
                "linewidth": 0,
                "zorder": 1,
            }
            panel.fill_between(self.grid, low, high, where=ranged, label="wanted range", **shade)
            if few:  # a point between others has no band
                panel.vlines(self.grid[ranged], low[ranged], high[ranged], color=style["color"], zorder=1)

    def _draw(self, panel, spectra, rms, label, line_kw):
        series = next_series(panel)
        points = _POINTS if len(self.grid) <= _FEW_POINTS else {}
        style = {"color": cycled(COLORS, series), **(line_kw or {})}
        fine = np.flatnonzero(~np.isnan(rms))
        best = fine[np.argmin(rms[fine])] if fine.size else None
        text = f"{len(rms) - fine.size} of {len(rms)} failed" if fine.size < len(rms) else None
        if best is not None:
            if fine.size > 1:
                faint = {"linewidth": 0.7, "alpha": 0.45, "zorder": 2, **style}
                panel.plot(
                    self.grid, np.delete(spectra[fine], np.flatnonzero(fine == best), axis=0).T, **faint
                )
            reached = f"best of {len(rms)}, " * (len(rms) > 1) + f"rms {rms[best]:.2g}"
            text = reached if text is None else f"{reached}, {text}"
        style = {"linestyle": cycled(DASHES, series + 1), "linewidth": 1.6, "zorder": 4, **points, **style}
        (line,) = panel.plot(
            self.grid,
            np.full(len(self.grid), np.nan) if best is None else spectra[best],
            label=text if label is None else f"{label}: {text}",
            **style,
        )
        mark_series(line)


def _described(simulator):
    """Grid and labels of a simulator, as far as it knows them."""
    simulator = getattr(simulator, "simulator", simulator)  # what a NeuralSimulator stands for
    known = {}
    for name, label in _GRIDS.items():
        if hasattr(simulator, name):
            known = {"grid": getattr(simulator, name), "grid_label": label}
    names, units = (getattr(simulator, f"output_{what}", ()) for what in ("names", "units"))
    symbols = {str(name).split("_")[0] for name in names}
    symbol = symbols.pop() if len(symbols) == 1 else "response"
    name = getattr(simulator, "output", None) or _NAMES.get(symbol, symbol)
    known["output_label"] = quantity(name, units[0] if len(set(units)) == 1 else None)
    return known
