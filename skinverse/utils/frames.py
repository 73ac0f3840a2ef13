"""Names of columns and of what stands in them, without importing a data frame library."""

import numpy as np


def column_names(table):
    """Names of the columns of a DataFrame or the name of a Series, else None.

    Only names that are all strings count, as in scikit-learn.

    Returns
    -------
    names : ndarray of str of shape (n_columns,), or None
    """
    columns = getattr(table, "columns", None)
    if columns is None:
        name = getattr(table, "name", None)
        columns = [name] if isinstance(name, str) and hasattr(table, "__array__") else None
    if columns is None:
        return None
    names = list(columns)
    if not names or not all(isinstance(name, str) for name in names):
        return None
    return np.asarray(names, dtype=object)


def target_names(y_star, n_outputs):
    """Names of the outputs that targets come with, or None: columns, or the index of a Series that is one target.

    The name of a Series of values of a single output is not asked for.
    """
    if hasattr(y_star, "columns"):
        return column_names(y_star)
    index = getattr(y_star, "index", None)
    if n_outputs == 1 or np.ndim(y_star) != 1 or index is None or callable(index):
        return None
    names = list(index)
    return np.asarray(names, dtype=object) if all(isinstance(name, str) for name in names) else None


def check_same_names(seen, given, *, what, seen_in="fit"):
    """Raise ValueError if both are given and differ, order included."""
    if seen is None or given is None or list(seen) == list(given):
        return
    raise ValueError(
        f"The column names of {what} must match those seen in {seen_in}, in the same order: "
        f"expected {list(seen)}, got {list(given)}. Reorder or rename the columns, or pass an array."
    )


def quantity(name, unit=None):
    """A name with its unit in brackets; ``"1"`` and the empty string are no units."""
    return f"{name} [{unit}]" if unit not in (None, "", "1") else str(name)
