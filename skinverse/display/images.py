"""ImageGridDisplay: designs that are images."""

import numpy as np

from skinverse.delegate import inverse
from skinverse.display.drawing import FAILURE_COLOR, FRAME_COLOR, brief, output_labels, panels
from skinverse.metrics.resimulation import resimulation_error
from skinverse.targets import as_targets

# A picture shows the first so many targets and candidates unless told otherwise.
_MAX_TARGETS, _MAX_CANDIDATES = 6, 8


class ImageGridDisplay:
    """Designs that are images, one row a target, each with its response written beneath.

    Ones are dark and zeros light; where pixels lie between, a bar says which grey is which. Designs outside the space
    have a thick red frame.

    Use :meth:`from_estimator` or :meth:`from_designs` rather than the constructor, which stores.

    Parameters
    ----------
    images : ndarray of shape (n_targets, n, height, width)
    feasible : ndarray of bool of shape (n_targets, n)
        Whether each design lies in the space.
    response : ndarray of shape (n_targets, n, n_outputs), default=None
        To be written beneath, NaN where there is none.
    judge : str, default=None
        Whose responses these are; named in the title.
    y_star : ndarray of shape (n_targets, n_outputs) or TargetRange, default=None
        Targets, written before their row.
    output_labels : list of str of length n_outputs, default=None
        Names and units of the responses, for the title.

    Attributes
    ----------
    ax_ : ndarray of Axes of shape (n_rows, n_columns)
    figure_ : Figure

    Examples
    --------
    >>> from skinverse import NearestDesignInverter
    >>> from skinverse.datasets import make_architected_cells
    >>> from skinverse.display import ImageGridDisplay
    >>> from skinverse.simulators import ArchitectedCell
    >>> X, y = make_architected_cells(50, n_pixels=8, random_state=0)
    >>> inverter = NearestDesignInverter().fit(X, y)
    >>> display = ImageGridDisplay.from_estimator(inverter, [0.2, 0.3], ArchitectedCell(8), n=3)
    >>> display.images.shape, display.response.shape
    ((2, 3, 8, 8), (2, 3, 1))
    """

    def __init__(self, *, images, feasible, response=None, judge=None, y_star=None, output_labels=None):
        self.images = images
        self.feasible = feasible
        self.response = response
        self.judge = judge
        self.y_star = y_star
        self.output_labels = output_labels

    @classmethod
    def from_designs(
        cls,
        X,
        *,
        shape=None,
        feasible=None,
        response=None,
        judge=None,
        y_star=None,
        output_names=None,
        output_units=None,
        ax=None,
        **plot_params,
    ):
        """Draw designs.

        Parameters
        ----------
        X : array-like of shape (n_targets, n, n_features) or (n, n_features)
            Images, row by row; the latter are those of one target.
        shape : tuple (height, width), default=None
            Of an image in pixels; None is a square.
        feasible : array-like of bool of shape (n_targets, n), default=None
            `feasible` of the info bunch; None is all.
        response : array-like of shape (n_targets, n, n_outputs) or (n_targets, n), default=None
            Responses: of a :class:`~skinverse.metrics.Resimulation`, or `predicted` of the info bunch.
        judge : str, default=None
            Whose responses these are.
        y_star : array-like of shape (n_targets, n_outputs) or (n_targets,), or TargetRange, default=None
            Targets.
        output_names, output_units : sequence of str, default=None
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : ImageGridDisplay
        """
        X = np.asarray(X, dtype=np.float64)
        X = X[None] if X.ndim == 2 else X
        if X.ndim != 3:
            raise ValueError(f"X must have shape (n_targets, n, n_features), got {X.shape}.")
        edge = round(X.shape[2] ** 0.5)
        height, width = (edge, edge) if shape is None else shape
        if height * width != X.shape[2]:
            raise ValueError(
                f"Images of {height} x {width} pixels need {height * width} features, X has {X.shape[2]}. "
                "Pass shape=(height, width)."
            )
        if response is not None:
            response = np.asarray(response, dtype=np.float64).reshape(*X.shape[:2], -1)
        labels = None if response is None else output_labels(response.shape[2], output_names, output_units)
        display = cls(
            images=X.reshape(*X.shape[:2], height, width),
            feasible=np.ones(X.shape[:2], dtype=bool) if feasible is None else np.asarray(feasible),
            response=response,
            judge=judge,
            y_star=None if y_star is None else as_targets(y_star, len(X)).y_star,
            output_labels=labels,
        )
        return display.plot(ax=ax, **plot_params)

    @classmethod
    def from_estimator(
        cls,
        estimator,
        y_star,
        simulator=None,
        *,
        n=6,
        judge=None,
        random_state=0,
        shape=None,
        ax=None,
        **plot_params,
    ):
        """Ask for images, have them judged, and draw.

        Parameters
        ----------
        estimator : fitted inverter, Pipeline or search
        y_star : array-like of shape (n_targets, n_outputs), (n_targets,) or scalar, or TargetRange
            Targets.
        simulator : callable or regressor, default=None
            The judge; see :func:`~skinverse.metrics.resimulation_error`. With None the method's own prediction is
            written, if it has one.
        n : int, default=6
            Images to ask for, for each target.
        judge : str, default=None
            Name of the judge; a regressor must be named.
        random_state : int, default=0
            Governs the draw of images.
        shape : tuple (height, width), default=None
            Of an image in pixels; None is a square.
        ax, **plot_params
            As for :meth:`plot`.

        Returns
        -------
        display : ImageGridDisplay
        """
        X, info = inverse(estimator, y_star, n, random_state=random_state, return_info=True)
        if simulator is None:
            response, judge = info.predicted, "own surrogate"
        else:
            result = resimulation_error(X, y_star, simulator, judge=judge)
            response, judge = result.response, result.judge
        return cls.from_designs(
            X,
            shape=shape,
            feasible=info.feasible,
            response=response,
            judge=judge,
            y_star=y_star,
            output_names=getattr(simulator, "output_names", None),
            output_units=getattr(simulator, "output_units", None),
            ax=ax,
            **plot_params,
        )

    def plot(self, ax=None, *, targets=None, T=None, image_kw=None):
        """Draw a row of images for each target.

        Parameters
        ----------
        ax : array of Axes of shape (n_rows, n_columns), default=None
            None makes a figure, with a title.
        targets : sequence of int, default=None
            Which targets to draw; None draws the first six.
        T : int, default=None
            Images drawn for each target, the first ones; None draws eight at most.
        image_kw : dict, default=None
            Passed on to ``Axes.imshow``.

        Returns
        -------
        self : ImageGridDisplay
        """
        n_targets, n, height, width = self.images.shape
        targets = list(range(min(n_targets, _MAX_TARGETS)) if targets is None else targets)
        n = min(n, _MAX_CANDIDATES if T is None else T)
        axes, self.figure_ = panels(
            self, ax, len(targets) * n, size=(1.3, 1.3 * height / width + 0.3), n_columns=n
        )
        self.ax_ = np.array(axes, dtype=object).reshape(len(targets), n)
        low, high = min(self.images.min(), 0.0), max(self.images.max(), 1.0)
        style = {"cmap": "gray_r", "vmin": low, "vmax": high, "interpolation": "nearest", **(image_kw or {})}
        for row, k in zip(self.ax_, targets, strict=True):
            for j, panel in enumerate(row):
                image = panel.imshow(self.images[k, j], **style)
                panel.set(xticks=[], yticks=[])
                self._describe(panel, k, j)
            if self.y_star is not None:
                wish = as_targets(self.y_star, n_targets)[k]
                row[0].set_ylabel(f"y* = {brief(wish.lower, wish.upper)}", fontsize="small")
        if ax is None:
            if not np.isin(self.images, (0, 1)).all():
                self.figure_.colorbar(image, ax=list(axes), label="pixel value", shrink=0.8)
            if self.response is not None:
                what = ", ".join(self.output_labels[:4])
                judge = "" if self.judge is None else f", judge: {self.judge}"
                self.figure_.suptitle(f"beneath: {what}{judge}", fontsize="medium")
        return self

    def _describe(self, panel, k, j):
        """The frame of an image, and its response beneath."""
        feasible = self.feasible[k, j]
        panel.spines[:].set(
            color=FRAME_COLOR if feasible else FAILURE_COLOR, linewidth=0.6 if feasible else 2.5
        )
        if self.response is None:
            return
        failed = np.isnan(self.response[k, j]).any()
        panel.set_xlabel(
            "failed" if failed else brief(self.response[k, j]),
            fontsize="small",
            color=FAILURE_COLOR if failed else FRAME_COLOR,
        )
