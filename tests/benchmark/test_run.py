"""A run measures what it says, and what goes wrong is a row."""

from itertools import pairwise

import numpy as np
import pytest
from torch import nn

from skinverse import CINNInverter, ForwardRegressor, INNInverter, IPageInverter, NeuralAdjoint
from skinverse.benchmark import run as run_module
from skinverse.benchmark.published import COUNTERPARTS, PARAMETERS
from skinverse.benchmark.run import about, count_parameters, run
from skinverse.datasets import make_sine_wave
from skinverse.simulators import SineWave


def test_exact_inverter_has_no_error(known_methods, make_spec):
    row = run(make_spec(method="exact"))
    assert row["status"] == "ok"
    for error in (*row["r"]["mean"], row["error"]["mean"], row["single"]["mean"]):
        assert error < 1e-24
    assert row["failure_rate"] == 0
    assert (row["n_targets"], row["n_designs"]) == (8, 10)
    # One design repeated lies on one of nine rings, and is a point mass to the posterior.
    assert row["modes"]["n"] == [25, 50, 100, 200]
    assert row["modes"]["recall"] == pytest.approx([1 / 9] * 4)
    assert row["posterior"]["mmd2"] > 2


def test_prior_draws_have_the_error_of_the_prior(make_spec):
    """Independent draws, the same 200 for every target, miss y* by (mean - y*)^2 + variance: y*^2 + 1 for the sine."""
    row = run(make_spec(n_train=3000, size="300 targets"))
    targets = SineWave()(SineWave().sample_prior(300, random_state=2000))
    assert row["error"]["mean"] == pytest.approx(np.mean(targets**2) + 1, rel=0.1)
    assert row["single"]["mean"] == pytest.approx(1.2**2 + 1, rel=0.15)
    curve = row["r"]["mean"]
    assert all(np.diff(curve) <= 0)
    assert row["novelty"] == 0


def test_failure_is_a_row(known_methods, make_spec):
    row = run(make_spec(method="failing"))
    assert row["status"] == "failed"
    assert row["reason"] == "RuntimeError: out of order"
    assert "out of order" in row["traceback"][-1]
    assert row["wall"] > 0


def test_interruption_is_no_row(make_spec, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "load", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(make_spec())


def test_data_that_are_not_here_are_unavailable(make_spec, monkeypatch, tmp_path):
    monkeypatch.setenv("SKINVERSE_DATA", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    row = run(make_spec(task="mos2"))
    assert row["status"] == "unavailable"
    assert "fetch_mos2_band_gap" in row["reason"]


def test_methods_that_cannot_serve_are_unavailable(make_spec):
    row = run(make_spec(task="microstructure-II", method="gan-mdn"))
    assert row["status"] == "unavailable"
    row = run(make_spec(task="architecture", method="mdn", n_train=20, size="2 targets"))
    assert row["status"] == "unavailable"
    assert "1024" in row["reason"]


def test_direct_mdn_takes_images_as_they_are(make_spec):
    row = run(make_spec(task="microstructure-I", method="direct-mdn"))
    assert row["status"] == "ok"
    assert row["n_features"] == 256
    assert all(answer["n"] == 30 for answer in row["rep"].values())


@pytest.mark.parametrize("method", ["mdn", "neural-adjoint"])
def test_same_seed_same_row(make_spec, method):
    first, second, other = (run(make_spec(task="ballistics", method=method, seed=seed)) for seed in (0, 0, 1))
    for name in ("r", "error", "posterior", "novelty", "n_parameters", "failure_rate"):
        assert str(first[name]) == str(second[name])
    assert str(first["r"]) != str(other["r"])
    assert first["single"]["mean"] == second["single"]["mean"]


def test_shared_parts_change_nothing_but_who_makes_them(make_spec, tmp_path):
    """Neural Adjoint with a surrogate out of the cache, and its training counted both times."""
    spec = make_spec(task="ballistics", method="neural-adjoint")
    fresh = run(spec)
    first, second = (run({**spec, "cache": str(tmp_path)}) for _ in range(2))
    assert str(fresh["r"]) == str(first["r"]) == str(second["r"])
    assert second["fit_cpu"] > 0.5 * first["fit_cpu"]


def test_lookup_gives_as_many_designs_as_there_are(make_spec):
    row = run(make_spec(method="nearest", n_train=12))
    assert row["single"]["n"] == 12


def test_encoded_designs_come_back_as_images(make_spec):
    row = run(make_spec(task="microstructure-II", method="mdn", n_train=60))
    assert row["status"] == "ok", row.get("reason")
    assert row["n_features"] == 256
    assert set(row["rep"]) == {"0.53", "0.55", "0.6", "0.65", "0.7", "0.75", "0.77"}
    answer = row["rep"]["0.65"]
    assert (answer["n"], answer["n_failed"]) == (30, 0)
    assert 0 <= answer["min"] <= answer["q25"] <= answer["median"] <= answer["max"]


def test_row_says_what_it_ran_on():
    told = about()
    assert set(told["versions"]) == {
        "skinverse",
        "torch",
        "numpy",
        "scipy",
        "sklearn",
        "skorch",
        "python",
    }
    assert all(told["versions"].values())


def test_parameters_are_counted_once():
    X, y = make_sine_wave(60, random_state=0)

    def mlp(*widths):
        return sum((i + 1) * o for i, o in pairwise(widths))

    surrogate = ForwardRegressor((8,), n_members=2, max_epochs=2, random_state=0)
    assert count_parameters(NeuralAdjoint(surrogate, random_state=0).fit(X, y)) == 2 * mlp(2, 8, 1)
    small = {"hidden_layer_sizes": (8,), "max_epochs": 1, "random_state": 0}
    for inverter in (CINNInverter(n_blocks=2, **small), INNInverter(n_blocks=2, **small)):
        net = inverter.fit(X, y).net_.module_
        assert count_parameters(inverter) == sum(p.numel() for p in net.parameters())
    flow = IPageInverter(forward_model=surrogate, **small).fit(X, y)
    assert count_parameters(flow) == count_parameters(flow.inverter_) + 2 * mlp(2, 8, 1)
    assert isinstance(flow.inverter_.module_, nn.Module)


@pytest.mark.slow
@pytest.mark.parametrize("theirs", ["cVAE", "INN", "cINN", "MDN"])
@pytest.mark.parametrize("task", ["sine", "arm", "ballistics"])
def test_published_settings_have_the_published_size(make_spec, task, theirs):
    """Table 8 of the Neural-Adjoint paper, millions of parameters, to the tenth or 4 %."""
    row = run(make_spec(task=task, method=COUNTERPARTS[theirs][0]))
    assert row["status"] == "ok", row.get("reason")
    assert row["n_parameters"] / 1e6 == pytest.approx(PARAMETERS[task][theirs], abs=0.06, rel=0.04)
