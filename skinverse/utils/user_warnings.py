"""Warnings that point at the user's line."""

import contextlib
import os
import sys
import warnings
from importlib.util import find_spec

# What may lie between the user's line and a warning.
_BETWEEN = ("skinverse", "sklearn", "skorch", "joblib", "torch")


def _folders():
    folders = [folder for name in _BETWEEN for folder in find_spec(name).submodule_search_locations]
    return *(os.path.join(folder, "") for folder in folders), contextlib.__file__


_INSIDE = _folders()


def warn_user(message, category=UserWarning):
    """Warn as of the line that called the package, through however many pipelines, searches and wrappers."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
