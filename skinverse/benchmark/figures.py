"""Curves of r_T as inline SVG; nothing where matplotlib is missing."""

import io
import re

import numpy as np

_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#999999",
)
_LINE = 0.027  # height of a name, in heights of the axes


def curves(members, published, title):
    """r_T against T, a line for each method, medians over seeds; published points as crosses.

    Parameters
    ----------
    members : dict {str: list of rows}
        By the method's name.
    published : dict {str: tuple}
        r_1 and r_200 by method.
    title : str

    Returns
    -------
    svg : str or None
        None without matplotlib, or without a positive number to draw.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    FigureCanvasSVG(figure)
    ax = figure.add_subplot()
    for k, (name, rows) in enumerate(members.items()):
        T = rows[0]["r"]["T"]
        same = [row["r"]["mean"] for row in rows if row["r"]["T"] == T]
        mean = np.median(np.array(same, dtype=float), axis=0)
        style = ("-", "--", ":", "-.")[k // len(_COLOURS) % 4]
        ax.plot(
            T, np.maximum(mean, 1e-30), style, color=_COLOURS[k % len(_COLOURS)], label=name, linewidth=1.4
        )
    for points in published.values():
        ax.plot([1, 200], points, "x", color="0.3", markersize=5)
    if not ax.lines:
        return None
    ax.set(xscale="log", yscale="log", xlabel="T", ylabel="r_T, mean over targets")
    _name_crosses(ax, {name: points[1] for name, points in published.items()})
    ax.set_title(title + (", crosses: published" if published else ""), fontsize="medium")
    figure.legend(loc="outside right upper", fontsize=7, frameon=False)
    buffer = io.StringIO()
    with rc_context({"svg.hashsalt": title}):  # the same rows make the same bytes
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return re.sub(r"^.*?(?=<svg)", "", buffer.getvalue(), flags=re.DOTALL)


def _name_crosses(ax, values):
    """Names of the crosses at T = 200, one above the other where they are close."""
    low, high = np.log10(ax.get_ylim())
    before = -np.inf
    for name, value in sorted(values.items(), key=lambda pair: pair[1]):
        before = max((np.log10(value) - low) / (high - low) - 0.01, before + _LINE)
        ax.annotate(name, (200, value), (1.01, before), "data", "axes fraction", fontsize=6, color="0.3")
