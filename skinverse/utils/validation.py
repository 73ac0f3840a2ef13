"""The one door to scikit-learn's validation, its private names included."""

from contextlib import contextmanager
from numbers import Integral, Real

import numpy as np
from sklearn.base import _fit_context as fit_context
from sklearn.utils import check_random_state as _check_random_state
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

__all__ = [
    "LAYER_SIZES",
    "HasMethods",
    "Integral",
    "Interval",
    "InvalidParameterError",
    "Options",
    "Real",
    "StrOptions",
    "check_array",
    "check_is_fitted",
    "check_positive_int",
    "check_random_state",
    "fit_context",
    "layer_sizes",
    "numbers_from",
    "one_for_each_variable",
    "validate_data",
    "validate_parameter_constraints",
]


# What `hidden_layer_sizes` may be, for scikit-learn; :func:`layer_sizes` looks closer.
LAYER_SIZES = ["array-like", Interval(Integral, 1, None, closed="left")]


def check_random_state(seed):
    """As scikit-learn's, but None takes fresh entropy: numpy's global generator is left alone."""
    if seed is None:
        return np.random.RandomState(np.random.MT19937())
    return _check_random_state(seed)


def check_positive_int(value, name, *, advice=""):
    """Return `value` as an int of at least one, or raise an error that names the parameter.

    Raises
    ------
    TypeError
        If `value` is no integer (a bool is none).
    ValueError
        If `value` is below one.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer of at least 1, got {value!r} ({type(value).__name__}).")
    if value < 1:
        raise ValueError(f"{name} must be an integer of at least 1, got {value}.{advice}")
    return int(value)


def layer_sizes(value):
    """Units of the hidden layers as a tuple, of one number or of one for each layer.

    Raises
    ------
    ValueError
        If these are no positive integers.
    """
    widths = (value,) if isinstance(value, Integral) else tuple(value)
    if not all(isinstance(width, Integral) and width >= 1 for width in widths):
        raise ValueError(
            f"hidden_layer_sizes must hold positive integers, one a hidden layer, got {value!r}; "
            "(16, 16) is two layers of 16 units, () is none."
        )
    return tuple(int(width) for width in widths)


def one_for_each_variable(value, name, n_features, *, zero=False):
    """Positive finite numbers (n_features,), of one of them or of one for each design variable.

    Raises
    ------
    ValueError
        If `value` has another shape, or numbers below zero, or of zero unless `zero` is True.
    """
    with numbers_from(value, name):
        numbers = np.asarray(value, dtype=np.float64)
    allowed = numbers >= 0 if zero else numbers > 0
    if numbers.shape not in {(), (n_features,)} or not (allowed & np.isfinite(numbers)).all():
        kind = "a number of at least 0" if zero else "a positive number"
        raise ValueError(
            f"{name} must be {kind} or {n_features} of them, one for each design variable, got {value!r}."
        )
    return np.array(np.broadcast_to(numbers, n_features))


@contextmanager
def numbers_from(value, name):
    """Block that makes numbers of `value`, whose errors are told with the parameter's name.

    Raises
    ------
    TypeError, ValueError
        As the block raised.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        if name in str(error):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} must hold numbers, got {value!r:.60}: {error}") from error
