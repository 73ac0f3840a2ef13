"""Inverters on transformed designs: images by their principal components, or by any other encoding."""

import numpy as np
from sklearn.utils.metaestimators import available_if

from skinverse.base import BaseInverter
from skinverse.targets import Targets
from skinverse.utils.seeding import seeded_clone
from skinverse.utils.validation import HasMethods, check_array, check_is_fitted, validate_data

# Share of a variable's range by which a design may miss the space without counting as moved: rounding.
_ROUNDING = 1e-9


def _inner_has(name):
    return lambda self: hasattr(self.inverter, name)


class TransformedDesignInverter(BaseInverter):
    """An inverter that works on transformed designs, and responses if wanted, and answers in the user's own.

    A transformer maps designs to a space in which the inverter is fitted and proposes; its ``inverse_transform`` brings
    proposals back. With ``PCA(9)`` and an :class:`~skinverse.MDNInverter` this is the PCA-MDN of [1]_.

    Parameters
    ----------
    inverter : BaseInverter
        Works on transformed designs; cloned and fitted in `fit`. Its own `space` speaks of those.
    design_transformer : transformer
        With ``inverse_transform``: a scaler, a decomposition, a Pipeline. Cloned and fitted in `fit`.
    response_transformer : transformer, default=None
        Applied to the responses in `fit` and to targets. None leaves them alone, and only then are NaN and ranges
        understood as targets, if the inverter understands them.
    space : DesignSpace or array-like of shape (n_features, 2), default=None
        Allowed designs, untransformed; None is the box of the training designs. Designs that come back outside are
        moved to the nearest allowed one, variable by variable: whole-number variables are rounded, which
        makes grey images binary.
    random_state : int, RandomState or None, default=None
        Governs `fit`, and `inverse` where that is given none. Parts without a seed get one from it.

    Attributes
    ----------
    inverter_ : BaseInverter
    design_transformer_, response_transformer_ : transformer
        Fitted; the latter None if there is none.

    Notes
    -----
    The info bunch of :meth:`inverse` is that of the inverter, with responses transformed back, and holds besides
    `transformed` (n_targets, n, n_components), what the inverter proposed, and `projected`, whether a design was moved
    into the space. A moved design has not converged, and its `predicted` is NaN, for the inverter spoke of the design
    before that; an inverter with ``predict`` predicts what is returned. There is no `log_prob`: a density of
    transformed designs is none of designs.

    References
    ----------
    .. [1] Z. Yang, D. Jha, A. Paul, W. Liao, A. Choudhary, A. Agrawal, "A general framework combining generative
           adversarial networks and mixture density networks for inverse modeling in microstructural materials
           design", 2021. https://arxiv.org/abs/2101.10553

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> from skinverse import MDNInverter, TransformedDesignInverter
    >>> from skinverse.datasets import make_architected_cells
    >>> X, y = make_architected_cells(200, n_pixels=8, random_state=0)
    >>> pca_mdn = TransformedDesignInverter(MDNInverter(max_epochs=20), PCA(9), random_state=0).fit(X, y)
    >>> pca_mdn.inverse(0.2, n=5).shape
    (1, 5, 64)
    """

    _parameter_constraints = {
        "inverter": [BaseInverter],
        "design_transformer": [HasMethods(["fit", "transform", "inverse_transform"])],
        "response_transformer": [HasMethods(["fit", "transform", "inverse_transform"]), None],
        "space": "no_validation",
        "random_state": ["random_state"],
    }

    def __init__(
        self, inverter, design_transformer, response_transformer=None, *, space=None, random_state=None
    ):
        self.inverter = inverter
        self.design_transformer = design_transformer
        self.response_transformer = response_transformer
        self.space = space
        self.random_state = random_state

    @property
    def supports_partial_targets(self):
        """As the inverter, if responses are not transformed."""
        return self.response_transformer is None and self.inverter.supports_partial_targets

    @property
    def keeps_table(self):
        """As the inverter."""
        return self.inverter.keeps_table

    def _most_designs(self):
        return self.inverter_._most_designs()

    def _learns_in_parts(self):
        return hasattr(self.inverter, "partial_fit")

    def _fit(self, X, y, random_state):
        self._begin(X, y, random_state)
        self.inverter_.fit(*self._transformed(X, y))

    def _go_on(self, X, y, random_state, partial):
        if not hasattr(self, "inverter_"):
            self._begin(X, y, random_state)
        self.inverter_.partial_fit(*self._transformed(X, y))

    def _begin(self, X, y, random_state):
        """Fit the transformers, and make the inverter."""

        self.design_transformer_ = seeded_clone(self.design_transformer, random_state).fit(
            X, self._as_given(y)
        )
        self.response_transformer_ = None
        if self.response_transformer is not None:
            self.response_transformer_ = seeded_clone(self.response_transformer, random_state).fit(y)
        self.inverter_ = seeded_clone(self.inverter, random_state)

    def _transformed(self, X, y):
        Z, v = self._numbers(self.design_transformer_.transform(X), "design_transformer"), self._as_given(y)
        if self.response_transformer_ is not None:
            v = self._numbers(self.response_transformer_.transform(y), "response_transformer")
        return Z, v

    @staticmethod
    def _numbers(transformed, name):
        return check_array(transformed, dtype=np.float64, input_name=f"{name}.transform")

    def _transformed_targets(self, targets):
        if self.response_transformer_ is None:
            return targets
        exact = np.asarray(self.response_transformer_.transform(targets.lower), dtype=np.float64)
        return Targets(exact, exact)

    def _inverse(self, targets, n, space, random_state):
        inner = self._transformed_targets(targets)
        Z, about = self.inverter_._inverse(inner, n, self.inverter_.space_, random_state)
        X = self._restored(self.design_transformer_, Z)
        allowed = space.project(X)
        moved = (np.abs(allowed - X) > _ROUNDING * np.maximum(space.width, np.abs(space.upper))).any(axis=-1)
        about = {**about, "transformed": Z, "projected": moved | about.get("projected", False)}
        about.pop("log_prob", None)
        if about.get("predicted") is not None:
            about["predicted"] = self._restored(self.response_transformer_, about["predicted"])
            about["predicted"][moved] = np.nan
        if about.get("converged") is not None:
            about["converged"] = about["converged"] & ~moved
        return allowed, about

    @staticmethod
    def _restored(transformer, Z):
        """Rows of (n_targets, n, n_components) transformed back."""
        if transformer is None:
            return Z
        rows = np.asarray(transformer.inverse_transform(Z.reshape(-1, Z.shape[2])), dtype=np.float64)
        return rows.reshape(*Z.shape[:2], -1)

    @available_if(_inner_has("predict"))
    def predict(self, X):
        """Responses of designs by the forward model of the inverter.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As the `y` of `fit`.
        """
        check_is_fitted(self)
        return self._as_given(self._respond(validate_data(self, X, dtype=np.float64, reset=False)))

    def _respond(self, X):
        """Responses (n, n_outputs)."""
        y = self.inverter_.predict(self.design_transformer_.transform(X)).reshape(1, len(X), -1)
        return self._restored(self.response_transformer_, y)[0]

    def _describe(self, X, targets):
        if not hasattr(self, "predict"):
            return {}
        predicted = self._respond(X.reshape(-1, X.shape[2]))
        return {"predicted": predicted.reshape(*X.shape[:2], -1)}
