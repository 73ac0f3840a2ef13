"""Seeds of estimators inside others."""

from sklearn.base import clone


def seeded_clone(estimator, random_state, **params):
    """Clone of an estimator with `params` set, and a seed from `random_state` if it takes one and has none."""
    estimator = clone(estimator)
    estimator.set_params(**params)
    if estimator.get_params(deep=False).get("random_state", 0) is None:
        estimator.set_params(random_state=random_state.randint(2**31 - 1))
    return estimator
