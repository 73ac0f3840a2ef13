"""Answers as data frames: one row a candidate."""

from importlib import import_module

import numpy as np

from skinverse.delegate import inverter_of
from skinverse.spaces import DesignSpace
from skinverse.targets import TargetRange
from skinverse.utils.frames import column_names, quantity, target_names

_BACKENDS = ("pandas", "polars")


def candidates_to_frame(
    X, info=None, *, y_star=None, estimator=None, space=None, units=False, backend="pandas"
):
    """Candidates as a data frame: one row each, designs, responses and what is known of them in columns.

    Parameters
    ----------
    X : array-like of shape (n_targets, n, n_features)
        Designs as ``inverse`` returns them; shape (n_targets, n_features) is one for each target.
    info : Bunch or dict, default=None
        What ``inverse(..., return_info=True)`` returned beside them. Arrays of shape (n_targets, n) become a column
        each, `predicted` one for each output; arrays with a longer last axis, such as where a design started, are
        left out, and so is what is None.
    y_star : array-like of shape (n_targets, n_outputs), (n_targets,) or scalar, or TargetRange, default=None
        The targets, to be written beside their candidates.
    estimator : fitted inverter, Pipeline or search, default=None
        Whose answer it is; names the columns as in its training data.
    space : DesignSpace or array-like of shape (n_features, 2), default=None
        Names, units and whole-number variables of the designs; None takes those of `estimator`. The space of an
        inverter inside a Pipeline speaks of transformed designs and is not asked.
    units : bool, default=False
        Whether names of design columns end in their unit, ``"thickness [nm]"``. A pandas frame has the units in
        ``frame.attrs["units"]`` anyway.
    backend : {"pandas", "polars"}, default="pandas"
        Which library's frame to return; it has to be installed.

    Returns
    -------
    frame : DataFrame of n_targets * n rows
        In this order, where they are known:

        - `target`, `candidate`: counted from 0, in the order of `X`; the index in pandas, columns in polars;
        - the design, under the names of its variables or `x0`, `x1`, ...; whole-number variables as integers;
        - ``target_<output>``, or ``lower_<output>`` and ``upper_<output>`` for a
          :class:`~skinverse.TargetRange`: what was wanted, NaN for any value;
        - ``predicted_<output>``: what the method expects, the outputs under their names or `y0`, `y1`, ...;
        - `misfit`, `converged`, `feasible`, `log_prob`, `n_iter` and what else `info` holds, in its order.

    Raises
    ------
    ValueError
        If shapes or numbers of names disagree, or two columns would have the same name.

    Examples
    --------
    >>> from skinverse import NearestDesignInverter
    >>> from skinverse.frames import candidates_to_frame
    >>> from skinverse.datasets import make_ballistics
    >>> X, y = make_ballistics(500, random_state=0, as_frame=True)
    >>> inverter = NearestDesignInverter().fit(X, y)
    >>> answer = inverter.inverse([5.0, 9.0], n=2, return_info=True)
    >>> frame = candidates_to_frame(*answer, y_star=[5.0, 9.0], estimator=inverter)
    >>> frame.shape, list(frame.columns[:5])
    ((4, 8), ['x0', 'y0', 'angle', 'v0', 'target_landing'])
    >>> best = frame.loc[(1, 0)]           # the first candidate of the second target
    >>> bool(best["feasible"])
    True
    """
    if backend not in _BACKENDS:
        raise ValueError(f"backend must be one of {_BACKENDS}, got {backend!r}.")
    X = np.asarray(X, dtype=np.float64)
    X = X[:, None] if X.ndim == 2 else X
    if X.ndim != 3:
        raise ValueError(f"X must have shape (n_targets, n, n_features), got {X.shape}.")
    n_targets, n, n_features = X.shape
    info = {name: np.asarray(value) for name, value in (info or {}).items() if value is not None}
    for name, value in info.items():
        if value.shape[:2] != (n_targets, n):
            raise ValueError(
                f"info holds {name!r} of shape {value.shape}, which does not begin with the {(n_targets, n)} of X. "
                "Pass X and info of the same call of inverse."
            )
    estimator = getattr(estimator, "best_estimator_", estimator)
    space = getattr(estimator, "space_", None) if space is None else space
    if space is not None and not isinstance(space, DesignSpace):
        space = DesignSpace(space)

    columns = [
        ("target", np.repeat(np.arange(n_targets), n)),
        ("candidate", np.tile(np.arange(n), n_targets)),
    ]
    names, design_units = _design_labels(n_features, estimator, space)
    if units:
        names = [quantity(name, unit) for name, unit in zip(names, design_units, strict=True)]
    for j, name in enumerate(names):
        whole = space is not None and space.integer[j]
        columns.append((name, _as_integers(X[:, :, j]) if whole else X[:, :, j]))
    columns += _response_columns(y_star, info.pop("predicted", None), estimator, n_targets, n)
    columns += [(name, value) for name, value in info.items() if value.ndim == 2]
    return _frame(columns, dict(zip(names, design_units, strict=True)), backend)


