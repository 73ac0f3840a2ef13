"""What the displays share: the way to matplotlib, colours, axis labels."""

from itertools import islice
from math import isinf

import numpy as np

from skinverse.utils.frames import quantity

# Okabe and Ito's colours, told apart with every common colour blindness; the black is left to frames.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5A4FCF", "#7F7F7F")
MARKERS = ("o", "s", "^", "D", "v", "P", "<", "X")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)), (0, (3, 3)))
FAILURE_COLOR = "#A50026"
BACKGROUND_COLOR = "#BBBBBB"
FRAME_COLOR = "#333333"

_SERIES = "skinverse-series"


def pyplot(display):
    """``matplotlib.pyplot``, or an ImportError that says how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__}.plot needs matplotlib, which is not installed. "
            'Install it with: pip install "skinverse[plots]"'
        ) from error
    return plt


def panels(display, ax, n, *, size=(4.6, 4.2), n_columns=4):
    """The `n` axes to draw on, row by row, and their figure: a new one if `ax` is None.

    Parameters
    ----------
    display : object
        Named in errors.
    ax : Axes, array of Axes or None
    n : int
    size : tuple of float, default=(4.6, 4.2)
        Of a panel, inches.
    n_columns : int, default=4
        Panels side by side, at most.

    Raises
    ------
    ValueError
        If `ax` holds another number of axes.
    """
    plt = pyplot(display)
    if ax is None:
        n_columns = min(n, n_columns)
        n_rows = -(-n // n_columns)
        figure, axes = plt.subplots(
            n_rows,
            n_columns,
            figsize=(size[0] * n_columns, size[1] * n_rows),
            squeeze=False,
            layout="constrained",
        )
        for spare in axes.flat[n:]:
            spare.remove()
        return list(axes.flat[:n]), figure
    axes = [ax] if hasattr(ax, "plot") else list(getattr(ax, "flat", ax))
    if len(axes) != n:
        raise ValueError(
            f"{type(display).__name__} draws {n} panel{'s' * (n > 1)} here, got {len(axes)} axes. "
            f"Pass ax=None or {'one Axes' if n == 1 else f'an array of {n} Axes'}."
        )
    return axes, axes[0].figure


def plain_ticks(axis):
    """Write counts on a logarithmic axis as 1, 2, 5, 10, ... rather than as powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def next_series(ax):
    """Number of the series about to be drawn on `ax`, 0 for the first."""
    return sum(artist.get_gid() == _SERIES for artist in ax.get_children())


def mark_series(artist):
    """Count `artist` as one series, so that the next one gets another colour."""
    artist.set_gid(_SERIES)
    return artist


def cycled(values, k):
    """Entry `k` of a cycle."""
    return values[k % len(values)]


def variable_labels(space, separator=" "):
    """One axis label for each design variable, name and unit."""
    names = [f"x{j}" for j in range(space.n_features)] if space.names is None else space.names
    units = [None] * space.n_features if space.units is None else space.units
    return [quantity(*pair).replace(" [", f"{separator}[") for pair in zip(names, units, strict=True)]


def output_labels(n_outputs, names, units):
    """One axis label for each output."""
    names = [f"y{k}" if n_outputs > 1 else "y" for k in range(n_outputs)] if names is None else list(names)
    units = [None] * n_outputs if units is None else list(units)
    for what, given in (("output_names", names), ("output_units", units)):
        if len(given) != n_outputs:
            raise ValueError(f"{what} must have one entry for each of {n_outputs} outputs, got {given}.")
    return [quantity(name, unit) for name, unit in zip(names, units, strict=True)]


def brief(lower, upper=None):
    """A target, one interval an output, or a response in words: at most four outputs."""
    values = [_in_words(*ends) for ends in zip(lower, lower if upper is None else upper, strict=True)]
    return ", ".join(values if len(values) <= 4 else [*values[:3], "..."])


def _in_words(lower, upper):
    if lower == upper:
        return f"{lower:.4g}"
    if isinf(lower):
        return "any" if isinf(upper) else f"≤ {upper:.4g}"
    return f"≥ {lower:.4g}" if isinf(upper) else f"{lower:.4g} to {upper:.4g}"


def closed(lower, upper, *drawn):
    """Limits of intervals whose open sides end a little beyond all that is drawn."""
    seen = np.concatenate([np.ravel(values) for values in (lower, upper, *drawn)])
    seen = seen[np.isfinite(seen)]
    least, largest = (seen.min(), seen.max()) if seen.size else (0.0, 0.0)
    margin = 0.1 * (largest - least or 1.0)
    lower = np.where(np.isinf(lower), least - margin, lower)
    return lower, np.where(np.isinf(upper), largest + margin, upper)


def legend(ax, **params):
    """A legend, or None if nothing on `ax` carries a label."""
    if not any(islice(ax.get_legend_handles_labels()[1], 1)):
        return None
    drawn = ax.legend(frameon=True, framealpha=0.9, fontsize="small", **params)
    for handle in drawn.legend_handles:
        handle.set_alpha(1)
    return drawn
