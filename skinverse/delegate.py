"""``inverse`` through pipelines and searches."""

import numpy as np
from sklearn.pipeline import Pipeline

from skinverse.utils.validation import check_is_fitted


def inverse(estimator, y_star, n=1, **params):
    """Propose designs with an inverter, wherever it sits.

    Looks through fitted searches (anything with ``best_estimator_``) and pipelines: the steps before
    the inverter are undone on its designs, so that they come back in the units of the pipeline's input.

    Parameters
    ----------
    estimator : estimator
        A fitted inverter, a Pipeline that ends in one, or a search over either.
    y_star : array-like or TargetRange
        Targets, as for :meth:`~skinverse.base.BaseInverter.inverse`.
    n : int, default=1
        Number of designs for each target.
    **params
        Passed on to the inverter's ``inverse``: `fixed`, `random_state`, `return_info`. Inside a
        Pipeline `fixed` and the inverter's `space` speak of the transformed designs.

    Returns
    -------
    X : ndarray of shape (n_targets, n, n_features)
    info : Bunch
        Only with ``return_info=True``, as the inverter gives it.

    Raises
    ------
    TypeError
        If there is no inverter inside, or a step before it cannot be undone.
    NotFittedError
        If the estimator has not been fitted.

    Examples
    --------
    >>> import skinverse
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> X, y = skinverse.datasets.make_sine_wave(200, random_state=0)
    >>> pipe = make_pipeline(MinMaxScaler(), skinverse.NearestDesignInverter()).fit(X, y)
    >>> skinverse.inverse(pipe, [0.5, 1.2], n=3).shape
    (2, 3, 2)
    """
    if hasattr(estimator, "best_estimator_"):
        return inverse(estimator.best_estimator_, y_star, n, **params)
    if hasattr(estimator, "inverse"):
        return estimator.inverse(y_star, n, **params)
    if isinstance(estimator, Pipeline):
        check_is_fitted(estimator)
        return _through_pipeline(estimator, y_star, n, params)
    if hasattr(estimator, "estimator"):  # a search not fitted yet, or fitted with refit=False
        check_is_fitted(estimator, "best_estimator_")
    raise TypeError(
        f"{type(estimator).__name__} has no method `inverse`; pass an inverter, a Pipeline that ends in one, or a "
        "fitted search over either (with refit=True)."
    )


def inverter_of(estimator):
    """What answers within a search or a Pipeline, however deep; the estimator itself if it is neither."""
    if hasattr(estimator, "best_estimator_"):
        return inverter_of(estimator.best_estimator_)
    return inverter_of(estimator.steps[-1][1]) if isinstance(estimator, Pipeline) else estimator


def _through_pipeline(pipeline, y_star, n, params):
    answer = inverse(pipeline.steps[-1][1], y_star, n, **params)
    X, *info = answer if isinstance(answer, tuple) else (answer,)
    shape = X.shape[:2]
    X = X.reshape(-1, X.shape[2])
    for name, step in reversed(pipeline.steps[:-1]):
        if step is None or step == "passthrough":
            continue
        if not hasattr(step, "inverse_transform"):
            raise TypeError(
                f"The step {name!r} ({type(step).__name__}) of the pipeline has no inverse_transform, so designs "
                "cannot be mapped back to its input."
            )
        X = step.inverse_transform(X)
    X = np.asarray(X, dtype=np.float64).reshape(*shape, -1)
    return (X, *info) if info else X
