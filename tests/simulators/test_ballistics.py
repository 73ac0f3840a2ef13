"""The landing point of the ballistics task."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import solve_ivp
from scipy.stats import norm, poisson

from skinverse.simulators import Ballistics
from skinverse.simulators.ballistics import _landing_time

G, K, M = 9.81, 0.25, 0.2


def _integrated_landing(x0, y0, angle, v0, g=G, k=K, m=M):
    """Newton's second law, integrated until the ball falls through the ground."""

    def ground(t, state):
        return state[1]

    ground.terminal, ground.direction = True, -1
    start = [x0, y0, v0 * np.cos(angle), v0 * np.sin(angle)]
    path = solve_ivp(
        lambda t, s: [s[2], s[3], -k / m * s[2], -g - k / m * s[3]],
        (0, 1e4),
        start,
        method="DOP853",
        events=ground,
        rtol=1e-12,
        atol=1e-13,
    )
    return path.y_events[0][0][0]


def _grid_landing(X):
    """The published algorithm: last of 1,500 times on [0, 6] s before the sign change behind the apex."""
    x0, y0, angle, v0 = (column[:, None] for column in X.T)
    t = np.linspace(0, 6, 1500)
    vx, vy = v0 * np.cos(angle), v0 * np.sin(angle)
    e = np.expm1(-K * t / M)
    x = x0 - vx * M / K * e
    y = y0 - M / K**2 * ((G * M + vy * K) * e + G * K * t)
    y = np.where(t < M / K * np.log1p(K * vy / (G * M)), 1.0, y)
    return x[np.arange(len(X)), np.argmax(y < 0, axis=1) - 1]


def _exact_landing(mpmath, x0, y0, angle, v0):
    """Closed form with Lambert's W, in 60 digits."""
    mp = mpmath.mp.clone()
    mp.dps = 60
    x0, y0, angle, v0, g, k, m = (mp.mpf(float(value)) for value in (x0, y0, angle, v0, G, K, M))
    tau = m / k
    a = 1 + v0 * mp.sin(angle) / (g * tau)
    c = a + y0 / (g * tau**2)
    s = c + mp.re(mp.lambertw(-a * mp.exp(-c)))
    return x0 + tau * v0 * mp.cos(angle) * (1 - mp.exp(-s))


def test_integrated_equations_of_motion():
    X = Ballistics().sample_prior(25, random_state=0)
    X = np.vstack([X, [[0, 0, 0.3, 20], [0, 5, 0, 10], [1, 2, -0.8, 30], [0, 1, 2.5, 12], [0, 90, 1.5, 60]]])
    expected = [_integrated_landing(*x) for x in X]
    assert_allclose(Ballistics()(X)[:, 0], expected, rtol=0, atol=1e-9)


def test_other_constants_are_used():
    moon = Ballistics(g=1.62, k=0.1, m=0.7)
    x = [0.1, 1.2, 0.6, 9.0]
    assert_allclose(moon([x])[0, 0], _integrated_landing(*x, g=1.62, k=0.1, m=0.7), atol=1e-9)


def test_exact_to_rounding_at_the_extremes():
    mpmath = pytest.importorskip("mpmath")
    rng = np.random.RandomState(0)
    heights = [0, 1e-300, 1e-16, 1e-8, 1e-3, 1, 100]
    angles = [0, 1e-12, 1e-8, 1e-4, 0.1, 1, np.pi / 2, 3, -1e-12, -1e-8, -0.1, -1.5]
    speeds = [0, 1e-8, 1e-3, 1, 7.848, 34, 100]
    X = np.column_stack([rng.normal(size=300), *(rng.choice(v, 300) for v in (heights, angles, speeds))])
    X = np.vstack([X, Ballistics().sample_prior(100, random_state=0)])
    errors = [
        float(abs(_exact_landing(mpmath, *x) - float(y)))
        for x, y in zip(X, Ballistics()(X)[:, 0], strict=True)
    ]
    assert max(errors) < 1e-12


def test_limits_known_by_hand():
    throw = Ballistics()
    assert_array_equal(throw([[1.5, 0.0, 0.7, 0.0]]), [[1.5]])  # let go on the ground
    assert_array_equal(throw([[1.5, 3.0, 0.7, 0.0]]), [[1.5]])  # dropped
    assert_array_equal(throw([[1.5, 0.0, -0.7, 9.0]]), [[1.5]])  # thrown into the ground it stands on
    assert_allclose(throw([[1.5, 2.0, np.pi / 2, 9.0]]), [[1.5]])  # straight up
    # from a great height everything travels v_x m / k
    assert_allclose(throw([[0.0, 1e6, 0.3, 10.0]]), [[8 * np.cos(0.3)]], rtol=1e-15)
    # without drag: the parabola
    vacuum = Ballistics(k=1e-7)([[0.0, 0.0, np.pi / 4, 10.0]])
    assert_allclose(vacuum, [[100 / G]], rtol=1e-5)


