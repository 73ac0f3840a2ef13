"""Searches, re-simulation and the benchmark on a Dask cluster, and on Ray: the answers of one process, to the bit."""

import os
import signal
import time

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import loguniform
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

from skinverse import MDNInverter, NearestDesignInverter, PriorInverter
from skinverse.benchmark import __main__ as benchmark
from skinverse.benchmark import store
from skinverse.datasets import make_sine_wave
from skinverse.metrics import make_resimulation_scorer, resimulation_error
from skinverse.model_selection import choose_inverter
from skinverse.simulators import SineWave
from skinverse.utils.threads import single_threaded


@pytest.fixture(scope="module")
def client():
    """Two workers in processes of their own."""
    distributed = pytest.importorskip("distributed", reason="a Dask cluster needs dask[distributed]")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def on_dask(client):
    return lambda: joblib.parallel_config("dask", client=client)


@pytest.fixture(scope="module")
def table():
    return make_sine_wave(120, random_state=0)


def grid_search():
    scorer = make_resimulation_scorer(SineWave(), n=3)
    return GridSearchCV(NearestDesignInverter(), {"local_linear": [False, True]}, scoring=scorer, cv=3)


def random_search():
    inverter = MDNInverter(hidden_layer_sizes=(8,), max_epochs=4, random_state=0)
    space = {"n_components": [1, 4], "lr": loguniform(1e-3, 1e-1)}
    scorer = make_resimulation_scorer(SineWave(), n=2)
    return RandomizedSearchCV(inverter, space, n_iter=3, scoring=scorer, cv=2, random_state=0)


@pytest.mark.parametrize("make_search", [grid_search, random_search])
def test_searches(make_search, on_dask, table):
    with single_threaded():
        alone = make_search().fit(*table)
    with on_dask():
        search = make_search().fit(*table)
    assert search.best_params_ == alone.best_params_
    for name in alone.cv_results_:
        if "test_score" in name:
            assert_array_equal(search.cv_results_[name], alone.cv_results_[name])


@pytest.mark.parametrize("judge", [SineWave(), LinearRegression()], ids=["simulator", "regressor"])
def test_choice_among_inverters(judge, on_dask, table):
    rivals = [NearestDesignInverter(), PriorInverter(), MDNInverter(hidden_layer_sizes=(8,), max_epochs=4)]
    settings = {"simulator": judge, "T": 2, "candidates": rivals, "cv": 2, "n_targets": 21, "random_state": 0}
    with single_threaded():
        alone = choose_inverter(*table, **settings)
    with on_dask():
        result = choose_inverter(*table, **settings, n_jobs=-1)
    figures = ("name", "r_1", "r_T", "r_T_se", "failure_rate")
    assert [[row[f] for f in figures] for row in result.table] == [
        [row[f] for f in figures] for row in alone.table
    ]
    assert_array_equal(
        result.best_estimator.inverse(1.0, random_state=0), alone.best_estimator.inverse(1.0, random_state=0)
    )
    assert result.judge_error == alone.judge_error


def same(result, alone):
    for name in ("error", "response", "status"):
        assert_array_equal(getattr(result, name), getattr(alone, name))
    assert result.messages == alone.messages


def test_failures_on_a_cluster_are_a_status(on_dask):
    def fragile(X):
        if (X[:, 0] > 0.8).any():
            raise RuntimeError(f"no convergence at {X[X[:, 0] > 0.8][0, 0]:.3f}")
        return np.where(X[:, 1] < 0.2, np.inf, np.sin(X).sum(axis=1))

    X = np.random.RandomState(0).uniform(size=(20, 3, 2))
    alone = resimulation_error(X, np.zeros(20), fragile, batch_size=4)
    assert 0 < len(alone.messages) < (alone.status == "failed").sum() < 60
    with on_dask():
        same(resimulation_error(X, np.zeros(20), fragile, batch_size=4), alone)
        same(resimulation_error(X, np.zeros(20), fragile, n_jobs=-1), alone)


