"""The contract of ``inverse``, one check a clause; each raises AssertionError where it is broken."""

import pickle
import warnings

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinverse.delegate import inverse
from skinverse.spaces import DesignSpace
from skinverse.targets import TargetRange


def _table(n_samples=60, n_outputs=1):
    """A bimodal problem in uneven units: y depends on the square of the first design variable."""
    rng = np.random.RandomState(7)
    X = rng.uniform([-1.0, 300.0, 0.0], [1.0, 400.0, 1e-3], size=(n_samples, 3))
    u = (X - [0, 300, 0]) / [1, 100, 1e-3]
    y = np.stack([50 * u[:, 0] ** 2 + 10 * u[:, 1], u[:, 1] - 0.5 * u[:, 2]], axis=1)
    return X, (y[:, 0] if n_outputs == 1 else y)


def _fitted(inverter, n_outputs=1, **params):
    X, y = _table(n_outputs=n_outputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(inverter).set_params(**params).fit(X, y), X, y


def _ask(inverter, y_star, n=1, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return inverter.inverse(y_star, n, **params)


def _raises(errors, call, *args, mention=(), **kwargs):
    try:
        call(*args, **kwargs)
    except errors as error:
        missing = [word for word in mention if word not in str(error)]
        assert not missing, f"The message {str(error)!r} does not mention {missing}."
        return
    raise AssertionError(f"No {errors} was raised for {args} {kwargs}.")


def check_three_axes(inverter):
    """Designs are float64 (n_targets, n, n_features) for each legal form of y_star."""
    fitted, _, y = _fitted(inverter)
    for y_star, n_targets in ((y[0], 1), ([y[0]], 1), (y[:3], 3), (y[:3, None], 3)):
        X = _ask(fitted, y_star, 2, random_state=0)
        assert X.shape == (n_targets, 2, 3), (np.shape(y_star), X.shape)
        assert X.dtype == np.float64
        assert np.isfinite(X).all()
    fitted, _, y = _fitted(inverter, n_outputs=2)
    for y_star, n_targets in ((y[0], 1), (y[:1], 1), (y[:3], 3)):
        assert _ask(fitted, y_star, 2, random_state=0).shape == (n_targets, 2, 3)


def check_column_response(inverter):
    """A 2-D y of one column takes 2-D and 1-D targets and scalars."""
    X, y = _table()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = clone(inverter).fit(X, y[:, None])
    assert _ask(fitted, y[:3, None], 2).shape == (3, 2, 3)
    assert _ask(fitted, y[0], 2).shape == (1, 2, 3)
    assert _ask(fitted, list(y[:3]), 2).shape == (3, 2, 3)


def check_bad_targets(inverter):
    """Targets that make no sense raise errors that say why."""
    from scipy.sparse import csr_array

    fitted, _, y = _fitted(inverter, n_outputs=2)
    _raises(ValueError, _ask, fitted, np.ones((2, 3)), mention=["2 outputs", "3"])
    _raises(ValueError, _ask, fitted, 1.0, mention=["scalar"])
    _raises(ValueError, _ask, fitted, [[np.inf, 0.0]], mention=["y_star"])
    _raises(ValueError, _ask, fitted, np.empty((0, 2)), mention=["one target or more"])
    _raises(ValueError, _ask, fitted, [["a", "b"]], mention=["y_star must hold numbers"])
    _raises(ValueError, _ask, fitted, np.ones((1, 2, 2)), mention=["shape (n_targets, 2)", "(1, 2, 2)"])
    _raises(TypeError, _ask, fitted, csr_array(y[:2]), mention=["sparse"])
    _raises(ValueError, _ask, fitted, [[np.nan, np.nan]], mention=["target 0"])
    _raises(ValueError, _ask, fitted, TargetRange(), mention=["TargetRange"])
    _raises(ValueError, _ask, fitted, TargetRange([[1.0, 1.0]], [[0.0, 1.0]]), mention=["lower"])


def check_bad_n(inverter):
    """n is a positive integer."""
    fitted, _, y = _fitted(inverter)
    for n, error in (
        (0, ValueError),
        (-1, ValueError),
        (1.5, TypeError),
        (True, TypeError),
        ("2", TypeError),
    ):
        _raises(error, _ask, fitted, y[:1], n, mention=["n must be"])


def check_bad_training_data(inverter):
    """fit refuses what cannot be learnt from."""
    X, y = _table()
    for bad_X, bad_y in (
        (X[:0], y[:0]),
        (X, y[:-1]),
        (np.where(X == X[3, 1], np.nan, X), y),
        (X, np.where(y == y[3], np.inf, y)),
        (X[:, 0], y),
        (np.array([["a"], ["b"]]), y[:2]),
    ):
        _raises(ValueError, clone(inverter).fit, bad_X, bad_y)
    _raises(ValueError, clone(inverter).fit, X, None)


def check_degenerate_data(inverter):
    """Constant columns, constant responses and few rows are answered, or refused in plain words."""
    X, y = _table()
    X_constant = X.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for constant in (350.0, 0.1):  # the mean of many 0.1 is another number
            X_constant[:, 1] = constant
            designs = clone(inverter).fit(X_constant, y).inverse(y[:2], 3)
            assert (designs[..., 1] == constant).all()
        designs = clone(inverter).fit(X, np.full(len(y), 2.0)).inverse(2.0, 3)
        assert designs.shape == (1, 3, 3)
        assert np.isfinite(designs).all()
        try:
            designs = clone(inverter).fit(X[:1], y[:1]).inverse(y[0])
        except ValueError as error:
            assert "1 sample" in str(error), str(error)
        else:
            assert_array_equal(designs[0], X[:1])


def check_bad_space(inverter):
    """A space that does not fit the table is refused in fit."""
    X, y = _table()
    _raises(
        ValueError, clone(inverter).set_params(space=np.ones((2, 2))).fit, X, y, mention=["2", "3 columns"]
    )
    _raises(
        ValueError, clone(inverter).set_params(space=[[0, 1], [1, 0], [0, 1]]).fit, X, y, mention=["lower"]
    )


def check_unfitted(inverter):
    """inverse before fit raises NotFittedError."""
    _raises(NotFittedError, clone(inverter).inverse, 1.0)
    _raises(NotFittedError, clone(inverter).inverse_transform, 1.0)


def check_same_seed_same_designs(inverter):
    """The seed decides; an estimator built with one repeats its answer."""
    fitted, _, y = _fitted(inverter)
    a, b = (_ask(fitted, y[:3], 4, random_state=3) for _ in range(2))
    assert_array_equal(a, b)
    fitted, *_ = _fitted(inverter, random_state=1)
    a, b = (_ask(fitted, y[:3], 4) for _ in range(2))
    assert_array_equal(a, b)
    again, *_ = _fitted(inverter, random_state=1)
    assert_array_equal(a, _ask(again, y[:3], 4))


def check_targets_are_independent(inverter):
    """A target's designs do not depend on the others in the call."""
    fitted, _, y = _fitted(inverter)
    together = _ask(fitted, y[:5], 4, random_state=3)
    for k in range(5):
        assert_allclose(together[k], _ask(fitted, y[k : k + 1], 4, random_state=3)[0], rtol=1e-6, atol=1e-9)


def check_global_state_untouched(inverter):
    """Random generators, default dtype, threads and warning filters are left as they were."""
    import torch

    def state():
        return (
            np.random.get_state()[1].tolist(),
            np.random.get_state()[2],
            torch.get_rng_state().tolist(),
            torch.get_default_dtype(),
            torch.get_num_threads(),
            np.geterr(),
        )

    X, y = _table()
    saved = np.random.get_state(), torch.get_rng_state()
    np.random.seed(20260101)  # a state that nobody is likely to set, given back below
    torch.manual_seed(20260101)
    try:
        before, filters = state(), list(warnings.filters)
        for random_state in (None, 0):
            fitted = clone(inverter).set_params(random_state=random_state)
            with warnings.catch_warnings(record=True):
                warnings.simplefilter("always")
                fitted.fit(X, y).inverse(y[:2], 3)
        assert state() == before
        assert list(warnings.filters) == filters
    finally:
        np.random.set_state(saved[0])
        torch.set_rng_state(saved[1])


def check_parameters_untouched(inverter):
    """fit and inverse rewrite no parameter, and no input array."""
    X, y = _table()
    X_before, y_before = X.copy(), y.copy()
    fitted = clone(inverter)
    before = {name: repr(value) for name, value in fitted.get_params().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted.fit(X, y).inverse(y[:2], 3)
    assert {name: repr(value) for name, value in fitted.get_params().items()} == before
    assert_array_equal(X, X_before)
    assert_array_equal(y, y_before)


def check_pickle(inverter):
    """A fitted inverter survives pickling."""
    fitted, _, y = _fitted(inverter)
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(_ask(fitted, y[:3], 4, random_state=3), _ask(again, y[:3], 4, random_state=3))


def check_threads_and_processes(inverter):
    """Fits in threads and processes give the serial answer."""
    from joblib import Parallel, delayed

    seeds = [0, 1, 2]
    serial = [_fit_and_ask(inverter, seed) for seed in seeds]
    for backend in ("threading", "loky"):
        answers = Parallel(n_jobs=2, backend=backend)(delayed(_fit_and_ask)(inverter, seed) for seed in seeds)
        for expected, answer in zip(serial, answers, strict=True):
            assert_allclose(answer, expected, rtol=1e-6, atol=1e-9)


def _fit_and_ask(inverter, seed):
    fitted, _, y = _fitted(inverter, random_state=seed)
    return _ask(fitted, y[:2], 2)


def check_data_frames(inverter):
    """Column names are kept and checked; designs are arrays."""
    import pandas as pd

    X, y = _table(n_outputs=2)
    X, y = pd.DataFrame(X, columns=["a", "b", "c"]), pd.DataFrame(y, columns=["gap", "mass"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = clone(inverter).fit(X, y)
    assert list(fitted.feature_names_in_) == ["a", "b", "c"]
    assert list(fitted.output_names_in_) == ["gap", "mass"]
    assert list(fitted.space_.names) == ["a", "b", "c"]
    designs = _ask(fitted, y.iloc[:2], 2, fixed={"a": 0.25}, random_state=0)
    assert isinstance(designs, np.ndarray)
    assert (designs[..., 0] == 0.25).all()
    _raises(ValueError, _ask, fitted, y.iloc[:2, ::-1], mention=["mass", "gap"])


def check_views(inverter):
    """A view of the table, its rows from the last to the first, is a table; torch has no such strides."""
    X, y = (a[::-1] for a in _table())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = clone(inverter).fit(X, y)
    designs = _ask(fitted, y[:3][::-1], 2, random_state=0)
    assert designs.shape == (3, 2, 3)
    for name in ("predict", "score_samples"):
        if hasattr(fitted, name):
            ask, given = getattr(fitted, name), (X, y)[: 1 if name == "predict" else 2]
            copies = [np.ascontiguousarray(a) for a in given]
            assert_array_equal(ask(*given), ask(*copies))


def check_designs_are_in_the_space(inverter):
    """Bounds, whole numbers and fixed values hold exactly in these spaces; flags and warnings say so."""
    _, y = _table()
    spaces = {
        "box of the data": None,
        "narrower box": [[-0.5, 0.9], [320, 380], [0, 1e-3]],
        "wider box": [[-2, 2], [200, 500], [-1e-3, 2e-3]],
        "integer": DesignSpace([[-1, 1], [300, 400], [0, 1e-3]], integer=[1]),
        "fixed": DesignSpace([[-1, 1], [300, 400], [0, 1e-3]], fixed={2: 5e-4}),
    }
    for name, space in spaces.items():
        fitted, *_ = _fitted(inverter, space=space)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            designs, info = fitted.inverse(y[:4], 3, random_state=0, return_info=True)
        assert_array_equal(fitted.space_.contains(designs), info.feasible, err_msg=name)
        told = any("outside the space" in str(w.message) for w in caught)
        assert told == (not info.feasible.all()), name
        assert info.feasible.all(), f"{name}: designs outside the space"


def check_units(inverter):
    """Designs are the same in other units: powers of two, which leave nothing but exponents to differ."""
    X, y = _table(n_outputs=2)
    bounds = np.array([[-1.5, 1.5], [250, 420], [0, 1e-3]])

    def answer(of_design, of_response):
        fitted = clone(inverter).set_params(space=bounds * of_design).fit(X * of_design, y * of_response)
        return fitted.inverse(y[:3] * of_response, 4, random_state=3) / of_design

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        usual = answer(1, 1)
        for of_design, of_response in ((2.0**-30, 1), (1, 2.0**30)):
            error = np.abs(answer(of_design, of_response) - usual) / np.ptp(X, axis=0)
            assert error.max() <= 1e-6, (
                f"Designs change by {error.max():.2g} of the range of the training designs."
            )


def check_fixed_values(inverter):
    """A value fixed in the call is met exactly, and one that contradicts the space is refused."""
    fitted, _, y = _fitted(inverter)
    designs = _ask(fitted, y[:3], 3, fixed={1: 350.0}, random_state=0)
    assert (designs[..., 1] == 350.0).all()
    assert fitted.space_.width[1] > 0
    _raises(ValueError, _ask, fitted, y[:3], fixed={1: 1e4}, mention=["outside its bounds"])
    _raises(ValueError, _ask, fitted, y[:3], fixed={"no such": 1.0}, mention=["no such"])
    _raises(ValueError, _ask, fitted, y[:3], fixed={7: 1.0}, mention=["7"])


def check_partial_targets(inverter):
    """NaN and ranges are honoured or refused, never ignored."""
    fitted, _, y = _fitted(inverter, n_outputs=2)
    y_star = y[:2].copy()
    y_star[:, 1] = np.nan
    span = TargetRange(y[:2] - 0.1, y[:2] + 0.1)
    if not fitted.supports_partial_targets:
        _raises(ValueError, _ask, fitted, y_star, mention=["NaN"])
        _raises(ValueError, _ask, fitted, span, mention=["range"])
        return
    for wanted in (y_star, span, TargetRange(lower=y[:2])):
        designs, info = _ask(fitted, wanted, 3, random_state=0, return_info=True)
        assert designs.shape == (2, 3, 3)
        if info.predicted is not None:
            assert np.isfinite(info.misfit).all()
    _, info = _ask(fitted, y_star, 3, random_state=0, return_info=True)
    if info.predicted is not None:
        assert_allclose(info.misfit, (info.predicted[..., 0] - y_star[:, :1]) ** 2)


def check_info(inverter):
    """The info bunch has the promised arrays in the promised shapes."""
    for n_outputs in (1, 2):
        fitted, _, y = _fitted(inverter, n_outputs=n_outputs)
        _, info = _ask(fitted, y[:4], 3, random_state=0, return_info=True)
        assert {"predicted", "misfit", "converged", "feasible", "log_prob", "n_iter"} <= set(info)
        for name in ("misfit", "converged", "feasible", "log_prob", "n_iter"):
            assert info[name] is None or info[name].shape == (4, 3), name
        if info.predicted is not None:
            assert info.predicted.shape == (4, 3, n_outputs)
            gap = info.predicted - y[:4].reshape(4, 1, n_outputs)
            assert_allclose(info.misfit, (gap**2).mean(axis=2))


def check_far_targets_warn(inverter):
    """A target far outside the responses seen is answered with a warning that says how far."""
    fitted, _, y = _fitted(inverter)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted.inverse([y.max() + 100 * np.ptp(y)], 1, random_state=0)
    assert any("standard deviations) above" in str(w.message) for w in caught), [
        str(w.message) for w in caught
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.inverse(np.median(y), 1, random_state=0)


def check_pipeline_and_search(inverter):
    """inverse_transform of a plain Pipeline returns raw designs, and so does skinverse.inverse."""
    X, y = _table()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe = make_pipeline(StandardScaler(), clone(inverter).set_params(random_state=0)).fit(X, y)
        single = pipe.inverse_transform(y[:3])
        several = inverse(pipe, y[:3], 2, random_state=0)
        fitted = pipe[-1]
        first = fitted.inverse(y[:3])[:, 0]
    assert single.shape == (3, 3)
    assert several.shape == (3, 2, 3)
    assert_allclose(single, pipe[0].inverse_transform(first))
    low, high = X.min(axis=0), X.max(axis=0)
    slack = 1e-9 * (high - low)
    assert ((several >= low - slack) & (several <= high + slack)).all()
    assert_array_equal(fitted.inverse_transform(y[:3]), first)


_CHECKS = [
    check_three_axes,
    check_column_response,
    check_bad_targets,
    check_bad_n,
    check_bad_training_data,
    check_degenerate_data,
    check_bad_space,
    check_unfitted,
    check_same_seed_same_designs,
    check_targets_are_independent,
    check_global_state_untouched,
    check_parameters_untouched,
    check_pickle,
    check_threads_and_processes,
    check_data_frames,
    check_views,
    check_designs_are_in_the_space,
    check_units,
    check_fixed_values,
    check_partial_targets,
    check_info,
    check_far_targets_warn,
    check_pipeline_and_search,
]


def inverter_checks():
    """Every clause of the contract.

    Returns
    -------
    checks : list of (str, callable)
        Name and check; a check takes an unfitted inverter.
    """
    return [(check.__name__, check) for check in _CHECKS]


def check_inverter(inverter):
    """Run every check of the contract on an unfitted inverter.

    Beside scikit-learn's own ``check_estimator`` this is what makes an estimator an inverter.

    Raises
    ------
    AssertionError
        Naming the first clause that is broken.

    Examples
    --------
    >>> from skinverse.inverters import PriorInverter
    >>> from skinverse.testing import check_inverter
    >>> check_inverter(PriorInverter())
    """
    for name, check in inverter_checks():
        try:
            check(inverter)
        except AssertionError as error:
            raise AssertionError(f"{name}: {check.__doc__} {error}") from error
