"""Tables are alike for every method, and targets new."""

import numpy as np
import pytest
from joblib import Memory

from skinverse.benchmark.problems import Unavailable
from skinverse.benchmark.tasks import TASKS, load

QUICKLY = [name for name in TASKS if name != "metamaterial-whole"]


def problem_of(name, *args, **kwargs):
    try:
        return load(name, *args, "quick", **kwargs)
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("name", QUICKLY)
def test_rows_targets_and_judge_fit_together(name, tmp_path):
    memory = Memory(tmp_path, verbose=0)
    problem = problem_of(name, 40, 0, memory=memory)
    again = problem_of(name, 40, 0, memory=memory)
    assert len(problem.X) == len(problem.y) == 40
    assert len(problem.targets) == TASKS[name].sized("quick").n_targets
    np.testing.assert_array_equal(problem.X, again.X)
    np.testing.assert_array_equal(problem.targets, again.targets)
    judge = getattr(problem.simulate, "predict", problem.simulate)
    # The last digits of a network in single precision depend on the size of the batch.
    rows = problem.X if problem.judge == "neural simulator" else problem.X[:3]
    response = np.asarray(judge(rows)).reshape(len(rows), -1)[:3]
    assert response.shape[1] == problem.n_outputs
    if problem.judge != "held-out surrogate" and not TASKS[name].noise:
        np.testing.assert_allclose(response, problem.y[:3].reshape(3, -1), rtol=1e-6, atol=1e-9)
    assert np.shape(problem.y_star) == (1, *problem.targets.shape[1:])
    if name in ("mos2", "architecture"):  # gaps come rounded, and small cells may be alike
        return
    y = problem.y.reshape(len(problem.y), -1)
    assert not (problem.targets.reshape(-1, 1, y.shape[1]) == y).all(axis=2).any()


def test_seeds_give_other_rows_and_targets():
    first, second = (load("sine", 40, seed, "quick") for seed in (0, 1))
    assert not np.isin(first.y, second.y).any()
    assert not np.isin(first.targets, second.targets).any()


def test_noise_is_in_the_training_rows_alone():
    noisy, exact = (load(name, 2000, 0, "quick") for name in ("arm-noisy", "arm"))
    np.testing.assert_array_equal(noisy.X, exact.X)
    np.testing.assert_array_equal(noisy.targets, exact.targets)
    np.testing.assert_array_equal(noisy.simulate(exact.X), exact.y)
    # The standard deviation of 2,000 normal errors is known to 1.6 per cent.
    noise = (noisy.y - exact.y).std(axis=0)
    np.testing.assert_allclose(noise, 0.05 * exact.y.std(axis=0), rtol=0.06)


def test_architecture_is_in_units_of_the_training_rows():
    problem = load("architecture", 60, 0, "quick")
    assert problem.y.mean() == pytest.approx(0, abs=1e-12)
    assert problem.y.std() == pytest.approx(1)


def test_references_lie_on_the_solutions():
    problem = load("arm", 20, 0, "quick")
    points, labels, _ = problem.branches
    assert np.abs(problem.simulate(points) - [1.5, 0.0]).max() < 0.2
    assert set(labels) == {0, 1}
    for target, draws in zip(problem.few, problem.reference, strict=True):
        assert np.abs(problem.simulate(draws) - target).max() < 0.3


def test_nine_rings():
    problem = load("sine", 20, 0, "quick")
    assert len(np.unique(problem.branches[1])) == 9


def test_percentage_targets_keep_their_place_in_the_range():
    rep = dict(TASKS["microstructure-I"].rep)
    assert rep[0.55] == pytest.approx(0.24)
    assert rep[0.75] == pytest.approx(0.81)
    assert rep[0.53] < rep[0.55] < rep[0.65] < rep[0.75] < rep[0.77]
    assert (rep[0.65] - 0.24) / 0.57 == pytest.approx(0.5)


def test_another_number_of_targets():
    assert len(load("ballistics", 20, 0, "30 targets").targets) == 30
