"""What every inverter shares: validation, shapes, units, the contract of ``inverse``."""

from abc import ABCMeta, abstractmethod

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch
from sklearn.utils.metaestimators import available_if

from skinverse.persistence import SaveMixin
from skinverse.spaces import check_space
from skinverse.targets import TargetRange, Targets
from skinverse.utils.doc_links import DocLinkMixin
from skinverse.utils.frames import check_same_names, column_names, target_names
from skinverse.utils.scaling import column_scale
from skinverse.utils.user_warnings import warn_user
from skinverse.utils.validation import (
    check_array,
    check_is_fitted,
    check_positive_int,
    check_random_state,
    fit_context,
    numbers_from,
    validate_data,
)
from skinverse.utils.warm_start import check_same_outputs

# Targets farther outside the training responses than this share of their range are warned about.
_FAR = 0.1


class InverterMixin(DocLinkMixin):
    """Tags of an estimator that proposes designs: a target is required, several outputs are fine.

    Attributes
    ----------
    supports_partial_targets : bool
        Whether the method honours "any value" (NaN) and :class:`~skinverse.TargetRange`.
    keeps_table : bool
        Whether `partial_fit`, where there is one, adds its rows to a table that is kept.
    """

    supports_partial_targets = False
    keeps_table = False

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.input_tags.sparse = False
        return tags


