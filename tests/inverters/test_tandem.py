import numpy as np
import pytest
import torch
from exact_models import ExactRegressor
from linear_gaussian import two_branches
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.frozen import FrozenEstimator

from skinverse import DesignSpace, ForwardRegressor, TandemInverter


def square(x):
    return x[:, :1] ** 2


@pytest.fixture(scope="module")
def fitted():
    X, y = two_branches(2000)
    return TandemInverter(
        ExactRegressor(square), hidden_layer_sizes=(64, 64), max_epochs=60, random_state=0
    ).fit(X, y)


def test_designs_meet_their_targets_on_one_branch(fitted):
    """The mean over branches, 0, would miss by y; a regression of x on y does."""
    y_star = np.linspace(0.05, 0.9, 50)
    designs, info = fitted.inverse(y_star, 3, return_info=True)
    assert np.abs(designs[:, 0, 0] ** 2 - y_star).max() < 0.02
    assert_allclose(info.predicted[:, 0, 0], designs[:, 0, 0] ** 2)
    assert not info.projected.any()


def test_the_answer_is_repeated(fitted):
    designs = fitted.inverse([0.3, 0.6], 4, random_state=1)
    assert_array_equal(designs, np.repeat(designs[:, :1], 4, axis=1))
    assert_array_equal(designs, fitted.inverse([0.3, 0.6], 4, random_state=2))


def test_the_surrogate_stays_as_it_was_trained():
    X, y = two_branches(400)
    surrogate = ForwardRegressor((8,), max_epochs=20, random_state=0)
    alone = surrogate.fit(X, y).predict(X)
    tandem = TandemInverter(surrogate, hidden_layer_sizes=(8,), max_epochs=10, random_state=0).fit(X, y)
    assert_array_equal(tandem.forward_model_.predict(X), alone)
    assert all(not p.requires_grad for p in tandem.module_.forward_net.parameters())


def test_batch_statistics_of_the_surrogate_stay_as_they_were():
    """The exact sum a + b, behind a layer that normalises by what it sees while it learns."""
    X = np.random.RandomState(0).rand(200, 2) + [0.0, 5.0]
    surrogate = ExactRegressor(lambda x: x.sum(dim=1, keepdim=True)).fit(X, X.sum(axis=1))
    norm = torch.nn.BatchNorm1d(1, dtype=torch.float64)
    norm.running_mean.fill_(-1.0)
    surrogate.module_ = torch.nn.Sequential(surrogate.module_, norm).eval().requires_grad_(False)
    before = surrogate.predict(X)
    inverter = TandemInverter(
        FrozenEstimator(surrogate), hidden_layer_sizes=(16,), max_epochs=3, random_state=0
    )
    inverter.fit(X, X.sum(axis=1) + 1.0)
    assert norm.running_mean.item() == -1.0
    assert_array_equal(surrogate.predict(X), before)


def test_a_penalty_leaves_designs_outside_and_they_are_moved_and_flagged():
    """Within |x1| <= 0.5 no design has y = 0.81: without weight the network walks out, and is brought back."""
    X, y = two_branches(1500)
    params = {
        "hidden_layer_sizes": (32,),
        "max_epochs": 40,
        "space": [[-0.5, 0.5], [-1, 1]],
        "random_state": 0,
    }
    free = TandemInverter(ExactRegressor(square), boundary="penalty", boundary_weight=0.0, **params).fit(X, y)
    designs, info = free.inverse(0.81, return_info=True)
    assert info.projected.all()
    assert abs(designs[0, 0, 0]) == 0.5
    kept = TandemInverter(ExactRegressor(square), boundary="squash", **params).fit(X, y)
    designs, info = kept.inverse(0.81, return_info=True)
    assert not info.projected.any()
    assert 0.4 < abs(designs[0, 0, 0]) <= 0.5
    assert float(info.predicted[0, 0, 0]) == pytest.approx(designs[0, 0, 0] ** 2)


def test_whole_numbers_are_rounded_without_a_flag():
    X, y = two_branches(500)
    space = DesignSpace([[-1, 1], [-1, 1]], integer=[1])
    tandem = TandemInverter(ExactRegressor(square), hidden_layer_sizes=(8,), max_epochs=5, space=space).fit(
        X, y
    )
    designs, info = tandem.inverse(y[:5], return_info=True)
    assert_array_equal(designs[..., 1], np.round(designs[..., 1]))
    assert not info.projected.any()


def test_gradients_reach_the_inverse_network_through_the_frozen_one():
    X, y = two_branches(300)
    tandem = TandemInverter(ExactRegressor(square), hidden_layer_sizes=(8,), max_epochs=1).fit(X, y)
    net = tandem.module_.requires_grad_(True)
    net.zero_grad()
    condition = torch.zeros(1, 1, dtype=torch.float64)
    _, response = net(condition)
    response.sum().backward()
    bias = net.inverse_net.layers[-1].bias
    step = 1e-6
    with torch.no_grad():
        before = float(net(condition)[1])
        bias[0] += step
        slope = (float(net(condition)[1]) - before) / step
    assert float(bias.grad[0]) == pytest.approx(slope, rel=1e-3, abs=1e-6)
