"""ForwardRegressor: accuracy, censoring, ensembles, seeds, and scikit-learn's own checks."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import Parallel, delayed
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from skinverse.nets.ensemble import Ensemble
from skinverse.nets.standardized import Standardized
from skinverse.surrogate import ForwardRegressor

quick = {"max_epochs": 40, "random_state": 0}


def in_single_precision(surrogate):
    reason = "the last digits in single precision depend on the size of the batch, on some processors"
    return {"check_methods_subset_invariance": reason} if surrogate.optimizer == "soap" else {}


@parametrize_with_checks(
    [ForwardRegressor(max_epochs=60), ForwardRegressor((32,), optimizer="soap", max_epochs=200, lr=0.02)],
    expected_failed_checks=in_single_precision,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def waves():
    X = np.random.default_rng(0).uniform(-1, 1, (600, 2))
    return X, np.column_stack([np.sin(3 * X[:, 0]) + X[:, 1], 100 * X[:, 0] * X[:, 1]])


@pytest.fixture(scope="module")
def fresh_waves():
    X = np.random.default_rng(1).uniform(-1, 1, (500, 2))
    return X, np.column_stack([np.sin(3 * X[:, 0]) + X[:, 1], 100 * X[:, 0] * X[:, 1]])


def test_second_order_default_is_accurate(waves, fresh_waves):
    surrogate = ForwardRegressor(max_epochs=150, random_state=0).fit(*waves)
    error = np.mean((surrogate.predict(fresh_waves[0]) - fresh_waves[1]) ** 2, axis=0)
    assert surrogate.optimizer_ == "lm"
    assert np.all(error < 1e-7 * waves[1].var(axis=0))


@pytest.mark.parametrize(("optimizer", "score"), [("soap", 0.9999), ("adam", 0.99)])
def test_first_order(waves, fresh_waves, optimizer, score):
    surrogate = ForwardRegressor((64, 64), optimizer=optimizer, max_epochs=200, batch_size=64, random_state=0)
    assert surrogate.fit(*waves).score(*fresh_waves) > score
    assert surrogate.optimizer_ == optimizer


def test_auto_takes_soap_for_many_outputs_or_rows_too_many_for_second_order():
    rng = np.random.default_rng(0)
    many_outputs = ForwardRegressor(max_epochs=1).fit(rng.normal(size=(50, 2)), rng.normal(size=(50, 5)))
    wide_net = ForwardRegressor((200, 200), max_epochs=1).fit(rng.normal(size=(50, 2)), rng.normal(size=50))
    assert many_outputs.optimizer_ == wide_net.optimizer_ == "soap"


@pytest.mark.parametrize(
    ("losses", "kept"),
    [
        ((1e-2, 5e-3, 5e-3), "soap"),
        ((1e-2, 9e-3, 1e-9), "lm"),
        ((1e-4, 1e-6, 1e-9), "lm"),
        ((1e-2, 5e-3, 3e-3), "adam"),
        ((1e-2, 1e-3, 1e-9), "soap"),
    ],
    ids=["clearly better", "no better than noise", "not needed", "two steps", "enough"],
)
def test_auto_goes_on_while_the_next_optimizer_is_clearly_better(monkeypatch, losses, kept):
    losses = dict(zip(("LevenbergMarquardt", "SOAP", "AdamW"), losses, strict=True))
    monkeypatch.setattr("skinverse.ensemble.lowest_loss", lambda net: losses[type(net.optimizer_).__name__])
    X = np.random.default_rng(0).uniform(-1, 1, (1000, 2))
    surrogate = ForwardRegressor(n_members=2, max_epochs=2, random_state=0).fit(X, np.sin(25 * X[:, 0]))
    assert surrogate.optimizer_ == kept
    assert len({type(net.optimizer_) for net in surrogate.nets_}) == 1


def test_rows_of_a_view_in_reverse(waves):
    X, y = waves
    views = ForwardRegressor((4,), max_epochs=2, random_state=0).fit(X[::-1], y[::-1])
    copies = ForwardRegressor((4,), max_epochs=2, random_state=0).fit(X[::-1].copy(), y[::-1].copy())
    np.testing.assert_array_equal(views.predict(X[::-1]), copies.predict(X)[::-1])


def test_module_speaks_the_users_units(waves):
    X, y = waves
    surrogate = ForwardRegressor(**quick).fit(X, y)
    x = torch.tensor(X[:20])
    value, jacobian = surrogate.module_.value_and_jacobian(x)
    assert isinstance(surrogate.module_, Standardized)
    assert value.dtype == torch.float64
    assert_allclose(value.numpy(), surrogate.predict(X[:20]))
    h = 1e-6
    for k in range(2):
        side = torch.zeros(2, dtype=torch.float64)
        side[k] = h
        slope = (surrogate.module_(x + side) - surrogate.module_(x - side)) / (2 * h)
        assert_allclose(jacobian[:, :, k].numpy(), slope.numpy(), rtol=1e-5, atol=1e-5)


def test_ensemble_mean_and_spread(waves):
    X, y = waves
    surrogate = ForwardRegressor(n_members=3, **quick).fit(X, y)
    far = np.array([[0.0, 0.0], [3.0, -3.0]])
    mean, std = surrogate.predict(far, return_std=True)
    values = surrogate.module_.member_values(torch.tensor(far)).numpy()
    assert isinstance(surrogate.module_, Ensemble)
    assert len(surrogate.nets_) == 3
    assert_allclose(mean, values.mean(axis=0))
    assert_allclose(std, values.std(axis=0, ddof=1))
    assert np.all(std[1] > 10 * std[0])


def test_held_out_rows_are_those_that_a_member_was_judged_by(waves):
    X, y = waves
    surrogate = ForwardRegressor(n_members=2, **quick).fit(X, y)
    assert_array_equal(surrogate.held_out_.sum(axis=1), [60, 60])
    assert (surrogate.held_out_[0] != surrogate.held_out_[1]).any()
    for member, net, rows in zip(
        surrogate.module_.members, surrogate.nets_, surrogate.held_out_, strict=True
    ):
        error = (member(torch.tensor(X[rows])).numpy() - y[rows]) / y.std(axis=0)
        all_but_the_worst = np.sort((error**2).mean(axis=1))[:59]  # a hundredth is left out there
        assert_allclose(all_but_the_worst.mean(), np.nanmin(net.history[:, "valid_loss"]), rtol=1e-9)

    assert not ForwardRegressor(validation_fraction=0, **quick).fit(X, y).held_out_.any()
    surrogate.partial_fit(X[:100], y[:100])
    assert surrogate.held_out_.shape == (2, 700)
    assert not surrogate.held_out_.any()


def test_rows_held_out_stay_so_when_training_goes_on(waves):
    X, y = waves
    surrogate = ForwardRegressor(n_members=2, warm_start=True, **quick).fit(X[:400], y[:400])
    before = surrogate.held_out_
    after = surrogate.fit(X, y).held_out_
    assert_array_equal(after[:, :400], before)
    assert_allclose(after[:, 400:].mean(), 0.1, atol=0.05)


def test_spread_of_a_single_member_is_an_error(waves):
    with pytest.raises(ValueError, match="n_members=2"):
        ForwardRegressor(**quick).fit(*waves).predict(waves[0], return_std=True)


@pytest.mark.parametrize("optimizer", ["lm", "soap"])
def test_censored_response_recovers_the_latent_slope(optimizer):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (800, 2))
    latent = X[:, 0] + 0.5 * np.sin(2 * X[:, 1])
    y = np.maximum(latent, 0.2)
    params = dict(
        optimizer=optimizer, max_epochs=80, random_state=0, hidden_layer_sizes=(16, 16), batch_size=64
    )
    surrogate = ForwardRegressor(**params).fit(X, y)
    assert_array_equal(surrogate.response_floor_, [0.2])
    predicted = surrogate.predict(X)
    assert predicted.min() == 0.2
    assert np.abs(predicted - y).mean() < 0.01
    below = torch.tensor(X[(latent < 0.15) & (latent > 0.0)])
    value, jacobian = surrogate.module_.value_and_jacobian(below)
    assert float((value <= 0.2).double().mean()) > 0.95  # latent, not clipped
    assert jacobian.norm(dim=2).median() > 0.5  # a way back up
    kinked = ForwardRegressor(**{**params, "censored": None}).fit(X, y)
    assert np.isneginf(kinked.response_floor_).all()
    assert np.mean((predicted - y) ** 2) < np.mean((kinked.predict(X) - y) ** 2)


def test_floor_is_found_per_output_and_given_floors_are_checked():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2))
    y = np.column_stack([np.maximum(X[:, 0], 0), X[:, 1], np.round(X[:, 0])])
    fit = ForwardRegressor(max_epochs=2).fit
    assert_array_equal(fit(X, y).response_floor_, [0, -np.inf, -np.inf])
    given = ForwardRegressor(max_epochs=2, censored=[-np.inf, -1.0, 0.0]).fit(X, y)
    assert given.predict(X)[:, 1].min() >= -1
    with pytest.raises(ValueError, match="each of the 3 outputs"):
        ForwardRegressor(censored=[0.0, 1.0]).fit(X, y)


def test_same_seed_same_answer_and_the_global_generators_rest(waves):
    X, y = waves
    np_state = np.random.get_state()[1].copy()  # noqa: NPY002
    torch_state = torch.get_rng_state()
    for params in ({}, {"optimizer": "soap", "hidden_layer_sizes": (16,)}):
        a, b = (ForwardRegressor(**quick, **params).fit(X, y).predict(X) for _ in range(2))
        other = ForwardRegressor(**{**quick, "random_state": 1}, **params).fit(X, y).predict(X)
        ForwardRegressor(max_epochs=1).fit(X, y)
        assert_array_equal(a, b)
        assert not np.allclose(a, other, rtol=1e-12)
    assert_array_equal(np_state, np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(torch_state, torch.get_rng_state())


@pytest.mark.parametrize("optimizer", ["lm", "soap"])
def test_threads_give_the_serial_answer(waves, optimizer):
    X, y = waves

    def answer(seed):
        return (
            ForwardRegressor((8, 8), optimizer=optimizer, max_epochs=15, random_state=seed)
            .fit(X, y)
            .predict(X)
        )

    serial = [answer(seed) for seed in range(6)]
    threaded = Parallel(n_jobs=3, backend="threading")(delayed(answer)(seed) for seed in range(6))
    for a, b in zip(serial, threaded, strict=True):
        assert_allclose(a, b, rtol=1e-9)


def test_shape_of_y_is_remembered(waves):
    X, y = waves
    assert ForwardRegressor(**quick).fit(X, y[:, 0]).predict(X).shape == (600,)
    assert ForwardRegressor(**quick).fit(X, y[:, :1]).predict(X).shape == (600, 1)
    assert ForwardRegressor(**quick).fit(X, y).predict(X).shape == (600, 2)


def test_prediction_does_not_depend_on_the_chunks(waves, monkeypatch):
    surrogate = ForwardRegressor(n_members=2, **quick).fit(*waves)
    whole = surrogate.predict(waves[0], return_std=True)
    monkeypatch.setattr(ForwardRegressor, "_chunk_size", 7)
    assert_allclose(surrogate.predict(waves[0], return_std=True), whole, rtol=1e-8, atol=1e-10)


def test_pickle_clone_and_search(waves):
    X, y = waves
    surrogate = ForwardRegressor(n_members=2, **quick).fit(X, y)
    again = pickle.loads(pickle.dumps(surrogate))
    assert_array_equal(surrogate.predict(X), again.predict(X))
    assert clone(surrogate).get_params() == surrogate.get_params()
    search = GridSearchCV(ForwardRegressor(**quick), {"hidden_layer_sizes": [(1,), (6, 6)]}, cv=2).fit(X, y)
    assert search.best_params_ == {"hidden_layer_sizes": (6, 6)}


def test_column_names_are_kept_and_checked(waves):
    X = pd.DataFrame(waves[0], columns=["height", "width"])
    surrogate = ForwardRegressor(**quick).fit(X, waves[1])
    assert list(surrogate.feature_names_in_) == ["height", "width"]
    with pytest.raises(ValueError, match="feature names"):
        surrogate.predict(X[["width", "height"]])


@pytest.mark.parametrize("optimizer", ["lm", "soap"])
def test_constant_columns_and_responses(waves, optimizer):
    X, y = waves
    X = np.column_stack([X, np.full(600, 7.0)])
    y = np.column_stack([y[:, 0], np.full(600, 0.1)])
    surrogate = ForwardRegressor((8, 8), optimizer=optimizer, **quick).fit(X, y)
    moved = X + [0, 0, 5]
    assert_array_equal(surrogate.predict(X), surrogate.predict(moved))
    assert_allclose(surrogate.predict(X)[:, 1], 0.1, rtol=1e-14)
    _, jacobian = surrogate.module_.value_and_jacobian(torch.tensor(X[:5]))
    assert torch.all(jacobian[:, :, 2] == 0)
    assert torch.all(jacobian[:, 1] == 0)
    constant = ForwardRegressor((8, 8), optimizer=optimizer, **quick).fit(X, np.full(600, 3.0))
    assert_allclose(constant.predict(moved), 3.0, rtol=1e-14)


def test_one_row_gives_a_constant():
    surrogate = ForwardRegressor(**quick).fit([[1.0, 2.0]], [5.0])
    assert_array_equal(surrogate.predict([[3.0, 4.0]]), [5.0])


def test_noise_is_not_learnt():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 2))
    truth = np.sin(2 * X[:, 0]) + X[:, 1]
    surrogate = ForwardRegressor(random_state=0).fit(X, truth + 0.1 * rng.normal(size=400))
    assert np.mean((surrogate.predict(X) - truth) ** 2) < 0.3 * 0.1**2


def test_divergence_is_a_named_error(waves):
    with pytest.raises(FloatingPointError, match="smaller lr"):
        ForwardRegressor((16,), optimizer="adam", lr=1e38, max_epochs=20, random_state=0).fit(*waves)


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        ({"hidden_layer_sizes": (2.5,)}, "hidden_layer_sizes"),
        ({"n_members": 0}, "n_members"),
        ({"optimizer": "sgd"}, "optimizer"),
        ({"lr": -1.0}, "lr"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
    ],
)
def test_bad_parameters_are_named(waves, params, word):
    with pytest.raises(ValueError, match=word):
        ForwardRegressor(**params).fit(*waves)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("optimizer", ["lm", "soap", "adam"])
def test_on_a_gpu(waves, fresh_waves, optimizer):
    surrogate = ForwardRegressor(optimizer=optimizer, n_members=2, max_epochs=100, random_state=0).fit(*waves)
    assert next(surrogate.module_.parameters()).is_cuda
    assert surrogate.score(*fresh_waves) > 0.99
