import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from skinverse.metrics import (
    reference_posterior,
)
from skinverse.simulators import Ballistics, SineWave

NAN = np.nan


def normal_prior(k, random_state):
    return random_state.normal(size=(k, 2))


def test_reference_is_the_posterior_of_a_linear_gaussian_process():
    """y = x1 + x2/2 + e with e ~ N(0, 0.5²): Gaussian, by the textbook; 4 standard errors of 2000 draws."""
    noise, a = np.random.RandomState(5), np.array([1.0, 0.5])

    def simulator(X):
        return X @ a + 0.5 * noise.normal(size=len(X))

    y_star = np.array([0.8, -1.5])
    truth = reference_posterior(
        simulator, y_star, 2000, n_simulations=200_000, prior=normal_prior, random_state=0
    )
    assert truth.X.shape == (2, 2000, 2)
    cov = np.linalg.inv(np.eye(2) + np.outer(a, a) / 0.25)
    mean = y_star[:, None] * (cov @ a / 0.25)
    sd = np.sqrt(np.diag(cov))
    assert_allclose(truth.X.mean(axis=1), mean, atol=4 * sd.max() / np.sqrt(2000))
    for X in truth.X:
        assert_allclose(np.cov(X.T), cov, atol=4 * np.sqrt(2 / 2000) * sd.max() ** 2)
    # One per cent of the draws of N(0, 1.5) about 0.8 and -1.5, from the density there.
    sd_y = np.sqrt(1.5)
    assert_allclose(truth.tolerance, 0.005 / norm.pdf(y_star / sd_y), rtol=0.1)
    assert_allclose(truth.scale, 1, rtol=0.01)
    assert_allclose(truth.floor, 0, atol=0.005)  # its deviation is 0.001 for halves of 1000
    assert truth.n_failed == 0
    # Random order: the first half is no nearer to the target than the second.
    gap = np.abs(truth.X @ a - y_star[:, None])
    assert_allclose(gap[:, :1000].mean(axis=1), gap[:, 1000:].mean(axis=1), rtol=0.15)


def test_reference_weighs_branches_by_the_inverse_slope():
    """y = x for x > 0 and -3x else, x uniform: weights 1 and 1/3 on the two solutions."""

    def prior(k, random_state):
        return random_state.uniform(-1, 1, size=(k, 1))

    truth = reference_posterior(
        lambda X: np.where(X > 0, X, -3 * X), 0.5, 2000, n_simulations=100_000, prior=prior, random_state=0
    )
    assert (truth.X > 0).mean() == pytest.approx(0.75, abs=4 * np.sqrt(0.1875 / 2000))


def test_reference_leaves_out_failures_and_open_outputs():
    def simulator(X):
        y = np.column_stack([X[:, 0], 10 * X[:, 1]])
        y[X[:, 1] > 1] = NAN
        return y

    params = dict(n=100, n_simulations=20_000, prior=normal_prior, random_state=0)
    truth = reference_posterior(simulator, [[0.5, 1.0], [0.5, NAN]], **params)
    assert truth.n_failed == pytest.approx(20_000 * norm.sf(1), abs=4 * 52)
    assert (truth.X[..., 1] <= 1).all()
    assert np.abs(truth.X[0] - [0.5, 0.1]).max() < 0.2
    assert np.abs(truth.X[1, :, 0] - 0.5).max() < 0.02
    assert np.ptp(truth.X[1, :, 1]) > 2
    alone = reference_posterior(simulator, [0.5, 1.0], **params)  # one target of two outputs
    assert_array_equal(alone.X[0], truth.X[0])
    assert np.isnan(reference_posterior(simulator, [0.5, 1.0], **{**params, "n": 3}).floor).all()


def test_reference_of_a_simulator_that_fails():
    truth = reference_posterior(Ballistics(), [5.0, 8.0], 50, n_simulations=5000, random_state=0)
    response = Ballistics()(truth.X.reshape(-1, 4)).reshape(2, 50)
    assert_allclose(np.abs(response - [[5.0], [8.0]]).max(axis=1) / 3.1, truth.tolerance, rtol=0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: reference_posterior(SineWave(), [[0.0, 1.0]], 5, n_simulations=9), "y_star"),
        (lambda: reference_posterior(SineWave(), np.inf, 5, n_simulations=9), "finite"),
        (lambda: reference_posterior(SineWave(), 0.0, 10, n_simulations=9), "raise n_simulations"),
        (lambda: reference_posterior(SineWave(), 0.0, 0), "n must"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_reference_needs_a_prior():
    with pytest.raises(TypeError, match="pass prior"):
        reference_posterior(lambda X: X, 0.0)
