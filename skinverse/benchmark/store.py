"""Rows of results as JSON lines: appended as they come, read back with what a killed run left of its last line."""

import json
import math
import os
from pathlib import Path

# What makes two runs the same.
KEY = ("task", "method", "n_train", "seed", "size")
OK, FAILED, UNAVAILABLE = "ok", "failed", "unavailable"
FILE = "rows.jsonl"
_N_DIGITS = 7  # of numbers; no figure here is known to as many


def key(row):
    """Identity of a run: task, method, rows, seed and size."""
    return tuple(row[name] for name in KEY)


def append(folder, row):
    """Add a row at the end of the file, on the disk before this returns.

    Parameters
    ----------
    folder : str or path-like
        Made if it is not there.
    row : dict
        Of strings, numbers, lists and dicts; numbers keep seven digits, and NaN and infinity become null.
    """
    path = Path(folder, FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(_plain(row), allow_nan=False) + "\n"
    with open(path, "ab") as file:
        # A line that a killed run left torn is ended first, or this row would be lost with it.
        torn = file.tell() > 0 and not _ends_line(path)
        file.write(b"\n" * torn + line.encode())
        file.flush()
        os.fsync(file.fileno())


def read(folder):
    """All rows, oldest first, and how many lines could not be read.

    Parameters
    ----------
    folder : str or path-like

    Returns
    -------
    rows : list of dict
    n_torn : int
    """
    path = Path(folder, FILE)
    rows, n_torn = [], 0
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
            key(row)
        except (ValueError, KeyError, TypeError):
            n_torn += bool(line.strip())
        else:
            rows.append(row)
    return rows, n_torn


def latest(rows):
    """The last row of each run, in the order in which runs first appeared."""
    return list({key(row): row for row in rows}.values())


def _ends_line(path):
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _plain(value):
    """What JSON can hold: numpy scalars and arrays as Python's, numbers to few digits, non-finite ones as None."""
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return float(f"{value:.{_N_DIGITS}g}") if math.isfinite(value) else None
    return value
