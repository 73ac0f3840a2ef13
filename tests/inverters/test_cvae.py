import numpy as np
import pytest
from linear_gaussian import WIDE, linear_gaussian, two_branches
from numpy.testing import assert_allclose
from skorch.callbacks import Callback

from skinverse import CVAEInverter
from skinverse.metrics import expected_coverage
from skinverse.training.net import lowest_loss


@pytest.fixture(scope="module")
def fitted():
    problem = linear_gaussian(5300)
    inverter = CVAEInverter(hidden_layer_sizes=(32, 32), max_epochs=80, lr=3e-3, space=WIDE, random_state=0)
    return inverter.fit(problem.X[:5000], problem.y[:5000]), problem


def test_posterior_of_a_linear_gaussian_problem(fitted):
    """A normal posterior is within the reach of the bound, decoder noise included."""
    inverter, problem = fitted
    y_star = np.array([-1.0, 0.5, 1.5])
    draws = inverter.inverse(y_star, 4000, random_state=1)
    assert_allclose(draws.mean(axis=1), y_star[:, None] * problem.gain, atol=0.15)
    for of_target in draws:
        assert_allclose(np.cov(of_target.T), problem.covariance, atol=0.2)


def test_calibrated_with_its_noise_and_too_sure_without(fitted):
    inverter, problem = fitted
    test = problem.X[5000:], problem.y[5000:]
    assert expected_coverage(inverter, *test, random_state=1).p_value > 1e-3
    quiet = CVAEInverter(
        1, noisy=False, hidden_layer_sizes=(32, 32), max_epochs=40, lr=3e-3, space=WIDE, random_state=0
    )
    quiet.fit(problem.X[:5000], problem.y[:5000])
    curve = expected_coverage(quiet, *test, random_state=1)
    assert curve.p_value < 1e-3
    assert curve.signed_miscalibration < 0


def test_both_branches_are_drawn():
    """The published form with its latents unused would answer with the mean of the branches, which is no solution."""
    X, y = two_branches(3000)
    inverter = CVAEInverter(hidden_layer_sizes=(64, 64), max_epochs=80, lr=3e-3, random_state=0).fit(X, y)
    draws = inverter.inverse(0.49, 2000, random_state=1)[0, :, 0]
    assert (draws > 0).mean() == pytest.approx(0.5, abs=0.15)
    assert np.median(np.abs(np.abs(draws) - 0.7)) < 0.2  # the mean of the branches misses by 0.7


def test_given_sigma_is_the_noise_of_draws():
    """With a divergence that is too dear the latents go unused: the conditional mean, and the noise that was given."""
    problem = linear_gaussian(3000)
    X, sigma = problem.X * [1.0, 10.0], [0.3, 4.0]
    settings = {"hidden_layer_sizes": (32,), "max_epochs": 60, "lr": 3e-3, "random_state": 0}
    noisy, quiet = (
        CVAEInverter(sigma=sigma, kl_weight=100.0, noisy=noisy, space=[[-50, 50], [-500, 500]], **settings)
        for noisy in (True, False)
    )
    draws = noisy.fit(X, problem.y).inverse(0.5, 4000, random_state=1)[0]
    assert_allclose(draws.std(axis=0), sigma, rtol=0.05)
    assert_allclose(draws.mean(axis=0) / X.std(axis=0), 0.5 * problem.gain / problem.X.std(axis=0), atol=0.1)
    draws = quiet.fit(X, problem.y).inverse(0.5, 50, random_state=1)[0]
    assert np.all(draws.std(axis=0) < 0.2 * np.array(sigma))


@pytest.mark.parametrize("sigma", [0.0, -1.0, [1.0, 1.0, 1.0], [1.0, 0.0], [1.0, np.inf]])
def test_sigma_that_is_none(sigma):
    problem = linear_gaussian(50)
    with pytest.raises(ValueError, match="sigma"):
        CVAEInverter(sigma=sigma, max_epochs=1).fit(problem.X, problem.y)


@pytest.mark.parametrize("n_waves", [3, 6])
def test_unused_latents_are_trained_once_more(n_waves):
    """Nearly any design has any response here; that of the two trainings with the better bound is kept."""
    X = np.random.RandomState(0).uniform(-1, 1, (1000, 2))
    y = np.cos(n_waves * np.pi * X[:, 0])

    def fit(kl_warmup):
        settings = {"hidden_layer_sizes": (64, 64), "max_epochs": 100, "lr": 3e-3, "random_state": 0}
        return CVAEInverter(kl_warmup=kl_warmup, space=[[-1, 1]] * 2, **settings).fit(X, y)

    at_once, rising, auto = fit(0.0), fit(0.3), fit("auto")
    assert at_once.module_.log_scale.exp().mean() > 0.9
    assert rising.module_.log_scale.exp().mean() < 0.7
    better = min(at_once, rising, key=lambda inverter: lowest_loss(inverter.net_))
    assert_allclose(auto.inverse(0.5, 5, random_state=1), better.inverse(0.5, 5, random_state=1))
    assert auto.n_iter_ == better.n_iter_


def test_latents_in_use_are_trained_once():
    X, y = two_branches(500)
    settings = {"hidden_layer_sizes": (32,), "max_epochs": 60, "lr": 3e-3, "random_state": 0}
    once, auto = (CVAEInverter(kl_warmup=w, **settings).fit(X, y) for w in (0.0, "auto"))
    assert once.module_.log_scale.exp().mean() < 0.9
    assert_allclose(auto.inverse(0.5, 5, random_state=1), once.inverse(0.5, 5, random_state=1))


class CtrlC(Callback):
    """Interrupts in the third epoch of the first training."""

    n_trainings_ = 0

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.n_trainings_ += 1

    def on_epoch_begin(self, net, **kwargs):
        if self.n_trainings_ == 1 and len(net.history) == 3:
            raise KeyboardInterrupt


def test_an_interrupt_ends_the_fit():
    X, y = two_branches(200)
    watch = CtrlC()
    inverter = CVAEInverter(hidden_layer_sizes=(8,), random_state=0, net_params={"callbacks": [watch]})
    with pytest.warns(UserWarning, match="interrupted"):
        inverter.fit(X, y)
    assert inverter.module_.log_scale.exp().mean() > 0.9
    assert watch.n_trainings_ == 1
