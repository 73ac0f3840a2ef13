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
    posterior_mmd,
    two_sample,
)

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
    monkeypatch.setattr(two_sample, "_MAX_PAIRS", 50)  # blocks of 2 and 3 rows
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
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
