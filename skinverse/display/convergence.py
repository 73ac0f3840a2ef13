"""ConvergenceDisplay: how a solver's candidates approach their targets."""

from copy import copy

import numpy as np
from sklearn.pipeline import Pipeline

from skinverse.display.drawing import COLORS, DASHES, cycled, legend, mark_series, next_series, panels


class ConvergenceDisplay:
    """Residuals of a solver's candidates against its steps, and the share that has converged.

    Use :meth:`from_estimator` or :meth:`from_result` rather than the constructor, which stores.

    Parameters
    ----------
    quantiles : sequence of float of length n_quantiles
        Which quantiles over candidates `residual` holds, ascending; the middle one is drawn as a line,
        the outermost as the edges of a band.
    residual : ndarray of shape (n_quantiles, n_steps + 1)
        Quantiles of the residual at the start and after each step, in training standard deviations of
        the response.
    converged : ndarray of shape (n_steps + 1,)
        Share of candidates whose residual is at most `tol`.
    tol : float
        The solver's tolerance.
    n_candidates : int

    Attributes
    ----------
    ax_ : ndarray of Axes of shape (2,), or Axes
        Residuals and share converged; a single one if `plot` was given a single one.
    figure_ : Figure

    Examples
    --------
    >>> from skinverse import ForwardRegressor, NeuralAdjoint
    >>> from skinverse.datasets import make_sine_wave
    >>> from skinverse.display import ConvergenceDisplay
    >>> X, y = make_sine_wave(200, random_state=0)
    >>> inverter = NeuralAdjoint(ForwardRegressor((16,), max_epochs=10), random_state=0).fit(X, y)
    >>> display = ConvergenceDisplay.from_estimator(inverter, [0.5, 1.2])
    >>> bool(display.converged[0] < display.converged[-1])
    True
    """

    def __init__(self, *, quantiles, residual, converged, tol, n_candidates):
        self.quantiles = quantiles
        self.residual = residual
        self.converged = converged
        self.tol = tol
        self.n_candidates = n_candidates

    @classmethod
    def from_result(cls, result, tol, *, quantiles=(0.05, 0.25, 0.5, 0.75, 0.95), ax=None, **plot_params):
        """Draw a solver's result.

        Parameters
        ----------
        result : SolverResult
            What ``solver.solve`` returned.
        tol : float
            The tolerance the solver was given, its parameter `tol`.
        quantiles : sequence of float, default=(0.05, 0.25, 0.5, 0.75, 0.95)
            Over candidates.
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : ConvergenceDisplay
        """
        trace = np.asarray(result.trace, dtype=np.float64)
        quantiles = tuple(sorted(quantiles))
        # The trace is kept in single precision: at the tolerance it decides only to that precision.
        within = trace <= tol * (1 + np.finfo(np.float32).eps)
        display = cls(
            quantiles=quantiles,
            residual=np.quantile(trace, quantiles, axis=1),
            converged=within.mean(axis=1),
            tol=tol,
            n_candidates=trace.shape[1],
        )
        return display.plot(ax=ax, **plot_params)

    @classmethod
    def from_estimator(
        cls,
        estimator,
        y_star,
        *,
        n=1,
        random_state=0,
        quantiles=(0.05, 0.25, 0.5, 0.75, 0.95),
        ax=None,
        **plot_params,
    ):
        """Ask for designs, watch the solver, and draw all candidates that it worked on.

        Parameters
        ----------
        estimator : fitted inverter with a solver, Pipeline that ends in one, or search
            :class:`~skinverse.NeuralAdjoint`, :class:`~skinverse.IPageInverter`,
            :class:`~skinverse.RefinedInverter`.
        y_star : array-like or TargetRange
            Targets; see :meth:`~skinverse.base.BaseInverter.inverse`.
        n : int, default=1
            Designs to ask for, for each target. Candidates are more: those that are not chosen, and those that take
            the place of stuck ones.
        random_state : int, default=0
            Governs the draw of candidates.
        quantiles : sequence of float, default=(0.05, 0.25, 0.5, 0.75, 0.95)
            Over candidates.
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : ConvergenceDisplay
        """
        inverter = getattr(estimator, "best_estimator_", estimator)
        inverter = inverter.steps[-1][1] if isinstance(inverter, Pipeline) else inverter
        if not hasattr(inverter, "solver"):
            raise TypeError(
                f"{type(inverter).__name__} has no solver whose steps could be drawn; pass a NeuralAdjoint, an "
                "IPageInverter or a RefinedInverter."
            )
        from skinverse.solvers import SolverResult  # brings torch, which the other displays do without

        watched = copy(inverter)
        watched.solver = _Watched(inverter.solver)
        watched.inverse(y_star, n, random_state=random_state)
        result = SolverResult.concatenate(watched.solver.results)
        return cls.from_result(result, watched.solver.tol, quantiles=quantiles, ax=ax, **plot_params)

    def plot(self, ax=None, *, label=None, line_kw=None, band_kw=None):
        """Draw residuals and, on a second panel, the share converged.

        Parameters
        ----------
        ax : Axes or array of Axes of shape (2,), default=None
            None makes a figure of two panels. A single Axes shows the residuals alone. Drawing on the
            same axes again adds a solver to the comparison.
        label : str, default=None
            Name of the solver in the legend.
        line_kw, band_kw : dict, default=None
            Passed on to ``Axes.plot`` and ``Axes.fill_between``.

        Returns
        -------
        self : ConvergenceDisplay
        """
        alone = hasattr(ax, "plot")
        axes, self.figure_ = panels(self, ax, 1 if alone else 2)
        self.ax_ = axes[0] if alone else np.array(axes, dtype=object)
        steps = np.arange(self.residual.shape[1])
        series = next_series(axes[0])
        style = {"color": cycled(COLORS, series), "linestyle": cycled(DASHES, series), "linewidth": 1.8}
        style.update(line_kw or {})
        share = f"{100 * self.converged[-1]:.3g} % of {self.n_candidates} converged"
        label = share if label is None else f"{label}: {share}"

        median = self.residual[len(self.quantiles) // 2]
        (line,) = axes[0].semilogy(steps, median, label=label, **style)
        mark_series(line)
        for k in range(len(self.quantiles) // 2):
            shade = {"color": line.get_color(), "alpha": 0.15, "linewidth": 0, **(band_kw or {})}
            axes[0].fill_between(steps, self.residual[k], self.residual[-1 - k], **shade)
        if series == 0:
            axes[0].axhline(
                self.tol, color="black", linewidth=0.8, linestyle=":", label=f"tol = {self.tol:g}"
            )
        axes[0].set_ylabel("residual [standard deviations of y]")
        axes[0].set_xlabel("step")
        axes[0].set_title(
            f"quantiles {', '.join(f'{q:g}' for q in self.quantiles)} of candidates", fontsize="medium"
        )
        legend(axes[0], loc="best")
        if not alone:
            axes[1].plot(steps, 100 * self.converged, label=label, **style)
            axes[1].set_ylabel("candidates converged [%]")
            axes[1].set_xlabel("step")
            axes[1].set_ylim(-2, 102)
        return self


class _Watched:
    """A solver that keeps its results."""

    def __init__(self, solver):
        from skinverse.solvers import LevenbergMarquardtSolver

        self.solver = LevenbergMarquardtSolver() if solver is None else solver
        self.tol = getattr(self.solver, "tol", 1e-5)
        self.results = []

    def solve(self, *args, **params):
        result = self.solver.solve(*args, **params)
        if params.get("free") is None:  # else the same candidates once more, their whole numbers rounded
            self.results.append(result)
        return result
