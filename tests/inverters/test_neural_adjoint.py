import warnings

import numpy as np
import pytest
import torch
from exact_models import ExactModule, ExactRegressor, arm, biased_sine, sine
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import label
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression

from skinverse import DesignSpace, ForwardRegressor, NearestDesignInverter, NeuralAdjoint, TargetRange
from skinverse.datasets import make_robotic_arm, make_sine_wave
from skinverse.nets.ensemble import Ensemble
from skinverse.simulators import RoboticArm, SineWave
from skinverse.solvers import GradientSolver


def rings(X):
    """Which of the nine solution rings of the sine task at y* = 1.2 each design lies on."""
    column = np.abs(X[:, :1] - [-1 / 2, 1 / 6, 5 / 6]).argmin(axis=1)
    row = np.abs(X[:, 1:2] - [-2 / 3, 0, 2 / 3]).argmin(axis=1)
    return 3 * column + row


def test_ring_labels_are_connected_components():
    """The labels above against connected components on a grid."""
    axis = np.linspace(-1, 1, 601)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    inside = (SineWave()(grid)[:, 0] > 1.2).reshape(601, 601)
    component, count = label(inside)
    assert count == 9
    named = rings(grid).reshape(601, 601)[inside]
    assert all(len(set(named[component[inside] == c])) == 1 for c in range(1, 10))


def test_reaches_targets_through_an_exact_surrogate(exact_sine):
    X, y = make_sine_wave(500, random_state=0)
    y_star = np.linspace(-1.9, 1.9, 21)
    for start in ("nearest", "data", "sampler"):
        inverter = NeuralAdjoint(exact_sine, start=start, random_state=0).fit(X, y)
        designs, info = inverter.inverse(y_star, 20, return_info=True)
        error = SineWave()(designs.reshape(-1, 2)).reshape(21, 20) - y_star[:, None]
        assert info.converged.all()
        assert np.abs(error).max() < 2e-5
        assert_allclose(info.predicted[..., 0] - y_star[:, None], error, atol=1e-12)


def test_diverse_selection_finds_every_ring(exact_sine):
    """Nine designs, nine rings, whatever the seed; the best nine miss some."""
    X, y = make_sine_wave(2000, random_state=0)
    found, best = [], []
    for seed in range(10):
        diverse = NeuralAdjoint(exact_sine, select="diverse", random_state=seed).fit(X, y)
        found.append(len(set(rings(diverse.inverse(1.2, 9)[0]))))
        plain = NeuralAdjoint(exact_sine, n_starts=1000, random_state=seed).fit(X, y)
        best.append(len(set(rings(plain.inverse(1.2, 9, random_state=seed)[0]))))
    assert found == [9] * 10
    assert np.mean(best) < 9


def test_diverse_selection_finds_both_elbows(exact_arm):
    """Of a design and its mirror both have the response; both signs of the elbow must come back."""
    X, y = make_robotic_arm(3000, random_state=0)
    targets = RoboticArm()(RoboticArm().sample_prior(20, random_state=1))
    inverter = NeuralAdjoint(exact_arm, select="diverse", random_state=0).fit(X, y)
    designs = inverter.inverse(targets, 30)
    elbow = np.sign(designs[..., 2] - 2 * designs[..., 1])  # turn from the first to the second segment
    assert ((elbow > 0).any(axis=1) & (elbow < 0).any(axis=1)).all()


def test_anchoring_removes_smooth_error_of_the_surrogate():
    X, y = make_sine_wave(3000, random_state=0)
    y_star = np.linspace(-1.8, 1.8, 41)
    error = {}
    for anchor in (True, False, "auto"):
        inverter = NeuralAdjoint(ExactRegressor(biased_sine), anchor=anchor, random_state=0).fit(X, y)
        designs = inverter.inverse(y_star)[:, 0]
        error[anchor] = np.mean((SineWave()(designs)[:, 0] - y_star) ** 2)
    assert error[False] > 1e-4
    assert error[True] < 1e-4 * error[False]
    assert error["auto"] == error[True]


def test_noise_is_not_anchored(exact_sine):
    X, y = make_sine_wave(2000, noise=0.05, random_state=0)
    assert not NeuralAdjoint(exact_sine, random_state=0).fit(X, y).anchored_
    y_star = np.linspace(-1.8, 1.8, 41)
    error = {
        anchor: np.mean(
            (
                SineWave()(NeuralAdjoint(exact_sine, anchor=anchor).fit(X, y).inverse(y_star)[:, 0])[:, 0]
                - y_star
            )
            ** 2
        )
        for anchor in ("auto", True)
    }
    assert error["auto"] < 1e-10 < 1e-4 < error[True]


