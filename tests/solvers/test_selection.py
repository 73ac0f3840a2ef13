import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skinverse import NeuralAdjoint
from skinverse.datasets import make_sine_wave
from skinverse.solvers import best_of, diverse_best_of


def test_best_of_is_a_stable_sort():
    assert_array_equal(best_of(np.zeros((4, 1)), np.array([2.0, 1.0, 1.0, np.inf]), 3), [1, 2, 0])


def test_diverse_covers_clusters_that_best_of_misses():
    rng = np.random.RandomState(0)
    centres = rng.rand(9, 3)
    X = np.repeat(centres, 50, axis=0) + rng.normal(scale=1e-3, size=(450, 3))
    score = rng.rand(450) + np.repeat(np.arange(9) == 0, 50) * -0.3
    chosen = diverse_best_of(X, score, 9)
    assert len(set(chosen // 50)) == 9
    assert len(set(best_of(X, score, 9) // 50)) < 9
    assert (np.diff(score[chosen]) >= 0).all()


def test_diverse_is_greedy_farthest_point():
    """Against the definition written out."""
    rng = np.random.RandomState(1)
    X, score = rng.rand(40, 2), rng.rand(40)
    pool = np.flatnonzero(score <= 0.9 * np.median(score))
    pool = pool[np.argsort(score[pool])]
    expected = [pool[0]]
    while len(expected) < 6:
        gaps = [min(np.linalg.norm(X[i] - X[j]) for j in expected) for i in pool]
        expected.append(pool[int(np.argmax(gaps))])
    assert set(diverse_best_of(X, score, 6, tolerance=0.9)) == set(expected)


def test_failed_candidates_are_a_last_resort():
    X = np.array([[0.0], [1.0], [0.5], [0.1]])
    score = np.array([1.0, np.inf, np.inf, 2.0])
    assert_array_equal(diverse_best_of(X, score, 2), [0, 3])
    assert_array_equal(diverse_best_of(X, score, 3), [0, 3, 1])
    assert len(set(diverse_best_of(X, score, 4))) == 4


@pytest.mark.parametrize("chosen", [[0], [0, 0], [[0, 1]]])
def test_a_selection_of_other_size_is_told(chosen):
    X, y = make_sine_wave(50, random_state=0)
    inverter = NeuralAdjoint(select=lambda X, score, n: np.array(chosen), random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="select must return the indices of n=2 different candidates"):
        inverter.inverse(0.5, 2)