class BaseInverter(InverterMixin, SaveMixin, BaseEstimator, metaclass=ABCMeta):
    """Base class of inverters: a subclass writes ``_fit`` and ``_inverse``, both on checked arrays.

    ``_fit(X, y, random_state)`` gets float64 arrays, `y` always 2-D, and a ``RandomState``.
    ``_inverse(targets, n, space, random_state)`` gets :class:`~skinverse.targets.Targets`, and returns
    designs of shape (n_targets, n, n_features) with a dict of extra arrays for the info bunch. What it
    returns for one target must not depend on the other targets, so random numbers are drawn alike
    for all of them.

    Attributes
    ----------
    space_ : DesignSpace
    n_features_in_, n_outputs_ : int
    n_samples_fit_ : int
        Rows of the table, or given to `partial_fit` so far.
    feature_names_in_, output_names_in_ : ndarray of str, where the data had names
    y_range_ : ndarray of shape (n_outputs, 2)
        Least and largest response seen.
    y_scale_ : ndarray of shape (n_outputs,)
        Their standard deviations, one where a response is constant.
    """

    _min_samples = 2

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Learn from a table of designs and responses.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Designs, in the user's units.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their responses.

        Returns
        -------
        self : object
        """
        return self._learn(X, y, partial=False)

    @available_if(lambda self: self._learns_in_parts())
    @fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X, y):
        """Learn from more rows; the first call begins as `fit` does, later ones keep what has been learnt.

        Networks make one pass over the rows, at a constant learning rate and with nothing held out. The scales of
        designs and responses stay those of the first call, whose rows should be a fair sample of all that will come.
        Inverters that keep their table add the rows to it, and train their networks on all rows, from the
        weights that they have.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Designs, in the user's units. With ``space=None`` they widen the box of allowed designs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their responses, with as many outputs in every call.

        Returns
        -------
        self : object
        """
        return self._learn(X, y, partial=True)

    def _learn(self, X, y, partial):
        anew, before = self._starts_anew(partial), vars(self).copy()
        output_names = column_names(y)
        X, y = validate_data(
            self,
            X,
            y,
            dtype=np.float64,
            order="C",
            multi_output=True,
            y_numeric=True,
            ensure_min_samples=self._min_samples if anew else 1,
            reset=anew,
        )
        ndim, y = y.ndim, np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        if anew:
            self.y_ndim_, self.n_outputs_, self.output_names_in_ = ndim, y.shape[1], output_names
            self.y_scale_ = column_scale(y)
        else:
            check_same_names(self.output_names_in_, output_names, what="y")
            check_same_outputs(y, ndim, self.n_outputs_, self.y_ndim_)
        grows = partial and not anew
        seen_X = np.concatenate([X, self.space_.bounds.T]) if grows else X
        seen_y = np.concatenate([y, self.y_range_.T]) if grows else y
        self.space_ = check_space(self.space, seen_X, getattr(self, "feature_names_in_", None))
        self.y_range_ = np.stack([seen_y.min(axis=0), seen_y.max(axis=0)], axis=1)
        self.n_samples_fit_ = len(X) + (self.n_samples_fit_ if grows else 0)
        random_state = check_random_state(self.random_state)
        try:
            if anew and not partial:
                self._fit(X, y, random_state)
            else:
                self._go_on(X, y, random_state, partial)
        except BaseException:  # an interrupt too leaves what was learnt before
            vars(self).clear()
            vars(self).update(before)
            raise
        return self

    def inverse(self, y_star, n=1, *, fixed=None, random_state=None, return_info=False):
        """Propose designs whose responses are `y_star`.

        Parameters
        ----------
        y_star : array-like of shape (n_targets, n_outputs), or TargetRange
            Wanted responses, in the units of `y`. If `fit` saw one output, shape (n_targets,) or a
            scalar will do. If it saw several, shape (n_outputs,) is one target. NaN means that any
            value will do for that output, where the method can honour it. Columns of a DataFrame, and
            the index of a Series that is one target, must be the names that `fit` saw.
        n : int, default=1
            Number of designs for each target.
        fixed : dict {name or column index: value}, default=None
            Variables held at one value in this call, inside their bounds.
        random_state : int, RandomState or None, default=None
            Governs the draw. None falls back on the estimator's own `random_state`, so an estimator
            built with a seed repeats its answer.
        return_info : bool, default=False
            Whether to return what is known of each design.

        Returns
        -------
        X : ndarray of shape (n_targets, n, n_features)
            Designs in the user's units and column order, always three axes.
        info : Bunch
            Only if `return_info`. Arrays over (n_targets, n), None where the method has no such
            thing: `predicted` response (with a last axis of outputs), `misfit` (mean squared distance
            of `predicted` to the target), `converged`, `feasible` (the design lies in the space),
            `log_prob`, `n_iter`; and what the class documents beyond these.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `y_star` has another shape or other names than the responses seen in `fit`, holds
            infinite values, or asks for something the method cannot honour; if `fixed` contradicts the
            space.

        Warns
        -----
        UserWarning
            If targets lie far outside the responses seen in `fit`, or designs outside the space.
        ConvergenceWarning
            If a solver did not reach a target.
        """
        check_is_fitted(self)
        targets = self._check_targets(y_star)
        n = check_positive_int(n, "n", advice=" Ask for one design or more for each target.")
        self._warn_if_far(targets)
        space = self.space_ if fixed is None else self.space_.with_fixed(fixed)
        random_state = check_random_state(self.random_state if random_state is None else random_state)
        X, extra = self._inverse(targets, n, space, random_state)
        feasible = space.contains(X)
        if not feasible.all():
            warn_user(
                f"{np.count_nonzero(~feasible)} of {feasible.size} designs lie outside the space; "
                "they are flagged by `feasible` in the info bunch.",
            )
        if not return_info:
            return X
        info = dict.fromkeys(("predicted", "misfit", "converged", "feasible", "log_prob", "n_iter"))
        info.update(extra, feasible=feasible, **self._describe(X, targets))
        if info["predicted"] is not None and info["misfit"] is None:
            info["misfit"] = targets.misfit(info["predicted"])
        return X, Bunch(**info)

    def inverse_transform(self, y_star):
        """The best single design for each target, so that a Pipeline or a search maps back to designs.

        Parameters
        ----------
        y_star : array-like
            As in :meth:`inverse`.

        Returns
        -------
        X : ndarray of shape (n_targets, n_features)
        """
        return self.inverse(y_star)[:, 0]

    @abstractmethod
    def _fit(self, X, y, random_state):
        """Learn from checked arrays."""

    def _starts_anew(self, partial):
        """Whether `fit`, or with `partial` `partial_fit`, starts from nothing."""
        return not (partial and hasattr(self, "space_"))

    def _most_designs(self):
        """For a target, at most."""
        return np.inf

    def _learns_in_parts(self):
        """Whether there is `partial_fit`: where a subclass writes ``_go_on(X, y, random_state, partial)``.

        It learns from checked arrays on top of what is known, be it nothing yet; without `partial` the rows are all
        there are.
        """
        return hasattr(self, "_go_on")

    @abstractmethod
    def _inverse(self, targets, n, space, random_state):
        """Propose designs of shape (n_targets, n, n_features) and a dict of arrays about them."""

    def _as_given(self, y):
        """`y` (n_samples, n_outputs) in the number of dimensions that `fit` was given."""
        return y.ravel() if self.y_ndim_ == 1 else y

    def _describe(self, X, targets):
        """Dict of further arrays about the designs `X`, which take work and are wanted with `return_info` only."""
        return {}

    def _check_targets(self, y_star):
        if isinstance(y_star, TargetRange):
            lower, upper = self._limits(y_star)
        elif isinstance(y_star, list | tuple) and any(isinstance(entry, TargetRange) for entry in y_star):
            raise TypeError(
                "y_star is a sequence of TargetRange; pass one whose limits are arrays, a row for each target: "
                "TargetRange(lower=[...], upper=[...])."
            )
        else:
            lower = upper = self._target_array(y_star, "y_star")
        targets = Targets.between(lower, upper)
        if not self.supports_partial_targets and not targets.exact.all():
            raise ValueError(
                f"{type(self).__name__} needs one value for every output, but y_star holds NaN or a range. "
                "Use a method that searches, such as NeuralAdjoint, or fit on the wanted outputs alone."
            )
        return targets

    def _limits(self, wanted):
        if wanted.lower is None and wanted.upper is None:
            raise ValueError("TargetRange needs a lower limit, an upper limit, or both.")
        sides = []
        for limit, name in ((wanted.lower, "lower"), (wanted.upper, "upper")):
            if limit is None:
                sides.append(np.array([[np.nan]]))
            else:
                sides.append(self._target_array(limit, f"{name} of the TargetRange", infinite=True))
        lower, upper = sides
        if len(lower) != len(upper) and 1 not in (len(lower), len(upper)):
            raise ValueError(
                f"lower and upper of the TargetRange differ in length, {len(lower)} and {len(upper)}."
            )
        shape = (max(len(lower), len(upper)), self.n_outputs_)
        return np.broadcast_to(lower, shape), np.broadcast_to(upper, shape)

    def _target_array(self, y_star, name, *, infinite=False):
        """`y_star` as float64 (n_targets, n_outputs); NaN passes, infinite values only if `infinite`."""
        check_same_names(self.output_names_in_, target_names(y_star, self.n_outputs_), what=name)
        if issparse(y_star):
            raise TypeError(f"{name} is sparse; pass a dense array, y_star.toarray().")
        with numbers_from(y_star, name):
            array = check_array(
                y_star,
                dtype=np.float64,
                ensure_2d=False,
                allow_nd=True,
                ensure_all_finite="allow-nan" if not infinite else False,
                ensure_min_samples=0,
                ensure_min_features=0,
                input_name=name,
            )
        if array.ndim == 0 and self.n_outputs_ != 1:
            raise ValueError(
                f"A scalar {name} is one target of a single output, but fit saw {self.n_outputs_} "
                f"outputs. Pass an array of shape (n_targets, {self.n_outputs_})."
            )
        if array.ndim < 2:
            array = array.reshape((-1, 1) if self.n_outputs_ == 1 else (1, -1))
        if array.ndim > 2 or len(array) == 0:
            raise ValueError(
                f"{name} must have shape (n_targets, {self.n_outputs_}) with one target or more, got "
                f"{np.shape(y_star)}."
            )
        if array.shape[1] != self.n_outputs_:
            raise ValueError(
                f"{name} has {array.shape[1]} outputs, but {type(self).__name__} is expecting "
                f"{self.n_outputs_} outputs as in fit; got shape {np.shape(y_star)}."
            )
        return array

    def _warn_if_far(self, targets):
        low, high = self.y_range_.T
        below = np.where(np.isfinite(targets.upper), low - targets.upper, -np.inf)
        above = np.where(np.isfinite(targets.lower), targets.lower - high, -np.inf)
        beyond = np.maximum(below, above)
        far = beyond > _FAR * np.where(high > low, high - low, 1.0)
        if not far.any():
            return
        row, output = np.unravel_index(np.argmax(np.where(far, beyond / self.y_scale_, -1)), far.shape)
        side = "above the largest" if above[row, output] > below[row, output] else "below the least"
        name = f"output {output}" if self.output_names_in_ is None else self.output_names_in_[output]
        warn_user(
            f"{np.count_nonzero(far.any(axis=1))} of {len(targets)} targets lie far outside the responses seen "
            f"in fit: target {row} is {beyond[row, output]:.3g} ({beyond[row, output] / self.y_scale_[output]:.1f} "
            f"standard deviations) {side} {name}. Answers there extrapolate.",
        )