def test_unanswerable_designs_are_nan_in_their_row():
    X = [[0, 1, 0.5, 10], [0, -1e-9, 0.5, 10], [0, 1, 0.5, -10], [0, -5, 0.5, 10], [0, 2, 0.5, 10]]
    y = Ballistics()(X)
    assert_array_equal(np.isnan(y[:, 0]), [False, True, True, True, False])
    assert_allclose(y[[0, 4], 0], [_integrated_landing(*X[0]), _integrated_landing(*X[4])], atol=1e-9)
    reasons = Ballistics().failures(X)
    assert_array_equal(reasons == "", ~np.isnan(y[:, 0]))
    assert "below the ground" in reasons[1]
    assert "v0 is negative" in reasons[2]
    with pytest.raises(
        ValueError, match=r"cannot answer 3 of 5 designs, the first of them row 1: the launch lies"
    ):
        Ballistics()(X, on_failure="raise")


def test_overflow_is_a_failure():
    huge = np.finfo(float).max
    assert "no finite number" in Ballistics().failures([[huge, 1, 0.5, huge]])[0]


def test_absurd_designs_do_not_overflow_or_warn(recwarn):
    huge = np.finfo(float).max
    X = [
        [0, 1, 0.5, 1e300],
        [0, 1e300, 0.5, 1],
        [0, 1e300, -1.5, 1e300],
        [0, 1, 0.5, huge],
        [huge, 1, 0.5, huge],
    ]
    y = Ballistics()(X)[:, 0]
    assert_allclose(y[:3], [0.8e300 * np.cos(0.5), 0.8 * np.cos(0.5), 0.8e300 * np.cos(1.5)], rtol=1e-12)
    assert np.isfinite(y[3])
    assert np.isnan(y[4])
    assert len(recwarn) == 0


def test_steps_settle_for_every_throw():
    rng = np.random.RandomState(0)
    rise = np.concatenate([rng.uniform(-50, 50, 20_000), rng.uniform(-1.01, 0.01, 20_000), [-1e6, -1e12]])
    drop = np.concatenate([10 ** rng.uniform(-18, 6, 40_000), [1e6, 1e12]])
    s = _landing_time(rise, drop)
    assert (s >= 0).all()
    residual = -(1 + rise) * np.expm1(-s) - s + drop
    assert_allclose(residual / (1 + np.abs(rise) + drop), 0, atol=1e-15)


def test_moments_of_the_response_as_measured_with_the_published_program():
    throw = Ballistics()
    y = throw(throw.sample_prior(100_000, random_state=0))[:, 0]
    assert_allclose([y.mean(), y.std()], [6.7, 3.1], atol=0.15)  # from a few thousand draws
    assert_allclose(np.quantile(y, [0.025, 0.975]), [1.6, 13.2], atol=0.25)


def test_published_grid_falls_short_as_measured():
    X = Ballistics().sample_prior(3000, random_state=1)
    error = _grid_landing(X) - Ballistics()(X)[:, 0]
    one_step = 6 / 1499 * X[:, 3] * np.cos(X[:, 2])
    assert ((error < 1e-12) & (error > -one_step - 1e-12)).all()
    assert_allclose(error.mean(), -0.0028, atol=0.0003)
    assert_allclose(np.sqrt(np.mean(error**2)), 0.0044, atol=0.0004)


def test_angle_interval_governs_prior_and_bounds_alone():
    code, paper = Ballistics("code"), Ballistics("paper")
    for simulator, high in ((code, 81), (paper, 72)):
        angle = np.rad2deg(simulator.sample_prior(20_000, random_state=0)[:, 2])
        assert_allclose([angle.min(), angle.max()], [9, high], atol=0.05)
        assert_allclose(np.rad2deg(simulator.bounds[2]), [9, high])
    X = code.sample_prior(10, random_state=0)
    assert_array_equal(code(X), paper(X))


def test_prior_marginals():
    X = Ballistics().sample_prior(100_000, random_state=0)
    assert_allclose(X.mean(axis=0), [0, 1.5, np.pi / 4, 15], atol=0.05)
    assert_allclose(X[:, [0, 1, 3]].std(axis=0), [0.5, 0.5, np.sqrt(15)], rtol=0.01)
    assert_array_equal(X[:, 3], np.round(X[:, 3]))
    assert X[:, 1].min() == 0.0


def test_bounds_are_the_documented_quantiles():
    ends = norm.cdf([-4, 4])
    assert_allclose(Ballistics().bounds[[0, 1, 3]], [norm.ppf(ends, 0, 0.5), [0, 3.5], poisson.ppf(ends, 15)])
