import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neural_network import MLPClassifier

from skinverse.metrics import (
    classifier_two_sample_test,
    mode_recall,
    posterior,
    posterior_mmd,
    reference_posterior,
    solution_components,
)
from skinverse.simulators import Ballistics, SineWave

NAN = np.nan


def brute_mmd(x, r, widths=(0.05, 0.2, 0.9), biased=False):
    def k(p, q):
        return sum(a**2 / (a**2 + np.sum((p - q) ** 2)) for a in widths)

    def within(s):
        pairs = [k(p, q) for i, p in enumerate(s) for j, q in enumerate(s) if biased or i != j]
        return np.mean(pairs)

    return within(x) + within(r) - 2 * np.mean([k(p, q) for p in x for q in r])


@pytest.mark.parametrize("biased", [False, True])
def test_mmd_equals_brute_force(biased, monkeypatch):
    rng = np.random.RandomState(0)
    X, reference = rng.normal(size=(2, 13, 3)), rng.normal(size=(2, 17, 3)) + 0.3
    unit = reference.reshape(-1, 3).std(axis=0)
    wanted = [brute_mmd(x / unit, r / unit, biased=biased) for x, r in zip(X, reference, strict=True)]
    assert_allclose(posterior_mmd(X, reference, biased=biased), wanted)
    # Columns in other units, told by scale; a constant column counts nothing.
    units = np.array([1.0, 100.0, 1e-3, 0.0])
    wide = [np.concatenate([a, np.full((*a.shape[:2], 1), 7.0)], axis=2) for a in (X, reference)]
    scaled = [a * [1.0, 100.0, 1e-3, 1.0] for a in wide]
    wanted = [brute_mmd(x, r, (0.5,), biased) for x, r in zip(X, reference, strict=True)]
    assert_allclose(posterior_mmd(*scaled, scale=units, widths=[0.5], biased=biased), wanted)
    assert_allclose(posterior_mmd(*wide, biased=biased), posterior_mmd(X, reference, biased=biased))
    single = posterior_mmd(X[0], reference[0], scale=unit, biased=biased)
    assert isinstance(single, float)
    monkeypatch.setattr(posterior, "_MAX_PAIRS", 50)  # blocks of 2 and 3 rows
    assert posterior_mmd(X[0], reference[0], scale=unit, biased=biased) == pytest.approx(single, abs=1e-14)


def test_mmd_of_one_law_is_zero_in_the_mean():
    """Within 4 of its own standard errors; the biased one is larger by (3 - E k)(1/n + 1/m)."""
    rng = np.random.RandomState(0)
    X, reference = rng.normal(size=(400, 30, 2)), rng.normal(size=(400, 40, 2))
    score = posterior_mmd(X, reference)
    assert abs(score.mean()) < 4 * score.std() / 20
    assert (score < 0).mean() > 0.3
    p, q = rng.normal(size=(2, 20_000, 2))
    similarity = sum(np.mean(a**2 / (a**2 + np.sum((p - q) ** 2, axis=1))) for a in (0.05, 0.2, 0.9))
    excess = (posterior_mmd(X, reference, biased=True) - score).mean()
    assert excess == pytest.approx((3 - similarity) * (1 / 30 + 1 / 40), rel=0.02)


def test_mmd_grows_with_the_distance_of_two_laws():
    rng = np.random.RandomState(0)
    X, reference = rng.normal(size=(500, 2)), rng.normal(size=(500, 2))
    scores = [posterior_mmd(X + [shift, 0], reference, scale=[1, 1]) for shift in (0, 0.5, 1, 2, 4, 50)]
    assert (np.diff(scores) > 0).all()
    # Too far to be alike at all: what is left is likeness within, from the double integral above.
    assert scores[-1] == pytest.approx(posterior_mmd(X + [1e6, 0], reference, scale=[1, 1]), rel=0.01)


def test_one_design_repeated_scores_nearly_three():
    rng = np.random.RandomState(0)
    reference = rng.normal(size=(60, 4))
    point = np.repeat(rng.normal(size=(1, 4)), 50, axis=0)
    for biased in (False, True):
        score = posterior_mmd(point, reference, scale=np.ones(4), biased=biased)
        assert score == pytest.approx(brute_mmd(point, reference, biased=biased))
        assert 2.5 < score < 3