def rough_sum(x):
    """A function of six variables with a term that neighbours in a sparse table hardly share: (n, 6) -> (n, 1)."""
    return torch.sin(5 * x).sum(dim=1, keepdim=True) + 0.1 * torch.sin(12 * x).sum(dim=1, keepdim=True)


def without_its_rough_term(x):
    return torch.sin(5 * x).sum(dim=1, keepdim=True)


@pytest.mark.parametrize("seed", range(3))
def test_sparse_tables_are_anchored(seed):
    """Neighbours far apart share little of a smooth error; lookup is beaten all the same, and not lost to if noisy."""
    rng = np.random.RandomState(seed)
    X, fresh = rng.uniform(-1, 1, size=(2, 2000, 6))
    y, y_star = (rough_sum(torch.tensor(x)).numpy()[:, 0] for x in (X, fresh[:200]))
    inverter = NeuralAdjoint(ExactRegressor(without_its_rough_term), random_state=0)
    designs = inverter.fit(X, y).inverse(y_star)[:, 0]
    assert inverter.anchored_
    error = (rough_sum(torch.tensor(designs)).numpy()[:, 0] - y_star) ** 2
    nearest = np.abs(y[:, None] - y_star).min(axis=0) ** 2
    assert np.median(error) < 0.1 * np.median(nearest)
    noisy = y + 0.2 * rng.normal(size=len(y))
    designs = NeuralAdjoint(ExactRegressor(rough_sum), random_state=0).fit(X, noisy).inverse(y_star)[:, 0]
    error = (rough_sum(torch.tensor(designs)).numpy()[:, 0] - y_star) ** 2
    nearest = (y[np.abs(noisy[:, None] - y_star).argmin(axis=0)] - y_star) ** 2
    assert np.mean(error) < 1.5 * np.mean(nearest)  # both 0.04, the noise, within a seventh of chance


class _TwoOpinions(RegressorMixin, BaseEstimator):
    """Two members that agree on the left half of the space and are both wrong on the right."""

    def fit(self, X, y):
        def member(sign):
            return ExactModule(lambda x: sine(x) + sign * torch.relu(x[:, :1]))

        self.module_ = Ensemble([member(1.0), member(-0.5)])
        return self

    def predict(self, X):
        return self.module_(torch.tensor(X)).numpy().ravel()


def test_disagreement_ranks_what_misfit_cannot():
    X, y = make_sine_wave(1000, random_state=0)
    inverter = NeuralAdjoint(_TwoOpinions(), start="sampler", n_starts=200, anchor=False, random_state=0).fit(
        X, y
    )
    designs, info = inverter.inverse([0.3, -0.7], 40, return_info=True)
    assert (np.diff(info.expected_error, axis=1) >= 0).all()
    assert (designs[..., 0] <= 0).mean() > 0.95
    assert np.abs(SineWave()(designs[:, 0])[:, 0] - [0.3, -0.7]).max() < 1e-5


def test_with_few_rows_it_is_known_which_designs_are_wrong():
    """A hundred rows of nine rings: the networks are off by a standard deviation here, and right there."""
    X, y = make_sine_wave(100, random_state=0)
    y_star = make_sine_wave(300, random_state=1)[1]
    networks = ForwardRegressor(n_members=3, random_state=0)
    inverter = NeuralAdjoint(networks, random_state=0).fit(X, y)
    designs, info = inverter.inverse(y_star, 30, return_info=True)
    error = (SineWave()(designs.reshape(-1, 2)).reshape(300, 30) - y_star[:, None]) ** 2 / y.var()
    assert error.mean() > 0.01
    assert error[:, 0].mean() < 0.1 * error.mean()
    assert 0.1 < error.mean() / info.expected_error.mean() < 10
    looked_up = NearestDesignInverter().fit(X, y).inverse(y_star)[:, 0]
    assert np.median(error[:, 0]) < np.median((SineWave()(looked_up)[:, 0] - y_star) ** 2) / y.var()


