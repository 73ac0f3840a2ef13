import numpy as np
import pytest
import torch
from linear_gaussian import WIDE, linear_gaussian, two_branches
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from skinverse import INNInverter
from skinverse.nets.invertible import mmd

SMALL = {"n_blocks": 4, "hidden_layer_sizes": (32,), "lr": 3e-3, "random_state": 0}


@pytest.fixture(scope="module")
def exact_problem():
    """The linear-Gaussian table without noise: p(x | y) is a normal law on a line."""
    X = linear_gaussian(4000).X
    a, prior = np.array([1.0, -0.5]), np.array([[1.0, 0.6], [0.6, 2.0]])
    gain = prior @ a / (a @ prior @ a)
    return X, X @ a, a, gain, prior - np.outer(gain, a @ prior)


@pytest.mark.parametrize(("loss", "spread"), [("mle", 0.25), ("mmd", 0.5), ("bidirectional", 0.5)])
def test_posterior_on_a_line(exact_problem, loss, spread):
    X, y, a, gain, covariance = exact_problem
    inverter = INNInverter(loss, max_epochs=60, space=WIDE, **SMALL).fit(X[:3500], y[:3500])
    y_star = np.array([-1.0, 0.5, 1.5])
    draws, info = inverter.inverse(y_star, 4000, random_state=1, return_info=True)
    miss = draws @ a - y_star[:, None]
    assert np.sqrt((miss**2).mean()) < 0.15
    assert_allclose(draws.mean(axis=1), y_star[:, None] * gain, atol=0.2)
    for of_target in draws:
        assert_allclose(np.cov(of_target.T), covariance, atol=spread)
    assert_allclose(info.predicted[0, :, 0], inverter.predict(draws[0]))
    held_out = inverter.predict(X[3500:]) - y[3500:]
    assert held_out.var() < 0.01 * y.var()


def test_the_trained_network_is_a_bijection(exact_problem):
    X, y, *_ = exact_problem
    net = INNInverter(max_epochs=5, **SMALL).fit(X[:500], y[:500]).module_
    x = torch.tensor(X[:100])
    padding = torch.randn(100, net.width - 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    *parts, log_det = net.encode(x, padding)
    back, log_det_back = net.flow.decode(torch.cat(parts, dim=1))
    assert_allclose(back, torch.cat([x, padding], dim=1), atol=1e-10)
    assert_allclose(log_det_back, -log_det, atol=1e-9)


def test_latents_are_standard_normal(exact_problem):
    """The published likelihood leaves them free, at 3 to 148 standard deviations."""
    X, y, *_ = exact_problem
    inverter = INNInverter(max_epochs=60, **SMALL).fit(X[:3500], y[:3500])
    z = inverter.module_.encode(torch.tensor((X[3500:] - inverter.x_mean_) / inverter.x_scale_))[1]
    assert abs(float(z.mean())) < 0.15
    assert float(z.std()) == pytest.approx(1, abs=0.2)


def test_both_branches_are_drawn():
    X, y = two_branches(3000)
    inverter = INNInverter(max_epochs=60, y_noise=0.05, **SMALL).fit(X, y)
    draws = inverter.inverse(0.49, 2000, random_state=1)[0, :, 0]
    assert 0.25 < (draws > 0).mean() < 0.75
    assert np.median(np.abs(np.abs(draws) - 0.7)) < 0.1


def test_more_responses_than_design_variables():
    """Curves of which least squares gives the design, a mirror image of which gives the same."""
    rng = np.random.RandomState(0)
    X, A = rng.normal(size=(2000, 2)), rng.normal(size=(2, 40))

    def respond(X):
        return np.column_stack([np.abs(X[:, 0]), X[:, 1]]) @ A

    inverter = INNInverter(max_epochs=60, space=WIDE, **SMALL).fit(X, respond(X))
    assert inverter.module_.components.axes.shape == (40, 2)
    designs = inverter.inverse(respond(X[:40]), 50, random_state=1)
    error = ((respond(designs.reshape(-1, 2)) - np.repeat(respond(X[:40]), 50, axis=0)) ** 2).mean(axis=1)
    assert np.median(error) < 0.1 * respond(X).var()
    assert error.mean() < 0.3 * respond(X).var()
    inside = np.abs(X[:40, 0]) > 0.5
    assert 0.25 < (designs[inside, :, 0] > 0).mean() < 0.75
    assert np.mean((inverter.predict(X) - respond(X)) ** 2) < 0.01 * respond(X).var()


def test_a_number_leaves_many_responses_as_they_are():
    rng = np.random.RandomState(0)
    X, A = rng.normal(size=(300, 2)), rng.normal(size=(2, 5))
    inverter = INNInverter(max_epochs=2, y_noise=0.1, **SMALL).fit(X, X @ A)
    assert inverter.module_.components is None
    assert inverter.module_.sizes[0] == 5


def test_many_responses_that_are_constant():
    X = np.random.RandomState(0).normal(size=(100, 2))
    inverter = INNInverter(max_epochs=2, **SMALL).fit(X, np.ones((100, 5)))
    assert np.isfinite(inverter.inverse(np.ones((1, 5)), 3)).all()
    assert_allclose(inverter.predict(X[:2]), 1)


def test_discrepancy_against_a_double_loop():
    rng = np.random.RandomState(0)
    a, b = rng.normal(size=(2, 30, 3))
    b += 0.5

    def kernel(d):
        return sum(w**2 / (w**2 + d**2) for w in (0.2, 0.6, 1.5))

    within = [kernel(cdist(c, c))[~np.eye(30, dtype=bool)].mean() for c in (a, b)]
    expected = sum(within) - 2 * kernel(cdist(a, b)).mean()
    assert float(mmd(torch.tensor(a), torch.tensor(b))) == pytest.approx(expected)
