"""Pairs of variables: designs in every plane of their space, and how each variable is distributed."""

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

_MAX_TRAINING_POINTS = 3000
_N_BINS, _N_CELLS = 20, 32
# Share of a variable's range that is shown beyond its bounds.
_MARGIN = 0.06


def draw_plane(ax, space, X_train):
    """The box of a space of two variables, the training designs as points behind."""
    if X_train is not None:
        step = -(-len(X_train) // _MAX_TRAINING_POINTS)
        ax.scatter(
            *X_train[::step].T,
            s=3,
            color=BACKGROUND_COLOR,
            linewidths=0,
            zorder=0,
            label="training designs",
        )
    _box(ax, space.bounds, label="edge of the space")
    ax.use_sticky_edges = False  # or a picture already on the axes pins the limits to the edges
    ax.locator_params(nbins=5)
    x_label, y_label = variable_labels(space)
    ax.set_xlabel(x_label)
    ax.set_ylabel(y_label)


def draw_points(ax, X, feasible, label, design_kw):
    """Designs (n, 2) of one target in a plane; those outside the space as crosses."""
    series = next_series(ax)
    style = {
        "s": 16,
        "color": cycled(COLORS, series),
        "marker": cycled(MARKERS, series),
        "linewidths": 0,
        "alpha": 0.85,
        "zorder": 3,
        **design_kw,
    }
    mark_series(ax.scatter(*X[feasible].T, label=label, **style))
    if not feasible.all():
        ax.scatter(*X[~feasible].T, s=24, marker="x", color=FAILURE_COLOR, zorder=4)


def draw_pair_axes(axes, space, X_train):
    """Panels (n_features, n_features) with bounds and training density; those above the diagonal are hidden."""
    n = space.n_features
    labels = variable_labels(space)
    margin = _MARGIN * np.where(space.width > 0, space.width, 1.0)
    limits = np.stack([space.lower - margin, space.upper + margin], axis=1)
    for i, j in np.ndindex(n, n):
        ax = axes[i, j]
        if j > i:
            ax.set_visible(False)
            continue
        ax.set_xlim(limits[j])
        ax.set_ylim(limits[i] if j < i else (0, 1.1))
        ax.locator_params(nbins=3)
        ax.tick_params(labelsize="small", labelbottom=i == n - 1, labelleft=j == 0)
        ax.set_xlabel(labels[j] if i == n - 1 else None)
        ax.set_ylabel(labels[i] if j == 0 < i else None)
        if i > j:
            if X_train is not None:
                _density(ax, X_train[:, [j, i]], limits[[j, i]])
            _box(ax, space.bounds[[j, i]])
            continue
        ax.set_yticks([])
        if X_train is not None:
            _histogram(ax, X_train[:, j], limits[j], color=BACKGROUND_COLOR, fill=True, zorder=0)
        ax.vlines(space.bounds[j], 0, 1, color=FRAME_COLOR, linewidth=1, zorder=1)
    if X_train is not None:
        axes[0, 0].plot([], [], "s", color=BACKGROUND_COLOR, label="training designs")
    axes[0, 0].plot([], [], color=FRAME_COLOR, linewidth=1, label="edge of the space")


def draw_pair_points(axes, X, feasible, label, design_kw):
    """Designs (n, n_features) of one target in every plane, and their histograms on the diagonal."""
    series = next_series(axes[0, 0])
    color = design_kw.get("color", cycled(COLORS, series))
    for i, j in np.ndindex(axes.shape):
        if j > i:
            continue
        ax = axes[i, j]
        ax.set_xlim(_widened(ax.get_xlim(), X[:, j]))
        if i == j:
            _histogram(ax, X[:, j], ax.get_xlim(), color=color, linewidth=1.5, zorder=3)
        else:
            ax.set_ylim(_widened(ax.get_ylim(), X[:, i]))
            draw_points(ax, X[:, [j, i]], feasible, None, {"s": 10, **design_kw})
    (proxy,) = axes[0, 0].plot(
        [], [], linestyle="", color=color, marker=cycled(MARKERS, series), markersize=4, label=label
    )
    mark_series(proxy)


def _box(ax, bounds, label=None):
    """The rectangle of the bounds of two variables."""
    (left, right), (bottom, top) = bounds
    corners = [left, right, right, left, left], [bottom, bottom, top, top, bottom]
    ax.plot(*corners, color=FRAME_COLOR, linewidth=1, zorder=1, label=label)


def _density(ax, X, limits):
    """How many designs (n, 2) lie where, in greys on a logarithmic scale, the densest cell a middle grey."""
    count, *edges = np.histogram2d(*X.T, bins=_N_CELLS, range=limits)
    shade = np.log1p(np.ma.masked_equal(count.T, 0))
    ax.pcolormesh(*edges, shade, cmap="Greys", vmin=-0.3 * shade.max(), vmax=2.2 * shade.max(), zorder=0)


def _histogram(ax, values, limits, **style):
    """How one variable is distributed, the fullest bin at 1."""
    count, edges = np.histogram(values, bins=_N_BINS, range=limits)
    ax.stairs(count / max(count.max(), 1), edges, **style)


def _widened(limits, values):
    """Limits that hold all values, with a margin to those that lay outside."""
    low, high = limits
    margin = _MARGIN * (high - low)
    low = low if values.min() >= low else values.min() - margin
    return low, high if values.max() <= high else values.max() + margin