@pytest.mark.parametrize("select", ["best", "diverse"])
def test_the_nearest_row_leads_where_no_better_is_expected(select):
    X, y = make_sine_wave(60, random_state=0)
    upper = np.append(make_sine_wave(100, random_state=1)[1], [0.31, np.inf, y[7]])
    lower = upper - np.repeat([0, 0.01, 0], [100, 1, 2])
    lower[101] = y.max() + 0.01
    targets = TargetRange(lower, upper)
    inverter = NeuralAdjoint(
        ForwardRegressor((8,), n_members=3, max_epochs=20), select=select, random_state=0
    )
    designs, info = inverter.fit(X, y).inverse(targets, 5, return_info=True)

    gaps = np.abs(y[:, None] - np.clip(y[:, None], lower, upper)) / y.std()
    row, gap = gaps.argmin(axis=0), gaps.min(axis=0)
    leads = (designs[:, 0] == X[row]).all(axis=1)
    assert 0.1 < leads[:100].mean() < 0.9
    assert (info.expected_error[:, 0] <= gap**2 * (1 + 1e-12)).all()
    for name, values in {"predicted": y[row], "expected_error": gap**2, "converged": gap == 0}.items():
        assert_allclose(info[name][leads, 0].ravel(), values[leads], atol=1e-12)
    assert_allclose(info.proposal[leads, 0], X[row[leads]])
    # Rows outside of what is allowed do not lead.
    assert (inverter.inverse(targets, 5, fixed={0: 0.123})[..., 0] == 0.123).all()
    # The others are those that were found.
    inverter.localizer_.put_rows_first = lambda *_: None
    without = inverter.inverse(targets, 5)
    assert_allclose(designs[~leads], without[~leads])
    assert_allclose(designs[leads, 1:], without[leads, :-1])

    # None leads where rows are not trusted, or new designs are wanted.
    for other in ({"anchor": False}, {"start": "data"}):
        without = NeuralAdjoint(inverter.forward_model_, random_state=0, **other).fit(X, y)
        assert not (without.inverse(upper[:100])[:, :, None] == X).all(axis=-1).any()


def test_unreachable_target_is_reported_not_returned_as_reached(exact_sine):
    X, y = make_sine_wave(500, random_state=0)
    inverter = NeuralAdjoint(exact_sine, random_state=0).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="1 of 2 targets"):
        _, info = inverter.inverse([0.5, 2.1], 5, return_info=True)
    assert info.converged.tolist() == [[True] * 5, [False] * 5]
    assert_allclose(info.predicted[1], 2.0, atol=0.05)


def test_stuck_starts_are_redrawn(exact_sine):
    """Without redraws some starts of the sampler stay stuck; with them all are replaced."""
    X, y = make_sine_wave(500, random_state=0)
    params = {"start": "sampler", "n_starts": 200, "random_state": 0}
    y_star = [1.2, -1.9]
    with pytest.warns(ConvergenceWarning):
        _, info = (
            NeuralAdjoint(exact_sine, max_redraws=0, **params)
            .fit(X, y)
            .inverse(y_star, 200, return_info=True)
        )
    assert 0.5 < info.converged.mean() < 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, info = NeuralAdjoint(exact_sine, **params).fit(X, y).inverse(y_star, 200, return_info=True)
    assert info.converged.all()


def test_integers_and_fixed_values_are_met_while_the_target_is(exact_arm):
    """A whole-number joint and a fixed height: the others make up for them."""
    X, y = make_robotic_arm(2000, random_state=0)
    space = DesignSpace(RoboticArm().bounds, names=RoboticArm().input_names, integer=[1])
    inverter = NeuralAdjoint(exact_arm, space=space, random_state=0).fit(X, y)
    targets = y[:10]
    designs, info = inverter.inverse(targets, 5, fixed={0: 0.1}, return_info=True)
    assert (designs[..., 0] == 0.1).all()
    assert (designs[..., 1] == np.round(designs[..., 1])).all()
    assert info.feasible.all()
    reached = info.converged
    assert reached.mean() > 0.7  # with the height fixed not every target has a solution at a whole joint
    gap = RoboticArm()(designs[reached]) - np.repeat(targets[:, None], 5, axis=1)[reached]
    assert np.abs(gap).max() < 2e-5


def test_open_outputs_and_ranges(exact_arm):
    X, y = make_robotic_arm(1000, random_state=0)
    inverter = NeuralAdjoint(exact_arm, random_state=0).fit(X, y)
    designs = inverter.inverse([[1.5, np.nan]], 20)
    assert_allclose(RoboticArm()(designs[0])[:, 0], 1.5, atol=2e-5)
    designs = inverter.inverse(TargetRange([[1.5, 0.2]], [[1.6, np.inf]]), 20)
    across, up = RoboticArm()(designs[0]).T
    assert ((across > 1.5 - 2e-5) & (across < 1.6 + 2e-5) & (up > 0.2 - 2e-5)).all()


