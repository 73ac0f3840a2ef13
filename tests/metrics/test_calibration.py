import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest, norm
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skinverse.metrics import expected_coverage, simulation_based_calibration

# x ~ N(0, I), y = A x + N(0, 0.5²): the posterior is Gaussian, with one covariance for all targets.
A = np.array([[1.0, 0.5]])
COV = np.linalg.inv(np.eye(2) + A.T @ A / 0.25)
FACTOR = np.linalg.cholesky(COV)
N = 1000


class Sampler(BaseEstimator):
    """The exact posterior, or one too narrow, too wide or beside; all targets of a call share their latents."""

    def __init__(self, temperature=1.0, bias=0.0):
        self.temperature = temperature
        self.bias = bias

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def _mean(self, y):
        return np.reshape(y, (-1, 1)) @ (COV @ A.T / 0.25).T + self.bias * np.sqrt(np.diag(COV))

    def inverse(self, y_star, n=1, *, random_state=None):
        z = np.random.RandomState(random_state).normal(size=(n, 2))
        return self._mean(y_star)[:, None] + self.temperature * z @ FACTOR.T


class Density(Sampler):
    def score_samples(self, X, y):
        z = np.linalg.solve(FACTOR, (X - self._mean(y)).T) / self.temperature
        return -0.5 * np.sum(z**2, axis=0)


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(N, 2))
    return X, X @ A[0] + 0.5 * rng.normal(size=N)


def all_p_values(params, X, y, n=100):
    return np.array(
        [
            simulation_based_calibration(Sampler(**params), X, y, n=n).p_value.min(),
            expected_coverage(Sampler(**params), X, y, n=n).p_value,
            expected_coverage(Density(**params), X, y, n=n).p_value,
        ]
    )


def test_the_exact_posterior_passes_and_wrong_ones_fail(pairs):
    assert (all_p_values({}, *pairs) > 0.05).all()
    assert (all_p_values({"temperature": 0.6}, *pairs) < 1e-6).all()
    assert (all_p_values({"temperature": 1.6}, *pairs) < 1e-6).all()
    assert (all_p_values({"bias": 1.0}, *pairs) < 1e-6).all()


def test_two_draws_are_enough_to_be_exact(pairs):
    """Ranks 0, 1, 2 equally often, give or take 4 binomial deviations; p-values as if nothing were discrete."""
    result = simulation_based_calibration(Sampler(), *pairs, n=2)
    counts = np.stack([np.bincount(r, minlength=3) for r in result.ranks.T])
    assert counts.shape == (2, 3)
    assert_allclose(counts, N / 3, atol=4 * np.sqrt(N * 2 / 9))
    assert (all_p_values({}, *pairs, n=2) > 0.05).all()


def test_rows_do_not_share_latents(pairs):
    """Inverters draw alike for every target of a call: ranks from one call fail even the exact posterior."""
    X, y = pairs
    ranks = (Sampler().inverse(y, 10, random_state=0) < X[:, None]).sum(axis=1)
    noise = np.random.RandomState(0).uniform(size=ranks.shape)
    assert kstest((ranks[:, 0] + noise[:, 0]) / 11, "uniform").pvalue < 1e-6
    assert (all_p_values({}, X, y, n=10) > 0.05).all()


@pytest.mark.parametrize("temperature", [0.6, 1.0, 1.6])
def test_ranks_deviate_as_they_should(pairs, temperature):
    """P(rank / n < u) = Phi(t Phi^-1(u)); 3 deviations of an ECDF of 1000 rows, and 1/n."""
    result = simulation_based_calibration(Sampler(temperature), *pairs)
    assert result.ranks.shape == (N, 2)
    assert result.ranks.min() >= 0
    assert result.ranks.max() <= 100
    q = np.linspace(-4, 4, 1001)
    wanted = np.abs(norm.cdf(temperature * q) - norm.cdf(q)).max()
    assert_allclose(result.max_deviation, wanted, atol=3 * 0.5 / np.sqrt(N) + 0.01)


def test_the_slope_of_the_ranks_tells_the_bias(pairs):
    """Draws too large by one deviation: P(rank < n/2) = Phi(1)."""
    ranks = simulation_based_calibration(Sampler(bias=1.0), *pairs).ranks
    assert_allclose((ranks < 50).mean(axis=0), norm.cdf(1), atol=4 * np.sqrt(0.13 / N))


@pytest.mark.parametrize("temperature", [0.6, 1.0, 1.6])
def test_density_coverage_has_a_closed_form(pairs, temperature):
    """In two dimensions coverage = 1 - (1 - level)^(t²), so its signed area is 1/2 - 1/(t² + 1)."""
    curve = expected_coverage(Density(temperature), *pairs, n=200)
    assert curve.method == "hpd"
    assert curve.credibility.shape == (N,)
    assert_allclose(curve.levels, np.arange(1, 20) / 20)
    assert_allclose(curve.coverage, 1 - (1 - curve.levels) ** temperature**2, atol=4 * 0.5 / np.sqrt(N))
    wanted = 0.5 - 1 / (temperature**2 + 1)
    assert curve.signed_miscalibration == pytest.approx(wanted, abs=4 * 0.29 / np.sqrt(N))
    # A one-sided curve: the area is the signed one; by chance 0.31 / sqrt(N) = 0.01.
    assert curve.miscalibration == pytest.approx(abs(wanted), abs=0.04)


