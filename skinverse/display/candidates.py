"""CandidatesDisplay: proposed designs in their space."""

import numpy as np

from skinverse.delegate import inverse
from skinverse.display.drawing import (
    BACKGROUND_COLOR,
    COLORS,
    FAILURE_COLOR,
    FRAME_COLOR,
    MARKERS,
    cycled,
    legend,
    mark_series,
    next_series,
    panels,
    quantity,
)
from skinverse.spaces import DesignSpace

_N_BINS = 40
_MAX_TRAINING_POINTS = 3000


class CandidatesDisplay:
    """Proposed designs in their space, the training designs faint behind.

    Two variables are drawn as a scatter plot; more as parallel coordinates, one axis a variable from
    its lower to its upper bound, where a design is a line and the training designs are grey histograms.
    The edges of the space are always in view, and designs outside it are drawn in another colour.

    Use :meth:`from_estimator` or :meth:`from_designs` rather than the constructor, which stores.

    Parameters
    ----------
    X : ndarray of shape (n_targets, n, n_features)
        Designs, in the user's units.
    space : DesignSpace
        Names, units and bounds of the axes.
    feasible : ndarray of bool of shape (n_targets, n)
        Whether each design lies in the space.
    X_train : ndarray of shape (n_samples, n_features), default=None
        Training designs.
    y_star : ndarray of shape (n_targets, n_outputs), default=None
        Targets, for the legend.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure

    Examples
    --------
    >>> from skinverse import NearestDesignInverter
    >>> from skinverse.datasets import make_ballistics
    >>> from skinverse.display import CandidatesDisplay
    >>> X, y = make_ballistics(500, random_state=0)
    >>> inverter = NearestDesignInverter().fit(X, y)
    >>> display = CandidatesDisplay.from_estimator(inverter, [5.0, 9.0], n=10, X_train=X)
    >>> display.X.shape, bool(display.feasible.all())
    ((2, 10, 4), True)
    """

    def __init__(self, *, X, space, feasible, X_train=None, y_star=None):
        self.X = X
        self.space = space
        self.feasible = feasible
        self.X_train = X_train
        self.y_star = y_star

    @classmethod
    def from_designs(cls, X, *, space=None, X_train=None, y_star=None, ax=None, **plot_params):
        """Draw designs.

        Parameters
        ----------
        X : array-like of shape (n_targets, n, n_features) or (n, n_features)
            Designs; the latter are those of one target.
        space : DesignSpace or array-like of shape (n_features, 2), default=None
            None is the box of `X_train` if given, else of `X`.
        X_train : array-like of shape (n_samples, n_features), default=None
            Training designs; column names of a DataFrame name the axes.
        y_star : array-like of shape (n_targets, n_outputs) or (n_targets,), default=None
            Targets, for the legend.
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : CandidatesDisplay
        """
        X = np.asarray(X, dtype=np.float64)
        X = X[None] if X.ndim == 2 else X
        if X.ndim != 3:
            raise ValueError(f"X must have shape (n_targets, n, n_features), got {X.shape}.")
        if space is None:
            space = DesignSpace.from_data(X.reshape(-1, X.shape[2]) if X_train is None else X_train)
        elif not isinstance(space, DesignSpace):
            space = DesignSpace(space)
        display = cls(
            X=X,
            space=space,
            feasible=space.contains(X),
            X_train=None if X_train is None else np.asarray(X_train, dtype=np.float64),
            y_star=None if y_star is None else np.asarray(y_star, dtype=np.float64).reshape(len(X), -1),
        )
        return display.plot(ax=ax, **plot_params)

    @classmethod
    def from_estimator(
        cls, estimator, y_star, *, n=50, space=None, X_train=None, random_state=0, ax=None, **plot_params
    ):
        """Ask for designs and draw them.

        Parameters
        ----------
        estimator : fitted inverter, Pipeline or search
        y_star : array-like
            Exact targets; see :meth:`~skinverse.base.BaseInverter.inverse`.
        n : int, default=50
            Designs to ask for, for each target.
        space : DesignSpace or array-like of shape (n_features, 2), default=None
            None is the inverter's own space. The space inside a Pipeline speaks of transformed designs,
            so there it is the box of `X_train`, or of the designs themselves.
        X_train : array-like of shape (n_samples, n_features), default=None
            Training designs.
        random_state : int, default=0
            Governs the draw of designs.
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : CandidatesDisplay
        """
        X = inverse(estimator, y_star, n, random_state=random_state)
        if space is None:
            space = getattr(getattr(estimator, "best_estimator_", estimator), "space_", None)
        return cls.from_designs(X, space=space, X_train=X_train, y_star=y_star, ax=ax, **plot_params)

    def plot(self, ax=None, *, label=None, design_kw=None):
        """Draw the designs of all targets, one colour a target.

        Parameters
        ----------
        ax : Axes, default=None
            None makes a figure. Drawing on the same axes again adds designs of the same space.
        label : str, default=None
            Name of the method, written before the target in the legend.
        design_kw : dict, default=None
            Passed on to ``Axes.scatter`` (two variables) or ``Axes.plot``.

        Returns
        -------
        self : CandidatesDisplay
        """
        n_features = self.space.n_features
        if n_features == 1:
            raise ValueError("A space of one variable has no picture here; draw a histogram of the designs.")
        size = (4.6, 4.4) if n_features == 2 else (1.4 + 1.15 * min(n_features, 16), 4.2)
        (self.ax_,), self.figure_ = panels(self, ax, 1, size=size)
        first = next_series(self.ax_) == 0
        labels = self._labels(label)
        draw_background, draw_designs = (
            (self._box, self._points) if n_features == 2 else (self._coordinates, self._lines)
        )
        if first:
            draw_background()
        for X, feasible, text in zip(self.X, self.feasible, labels, strict=True):
            draw_designs(X, feasible, text, design_kw or {})
        outside = int((~self.feasible).sum())
        if outside:
            self.ax_.plot(
                [], [], "x", color=FAILURE_COLOR, label=f"{outside} of {self.feasible.size} outside"
            )
        legend(self.ax_, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
        return self

    def _labels(self, label):
        """Legend entry of each target."""
        if self.y_star is None:
            wishes = [None] * len(self.X) if len(self.X) == 1 else [f"target {k}" for k in range(len(self.X))]
        else:
            wishes = ["y* = " + ", ".join(f"{value:.4g}" for value in row) for row in self.y_star]
        return [", ".join(part for part in (label, wish) if part) or None for wish in wishes]

    def _label(self, j, separator=" "):
        names, units = self.space.names, self.space.units
        name = names[j] if names is not None else f"x{j}"
        return quantity(name, units[j] if units is not None else None).replace(" [", f"{separator}[")

    def _box(self):
        if self.X_train is not None:
            step = -(-len(self.X_train) // _MAX_TRAINING_POINTS)
            shown = self.X_train[::step]
            self.ax_.scatter(
                *shown.T, s=3, color=BACKGROUND_COLOR, linewidths=0, zorder=0, label="training designs"
            )
        (left, right), (bottom, top) = self.space.bounds
        self.ax_.plot(
            [left, right, right, left, left],
            [bottom, bottom, top, top, bottom],
            color=FRAME_COLOR,
            linewidth=1,
            zorder=1,
            label="edge of the space",
        )
        self.ax_.use_sticky_edges = False  # or a picture already on the axes pins the limits to the edges
        self.ax_.locator_params(nbins=5)
        self.ax_.set_xlabel(self._label(0))
        self.ax_.set_ylabel(self._label(1))

    def _points(self, X, feasible, label, design_kw):
        series = next_series(self.ax_)
        style = {
            "s": 16,
            "color": cycled(COLORS, series),
            "marker": cycled(MARKERS, series),
            "linewidths": 0,
            "alpha": 0.85,
            "zorder": 3,
            **design_kw,
        }
        mark_series(self.ax_.scatter(*X[feasible].T, label=label, **style))
        if not feasible.all():
            self.ax_.scatter(*X[~feasible].T, s=24, marker="x", color=FAILURE_COLOR, zorder=4)

    def _unit(self, X):
        """Designs on the axes of the parallel coordinates; a pinned variable sits in the middle."""
        width = self.space.width
        return np.where(width > 0, (X - self.space.lower) / np.where(width > 0, width, 1.0), 0.5)

    def _coordinates(self):
        ax, space = self.ax_, self.space
        columns = np.arange(space.n_features)
        if self.X_train is not None:
            unit = self._unit(self.X_train)
            for j in columns:
                count, edges = np.histogram(unit[:, j], bins=_N_BINS)
                width = 0.36 * np.sqrt(count / max(count.max(), 1))
                ax.fill_betweenx(
                    np.repeat(edges, 2)[1:-1],
                    j - np.repeat(width, 2),
                    j + np.repeat(width, 2),
                    color=BACKGROUND_COLOR,
                    alpha=0.45,
                    linewidth=0,
                    zorder=0,
                    label="training designs" if j == 0 else None,
                )
        ax.vlines(columns, 0, 1, color=FRAME_COLOR, linewidth=1, zorder=2)
        ax.hlines(
            [0, 1], -0.3, space.n_features - 0.7, color=FRAME_COLOR, linewidth=0.6, linestyle=":", zorder=2
        )
        ends = {"ha": "center", "fontsize": "small", "zorder": 5}
        for j in columns:
            if space.width[j] == 0:
                ax.annotate(
                    f"= {space.lower[j]:.4g}", (j, 0), (0, -4), textcoords="offset points", va="top", **ends
                )
                continue
            ax.annotate(
                f"{space.lower[j]:.4g}", (j, 0), (0, -4), textcoords="offset points", va="top", **ends
            )
            ax.annotate(
                f"{space.upper[j]:.4g}", (j, 1), (0, 4), textcoords="offset points", va="bottom", **ends
            )
        crowded = space.n_features > 8
        ax.set_xticks(
            columns, [self._label(j, " " if crowded else "\n") for j in columns], rotation=90 * crowded
        )
        ax.set_yticks([])
        ax.set_xlim(-0.5, space.n_features - 0.5)
        ax.set_ylim(-0.08, 1.08)
        ax.tick_params(length=0, pad=0)
        ax.spines[:].set_visible(False)
        ax.set_ylabel("lower to upper bound")

    def _lines(self, X, feasible, label, design_kw):
        columns = np.arange(self.space.n_features)
        series = next_series(self.ax_)
        style = {
            "color": cycled(COLORS, series),
            "marker": cycled(MARKERS, series),
            "markersize": 3,
            "linewidth": 0.7,
            "alpha": float(np.clip(3.5 / np.sqrt(max(len(X), 1)), 0.15, 0.9)),
            "zorder": 3,
            **design_kw,
        }
        unit = self._unit(X)
        lines = self.ax_.plot(columns, unit[feasible].T, **style)
        (proxy,) = self.ax_.plot(
            [], [], label=label, **{**style, "alpha": 1, "linewidth": 1.5, "markersize": 4}
        )
        mark_series(proxy)
        if not feasible.all():
            lost = {**style, "color": FAILURE_COLOR, "marker": "x", "markersize": 5, "zorder": 4}
            lines += self.ax_.plot(columns, unit[~feasible].T, **lost)
            low, high = unit[~feasible].min(), unit[~feasible].max()
            bottom, top = self.ax_.get_ylim()
            self.ax_.set_ylim(min(bottom, low - 0.05), max(top, high + 0.05))
