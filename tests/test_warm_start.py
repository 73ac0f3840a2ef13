"""Going on: warm_start and partial_fit of surrogates and inverters."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from exact_models import ExactRegressor, biased_sine
from linear_gaussian import linear_gaussian
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

import skinverse
from skinverse import (
    AutoregressiveInverter,
    CINNInverter,
    CVAEInverter,
    FlowMatchingInverter,
    ForwardRegressor,
    ImageRegressor,
    INNInverter,
    IPageInverter,
    MDNInverter,
    NearestDesignInverter,
    NeuralAdjoint,
    PriorInverter,
    RefinedInverter,
    TandemInverter,
    TransformedDesignInverter,
)
from skinverse.datasets import make_architected_cells, make_robotic_arm, make_sine_wave
from skinverse.simulators import RoboticArm, SineWave
from skinverse.testing import all_inverters
from skinverse.training.interruption import InterruptibleNet


def waves(n, seed=0):
    X = np.random.default_rng(seed).uniform(-1, 1, (n, 2))
    return X, np.column_stack([np.sin(3 * X[:, 0]) + X[:, 1], 100 * X[:, 0] * X[:, 1]])


def unexplained(surrogate, seed=1):
    """Share of the variance of fresh rows that is left."""
    return 1 - surrogate.score(*waves(1000, seed))


SURROGATES = {
    "lm": ForwardRegressor((10, 10), optimizer="lm", random_state=0),
    "soap": ForwardRegressor((32, 32), optimizer="soap", batch_size=32, random_state=0),
    "adam": ForwardRegressor((32, 32), optimizer="adam", batch_size=32, lr=3e-3, random_state=0),
    "members": ForwardRegressor((10, 10), optimizer="lm", n_members=2, random_state=0),
}
surrogates = pytest.mark.parametrize("surrogate", SURROGATES.values(), ids=SURROGATES)
DENSITIES = [
    MDNInverter(1, hidden_layer_sizes=(16,), lr=3e-3, random_state=0),
    CINNInverter(n_blocks=2, hidden_layer_sizes=(16,), lr=3e-3, random_state=0),
    AutoregressiveInverter(24, hidden_layer_sizes=(24,), lr=3e-3, random_state=0),
    FlowMatchingInverter((32, 32), lr=3e-3, random_state=0),
]
OTHERS = [
    CVAEInverter(hidden_layer_sizes=(8,), random_state=0),
    INNInverter(n_blocks=2, hidden_layer_sizes=(8,), random_state=0),
    INNInverter("mmd", n_blocks=2, hidden_layer_sizes=(8,), random_state=0),
    INNInverter("bidirectional", n_blocks=2, hidden_layer_sizes=(8,), random_state=0),
]
densities = pytest.mark.parametrize("inverter", DENSITIES, ids=lambda inverter: type(inverter).__name__)
trained = pytest.mark.parametrize("inverter", [*DENSITIES, *OTHERS], ids=repr)


def gap(inverter):
    """Nats a fresh row by which a density falls short of the true one."""
    fresh = linear_gaussian(1000, seed=1)
    density = inverter.score_samples(fresh.X, fresh.y)
    inside = np.isfinite(density)
    assert inside.mean() > 0.98
    return (fresh.logpdf(fresh.X, fresh.y) - density)[inside].mean()


# --- warm_start ---------------------------------------------------------------------------------------------------


@surrogates
def test_a_converged_surrogate_stays_so_where_a_cold_one_has_hardly_begun(surrogate):
    X, y = waves(600)
    surrogate = clone(surrogate).set_params(max_epochs=60).fit(X, y)
    converged = unexplained(surrogate)
    few = {"max_epochs": 3, "warm_start": True}
    cold = unexplained(clone(surrogate).set_params(**few).fit(X, y))
    weights = surrogate.module_
    warm = unexplained(surrogate.set_params(**few).fit(X, y))
    assert warm < 1.2 * converged
    assert cold > 20 * warm
    assert surrogate.module_ is not weights
    assert surrogate.n_iter_ <= 3


@densities
def test_a_converged_density_stays_so_where_a_cold_one_has_hardly_begun(inverter):
    table = linear_gaussian(2000)
    inverter = clone(inverter).set_params(max_epochs=30).fit(table.X, table.y)
    converged = gap(inverter)
    few = {"max_epochs": 2, "warm_start": True}
    cold = gap(clone(inverter).set_params(**few).fit(table.X, table.y))
    warm = gap(inverter.set_params(**few).fit(table.X, table.y))
    assert warm < converged + 0.02
    assert cold > converged + 0.1


@surrogates
def test_held_out_loss_is_never_worse_than_at_the_start(surrogate):
    """Even where training would ruin the network."""
    X, y = waves(200)
    y = y + np.random.default_rng(2).normal(size=y.shape) * y.std(axis=0)
    surrogate = clone(surrogate).set_params(max_epochs=20, warm_start=True).fit(X, y)
    before = surrogate.predict(X)
    if surrogate.optimizer_ != "lm":
        surrogate.set_params(lr=1.0, max_epochs=2).fit(X, y)
        assert_array_equal(surrogate.predict(X), before)
    else:
        surrogate.fit(X, y)
        held_out = surrogate.net_.train_split  # the same rows again
        assert held_out.n_first == 200


def test_appended_rows_are_learnt():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (600, 4))
    y = np.sin(3 * X[:, 0]) * X[:, 1] + X[:, 2]
    params = {"optimizer": "soap", "max_epochs": 50, "batch_size": 16, "random_state": 0}
    surrogate = ForwardRegressor((32, 32), warm_start=True, **params)
    assert surrogate.fit(X[:60], y[:60]).score(X[300:], y[300:]) < 0.95
    assert surrogate.fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.98


def test_without_a_seed_the_same_rows_are_held_out_again():
    X, y = waves(50)
    surrogate = ForwardRegressor((4,), max_epochs=1, warm_start=True).fit(X, y)
    seed = surrogate.net_.train_split.seed
    assert surrogate.fit(X, y).net_.train_split.seed == seed
    inverter = MDNInverter(1, hidden_layer_sizes=(4,), max_epochs=1, warm_start=True).fit(X, y)
    seed = inverter.net_.train_split.seed
    assert inverter.fit(X, y).net_.train_split.seed == seed


@trained
def test_shapes_and_parameters_that_weights_depend_on_may_not_change(inverter):
    X, y = make_robotic_arm(100, random_state=0)
    inverter = clone(inverter).set_params(max_epochs=1, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"X has 3 features, but .* is expecting 4"):
        inverter.fit(X[:, :3], y)
    with pytest.raises(
        ValueError, match=r"is for y of shape \(n_samples, 2\), got \(n_samples,\).*warm_start=False"
    ):
        inverter.fit(X, y[:, 0])
    before = inverter.inverse(y[:2], 2)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(.*\), which is \(5,\) now"):
        inverter.set_params(hidden_layer_sizes=(5,)).fit(X, y)
    assert_array_equal(inverter.inverse(y[:2], 2), before)
    inverter.set_params(warm_start=False).fit(X[:, :3], y[:, 0])
    assert inverter.n_features_in_ == 3


def test_a_surrogate_refuses_other_shapes_and_parameters():
    X, y = waves(60)
    surrogate = ForwardRegressor((4,), max_epochs=2, warm_start=True).fit(X, y)
    for method in (surrogate.fit, surrogate.partial_fit):
        with pytest.raises(ValueError, match="X has 1 features"):
            method(X[:, :1], y)
        with pytest.raises(ValueError, match=r"y of shape \(n_samples, 2\), got \(n_samples, 1\)"):
            method(X, y[:, :1])
    with pytest.raises(ValueError, match="n_members=1, which is 2 now"):
        surrogate.set_params(n_members=2).fit(X, y)
    surrogate.set_params(n_members=1, lr=1e-2, batch_size=10, max_epochs=1, random_state=3).fit(X, y)


def test_scales_and_optimizer_stay_those_of_the_first_fit():
    X, y = waves(300)
    surrogate = ForwardRegressor(max_epochs=5, warm_start=True, random_state=0).fit(X, y)
    module, optimizer = surrogate.module_, surrogate.optimizer_
    surrogate.fit(10 * X, 10 * y)
    assert surrogate.optimizer_ == optimizer
    assert torch.equal(surrogate.module_.x_scale, module.x_scale)
    assert torch.equal(surrogate.module_.y_mean, module.y_mean)
    inverter = MDNInverter(1, hidden_layer_sizes=(4,), max_epochs=2, warm_start=True).fit(X, y)
    scales = inverter.x_scale_, inverter.y_scale_
    inverter.fit(10 * X, 10 * y)
    assert_array_equal(scales, (inverter.x_scale_, inverter.y_scale_))
    assert_allclose(inverter.space_.bounds, [[10 * c.min(), 10 * c.max()] for c in X.T])  # of this table


@surrogates
def test_clone_forgets(surrogate):
    X, y = waves(200)
    surrogate = clone(surrogate).set_params(max_epochs=3, warm_start=True).fit(X, y)
    once = surrogate.predict(X)
    again = clone(surrogate).fit(X, y)
    assert_array_equal(again.predict(X), once)
    assert not hasattr(clone(surrogate), "module_")


@trained
def test_loaded_and_unpickled_inverters_go_on(inverter, tmp_path):
    X, y = make_robotic_arm(100, random_state=0)
    inverter = clone(inverter).set_params(max_epochs=2, warm_start=True).fit(X, y)
    skinverse.save(inverter, tmp_path / "model.safetensors")
    copies = [inverter, skinverse.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(inverter))]
    answers = [copy.fit(X, y).inverse(y[:2], 3, random_state=0) for copy in copies]
    assert_array_equal(answers[0], answers[1])
    assert_array_equal(answers[0], answers[2])
    if hasattr(inverter, "partial_fit"):
        answers = [copy.partial_fit(X, y).inverse(y[:2], 3, random_state=0) for copy in copies]
        assert_array_equal(answers[0], answers[1])
        assert_array_equal(answers[0], answers[2])


def test_searching_inverters_hand_warm_start_on():
    X, y = waves(300)
    surrogate = ForwardRegressor((8, 8), optimizer="lm", max_epochs=60, warm_start=True)
    for inverter in (
        NeuralAdjoint(clone(surrogate), random_state=0),
        RefinedInverter(NearestDesignInverter(), clone(surrogate), random_state=0),
    ):
        inverter.fit(X, y)
        converged = unexplained(inverter.forward_model_)
        inverter.set_params(forward_model__max_epochs=1).fit(X, y)
        assert unexplained(inverter.forward_model_) < 1.2 * converged
        assert unexplained(clone(inverter).fit(X, y).forward_model_) > 100 * converged
    network = MDNInverter(2, hidden_layer_sizes=(16,), max_epochs=30, warm_start=True)
    inverter = RefinedInverter(network, ForwardRegressor((4,), max_epochs=2), random_state=0).fit(X, y)
    converged = inverter.inverter_.score_samples(X, y).mean()
    inverter.set_params(inverter__max_epochs=1).fit(X, y)
    assert inverter.inverter_.score_samples(X, y).mean() > converged - 0.01


# --- partial_fit --------------------------------------------------------------------------------------------------


@surrogates
def test_chunks_of_a_table_teach_a_surrogate_what_the_table_does(surrogate):
    X, y = waves(800)
    whole = unexplained(clone(surrogate).set_params(max_epochs=20).fit(X, y))
    parts = clone(surrogate)
    errors = []
    for _ in range(20):
        for rows in np.array_split(np.arange(800), 4):
            parts.partial_fit(X[rows], y[rows])
        errors.append(unexplained(parts))
    assert errors[-1] < 0.2 * errors[0]
    assert errors[-1] < max(5 * whole, 1e-6)
    assert parts.n_samples_fit_ == 20 * 800
    assert parts.n_iter_ == 80


@densities
def test_chunks_of_a_table_teach_a_density_what_the_table_does(inverter):
    table = linear_gaussian(4000)
    whole = gap(clone(inverter).set_params(max_epochs=20).fit(table.X, table.y))
    parts = clone(inverter)
    gaps = []
    for _ in range(6):
        for rows in np.array_split(np.arange(4000), 4):
            parts.partial_fit(table.X[rows], table.y[rows])
        gaps.append(gap(parts))
    assert gaps[-1] < gaps[0]
    assert gaps[-1] < whole + 0.05


def test_later_calls_keep_the_scales_of_the_first():
    X, y = waves(400)
    surrogate = ForwardRegressor((8,), random_state=0).partial_fit(X[:200], y[:200])
    scale = surrogate.module_.x_scale
    assert_allclose(scale, X[:200].std(axis=0))
    surrogate.partial_fit(5 * X[200:], y[200:])
    assert torch.equal(surrogate.module_.x_scale, scale)
    assert surrogate.n_samples_fit_ == 400


@surrogates
def test_partial_fit_of_a_surrogate_goes_on_from_fit(surrogate):
    X, y = waves(800)
    surrogate = clone(surrogate).set_params(max_epochs=40).fit(X[:400], y[:400])
    before, fitted = unexplained(surrogate), surrogate.predict(X)
    surrogate.partial_fit(X[400:], y[400:])
    assert unexplained(surrogate) < max(10 * before, 1e-2)  # the constant rate leaves some noise
    assert np.abs(surrogate.predict(X) - fitted).max() > 0


def test_partial_fit_of_a_density_goes_on_from_fit():
    table = linear_gaussian(2000)
    inverter = clone(DENSITIES[0]).set_params(max_epochs=20).fit(table.X, table.y)
    before, net = gap(inverter), inverter.net_
    assert gap(inverter.partial_fit(table.X, table.y)) < before + 0.05
    assert inverter.net_ is not net


def test_ranges_grow_with_the_rows():
    X, y = waves(300)
    for inverter in (DENSITIES[0], NearestDesignInverter()):
        inverter = clone(inverter)
        for rows in np.array_split(np.arange(300), 3):
            inverter.partial_fit(X[rows], y[rows])
        assert_array_equal(inverter.space_.bounds, np.stack([X.min(axis=0), X.max(axis=0)], axis=1))
        assert_array_equal(inverter.y_range_, np.stack([y.min(axis=0), y.max(axis=0)], axis=1))
        assert inverter.n_samples_fit_ == 300
        given = clone(inverter).set_params(space=[[-2, 2]] * 2)
        given.partial_fit(X, y).partial_fit(3 * X, y)
        assert_array_equal(given.space_.bounds, [[-2, 2]] * 2)


@pytest.mark.parametrize("step", [False, True])
def test_lookup_with_appended_rows_is_that_of_all_rows(step):
    X, y = make_robotic_arm(300, random_state=0)
    whole = NearestDesignInverter(step).fit(X, y)
    parts = NearestDesignInverter(step).partial_fit(X[:100], y[:100])
    for rows in (slice(100, 101), slice(101, 300)):
        parts.partial_fit(X[rows], y[rows])
    assert_array_equal(parts.inverse(y[:20] + 0.01, 4), whole.inverse(y[:20] + 0.01, 4))


def test_a_search_with_appended_rows_is_that_of_all_rows():
    """The forward model being known, everything else follows from the table: starts, anchors, expected errors."""
    X, y = make_sine_wave(400, random_state=0)
    frozen = FrozenEstimator(ExactRegressor(biased_sine).fit(X, y))
    parts = NeuralAdjoint(frozen, n_starts=16, random_state=0).partial_fit(X[:250], y[:250])
    parts.partial_fit(X[250:], y[250:])
    whole = NeuralAdjoint(frozen, n_starts=16, random_state=0).fit(X, y)
    (a, told), (b, expected) = (
        inverter.inverse([0.3, 1.1], 5, return_info=True) for inverter in (parts, whole)
    )
    assert parts.anchored_
    assert_array_equal(a, b)
    assert_array_equal(told.expected_error, expected.expected_error)


def test_anchors_include_new_rows():
    X, y = make_sine_wave(400, random_state=0)
    frozen = FrozenEstimator(ExactRegressor(biased_sine).fit(X, y))
    inverter = NeuralAdjoint(frozen, anchor=True, random_state=0).fit(X[:300], y[:300])

    def error(rows):
        designs = inverter.inverse(y[rows], 1)[:, 0]
        return np.median(np.abs(SineWave()(designs)[:, 0] - y[rows]))

    target = float(SineWave()(X[350:351])[0, 0])
    inverter.partial_fit(X[350:351], [target])
    nearest = inverter.inverse(target, 64, return_info=True)[1]
    assert X[350].tolist() in nearest.proposal[0].tolist()
    assert error(slice(300, 320)) < 1e-3


def test_the_loop_of_active_learning():
    """Propose, simulate, learn: what a search promises comes true more and more."""
    X, y = make_robotic_arm(80, random_state=0)
    targets = y[:10] * 0.9
    simulate = RoboticArm()
    surrogate = ForwardRegressor((12, 12), optimizer="lm", max_epochs=60)
    for inverter in (
        # Anchored to rows it would be accurate from the first, and tell little of the surrogate.
        NeuralAdjoint(clone(surrogate), anchor=False, random_state=0),
        RefinedInverter(NearestDesignInverter(), clone(surrogate), anchor=False, random_state=0),
    ):
        errors = []
        inverter.fit(X, y)
        for _ in range(4):
            designs = inverter.inverse(targets)[:, 0]
            answers = simulate(designs)
            errors.append(np.sqrt(np.mean((answers - targets) ** 2)))
            inverter.partial_fit(designs, answers)
        assert inverter.n_samples_fit_ == 80 + 4 * 10
        assert errors[-1] < 0.2 * errors[0]


def test_ipage_goes_on_with_network_and_surrogate():
    X, y = make_sine_wave(200, random_state=0)
    small = dict(hidden_layer_sizes=(16,), max_epochs=40, random_state=0)
    for inverter in (
        IPageInverter(forward_model=ForwardRegressor((8,), max_epochs=20), **small),
        IPageInverter("affine", forward_model="network", n_blocks=2, **small),
    ):
        inverter.fit(X[:150], y[:150]).set_params(max_epochs=1)
        cold = clone(inverter).fit(X, y).inverter_.net_.history[0, "train_loss"]
        inverter.partial_fit(X[150:], y[150:])
        assert len(inverter.localizer_.model.X) == 200
        assert inverter.inverter_.net_.history[0, "train_loss"] < cold - 0.3
        assert inverter.inverter_.warm_start is False
        assert inverter.inverse(0.5, 3).shape == (1, 3, 2)


def test_transformers_stay_as_they_were():
    X, y = waves(400)
    X = np.column_stack([X, X.sum(axis=1)])
    inverter = TransformedDesignInverter(
        MDNInverter(2, hidden_layer_sizes=(8,)), PCA(2), StandardScaler(), random_state=0
    )
    inverter.partial_fit(X[:200], y[:200])
    components, mean = inverter.design_transformer_.components_, inverter.response_transformer_.mean_
    inverter.partial_fit(X[200:], 2 * y[200:])
    assert inverter.design_transformer_.components_ is components
    assert inverter.response_transformer_.mean_ is mean
    assert inverter.inverter_.n_samples_fit_ == 400
    assert not hasattr(TransformedDesignInverter(TandemInverter(), PCA(2)), "partial_fit")
    lookup = TransformedDesignInverter(NearestDesignInverter(), StandardScaler()).partial_fit(
        X[:200], y[:200]
    )
    assert_allclose(lookup.partial_fit(X[200:], y[200:]).inverse(y[250], 1)[0, 0], X[250])
    assert lookup.keeps_table


def test_an_image_surrogate_learns_in_parts():
    X, y = make_architected_cells(300, n_pixels=8, random_state=0)
    surrogate = ImageRegressor((8, 8), batch_size=16, random_state=0)
    for _ in range(6):
        for rows in np.array_split(np.arange(240), 3):
            surrogate.partial_fit(X[rows], y[rows])
    assert surrogate.score(X[240:], y[240:]) > 0.6
    surrogate.set_params(warm_start=True, max_epochs=1).fit(X[:240], y[:240])
    assert surrogate.score(X[240:], y[240:]) > 0.6


def test_who_learns_in_parts():
    """Not who would forget what it was, or must know when training ends."""
    can = {type(i).__name__ for i in all_inverters() if hasattr(i, "partial_fit")}
    assert can == {
        "AutoregressiveInverter",
        "CINNInverter",
        "CVAEInverter",
        "FlowMatchingInverter",
        "INNInverter",
        "IPageInverter",
        "MDNInverter",
        "NearestDesignInverter",
        "NeuralAdjoint",
        "RefinedInverter",
        "TransformedDesignInverter",
    }
    assert not hasattr(INNInverter("bidirectional"), "partial_fit")
    for inverter in (TandemInverter(), PriorInverter()):
        assert not hasattr(inverter, "partial_fit")


@pytest.mark.parametrize("inverter", [i for i in all_inverters() if hasattr(i, "partial_fit")], ids=repr)
def test_every_inverter_that_learns_in_parts_answers(inverter):
    X = pd.DataFrame(np.random.default_rng(0).uniform(-1, 1, (80, 3)), columns=list("abc"))
    y = pd.DataFrame({"gap": X["a"] ** 2 + X["b"], "mass": X["c"]})
    inverter = clone(inverter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for rows in (slice(0, 40), slice(40, 79), slice(79, 80)):
            inverter.partial_fit(X[rows], y[rows])
        designs = inverter.inverse(y[:3], 2, random_state=0)
    assert designs.shape == (3, 2, 3)
    assert inverter.space_.contains(designs).all()
    assert inverter.n_samples_fit_ == 80
    with pytest.raises(ValueError, match="feature names"):
        inverter.partial_fit(X[["b", "a", "c"]], y)
    with pytest.raises(ValueError, match=r"mass.*gap"):
        inverter.partial_fit(X, y[["mass", "gap"]])
    with pytest.raises(ValueError, match="got \\(n_samples,\\)"):
        inverter.partial_fit(X, y["gap"].to_numpy())
    with pytest.raises(ValueError, match="NaN"):
        inverter.partial_fit(X.assign(a=np.nan), y)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("interrupted", [False, True])
def test_a_pass_that_fails_leaves_what_was_learnt(interrupted, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    table = linear_gaussian(100)
    cases = [(surrogate, *waves(100)) for surrogate in SURROGATES.values()]
    cases += [(inverter, table.X, table.y) for inverter in DENSITIES]
    for estimator, X, y in cases:
        estimator = clone(estimator).partial_fit(X, y)

        def state(estimator=estimator, X=X, y=y):
            is_inverter = hasattr(estimator, "inverse")
            answers = estimator.inverse(y[:5]) if is_inverter else estimator.predict(X)
            ranges = (estimator.space_.bounds, estimator.y_range_) if is_inverter else ()
            return answers, estimator.n_samples_fit_, estimator.n_iter_, *ranges

        before = state()
        if interrupted:
            with monkeypatch.context() as patch:
                patch.setattr(InterruptibleNet, "run_single_epoch", interrupt)
                with pytest.raises(KeyboardInterrupt):
                    estimator.partial_fit(X, y)
        else:
            with pytest.raises(FloatingPointError):
                estimator.partial_fit(1e150 * X, 1e150 * y)
        for now, then in zip(state(), before, strict=True):
            assert_array_equal(now, then)
        estimator.partial_fit(X, y)


def test_a_refused_call_changes_nothing():
    X, y = waves(100)
    inverter = clone(DENSITIES[0]).partial_fit(X, y)
    bounds = inverter.space_.bounds
    with pytest.raises(ValueError, match="space has 3 variables"):
        inverter.set_params(space=[[0, 1]] * 3).partial_fit(9 * X, 9 * y)
    assert_array_equal(inverter.space_.bounds, bounds)
    assert inverter.n_samples_fit_ == 100


def test_members_learn_all_or_none(monkeypatch):
    """A pass that fails in the second member is taken back in the first, and all take part in the next."""
    X, y = waves(100)
    surrogate = ForwardRegressor((4,), optimizer="soap", n_members=3, random_state=0).partial_fit(X, y)

    def weights():
        return [member.net.layers[0].weight.clone() for member in surrogate.module_.members]

    def fail(net, *args, **kwargs):
        tries.append(net)
        if len(tries) == 2:
            raise KeyboardInterrupt
        return run(net, *args, **kwargs)

    before, tries, run = weights(), [], InterruptibleNet.run_single_epoch
    with monkeypatch.context() as patch:
        patch.setattr(InterruptibleNet, "run_single_epoch", fail)
        with pytest.raises(KeyboardInterrupt):
            surrogate.partial_fit(X, y)
    assert all(torch.equal(a, b) for a, b in zip(weights(), before, strict=True))
    surrogate.partial_fit(X, y)
    assert not any(torch.equal(a, b) for a, b in zip(weights(), before, strict=True))


def test_members_that_an_interrupt_left_alone_are_kept():
    X, y = waves(100)
    surrogate = ForwardRegressor((4,), max_epochs=4, n_members=3, warm_start=True, random_state=0).fit(X, y)
    last = surrogate.module_.members[2]
    with pytest.warns(UserWarning, match="Training was interrupted after 2 of at most 4 epochs"):
        surrogate.set_params(net_params={"callbacks": [InterruptIn(3)]}).fit(X, y)
    assert surrogate.module_.members[2] is last
    assert len(surrogate.nets_) == 3


class InterruptIn(Callback):
    """Ctrl-C in an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == self.epoch:
            raise KeyboardInterrupt