def test_two_sample_test_of_one_law_and_of_two():
    """By chance 0.5 give or take 0.016 for 500 points each; 3 of these."""
    rng = np.random.RandomState(0)
    X, reference = rng.normal(size=(500, 2)), rng.normal(size=(500, 2))
    assert classifier_two_sample_test(X, reference) == pytest.approx(0.5, abs=0.05)
    assert classifier_two_sample_test(X[:100] + [40, 0], reference[:100]) == 1.0


@pytest.mark.parametrize(("delta", "n"), [(1.0, 2000), (2.0, 2000), (2.0, 500)])
def test_two_sample_test_reaches_the_best_possible_accuracy(delta, n):
    """Two normal laws delta apart are told apart best by a plane: Phi(delta / 2); 4 standard errors."""
    rng = np.random.RandomState(1)
    X, reference = rng.normal(size=(n, 2)) * [1, 100] + [delta, 0], rng.normal(size=(n, 2)) * [1, 100]
    classifier = None if n == 500 else LogisticRegression()
    best = norm.cdf(delta / 2)
    accuracy = classifier_two_sample_test(X, reference, classifier=classifier)
    assert accuracy == pytest.approx(best, abs=4 * np.sqrt(best * (1 - best) / (2 * n)))


def test_two_sample_test_is_the_network_of_sbi():
    """sbi's c2st(reference, X, seed=3, classifier="mlp") spelt out: standardised by its first sample."""
    rng = np.random.RandomState(0)
    X, reference = rng.normal(size=(120, 2)) + 0.7, rng.normal(size=(120, 2)) * [2, 5]
    mean, sd = reference.mean(axis=0), reference.std(axis=0, ddof=1)
    net = MLPClassifier(
        (20, 20), activation="relu", solver="adam", max_iter=1000, early_stopping=True, n_iter_no_change=50,
        random_state=3,
    )  # fmt: skip
    data = np.concatenate([(reference - mean) / sd, (X - mean) / sd])
    folds = KFold(2, shuffle=True, random_state=3)
    wanted = cross_val_score(net, data, np.repeat([0, 1], 120), cv=folds).mean()
    assert classifier_two_sample_test(X, reference, cv=2, random_state=3) == wanted


