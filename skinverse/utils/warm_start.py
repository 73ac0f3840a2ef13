"""Going on from what an earlier fit has learnt."""


class WarmStartMixin:
    """Estimators with a parameter `warm_start` whose ``module_`` goes on learning.

    Parameters that the weights do not depend on may change on the way: those of ``_may_change``.
    """

    _may_change = frozenset(
        {
            "batch_size",
            "censored",
            "device",
            "lr",
            "max_epochs",
            "net_params",
            "random_state",
            "sampler",
            "space",
            "validation_fraction",
            "verbose",
            "warm_start",
        }
    )

    def _starts_anew(self, partial):
        """Whether `fit`, or with `partial` `partial_fit`, starts from nothing.

        Raises
        ------
        ValueError
            If not, and a parameter is not what the weights were learnt with.
        """
        if not hasattr(self, "module_") or not (partial or getattr(self, "warm_start", False)):
            return True
        for name, value in self._lasting_params().items():
            before = self._learnt_with[name]
            if value is not before and repr(value) != repr(before):
                raise ValueError(
                    f"The weights to go on from were learnt with {name}={before!r}, which is {value!r} now. Set it "
                    "back, or call fit with warm_start=False to begin anew."
                )
        return False

    def _lasting_params(self):
        """Parameters that the weights depend on."""
        params = self.get_params(deep=False)
        return {name: value for name, value in params.items() if name not in self._may_change}


def check_same_outputs(y, ndim, n_outputs, first_ndim):
    """Raise ValueError if `y` (n, outputs), given in `ndim` dimensions, differs in form from that of the first fit."""
    if ndim != first_ndim or y.shape[1] != n_outputs:
        form = "(n_samples,)" if first_ndim == 1 else f"(n_samples, {n_outputs})"
        given = "(n_samples,)" if ndim == 1 else f"(n_samples, {y.shape[1]})"
        raise ValueError(
            f"What was learnt before is for y of shape {form}, got {given}. Give the same outputs, or begin anew: fit "
            "with warm_start=False, or a clone."
        )


def fit_after(estimator, fitted, X, y, *, warm=False):
    """Fit `estimator`, from the weights of `fitted` if it has ``warm_start=True``, or if `warm` and its kind can.

    Parameters
    ----------
    estimator : estimator
    fitted : estimator or None
        One fitted before, which is of no use if it is of another kind.
    X, y : ndarray
    warm : bool, default=False

    Returns
    -------
    estimator : estimator
    """
    params = estimator.get_params(deep=False)
    goes_on = params.get("warm_start") or (warm and "warm_start" in params)
    if not goes_on or type(fitted) is not type(estimator):
        return estimator.fit(X, y)
    vars(estimator).update({name: value for name, value in vars(fitted).items() if name not in params})
    estimator.set_params(warm_start=True).fit(X, y)
    return estimator.set_params(warm_start=params["warm_start"])