def test_ball_coverage_tells_narrow_from_wide(pairs):
    """3 deviations of 0.29 / sqrt(N) about zero for the exact one, 6 for the others."""
    narrow, exact, wide = (
        expected_coverage(Density(t), *pairs, method="tarp").signed_miscalibration for t in (0.6, 1.0, 1.6)
    )
    assert narrow < -0.055
    assert abs(exact) < 0.028
    assert wide > 0.055


def test_miscalibration_is_the_area_between_the_curves(pairs):
    curve = expected_coverage(Sampler(0.6), *pairs)
    u = np.linspace(0, 1, 20_001)
    ecdf = np.searchsorted(np.sort(curve.credibility), u, side="right") / N
    assert curve.miscalibration == pytest.approx(np.abs(ecdf - u).mean(), abs=1e-4)
    fine = expected_coverage(Sampler(0.6), *pairs, levels=u[::1000])
    assert_allclose(fine.coverage, ecdf[::1000])


def test_several_references(pairs):
    curve = expected_coverage(Sampler(), *pairs, n_references=5)
    assert curve.credibility.shape == (N, 5)
    assert curve.p_value > 0.05
    assert_allclose(curve.coverage, curve.levels, atol=4 * 0.5 / np.sqrt(N))
    assert expected_coverage(Sampler(0.6), *pairs, n_references=5).p_value < 1e-6


def test_pipelines_and_searches(pairs):
    """Ranks do not change with the units, nor does a credibility by balls if the change is linear."""
    X, y = pairs
    logs = make_pipeline(FunctionTransformer(np.log, np.exp), Density()).fit(np.exp(X), y)
    plain = simulation_based_calibration(Density(), X, y)
    assert_array_equal(simulation_based_calibration(logs, np.exp(X), y).ranks, plain.ranks)

    units = np.array([1e3, 1e-3])
    scaled = make_pipeline(FunctionTransformer(lambda x: x / units, lambda x: x * units), Density()).fit(
        X * units, y
    )
    curve = expected_coverage(scaled, X * units, y[:, None])
    assert curve.method == "tarp"  # the step before the inverter changes the density
    assert_allclose(curve.credibility, expected_coverage(Density(), X, y, method="tarp").credibility)
    with pytest.raises(TypeError, match="method='tarp'"):
        expected_coverage(scaled, X * units, y, method="hpd")

    search = GridSearchCV(Density(), {"temperature": [1.0]}, scoring=lambda *_: 0.0).fit(X, y)
    curve = expected_coverage(search, X, y)
    assert curve.method == "hpd"
    assert_array_equal(curve.credibility, expected_coverage(Density(), X, y).credibility)


def test_ties_are_broken_at_random(pairs):
    """Whole-number coordinates: ranks spread evenly over the ties."""
    _, y = pairs

    class Coin(BaseEstimator):
        def inverse(self, y_star, n=1, *, random_state=None):
            return np.random.RandomState(random_state).randint(2, size=(len(y_star), n, 2)).astype(float)

    X = np.random.RandomState(3).randint(2, size=(N, 2))
    assert (simulation_based_calibration(Coin(), X, y, n=20).p_value > 0.05).all()
    assert expected_coverage(Coin(), X, y, n=20).p_value > 0.05


def test_one_design_repeated_fails(pairs):
    assert (all_p_values({"temperature": 1e-9}, *pairs) < 1e-6).all()


def test_bad_input_is_named(pairs):
    X, y = pairs
    with pytest.raises(ValueError, match="one row a sample"):
        simulation_based_calibration(Sampler(), X, y[:5])
    with pytest.raises(ValueError, match=r"\(1000, 100, 3\)"):
        simulation_based_calibration(Sampler(), np.ones((N, 3)), y)
    with pytest.raises(ValueError, match="method"):
        expected_coverage(Sampler(), X, y, method="sbc")
    with pytest.raises(ValueError, match="levels"):
        expected_coverage(Sampler(), X, y, levels=[1.5])
    with pytest.raises(ValueError, match="n must"):
        expected_coverage(Sampler(), X, y, n=0)
    with pytest.raises(ValueError, match="n_references"):
        expected_coverage(Sampler(), X, y, n_references=0)

    class Broken(Density):
        def score_samples(self, X, y):
            return np.full(len(X), np.nan)

    with pytest.raises(ValueError, match="Broken answered NaN"):
        expected_coverage(Broken(), X, y)
