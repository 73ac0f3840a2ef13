"""Cells of tables as text."""

from skinverse.benchmark.methods import METHODS

NOTHING = "–"


def number(figure):
    """Three digits, small and large ones with a power of ten."""
    if figure is None:
        return NOTHING
    if figure == 0 or 0.01 <= abs(figure) < 10_000:
        return f"{figure:.3g}"
    return f"{figure:.1e}"


def title(method):
    """How a method is called in tables."""
    return METHODS[method].title if method in METHODS else method
