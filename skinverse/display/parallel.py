"""Parallel coordinates: one axis a variable, from its lower to its upper bound; a design is a line."""

import numpy as np

from skinverse.display.drawing import (
    BACKGROUND_COLOR,
    COLORS,
    FAILURE_COLOR,
    FRAME_COLOR,
    MARKERS,
    cycled,
    mark_series,
    next_series,
    variable_labels,
)

_N_BINS = 40
# Variables beyond which their names are written upright.
_CROWDED = 8


def draw_coordinates(ax, space, X_train):
    """The axes with their bounds, and the training designs as histograms along them."""
    columns = np.arange(space.n_features)
    if X_train is not None:
        unit = _unit(space, X_train)
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
    ax.hlines([0, 1], -0.3, len(columns) - 0.7, color=FRAME_COLOR, linewidth=0.6, linestyle=":", zorder=2)
    crowded = len(columns) > _CROWDED
    for j, (lower, upper) in enumerate(space.bounds):
        ends = [(lower, 0, -4, "top"), (upper, 1, 4, "bottom")] if upper > lower else [(lower, 0, -4, "top")]
        for value, height, offset, side in ends:
            ax.annotate(
                f"{value:.4g}" if upper > lower else f"= {value:.4g}",
                (j, height),
                (0, offset),
                textcoords="offset points",
                ha="center",
                va=side,
                fontsize="x-small" if crowded else "small",
                zorder=5,
            )
    labels = variable_labels(space, separator=" " if crowded else "\n")
    ax.set_xticks(columns, labels, rotation=90 * crowded)
    ax.set_yticks([])
    ax.set_xlim(-0.5, len(columns) - 0.5)
    ax.set_ylim(-0.08, 1.08)
    ax.tick_params(length=0, pad=0)
    ax.spines[:].set_visible(False)
    ax.set_ylabel("lower to upper bound")


def draw_lines(ax, space, X, feasible, label, design_kw):
    """Designs (n, n_features) of one target; those outside the space in another colour, and in view."""
    columns = np.arange(space.n_features)
    series = next_series(ax)
    style = {
        "color": cycled(COLORS, series),
        "marker": cycled(MARKERS, series),
        "markersize": 3,
        "linewidth": 0.7,
        "alpha": float(np.clip(3.5 / np.sqrt(max(len(X), 1)), 0.15, 0.9)),
        "zorder": 3,
        **design_kw,
    }
    unit = _unit(space, X)
    ax.plot(columns, unit[feasible].T, **style)
    (proxy,) = ax.plot([], [], label=label, **{**style, "alpha": 1, "linewidth": 1.5, "markersize": 4})
    mark_series(proxy)
    if not feasible.all():
        ax.plot(
            columns,
            unit[~feasible].T,
            **{**style, "color": FAILURE_COLOR, "marker": "x", "markersize": 5, "zorder": 4},
        )
        bottom, top = ax.get_ylim()
        ax.set_ylim(min(bottom, unit[~feasible].min() - 0.05), max(top, unit[~feasible].max() + 0.05))


def _unit(space, X):
    """Designs on the axes; a pinned variable sits in the middle."""
    return np.where(space.width > 0, space.to_unit(X), 0.5)
