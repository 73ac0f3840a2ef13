"""The set of allowed designs."""

from collections.abc import Mapping
from numbers import Real

import numpy as np

from skinverse.samplers import RandomSampler
from skinverse.utils.frames import check_same_names, column_names
from skinverse.utils.validation import check_array, check_positive_int


class DesignSpace:
    """A box of designs with names, units, integer variables and fixed values.

    Parameters
    ----------
    bounds : array-like of shape (n_features, 2), or dict {name: (lower, upper)}
        Least and largest allowed value of each variable, in the user's units. Both ends belong to
        the space. Equal ends pin the variable. A dict names the variables too, in its order.
    names : sequence of str of length n_features, default=None
        Names of the variables, by which `integer` and `fixed` may speak of them; without, they are x0, x1 and so on.
    units : sequence of str of length n_features, default=None
        Kept for tables and axis labels.
    integer : bool, or sequence of bool, of names, or of column indices, default=None
        Variables that take whole numbers only; True is all of them, as for pixels.
    fixed : dict {name or column index: value}, default=None
        Variables held at one value.

    Attributes
    ----------
    n_features : int
    lower, upper : ndarray of shape (n_features,)
        Bounds after fixing; for integer variables the outermost whole numbers.
    integer : ndarray of bool of shape (n_features,)
    names, units : tuple of str, or None

    Raises
    ------
    ValueError
        If the description contradicts itself: a lower bound above its upper, an integer variable
        without a whole number between its bounds, a fixed value outside the bounds, an unknown name.

    Examples
    --------
    >>> from skinverse import DesignSpace
    >>> space = DesignSpace([[0, 1], [2, 6.5]], names=["width", "n_layers"], integer=["n_layers"])
    >>> space.contains([[0.5, 3], [0.5, 3.2], [2, 3]])
    array([ True, False, False])
    >>> space.project([[2, 3.2]])
    array([[1., 3.]])
    >>> space.with_fixed({"width": 0.25}).sample(2, random_state=0)
    array([[0.25, 5.  ],
           [0.25, 4.  ]])
    """

    def __init__(self, bounds, *, names=None, units=None, integer=None, fixed=None):
        if isinstance(bounds, Mapping):
            names = list(bounds) if names is None else names
            bounds = list(bounds.values())
        bounds = np.array(bounds, dtype=np.float64)
        if bounds.ndim != 2 or bounds.shape[1] != 2 or not len(bounds):
            raise ValueError(
                f"bounds must have shape (n_features, 2): one row [lower, upper] a variable, got {bounds.shape}."
            )
        self.n_features = len(bounds)
        self.names = self._check_labels(names, "names")
        if self.names is not None and len(set(self.names)) < len(self.names):
            raise ValueError(f"names must differ from each other, got {list(self.names)}.")
        self.units = self._check_labels(units, "units")
        if not np.isfinite(bounds).all():
            bad = int(np.flatnonzero(~np.isfinite(bounds).all(axis=1))[0])
            raise ValueError(
                f"bounds must be finite, got {bounds[bad].tolist()} for {self.label(bad)}. "
                "Pass the widest range you would build, or space=None for the range seen in fit."
            )
        crossed = np.flatnonzero(bounds[:, 0] > bounds[:, 1])
        if crossed.size:
            bad = int(crossed[0])
            raise ValueError(
                f"bounds contradict: the lower bound of {self.label(bad)} is above the upper, "
                f"{bounds[bad].tolist()}. Give [lower, upper]."
            )
        self.integer = self._integer_mask(integer)
        self.lower, self.upper = bounds.T.copy()
        self.lower[self.integer] = np.ceil(self.lower[self.integer])
        self.upper[self.integer] = np.floor(self.upper[self.integer])
        empty = np.flatnonzero(self.lower > self.upper)
        if empty.size:
            bad = int(empty[0])
            raise ValueError(
                f"{self.label(bad)} is an integer variable, but no whole number lies in {bounds[bad].tolist()}. "
                "Widen its bounds or drop it from `integer`."
            )
        if fixed is not None and not hasattr(fixed, "items"):
            raise TypeError(f"fixed must be a dict {{name or column index: value}}, got {fixed!r}.")
        for key, value in (fixed or {}).items():
            self._fix(self.index(key), value)

    @classmethod
    def from_data(cls, X, *, names=None, units=None, integer=None, fixed=None):
        """The box that just holds the rows of `X`, array-like of shape (n_samples, n_features).

        Names are those of its columns unless they are given; the rest is as for the constructor.
        """
        names = column_names(X) if names is None else names
        X = check_array(X, dtype=np.float64)
        bounds = np.stack([X.min(axis=0), X.max(axis=0)], axis=1)
        return cls(bounds, names=names, units=units, integer=integer, fixed=fixed)

    @classmethod
    def from_simulator(cls, simulator):
        """The space a simulator declares by ``bounds``, ``input_names`` and ``input_units``."""
        return cls(
            simulator.bounds,
            names=getattr(simulator, "input_names", None),
            units=getattr(simulator, "input_units", None),
            integer=getattr(simulator, "integer", None),
        )

    def with_fixed(self, fixed):
        """A copy in which the variables of the dict `fixed` are held at its values."""
        return DesignSpace(self.bounds, names=self.names, units=self.units, integer=self.integer, fixed=fixed)

    @property
    def bounds(self):
        """Array of shape (n_features, 2)."""
        return np.stack([self.lower, self.upper], axis=1)

    @property
    def width(self):
        """Array of shape (n_features,); zero for fixed variables."""
        return self.upper - self.lower

    def label(self, column):
        """The variable's name for messages and axes, its unit in brackets."""
        name = self.names[column] if self.names is not None else f"x{column}"
        unit = self.units[column] if self.units is not None else ""
        return f"{name} [{unit}]" if unit else name

    def index(self, key):
        """Column of a variable given by name or column index."""
        if isinstance(key, str):
            names = self.names or [f"x{column}" for column in range(self.n_features)]
            if key not in names:
                raise ValueError(f"There is no variable {key!r} in the space: known are {list(names)}.")
            return names.index(key)
        if isinstance(key, bool) or not isinstance(key, int | np.integer) or not 0 <= key < self.n_features:
            raise ValueError(
                f"A variable is named by a string or a column index below {self.n_features}, got {key!r}."
            )
        return int(key)

    def contains(self, X):
        """Which designs belong to the space.

        Parameters
        ----------
        X : array-like of shape (..., n_features)

        Returns
        -------
        inside : ndarray of bool of shape (...)
        """
        X = self._check_designs(X)
        inside = (X >= self.lower) & (X <= self.upper)
        whole = X[..., self.integer]
        return inside.all(axis=-1) & (whole == np.round(whole)).all(axis=-1)

    def project(self, X):
        """The nearest allowed design, variable by variable; the shape of `X` is kept."""
        X = np.clip(self._check_designs(X), self.lower, self.upper)
        X[..., self.integer] = np.round(X[..., self.integer])
        return X

    def sample(self, n, *, sampler=None, random_state=None):
        """Designs that fill the space.

        Parameters
        ----------
        n : int
        sampler : sampler, default=None
            Anything with ``sample(n, n_dims, random_state)`` in the unit cube; None is
            :class:`~skinverse.samplers.RandomSampler`. Whole numbers of an integer variable get equal
            shares of its axis.
        random_state : int, RandomState or None

        Returns
        -------
        X : ndarray of shape (n, n_features)
        """
        n = check_positive_int(n, "n")
        sampler = RandomSampler() if sampler is None else sampler
        return self.from_cube(sampler.sample(n, self.n_features, random_state=random_state))

    def from_cube(self, u):
        """Map points of the unit cube, shape (..., n_features), evenly onto the space."""
        X = np.clip(self.lower + self.width * u, self.lower, self.upper)
        steps = np.floor(u * (self.width + 1))
        whole = np.minimum(self.lower + steps, self.upper)
        return np.where(self.integer, whole, X)

    def to_unit(self, X):
        """Map designs affinely so that the box becomes the unit cube; pinned variables keep their scale."""
        return (X - self.lower) / np.where(self.width > 0, self.width, 1.0)

    def __eq__(self, other):
        return (
            isinstance(other, DesignSpace)
            and np.array_equal(self.bounds, other.bounds)
            and np.array_equal(self.integer, other.integer)
            and self.names == other.names
            and self.units == other.units
        )

    __hash__ = None

    def __repr__(self):
        def show(j):
            kind = "=" if self.width[j] == 0 else " integer in" if self.integer[j] else " in"
            value = f"{self.lower[j]:g}" if self.width[j] == 0 else f"[{self.lower[j]:g}, {self.upper[j]:g}]"
            return f"{self.label(j)}{kind}{value}" if kind == "=" else f"{self.label(j)}{kind} {value}"

        shown = [show(j) for j in range(min(self.n_features, 8))]
        more = f", ... {self.n_features - 8} more" if self.n_features > 8 else ""
        return f"DesignSpace({', '.join(shown)}{more})"

    def _check_designs(self, X):
        check_same_names(self.names, column_names(X), what="the designs", seen_in="the space")
        X = np.array(X, dtype=np.float64)
        if X.ndim == 0 or X.shape[-1] != self.n_features:
            raise ValueError(
                f"Designs must have {self.n_features} values each, got an array of shape {X.shape}."
            )
        return X

    def _check_labels(self, labels, what):
        if labels is None:
            return None
        labels = tuple(str(label) for label in labels)
        if len(labels) != self.n_features:
            raise ValueError(
                f"{what} must have one entry a variable, {self.n_features}, got {len(labels)}: {list(labels)}."
            )
        return labels

    def _integer_mask(self, integer):
        mask = np.zeros(self.n_features, dtype=bool)
        if integer is None or isinstance(integer, bool):
            return mask | bool(integer)
        integer = [integer] if isinstance(integer, str) else list(integer)
        if integer and all(isinstance(entry, bool | np.bool_) for entry in integer):
            if len(integer) != self.n_features:
                raise ValueError(
                    f"integer as a mask must have {self.n_features} entries, got {len(integer)}: {integer}."
                )
            return np.asarray(integer)
        mask[[self.index(entry) for entry in integer]] = True
        return mask

    def _fix(self, column, value):
        if isinstance(value, bool) or not isinstance(value, Real) or not np.isfinite(value):
            raise ValueError(
                f"The fixed value of {self.label(column)} must be a finite number, got {value!r}."
            )
        if not self.lower[column] <= value <= self.upper[column]:
            raise ValueError(
                f"{self.label(column)} is fixed at {value:g}, outside its bounds "
                f"[{self.lower[column]:g}, {self.upper[column]:g}]. Widen the bounds or change the value."
            )
        if self.integer[column] and value != round(value):
            raise ValueError(f"{self.label(column)} is an integer variable and cannot be fixed at {value:g}.")
        self.lower[column] = self.upper[column] = value


def check_space(space, X, feature_names=None):
    """Resolve an estimator's `space` parameter against its training designs.

    Parameters
    ----------
    space : DesignSpace, array-like of shape (n_features, 2), or None
        None is the box of the training designs.
    X : ndarray of shape (n_samples, n_features)
    feature_names : sequence of str or None
        Column names seen in fit.

    Raises
    ------
    ValueError
        If the space has another number of variables than `X`, or other names. One without names takes those of `X`.
    """
    if space is None:
        return DesignSpace.from_data(X, names=feature_names)
    if not isinstance(space, DesignSpace):
        space = DesignSpace(space, names=feature_names if len(space) == X.shape[1] else None)
    if space.n_features != X.shape[1]:
        raise ValueError(f"space has {space.n_features} variables, but X has {X.shape[1]} columns.")
    if space.names is None and feature_names is not None:
        return DesignSpace(space.bounds, names=feature_names, units=space.units, integer=space.integer)
    if space.names is not None and feature_names is not None and list(space.names) != list(feature_names):
        raise ValueError(
            f"space names {list(space.names)} differ from the columns of X, {list(feature_names)}. "
            "Use the same names in the same order."
        )
    return space
