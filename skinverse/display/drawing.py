"""What the displays share: the way to matplotlib, colours, axis labels."""

from itertools import islice

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


def panels(display, ax, n, *, size=(4.6, 4.2), **subplots_params):
    """The `n` axes to draw on and their figure: new ones if `ax` is None.

    Raises
    ------
    ValueError
        If `ax` holds another number of axes.
    """
    plt = pyplot(display)
    if ax is None:
        figure, axes = plt.subplots(
            1, n, figsize=(size[0] * n, size[1]), squeeze=False, layout="constrained", **subplots_params
        )
        return list(axes.ravel()), figure
    axes = [ax] if hasattr(ax, "plot") else list(getattr(ax, "flat", ax))
    if len(axes) != n:
        raise ValueError(
            f"{type(display).__name__} draws {n} panel{'s' * (n > 1)} here, got {len(axes)} axes. "
            f"Pass ax=None or {'one Axes' if n == 1 else f'an array of {n} Axes'}."
        )
    return axes, axes[0].figure


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


def quantity(name, unit=None):
    """A name with its unit in brackets; ``"1"`` and the empty string are no units."""
    return f"{name} [{unit}]" if unit not in (None, "", "1") else str(name)


def output_labels(n_outputs, names, units):
    """One axis label for each output."""
    names = [f"y{k}" if n_outputs > 1 else "y" for k in range(n_outputs)] if names is None else list(names)
    units = [None] * n_outputs if units is None else list(units)
    for what, given in (("output_names", names), ("output_units", units)):
        if len(given) != n_outputs:
            raise ValueError(f"{what} must have one entry for each of {n_outputs} outputs, got {given}.")
    return [quantity(name, unit) for name, unit in zip(names, units, strict=True)]


def legend(ax, **params):
    """A legend, if anything on `ax` carries a label."""
    if any(islice(ax.get_legend_handles_labels()[1], 1)):
        drawn = ax.legend(frameon=True, framealpha=0.9, fontsize="small", **params)
        for handle in drawn.legend_handles:
            handle.set_alpha(1)
