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


def check_same_names(seen, given, *, what):
    """Raise ValueError if both are given and differ, order included."""
    if seen is None or given is None or (len(seen) == len(given) and all(seen == given)):
        return
    raise ValueError(
        f"The column names of {what} must match those seen in fit, in the same order: "
        f"expected {list(seen)}, got {list(given)}. Reorder or rename the columns, or pass an array."
    )


def quantity(name, unit=None):
    """A name with its unit in brackets; ``"1"`` and the empty string are no units."""
    return f"{name} [{unit}]" if unit not in (None, "", "1") else str(name)
