"""CandidatesDisplay: proposed designs in their space."""

import numpy as np

from skinverse.delegate import inverse
from skinverse.display.drawing import FAILURE_COLOR, brief, legend, next_series, panels
from skinverse.display.pairs import draw_pair_axes, draw_pair_points, draw_plane, draw_points
from skinverse.display.parallel import draw_coordinates, draw_lines
from skinverse.spaces import DesignSpace
from skinverse.targets import as_targets

# Most variables that a picture of each kind holds.
_MAX_VARIABLES = {"plane": 2, "pairs": 8, "parallel": 40}


class CandidatesDisplay:
    """Proposed designs in their space, the training designs faint behind.

    Two variables are drawn in their plane; more as parallel coordinates, one axis a variable from its lower to its
    upper bound, where a design is a line and the training designs are grey histograms; or, with ``kind="pairs"``,
    in the planes of all pairs of variables, over the density of the training designs in grey.
    The edges of the space are always in view, and designs outside it are drawn in another colour.

    Use :meth:`from_estimator` or :meth:`from_designs` rather than the constructor, which stores.

    Parameters
    ----------
    X : ndarray of shape (n_targets, n, n_features)
        Designs, in the user's units.
    space : DesignSpace
        Names, units and bounds of the axes.
    feasible : ndarray of bool of shape (n_targets, n)
        Whether each design lies in the space.
    X_train : ndarray of shape (n_samples, n_features), default=None
        Training designs.
    y_star : ndarray of shape (n_targets, n_outputs) or TargetRange, default=None
        Targets, for the legend.

    Attributes
    ----------
    ax_ : Axes, or ndarray of Axes of shape (n_features, n_features)
        The latter for pairs.
    figure_ : Figure

    Examples
    --------
    >>> from skinverse import NearestDesignInverter
    >>> from skinverse.datasets import make_ballistics
    >>> from skinverse.display import CandidatesDisplay
    >>> X, y = make_ballistics(500, random_state=0)
    >>> inverter = NearestDesignInverter().fit(X, y)
    >>> display = CandidatesDisplay.from_estimator(inverter, [5.0, 9.0], n=10, X_train=X)
    >>> display.X.shape, bool(display.feasible.all())
    ((2, 10, 4), True)
    """

    def __init__(self, *, X, space, feasible, X_train=None, y_star=None):
        self.X = X
        self.space = space
        self.feasible = feasible
        self.X_train = X_train
        self.y_star = y_star

    @classmethod
    def from_designs(cls, X, *, space=None, X_train=None, y_star=None, ax=None, **plot_params):
        """Draw designs.

        Parameters
        ----------
        X : array-like of shape (n_targets, n, n_features) or (n, n_features)
            Designs; the latter are those of one target.
        space : DesignSpace or array-like of shape (n_features, 2), default=None
            None is the box of `X_train` if given, else of `X`.
        X_train : array-like of shape (n_samples, n_features), default=None
            Training designs; column names of a DataFrame name the axes.
        y_star : array-like of shape (n_targets, n_outputs) or (n_targets,), or TargetRange, default=None
            Targets, for the legend.
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : CandidatesDisplay
        """
        X = np.asarray(X, dtype=np.float64)
        X = X[None] if X.ndim == 2 else X
        if X.ndim != 3:
            raise ValueError(f"X must have shape (n_targets, n, n_features), got {X.shape}.")
        if space is None:
            space = DesignSpace.from_data(X.reshape(-1, X.shape[2]) if X_train is None else X_train)
        elif not isinstance(space, DesignSpace):
            space = DesignSpace(space)
        display = cls(
            X=X,
            space=space,
            feasible=space.contains(X),
            X_train=None if X_train is None else np.asarray(X_train, dtype=np.float64),
            y_star=None if y_star is None else as_targets(y_star, len(X)).y_star,
        )
        return display.plot(ax=ax, **plot_params)

    @classmethod
    def from_estimator(
        cls, estimator, y_star, *, n=50, space=None, X_train=None, random_state=0, ax=None, **plot_params
    ):
        """Ask for designs and draw them.

        Parameters
        ----------
        estimator : fitted inverter, Pipeline or search
        y_star : array-like or TargetRange
            Targets; see :meth:`~skinverse.base.BaseInverter.inverse`.
        n : int, default=50
            Designs to ask for, for each target.
        space : DesignSpace or array-like of shape (n_features, 2), default=None
            None is the inverter's own space. The space inside a Pipeline speaks of transformed designs,
            so there it is the box of `X_train`, or of the designs themselves.
        X_train : array-like of shape (n_samples, n_features), default=None
            Training designs.
        random_state : int, default=0
            Governs the draw of designs.
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : CandidatesDisplay
        """
        X = inverse(estimator, y_star, n, random_state=random_state)
        if space is None:
            space = getattr(getattr(estimator, "best_estimator_", estimator), "space_", None)
        return cls.from_designs(X, space=space, X_train=X_train, y_star=y_star, ax=ax, **plot_params)

    def plot(self, ax=None, *, kind="auto", variables=None, label=None, design_kw=None):
        """Draw the designs of all targets, one colour a target.

        Parameters
        ----------
        ax : Axes, or array of Axes of shape (n_features, n_features), default=None
            None makes a figure; the array is for pairs. Drawing on the same axes again adds designs of the
            same space.
        kind : {"auto", "plane", "parallel", "pairs"}, default="auto"
            "plane" is for two variables, "pairs" for at most eight, "parallel" for two to forty. "auto" is the plane
            for two variables, the distribution for one, parallel coordinates for more.
        variables : sequence of str or int, default=None
            Which to draw, by name or column; None draws all.
        label : str, default=None
            Name of the method, written before the target in the legend.
        design_kw : dict, default=None
            Passed on to ``Axes.plot`` for parallel coordinates, else to ``Axes.scatter``.

        Returns
        -------
        self : CandidatesDisplay
        """
        columns = range(self.space.n_features) if variables is None else map(self.space.index, variables)
        columns = np.array(list(columns), dtype=int)
        kind = self._check_kind(kind, len(columns))
        names, units = (
            None if labels is None else [labels[j] for j in columns]
            for labels in (self.space.names, self.space.units)
        )
        space = DesignSpace(self.space.bounds[columns], names=names, units=units)
        X_train = None if self.X_train is None else self.X_train[:, columns]
        design_kw = design_kw or {}

        n = len(columns)
        if kind == "pairs":
            size = max(1.35, 4.2 / n) if n > 1 else 4.2
            axes, self.figure_ = panels(self, ax, n * n, size=(1.15 * size, size), n_columns=n)
            self.ax_ = np.array(axes, dtype=object).reshape(n, n)
        else:
            size = (6.0, 4.4) if kind == "plane" else (2.4 + 0.95 * min(n, 14), 4.2)
            axes, self.figure_ = panels(self, ax, 1, size=size)
            self.ax_ = axes[0]
        draw_space, draw_designs = {
            "plane": (draw_plane, draw_points),
            "parallel": (draw_coordinates, draw_lines),
            "pairs": (draw_pair_axes, draw_pair_points),
        }[kind]
        if next_series(axes[0]) == 0:
            draw_space(self.ax_, space, X_train)
        about = (space,) if kind == "parallel" else ()
        for X, feasible, text in zip(self.X[:, :, columns], self.feasible, self._labels(label), strict=True):
            draw_designs(self.ax_, *about, X, feasible, text, design_kw)
        self._draw_legend(axes[0], kind)
        return self

    def _check_kind(self, kind, n):
        """The kind of picture for `n` variables."""
        if kind == "auto":
            kind = {1: "pairs", 2: "plane"}.get(n, "parallel")
        if kind not in _MAX_VARIABLES:
            raise ValueError(f"kind must be 'auto' or one of {list(_MAX_VARIABLES)}, got {kind!r}.")
        least = 1 if kind == "pairs" else 2
        if not least <= n <= _MAX_VARIABLES[kind]:
            raise ValueError(
                f"kind={kind!r} draws {least} to {_MAX_VARIABLES[kind]} variables, got {n}. Choose by variables=, or "
                "another kind; images have an ImageGridDisplay."
            )
        return kind

    def _draw_legend(self, ax, kind):
        outside = int((~self.feasible).sum())
        if outside:
            text = f"{outside} of {self.feasible.size} outside"
            ax.plot([], [], "x", color=FAILURE_COLOR, label=text)
        drawn = legend(ax, loc="upper left", bbox_to_anchor=(1.03, 1.0), borderaxespad=0)
        if drawn is not None and kind == "pairs" and self.ax_.size > 1:
            drawn.set_in_layout(False)  # there is room above the diagonal

    def _labels(self, label):
        """Legend entry of each target."""
        if self.y_star is None:
            wishes = [None] * len(self.X) if len(self.X) == 1 else [f"target {k}" for k in range(len(self.X))]
        else:
            targets = as_targets(self.y_star, len(self.X))
            wishes = ["y* = " + brief(*ends) for ends in zip(targets.lower, targets.upper, strict=True)]
        return [", ".join(part for part in (label, wish) if part) or None for wish in wishes]
