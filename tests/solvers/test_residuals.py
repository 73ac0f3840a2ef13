import pickle

import numpy as np
from numpy.testing import assert_allclose
from scipy.interpolate import RBFInterpolator
from scipy.stats import spearmanr

from skinverse.solvers import residuals
from skinverse.solvers.residuals import ResidualInterpolator


def wave(X):
    return np.stack([np.sin(3 * X).sum(axis=1), X[:, 0] * X[:, 1]], axis=1)


def test_equals_scipys_interpolation():
    rng = np.random.RandomState(0)
    X, at = (
        rng.uniform(size=(40, 3)),
        rng.uniform(size=(50, 3)),
    )  # so few rows that all belong to any interpolant
    expected = RBFInterpolator(X, wave(X), kernel="cubic", degree=1)(at)
    assert_allclose(ResidualInterpolator(X, wave(X)[None])(at), expected, atol=1e-9)


def test_as_accurate_as_scipys_local_interpolation():
    rng = np.random.RandomState(0)
    X, at = rng.uniform(size=(2000, 3)), rng.uniform(0.1, 0.9, size=(200, 3))
    scipys = RBFInterpolator(X, wave(X), neighbors=40, kernel="cubic", degree=1)(at)
    ours = ResidualInterpolator(X, wave(X)[None])(at)
    assert np.abs(ours - wave(at)).mean() < 1.5 * np.abs(scipys - wave(at)).mean()


def test_interpolants_made_on_demand_are_the_same(monkeypatch):
    rng = np.random.RandomState(0)
    X, at = rng.uniform(size=(300, 3)), rng.uniform(size=(50, 3))
    kept = ResidualInterpolator(X, wave(X)[None])
    monkeypatch.setattr(residuals, "_MAX_KEPT", 0)
    made = ResidualInterpolator(X, wave(X)[None])
    assert kept.interpolants is not None
    assert made.interpolants is None
    assert_allclose(made(at), kept(at), rtol=1e-12)


def test_opinions_of_a_single_model_differ_by_about_the_error():
    rng = np.random.RandomState(0)
    X, at = rng.uniform(size=(1000, 2)), rng.uniform(size=(500, 2))
    interpolate = ResidualInterpolator(X, wave(X)[None])
    variance, error = np.var(interpolate.opinions(at)[0], axis=0, ddof=1), (interpolate(at) - wave(at)) ** 2
    assert 0.2 < np.median(error / variance) < 5
    assert spearmanr(variance.mean(axis=1), error.mean(axis=1)).statistic > 0.5


def test_members_are_interpolated_each_for_itself():
    rng = np.random.RandomState(0)
    X, at = rng.uniform(size=(300, 2)), rng.uniform(size=(50, 2))
    parts = wave(X), X**2, np.ones((300, 2))
    together = ResidualInterpolator(X, np.array(parts))
    alone = [ResidualInterpolator(X, part[None])(at) for part in parts]
    assert_allclose(together.opinions(at)[0], alone, atol=1e-12)
    assert_allclose(together(at), np.mean(alone, axis=0), atol=1e-12)


def test_pickles_are_not_larger_than_the_table_needs():
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(1000, 2))
    interpolate = ResidualInterpolator(X, wave(X)[None])
    pickled = pickle.dumps(interpolate)
    assert len(pickled) < 4 * X.nbytes + 4 * wave(X).nbytes
    assert_allclose(pickle.loads(pickled)(X[:20] + 0.01), interpolate(X[:20] + 0.01), rtol=1e-12)


def test_rows_that_coincide_and_whole_numbers():
    rng = np.random.RandomState(0)
    X, at = rng.uniform(size=(1500, 3)), rng.uniform(size=(50, 3))
    X[:, 2], at[:, 2] = np.round(3 * X[:, 2]) / 3, np.round(3 * at[:, 2]) / 3
    X = np.concatenate([X, X[:100]])
    assert np.abs(ResidualInterpolator(X, wave(X)[None])(at) - wave(at)).max() < 0.01


def test_exact_at_a_row():
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(200, 2))
    interpolate = ResidualInterpolator(X, wave(X)[None])
    assert_allclose(interpolate(X[:20]), wave(X[:20]), atol=1e-9)


def test_few_rows():
    X = np.array([[0.0, 0.0], [1.0, 0.0]])
    assert np.isfinite(ResidualInterpolator(X, np.array([[[1.0], [3.0]]]))(np.array([[0.5, 0.2]]))).all()
