import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import norm

from skinverse import DesignSpace
from skinverse.solvers.expected_improvement import ExpectedImprovement
from skinverse.targets import Targets

pytest.importorskip("botorch", reason="botorch is not installed")


def _setting(lower, upper):
    rng = np.random.RandomState(0)
    X = rng.rand(6, 2) * [1.0, 100.0]
    y = np.sin(3 * X[:, :1]) + X[:, 1:] / 100
    target = Targets(np.array([[lower]]), np.array([[upper]]))
    return X, y, ExpectedImprovement(target, DesignSpace([[0, 1], [0, 100]]))


@pytest.mark.parametrize(("lower", "upper"), [(0.8, 0.8), (0.7, 0.9), (1.2, np.inf)])
def test_equals_the_integral(lower, upper):
    """Expected improvement of the misfit by quadrature over the process' normal law."""
    X, y, improvement = _setting(lower, upper)
    threshold = 0.3
    every = np.ones(6, dtype=bool)
    gain = improvement._log_improvement(X, y, every, every, threshold, 0)
    u = torch.tensor(np.random.RandomState(1).rand(8, 1, 2))
    posterior = gain.model.posterior(u)
    mean = y.mean() + posterior.mean.detach().numpy().ravel()
    sd = posterior.variance.detach().numpy().ravel() ** 0.5

    def expected(m, s):
        def gained(f):
            return max(0.0, threshold - (f - np.clip(f, lower, upper)) ** 2) * norm.pdf(f, m, s)

        return quad(gained, m - 8 * s, m + 8 * s, limit=500)[0]

    exact = np.array([expected(m, s) for m, s in zip(mean, sd, strict=True)])
    assert_allclose(np.exp(gain(u).detach().numpy()), exact, rtol=0.1, atol=2e-3)


def test_proposes_the_solution_of_a_line():
    """y = a + b: after 25 designs the process knows it, and the first proposal is exact."""
    X = np.random.RandomState(0).rand(25, 2)
    target = Targets(np.array([[1.1]]), np.array([[1.1]]))
    space = DesignSpace([[0, 1], [0, 1]], fixed={1: 0.4})
    improvement = ExpectedImprovement(target, DesignSpace([[0, 1], [0, 1]]))
    y, avoid = X.sum(axis=1, keepdims=True), np.zeros(25, dtype=bool)
    x = improvement.propose(X, y, avoid, 1e-3, X[:2], space, np.random.RandomState(0))
    assert_allclose(x, [0.7, 0.4], atol=1e-3)


def test_keeps_away_from_what_is_not_wanted_again():
    """y = a + b on the line of solutions a + b = 1, whose lower half is to be avoided."""
    X = np.random.RandomState(0).rand(25, 2)
    target = Targets(np.array([[1.0]]), np.array([[1.0]]))
    space = DesignSpace([[0, 1], [0, 1]])
    y, avoid = X.sum(axis=1, keepdims=True), X[:, 0] < 0.5
    best = X[[np.argmin(np.abs(y - 1))]]
    x = ExpectedImprovement(target, space).propose(X, y, avoid, 1e-3, best, space, np.random.RandomState(0))
    assert x[0] > 0.5
    assert_allclose(x.sum(), 1.0, atol=0.05)


def test_nothing_left_to_propose():
    space = DesignSpace([[0, 1]], integer=[0])
    X = np.array([[0.0], [1.0]])
    target = Targets(np.array([[0.5]]), np.array([[0.5]]))
    improvement, avoid = ExpectedImprovement(target, space), np.zeros(2, dtype=bool)
    assert improvement.propose(X, X, avoid, 0.25, X, space, np.random.RandomState(0)) is None