def test_censored_response_is_searched_below_its_floor():
    """y = max(x1 - 0.5, 0): a target of 0 is met by every latent value below it."""
    rng = np.random.RandomState(0)
    X = rng.rand(400, 2)
    y = np.maximum(X[:, 0] - 0.5, 0)
    inverter = NeuralAdjoint(ForwardRegressor((8,), max_epochs=60, random_state=0), random_state=0).fit(X, y)
    assert inverter.localizer_.model.floor.tolist() == [0.0]
    designs, info = inverter.inverse([0.0, 0.25], 10, return_info=True)
    assert info.converged.all()
    assert (designs[0, :, 0] < 0.52).all()
    assert_allclose(designs[1, :, 0], 0.75, atol=0.02)
    with pytest.warns(UserWarning, match=r"far outside|not reached"):
        _, info = inverter.inverse([-1.0], 3, return_info=True)
    assert not info.converged.any()


def test_as_published():
    """2,048 uniform starts, Adam with a shared plateau, the boundary term, ranking by misfit alone."""
    X, y = make_sine_wave(300, random_state=0)
    surrogate = ForwardRegressor((16,), max_epochs=20, random_state=0)
    inverter = NeuralAdjoint.as_published(surrogate, n_starts=64, random_state=0)
    assert isinstance(inverter.solver, GradientSolver)
    assert (inverter.solver.max_iter, inverter.solver.lr, inverter.solver.schedule) == (300, 0.5, "plateau")
    assert NeuralAdjoint.as_published(surrogate).n_starts == 2048
    inverter.fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, info = inverter.inverse([0.2, 0.8], 64, return_info=True)
    within = np.where(info.converged, info.misfit, np.inf)
    assert (np.diff(within[:, : info.converged.sum(axis=1).min()], axis=1) >= 0).all()
    for misfit, converged in zip(info.misfit, info.converged, strict=True):
        assert len(misfit) == 64
        for group in (misfit[converged], misfit[~converged]):
            assert (np.diff(group) >= 0).all()
        assert (np.diff(converged.astype(int)) <= 0).all()


def test_boundary_term_is_the_same_in_other_units():
    X, y = make_sine_wave(300, random_state=0)

    def answer(unit):
        inverter = NeuralAdjoint.as_published(
            ForwardRegressor((16,), max_epochs=5), n_starts=8, space=[[-unit, unit]] * 2, random_state=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return inverter.fit(X * unit, y).inverse([0.5], 8) / unit

    assert_array_equal(answer(2.0**-30), answer(1.0))


def test_frozen_surrogate_is_not_refitted():
    X, y = make_sine_wave(300, random_state=0)
    surrogate = ForwardRegressor((8,), max_epochs=10, random_state=0).fit(X, y)
    before = surrogate.predict(X)
    inverter = NeuralAdjoint(FrozenEstimator(surrogate)).fit(X[:50], y[:50])
    assert_allclose(inverter.forward_model_.predict(X), before)


def test_surrogate_without_a_module_is_refused():
    X, y = make_sine_wave(50, random_state=0)
    with pytest.raises(TypeError, match="module_"):
        NeuralAdjoint(LinearRegression()).fit(X, y)


def test_many_targets_are_chunked(exact_sine, monkeypatch):
    """The same answer whatever the chunk."""
    from skinverse.solvers import localizer

    X, y = make_sine_wave(500, random_state=0)
    y_star = np.linspace(-1.5, 1.5, 30)
    inverter = NeuralAdjoint(exact_sine, start="sampler", n_starts=20, random_state=0).fit(X, y)
    whole = inverter.inverse(y_star, 5)
    monkeypatch.setattr(localizer, "_MAX_CANDIDATES", 50)
    assert_allclose(inverter.inverse(y_star, 5), whole, atol=1e-6)


def test_arm_function_of_the_tests_is_the_simulator():
    X = RoboticArm().sample_prior(50, random_state=0)
    assert_allclose(arm(torch.tensor(X)).numpy(), RoboticArm()(X), atol=1e-12)
    assert isinstance(ExactRegressor(arm), RegressorMixin)
