import numpy as np
import pytest
import torch
from linear_gaussian import WIDE, linear_gaussian, two_branches
from numpy.testing import assert_allclose

from skinverse import FlowMatchingInverter
from skinverse.metrics import expected_coverage
from skinverse.nets.flow_matching import FlowMatchingNet


@pytest.fixture(scope="module")
def fitted():
    problem = linear_gaussian(6000)
    inverter = FlowMatchingInverter((64, 64), max_epochs=80, lr=3e-3, space=WIDE, random_state=0)
    return inverter.fit(problem.X[:5000], problem.y[:5000]), problem


def test_posterior_and_density_of_a_linear_gaussian_problem(fitted):
    inverter, problem = fitted
    y_star = np.array([-1.0, 0.5, 1.5])
    draws = inverter.inverse(y_star, 4000, random_state=1)
    assert_allclose(draws.mean(axis=1), y_star[:, None] * problem.gain, atol=0.15)
    for of_target in draws:
        assert_allclose(np.cov(of_target.T), problem.covariance, atol=0.2)
    test = problem.X[5000:], problem.y[5000:]
    gap = inverter.score_samples(*test) - problem.logpdf(*test)
    assert abs(gap.mean()) < 0.1
    curve = expected_coverage(inverter, problem.X[5000:5200], problem.y[5000:5200], random_state=1)
    assert abs(curve.signed_miscalibration) < 0.07


def test_draws_come_from_the_density_that_is_scored():
    """log p(decode(u)) against the log-determinant of decode by autograd; steps small enough to agree."""
    generator = torch.Generator().manual_seed(0)
    net = FlowMatchingNet(3, 1, (16,), "tanh", 200, generator=generator).double().requires_grad_(False)
    density = net(torch.tensor([[0.4]], dtype=torch.float64))
    for _ in range(5):
        u = 0.1 + 0.8 * torch.rand(1, 3, dtype=torch.float64, generator=generator)
        jacobian = torch.autograd.functional.jacobian(lambda p: density.decode(p[None])[0, 0], u[0])
        x = density.decode(u)[0]
        expected = -torch.linalg.slogdet(jacobian)[1]
        assert float(density.log_prob(x)[0]) == pytest.approx(float(expected), abs=1e-4)


def test_derivatives_of_many_variables_are_computed_some_rows_at_a_time(monkeypatch):
    X = np.random.default_rng(0).normal(size=(5000, 64))
    inverter = FlowMatchingInverter((8,), n_steps=1, max_epochs=1, random_state=0).fit(X, X[:, 0])
    network, sizes = inverter.module_.velocity, []
    derive = network.value_and_jacobian
    monkeypatch.setattr(network, "value_and_jacobian", lambda x: sizes.append(len(x)) or derive(x))
    together = inverter.score_samples(X, X[:, 0])
    assert max(sizes) * 64 * network.n_inputs <= 2**24
    assert_allclose(together[:5], inverter.score_samples(X[:5], X[:5, 0]))


def test_only_few_variables_are_seen_as_waves():
    generator = torch.Generator().manual_seed(0)
    few, many = (FlowMatchingNet(d, 1, (), "silu", 1, generator=generator).double() for d in (16, 17))
    assert few.velocity.n_inputs == 16 * 9 + 8
    assert many.velocity.n_inputs == 17 + 8
    x = torch.randn(3, 17, dtype=torch.float64, generator=generator)
    v, divergence = many.speed_and_divergence(x, 0.5, torch.zeros(3, 1, dtype=torch.float64))
    assert v.shape == (3, 17)
    assert_allclose(divergence, float(many.velocity.layers[0].weight[:, :17].trace().detach()))


def test_both_branches_are_drawn():
    X, y = two_branches(3000)
    inverter = FlowMatchingInverter((64, 64), max_epochs=80, lr=3e-3, random_state=0).fit(X, y)
    draws = inverter.inverse(0.49, 2000, random_state=1)[0, :, 0]
    assert (draws > 0).mean() == pytest.approx(0.5, abs=0.1)
    assert np.median(np.abs(np.abs(draws) - 0.7)) < 0.1


def test_rows_learnt_by_heart_are_noticed(fitted):
    inverter, problem = fitted
    assert 0.7 < inverter.novelty_ratio_ < 1.5
    few = slice(0, 15)
    learnt = FlowMatchingInverter((256, 256), max_epochs=3000, lr=3e-3, random_state=0)
    learnt.set_params(net_params={"train_split": None, "callbacks__best": None})
    learnt.fit(problem.X[few], problem.y[few])
    assert learnt.novelty_ratio_ < 0.5