def _design_labels(n_features, estimator, space):
    """Names and units of the design variables, a list each."""
    names = getattr(space, "names", None)
    if names is None:
        names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = [f"x{j}" for j in range(getattr(space, "n_features", n_features))]
    known = {len(names), getattr(space, "n_features", len(names))} - {n_features}
    if known:
        raise ValueError(
            f"X has {n_features} variables, but `space` or `estimator` speaks of {known.pop()}. "
            "Pass the space of the designs as they are in X."
        )
    units = getattr(space, "units", None)
    return [str(name) for name in names], ["1"] * n_features if units is None else list(units)


def _as_integers(values):
    """Values of a whole-number variable, left alone if a design outside the space is none."""
    return values.astype(np.int64) if np.array_equal(values, np.round(values)) else values


def _response_columns(y_star, predicted, estimator, n_targets, n):
    """Columns of what was wanted and of what is predicted."""
    if isinstance(y_star, TargetRange):
        wanted = {"lower": y_star.lower, "upper": y_star.upper}
    else:
        wanted = {"target": y_star}
    wanted = {side: given for side, given in wanted.items() if given is not None}
    names = _output_names(wanted.values(), predicted, estimator, n_targets)
    columns = []
    for side, given in wanted.items():
        rows = np.asarray(given, dtype=np.float64)
        rows = rows if rows.ndim == 2 else rows.reshape(-1, len(names) if rows.size % len(names) == 0 else 1)
        if rows.shape[1] != len(names) or len(rows) not in {n_targets, 1 if side != "target" else n_targets}:
            raise ValueError(
                f"y_star must hold {len(names)} output(s) for each of the {n_targets} target(s) in X, "
                f"got shape {np.shape(given)}."
            )
        table = np.broadcast_to(rows, (n_targets, len(names)))
        columns += [(f"{side}_{name}", np.repeat(table[:, k], n)) for k, name in enumerate(names)]
    if predicted is not None:
        columns += [(f"predicted_{name}", predicted[:, :, k]) for k, name in enumerate(names)]
    return columns


def _output_names(wanted, predicted, estimator, n_targets):
    """Names of the outputs: as the targets', or as in the training data, or counted."""
    inverter = inverter_of(estimator)
    sizes = [np.size(given) // n_targets for given in wanted]
    named = [
        column_names(given) if size <= 1 else target_names(given, size)
        for given, size in zip(wanted, sizes, strict=True)
    ]
    named = [names for names in named if names is not None]
    names = named[0] if named else getattr(inverter, "output_names_in_", None)
    if names is not None:
        return list(names)
    if predicted is not None:
        n_outputs = predicted.shape[2]
    elif hasattr(inverter, "n_outputs_"):
        n_outputs = inverter.n_outputs_
    else:
        shapes = [np.shape(given) for given in wanted]
        n_outputs = max((s[1] if len(s) == 2 else int(np.prod(s)) // n_targets for s in shapes), default=1)
    return ["y"] if n_outputs <= 1 else [f"y{k}" for k in range(n_outputs)]


def _frame(columns, units, backend):
    """The columns, given as pairs of name and values of shape (n_targets, n) or flat, as a data frame."""
    names = [name for name, _ in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"Two columns would be named {twice[0]!r}. Rename the design variable, by the names of `space`."
        )
    try:
        library = import_module(backend)
    except ImportError as error:
        raise ImportError(
            f"candidates_to_frame needs {backend}, which is not installed. Install it with: pip install {backend}"
        ) from error
    frame = library.DataFrame({name: np.ravel(values) for name, values in columns})
    if backend == "polars":
        return frame
    frame = frame.set_index(["target", "candidate"])
    frame.attrs["units"] = {name: unit for name, unit in units.items() if unit not in ("", "1")}
    return frame
