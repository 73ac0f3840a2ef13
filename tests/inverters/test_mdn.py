import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from skinverse import DesignSpace, MDNInverter
from skinverse.nets.mixture import GaussianMixture, MixtureDensityNet
from skinverse.samplers import LHSSampler, RandomSampler

WIDE = [[-50, 50]] * 2


@pytest.fixture(scope="module")
def linear_gaussian():
    """x ~ N(0, S), y = a x + noise: p(x | y) is normal, its mean and covariance known."""
    rng = np.random.RandomState(0)
    prior = np.array([[1.0, 0.6], [0.6, 2.0]])
    a, noise = np.array([[1.0, -0.5]]), 0.3
    X = rng.multivariate_normal([0, 0], prior, size=8000)
    y = X @ a[0] + noise * rng.normal(size=8000)
    gain = prior @ a.T / (a @ prior @ a.T + noise**2)
    covariance = prior - gain @ a @ prior
    inverter = MDNInverter(1, hidden_layer_sizes=(32,), max_epochs=80, space=WIDE, random_state=0)
    return inverter.fit(X, y), gain[:, 0], covariance


def test_posterior_of_a_linear_gaussian_problem(linear_gaussian):
    inverter, gain, covariance = linear_gaussian
    y_star = np.array([-1.0, 0.5, 1.5])
    draws = inverter.inverse(y_star, 20_000, random_state=1)
    assert_allclose(draws.mean(axis=1), y_star[:, None] * gain, atol=0.06)
    for of_target in draws:
        assert_allclose(np.cov(of_target.T), covariance, atol=0.08)


def test_log_density_of_a_linear_gaussian_problem(linear_gaussian):
    inverter, gain, covariance = linear_gaussian
    rng = np.random.RandomState(2)
    y = rng.normal(scale=0.8, size=200)
    X = y[:, None] * gain + rng.multivariate_normal([0, 0], covariance, size=200)
    truth = [stats.multivariate_normal(y_k * gain, covariance).logpdf(x) for x, y_k in zip(X, y, strict=True)]
    gap = inverter.score_samples(X, y) - truth
    assert abs(gap.mean()) < 0.03
    assert np.quantile(np.abs(gap), 0.9) < 0.25


def test_both_branches_with_their_shares():
    """y = x1^2 has the branches +-sqrt(y); two thirds of the designs are positive."""
    rng = np.random.RandomState(0)
    x = rng.uniform(0.1, 1, size=4000) * np.where(rng.rand(4000) < 2 / 3, 1, -1)
    X = np.column_stack([x, rng.normal(size=4000)])
    inverter = MDNInverter(6, hidden_layer_sizes=(64, 64), max_epochs=300, random_state=0).fit(X, x**2)
    targets = np.linspace(0.2, 0.9, 15) ** 2
    draws = inverter.inverse(targets, 1000, random_state=1)[:, :, 0]
    miss = np.abs(np.abs(draws) - np.sqrt(targets)[:, None])
    assert ((miss < 0.12).mean(axis=1) > 0.99).all()
    assert (np.median(miss, axis=1) < 0.02).all()
    # The share is learnt from 4,000 signs, a standard deviation of 0.008, and smoothed over some of them.
    assert (draws > 0).mean() == pytest.approx(2 / 3, abs=0.04)


def mixture(full=True):
    net = MixtureDensityNet(
        1,
        2,
        3,
        (8,),
        "silu",
        full_covariance=full,
        dense=False,
        generator=torch.Generator().manual_seed(3),
    ).double()
    return net(torch.tensor([[0.2], [-1.0]], dtype=torch.float64))