def test_batches_run_on_all_workers_and_none_here(on_dask):
    def where(X):
        time.sleep(0.05)
        return np.full(len(X), os.getpid())

    with on_dask():
        spread = resimulation_error(np.zeros((6, 1, 2)), np.zeros(6), where, batch_size=1)
        whole = resimulation_error(np.zeros((6, 1, 2)), np.zeros(6), where)
    places = set(spread.response.ravel())
    assert len(places) == 2
    assert os.getpid() not in places
    assert set(whole.response.ravel()) == {os.getpid()}  # one batch needs no other process


def test_time_limit_on_a_cluster(on_dask):
    def slow(X):
        time.sleep(0.2)
        return X[:, 0]

    with on_dask():
        result = resimulation_error(np.zeros((40, 1, 2)), np.zeros(40), slow, batch_size=1, time_limit=0.7)
    done = int((result.status == "ok").sum())
    assert 0 < done < 20
    assert (result.status.ravel()[done:] == "not run").all()


def test_mistakes_are_heard_from_a_cluster(on_dask):
    with on_dask(), pytest.raises(ValueError, match="answered with shape"):
        resimulation_error(np.zeros((4, 1, 2)), np.zeros(4), lambda X: X, batch_size=1)


def figures(rows):
    """What rows say but for times and caches' places."""
    clocks = ("wall", "cpu", "finished")
    if isinstance(rows, dict):
        return {
            name: figures(value)
            for name, value in rows.items()
            if not name.startswith(clocks) and not name.endswith(clocks)
        }
    return rows


def test_benchmark(client, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark.report, "write", lambda *args, **kwargs: [])
    options = ["--quick", "--tasks", "sine", "--methods", "nearest", "mdn", "--n-train", "60", "--out"]
    assert benchmark.main([*options, str(tmp_path / "here")]) == 0
    address = client.scheduler_info()["address"]
    assert benchmark.main([*options, str(tmp_path / "there"), "--dask", address]) == 0
    here, there = (
        {store.key(row): figures(row) for row in store.read(tmp_path / place)[0]}
        for place in ("here", "there")
    )
    assert [row["status"] for row in here.values()] == ["ok", "ok"]
    assert there == here


def test_benchmark_wants_one_thread_a_worker(client, monkeypatch):
    monkeypatch.setattr(type(client), "nthreads", lambda self: {"tcp://a": 1, "tcp://b": 4})
    with pytest.raises(SystemExit, match="--nthreads 1"):
        benchmark.main(["--quick", "--dask", client.scheduler_info()["address"]])


def test_a_worker_that_is_lost_costs_nothing(on_dask, tmp_path):
    def dies_once(X):
        if X[0, 0] == 2 and not (tmp_path / "died").exists():
            (tmp_path / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return X[:, 0]

    X = np.arange(6.0).reshape(6, 1, 1)
    with on_dask():
        result = resimulation_error(X, np.zeros(6), dies_once, batch_size=1)
    assert (tmp_path / "died").exists()
    assert_array_equal(result.response, X)


def test_ray(table):
    ray = pytest.importorskip("ray", reason="needs ray")
    from ray.util.joblib import register_ray

    def where(X):
        time.sleep(0.1)
        return np.full(len(X), os.getpid())

    def fragile(X):
        if (X[:, 0] > 0.8).any():
            raise RuntimeError("no convergence")
        return np.sin(X).sum(axis=1)

    X = np.random.RandomState(0).uniform(size=(20, 3, 2))
    with single_threaded():
        search = random_search().fit(*table)
    alone = resimulation_error(X, np.zeros(20), fragile, batch_size=4)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        register_ray()
        with joblib.parallel_config("ray", n_jobs=-1):
            same(resimulation_error(X, np.zeros(20), fragile, batch_size=4), alone)
            places = resimulation_error(X, np.zeros(20), where, batch_size=4).response
            scores = random_search().fit(*table).cv_results_["mean_test_score"]
    finally:
        ray.shutdown()
    assert len(set(places.ravel()) - {os.getpid()}) == 2
    assert_array_equal(scores, search.cv_results_["mean_test_score"])