def test_two_sample_test_thins_the_larger_set_and_keeps_state():
    rng = np.random.RandomState(0)
    X, reference = rng.normal(size=(3, 400, 2)) + [1, 0], rng.normal(size=(3, 100, 2))
    reference[2] = X[2, :100] + 30
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    net = MLPClassifier((4,), max_iter=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = classifier_two_sample_test(X, reference, classifier=net, cv=3)
        again = classifier_two_sample_test(X, reference, classifier=net, cv=3)
    assert_array_equal(first, again)
    assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    assert net.random_state is None
    accuracy = classifier_two_sample_test(X, reference, classifier=LogisticRegression())
    assert accuracy.shape == (3,)
    assert accuracy[2] == 1.0
    # Not thinned, guessing "candidate" would reach 0.8; 4 standard errors of 200 points.
    assert_allclose(accuracy[:2], norm.cdf(0.5), atol=0.13)


@pytest.fixture
def clusters():
    rng = np.random.RandomState(0)
    centres = np.stack(np.meshgrid([0, 1, 2], [0, 10, 20]), axis=-1).reshape(9, 2)
    sizes = 20 + 5 * np.arange(9)
    points = np.concatenate(
        [c + rng.uniform(-0.1, 0.1, (s, 2)) * [1, 10] for c, s in zip(centres, sizes, strict=True)]
    )
    return centres.astype(float), points, np.repeat(np.arange(9), sizes)


def test_components_are_the_planted_clusters(clusters):
    _, points, planted = clusters
    order = np.random.RandomState(1).permutation(len(points))
    labels = solution_components(points[order], radius=0.1)
    assert_array_equal(labels, 8 - planted[order])  # the largest first, and the sizes grow
    assert_array_equal(np.bincount(labels), np.sort(np.bincount(planted))[::-1])
    assert_array_equal(solution_components(points * [1, 1e4], radius=0.2, scale=[1, 1e5]), 8 - planted)
    assert (solution_components(points, radius=1.0) == 0).all()
    assert_array_equal(solution_components([[0.0], [1.0]], radius=0.5), [0, 1])


def test_mode_recall_counts_clusters(clusters):
    centres, points, labels = clusters
    assert mode_recall(centres, points, labels, radius=0.1) == 1.0
    assert mode_recall(centres[1:], points, labels, radius=0.1) == pytest.approx(8 / 9)
    assert mode_recall(np.repeat(centres[:1], 50, axis=0), points, labels, radius=0.1) == pytest.approx(1 / 9)
    # Nearest to a cluster is not enough: from far off nothing is reached.
    assert mode_recall(centres + [100, 0], points, labels, radius=0.1) == 0.0
    between = [[0.5, 0.0]]  # in reach of two clusters counts for the nearer one only
    assert mode_recall(between, points, labels, radius=1.0) == pytest.approx(1 / 9)
    runs = np.stack([centres, np.repeat(centres[:3], 3, axis=0)])
    assert_allclose(mode_recall(runs, points, labels.astype(str), radius=1.0, scale=[0.3, 3]), [1, 1 / 3])


def test_the_sine_wave_has_nine_rings():
    truth = reference_posterior(SineWave(), 1.2, 2000, n_simulations=200_000, random_state=0)
    X = truth.X[0]
    # Some 220 points on a ring 0.9 long: gaps of 0.03 at most, and 0.38 from ring to ring.
    labels = solution_components(X, radius=0.1, scale=[1, 1])
    assert labels.max() == 8
    centres = np.array([(X[labels == k].min(axis=0) + X[labels == k].max(axis=0)) / 2 for k in range(9)])
    grid = np.stack(np.meshgrid([-1 / 2, 1 / 6, 5 / 6], [-2 / 3, 0, 2 / 3]), axis=-1).reshape(-1, 2)
    assert_allclose(centres[np.lexsort(centres.round(1).T)], grid, atol=0.01)
    # Equally long rings, equally likely: 222 each, give or take 4 binomial deviations.
    assert_allclose(np.bincount(labels), 2000 / 9, atol=4 * np.sqrt(2000 * 8 / 81))
    others = SineWave().sample_prior(3000, random_state=1)
    found = others[np.abs(SineWave()(others)[:, 0] - 1.2) < 0.1]
    assert mode_recall(found, X, labels, radius=0.02, scale=[1, 1]) == 1.0
    left = found[np.abs(found - grid[0]).max(axis=1) > 0.25]
    assert mode_recall(left, X, labels, radius=0.02, scale=[1, 1]) == pytest.approx(8 / 9)


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


A, B = np.zeros((5, 2)), np.ones((6, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: posterior_mmd(A[0], B), "n_targets, n, n_features"),
        (lambda: posterior_mmd(A, B[None]), "agree"),
        (lambda: posterior_mmd(A[:, :1], B), "agree"),
        (lambda: posterior_mmd(A * NAN, B), "NaN"),
        (lambda: posterior_mmd(A[:1], B), "biased=True"),
        (lambda: posterior_mmd(A, B, widths=[0.0]), "widths"),
        (lambda: posterior_mmd(A, B, scale=[1.0]), "scale"),
        (lambda: posterior_mmd(A, B, scale=[1.0, -1.0]), "scale"),
        (lambda: classifier_two_sample_test(A, B, cv=6), "cv must"),
        (lambda: mode_recall(A, B, np.zeros(5), radius=1), "labels"),
        (lambda: mode_recall(A[:, :1], B, np.zeros(6), radius=1), "X must"),
        (lambda: mode_recall(A * NAN, B, np.zeros(6), radius=1), "NaN"),
        (lambda: mode_recall(A, B, np.zeros(6), radius=0), "radius"),
        (lambda: solution_components(B, radius=-1.0), "radius"),
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