@pytest.mark.parametrize("full", [True, False])
def test_density_integrates_to_one_and_is_the_sum_of_its_gaussians(full):
    density = mixture(full)
    axis = torch.linspace(-12, 12, 481, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    one = GaussianMixture(
        *(
            t[:1].expand(len(grid), *t.shape[1:])
            for t in (density.log_weight, density.mean, density.precision_factor)
        )
    )
    p = one.log_prob(grid).exp().detach()
    assert float(p.sum()) * (24 / 480) ** 2 == pytest.approx(1, abs=1e-6)
    by_scipy = 0
    for k in range(3):
        factor = density.precision_factor[0, k].detach().numpy()
        factor = np.diag(factor) if factor.ndim == 1 else factor
        normal = stats.multivariate_normal(
            density.mean[0, k].detach().numpy(), np.linalg.inv(factor.T @ factor)
        )
        by_scipy = by_scipy + np.exp(density.log_weight[0, k].item()) * normal.pdf(grid.numpy())
    assert_allclose(p.numpy(), by_scipy, atol=1e-12)


def test_draws_come_from_the_density_that_is_scored():
    """The published code draws with another covariance than it trains: moments against quadrature."""
    density = mixture()
    u = torch.tensor(LHSSampler().sample(40_000, 3, random_state=0)).clamp(1e-12, 1 - 1e-12)
    draws = density.decode(u).detach().numpy()
    for k in range(2):
        w = density.log_weight[k].exp().detach().numpy()
        mean = density.mean[k].detach().numpy()
        spread = np.stack([np.linalg.inv(f.T @ f) for f in density.precision_factor[k].detach().numpy()])
        first = w @ mean
        second = np.einsum("k,kij->ij", w, spread + mean[:, :, None] * mean[:, None])
        assert_allclose(draws[k].mean(axis=0), first, atol=0.02)
        assert_allclose(draws[k].T @ draws[k] / len(u), second, atol=0.06)


def test_rejection_conditions_on_the_space():
    """Half of a symmetric law lies outside: draws are the other half, not a pile on the edge."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(3000, 2)), rng.normal(size=3000)
    params = {"hidden_layer_sizes": (16,), "max_epochs": 30, "random_state": 0}
    space = DesignSpace([[0, 6], [-6, 6]])
    inverter = MDNInverter(2, space=space, **params).fit(X, y)
    draws, info = inverter.inverse(0.0, 4000, random_state=0, return_info=True)
    assert space.contains(draws).all()
    assert not info.projected.any()
    assert info.outside[0] == pytest.approx(0.5, abs=0.06)
    free = MDNInverter(2, space=[[-99, 99]] * 2, **params).fit(X, y).inverse(0.0, 8000, random_state=1)[0]
    assert_allclose(draws[0].mean(axis=0), free[free[:, 0] > 0].mean(axis=0), atol=0.05)
    far = MDNInverter(2, space=[[9, 10], [-6, 6]], **params).fit(X, y)
    draws, info = far.inverse(0.0, 20, random_state=0, return_info=True)
    assert info.projected.all()
    assert (draws[..., 0] == 9).all()


class CountingSampler(RandomSampler):
    n_calls = 0

    def _sample(self, n, n_dims, rng):
        self.n_calls += 1
        return super()._sample(n, n_dims, rng)


def test_rejection_gives_up_where_it_is_hopeless_and_alone_there():
    """x follows y closely and the space ends at 0: all, half, few and none of the draws for a target lie inside."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(3000, 1))
    y = X[:, 0] + 0.5 * rng.normal(size=3000)
    inverter = MDNInverter(
        1, space=[[-9, 0]], hidden_layer_sizes=(16,), max_epochs=30, lr=0.01, random_state=0
    ).fit(X, y)
    targets = [-2.0, 0.0, 0.6, 3.0]
    together, info = inverter.inverse(targets, 300, random_state=0, return_info=True)
    assert_array_equal(info.projected.all(axis=1), [False, False, False, True])
    assert_array_equal(info.projected.any(axis=1), [False, False, False, True])
    assert_allclose(info.outside, [0, 0.5, 0.86, 1], atol=0.13)
    for k, most in enumerate((2, 4, 20, 1)):
        inverter.set_params(sampler=CountingSampler())
        alone, about = inverter.inverse(targets[k], 300, random_state=0, return_info=True)
        assert_allclose(alone[0], together[k], atol=1e-9)
        assert_allclose(about.latent[0], info.latent[k])
        assert inverter.sampler.n_calls <= most
    assert inverter.sampler.n_calls == 1


def test_units_do_not_matter():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(800, 2))
    y = X[:, 0] ** 2 + X[:, 1]
    unit, shift = np.array([1e-9, 1e6]), np.array([0.0, 1e8])
    params = {"hidden_layer_sizes": (16,), "max_epochs": 10, "random_state": 0}
    plain = MDNInverter(3, **params).fit(X, y)
    scaled = MDNInverter(3, **params).fit(X * unit + shift, 1e3 * y - 7)
    a, b = plain.inverse(0.5, 50, random_state=1), scaled.inverse(1e3 * 0.5 - 7, 50, random_state=1)
    assert_allclose((b - shift) / unit, a, atol=2e-3)
    score = scaled.score_samples(X[:20] * unit + shift, 1e3 * y[:20] - 7)
    assert_allclose(score, plain.score_samples(X[:20], y[:20]) - np.log(unit).sum(), atol=2e-2)


def test_densely_connected_layers_see_all_before_them():
    net = MixtureDensityNet(
        2,
        4,
        40,
        (16,) * 4,
        "relu",
        full_covariance=False,
        dense=True,
        generator=torch.Generator().manual_seed(0),
    )
    assert [layer.n_inputs for layer in net.body.layers] == [2, 18, 34, 50]
    assert net.body.head.n_inputs == 16
    assert net.body.head.n_outputs == 40 * (1 + 2 * 4)


def test_score_samples_wants_as_many_responses_as_designs():
    X = np.random.RandomState(0).rand(30, 2)
    inverter = MDNInverter(1, hidden_layer_sizes=(4,), max_epochs=2).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="one row a sample"):
        inverter.score_samples(X, X[:5, 0])