def test_a_column_that_was_constant_may_not_begin_to_vary():
    X, y = waves(100)
    X[:50, 1] = 7.0
    surrogate = ForwardRegressor((4,), max_epochs=2, warm_start=True).partial_fit(X[:50], y[:50])
    for method in (surrogate.partial_fit, surrogate.fit):
        with pytest.raises(ValueError, match=r"Column 1 of X was 7 in all rows.*fair sample"):
            method(X[50:], y[50:])
    surrogate = ForwardRegressor((4,)).partial_fit(X[:1], y[:1])
    with pytest.raises(ValueError, match="Column 0 of X"):
        surrogate.partial_fit(X, y)


def test_rows_outside_the_range_of_an_autoregressive_density_are_told():
    X, y = waves(400)
    inverter = AutoregressiveInverter(8, hidden_layer_sizes=(8,), random_state=0).partial_fit(
        X[:200], y[:200]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        inverter.partial_fit(0.9 * X[200:], y[200:])
    with pytest.warns(UserWarning, match="of 200 rows lie outside the range") as caught:
        inverter.partial_fit(2 * X[200:], y[200:])
    assert caught[0].filename == __file__


def test_learning_rate_may_change_between_passes():
    X, y = waves(200)
    for estimator in (ForwardRegressor((8,), optimizer="soap", random_state=0), clone(DENSITIES[0])):
        estimator.partial_fit(X, y)
        weights = [p.clone() for p in estimator.module_.parameters()]
        estimator.set_params(lr=1e-12).partial_fit(X, y)
        for a, b in zip(weights, estimator.module_.parameters(), strict=True):
            assert_allclose(a, b, atol=1e-9)
