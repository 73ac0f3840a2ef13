"""Seeds of estimators inside others."""

from sklearn.base import clone


def seeded_clone(estimator, random_state, **params):
    """Clone of an estimator with `params` set, and seeds from `random_state` for what takes one and has none.

    A part is seeded where nothing that holds it takes a seed, as the steps of a Pipeline are.
    """
    estimator = clone(estimator)
    estimator.set_params(**params)
    settings = estimator.get_params(deep=True)
    for name in sorted(settings):
        *path, last = name.split("__")
        governed = any("__".join([*path[:k], "random_state"]) in settings for k in range(len(path)))
        if last == "random_state" and settings[name] is None and not governed:
            estimator.set_params(**{name: random_state.randint(2**31 - 1)})
    return estimator
