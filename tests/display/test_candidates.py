import numpy as np
import pytest
from artists import legend_texts
from matplotlib.colors import to_rgba
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinverse import DesignSpace, NearestDesignInverter, TargetRange
from skinverse.datasets import make_ballistics, make_sine_wave
from skinverse.display import CandidatesDisplay
from skinverse.display.drawing import FAILURE_COLOR
from skinverse.simulators import Ballistics, SineWave


@pytest.fixture(scope="module")
def throws():
    X, y = make_ballistics(300, random_state=0)
    space = DesignSpace.from_simulator(Ballistics())
    return NearestDesignInverter(space=space).fit(X, y), X


def test_two_variables_are_a_scatter_with_the_edges_in_view():
    X, y = make_sine_wave(300, random_state=0)
    space = DesignSpace.from_simulator(SineWave())
    inverter = NearestDesignInverter(space=space).fit(X, y)
    display = CandidatesDisplay.from_estimator(inverter, [1.2], n=7, X_train=X)
    training, designs = display.ax_.collections
    assert_allclose(designs.get_offsets(), inverter.inverse([1.2], 7)[0])
    assert len(training.get_offsets()) == 300
    assert display.space is inverter.space_
    (left, right), (bottom, top) = display.ax_.get_xlim(), display.ax_.get_ylim()
    assert left < -1
    assert right > 1
    assert bottom < -1
    assert top > 1
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("x1", "x2")
    assert legend_texts(display.ax_) == ["training designs", "edge of the space", "y* = 1.2"]


def test_more_variables_are_parallel_coordinates_scaled_to_the_bounds(throws):
    inverter, X = throws
    display = CandidatesDisplay.from_estimator(inverter, [5.0, 9.0], n=6, X_train=X)
    lines = [line for line in display.ax_.lines if len(line.get_xdata()) == 4]
    assert len(lines) == 12
    unit = (display.X - inverter.space_.lower) / inverter.space_.width
    assert_allclose([line.get_ydata() for line in lines], unit.reshape(12, 4))
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == [
        "x0\n[m]",
        "y0\n[m]",
        "angle\n[rad]",
        "v0\n[m/s]",
    ]
    bounds = [text.get_text() for text in display.ax_.texts]
    assert bounds[:2] == ["-2", "2"]
    assert legend_texts(display.ax_) == ["training designs", "y* = 5", "y* = 9"]


@pytest.mark.parametrize("n_features", [2, 3])
def test_designs_outside_the_space_are_marked_and_in_view(n_features):
    X = np.full((1, 3, n_features), 0.5)
    X[0, 1, 1] = 1.7
    display = CandidatesDisplay.from_designs(X, space=[[0, 1]] * n_features)
    assert display.feasible.tolist() == [[True, False, True]]
    assert "1 of 3 outside" in legend_texts(display.ax_)
    assert display.ax_.get_ylim()[1] > 1.7
    marked = [*display.ax_.lines, *display.ax_.collections]
    colors = [
        to_rgba(a.get_color()) if hasattr(a, "get_color") else tuple(a.get_edgecolor()[0]) for a in marked
    ]
    assert to_rgba(FAILURE_COLOR) in colors


def test_a_pinned_variable_says_its_value():
    space = DesignSpace([[0, 1], [0, 1], [0, 4]], names=["a", "b", "n"], fixed={"n": 3})
    X = space.sample(5, random_state=0)
    display = CandidatesDisplay.from_designs(X, space=space)
    assert "= 3" in [text.get_text() for text in display.ax_.texts]
    assert display.X.shape == (1, 5, 3)


def test_a_second_method_joins_in_another_colour(throws):
    inverter, X = throws
    display = CandidatesDisplay.from_estimator(inverter, [5.0], n=3, label="lookup")
    n_texts = len(display.ax_.texts)
    other = CandidatesDisplay.from_designs(X[:4], space=display.space, ax=display.ax_, label="prior")
    assert other.ax_ is display.ax_
    assert len(display.ax_.texts) == n_texts  # axes are drawn once
    assert legend_texts(display.ax_) == ["lookup, y* = 5", "prior"]
    lines = [line for line in display.ax_.lines if len(line.get_xdata()) == 4]
    assert len({line.get_color() for line in lines}) == 2


def test_behind_a_scaler_the_axes_are_in_the_users_units():
    X, y = make_ballistics(300, random_state=0)
    pipe = make_pipeline(StandardScaler(), NearestDesignInverter()).fit(X, y)
    display = CandidatesDisplay.from_estimator(pipe, [5.0], n=6, X_train=X)
    assert_allclose(display.space.bounds, np.stack([X.min(axis=0), X.max(axis=0)], axis=1))
    assert_allclose(display.X, pipe[-1].inverse([5.0], 6) * pipe[0].scale_ + pipe[0].mean_)


def test_without_targets_several_are_numbered():
    display = CandidatesDisplay.from_designs(np.random.default_rng(0).uniform(size=(2, 3, 2)))
    assert legend_texts(display.ax_)[-2:] == ["target 0", "target 1"]


def test_wrong_shapes():
    with pytest.raises(ValueError, match="X must have shape"):
        CandidatesDisplay.from_designs(np.zeros(3))
    with pytest.raises(ValueError, match=r"kind must be 'auto' or one of .* got 'bars'"):
        CandidatesDisplay.from_designs(np.zeros((2, 3)), kind="bars")
    with pytest.raises(ValueError, match="kind='parallel' draws 2 to 40 variables, got 41"):
        CandidatesDisplay.from_designs(np.zeros((2, 41)))


def test_pairs_are_planes_over_the_training_density(throws):
    inverter, X = throws
    display = CandidatesDisplay.from_estimator(inverter, [5.0, 9.0], n=6, X_train=X, kind="pairs")
    axes, space = display.ax_, inverter.space_
    assert axes.shape == (4, 4)
    for i, j in np.ndindex(4, 4):
        assert axes[i, j].get_visible() == (i >= j)
        if i > j:
            density, *designs = axes[i, j].collections
            for target, points in enumerate(designs):
                assert_allclose(points.get_offsets(), display.X[target][:, [j, i]])
            assert len(designs) == 2
            cells = density.get_coordinates()  # corners, (n_rows + 1, n_columns + 1, 2)
            centres = (cells[:-1, :-1] + cells[1:, 1:]) / 2
            apart = np.abs(centres[:, :, None] - X[:, [j, i]]) / (cells[1, 1] - cells[0, 0])
            count = (apart.max(axis=-1) <= 0.5).sum(axis=-1)
            assert_allclose(np.expm1(density.get_array().filled(0)), count, atol=1e-9)
            (edge,) = axes[i, j].lines
            assert_allclose(edge.get_xydata().min(axis=0), space.lower[[j, i]])
            assert_allclose(edge.get_xydata().max(axis=0), space.upper[[j, i]])
    assert [ax.get_xlabel() for ax in axes[-1]] == ["x0 [m]", "y0 [m]", "angle [rad]", "v0 [m/s]"]
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["", "y0 [m]", "angle [rad]", "v0 [m/s]"]
    assert legend_texts(axes[0, 0]) == ["training designs", "edge of the space", "y* = 5", "y* = 9"]


def test_the_diagonal_of_pairs_counts_designs(throws):
    inverter, X = throws
    display = CandidatesDisplay.from_estimator(inverter, [5.0], n=9, X_train=X, kind="pairs")
    for j in range(4):
        ax = display.ax_[j, j]
        for stairs, values in zip(ax.patches, (X[:, j], display.X[0, :, j]), strict=True):
            count = np.histogram(values, bins=20, range=ax.get_xlim())[0]
            assert_allclose(stairs.get_data().values, count / count.max())


def test_pairs_show_what_lies_outside_and_take_another_method(throws):
    inverter, _ = throws
    X = np.repeat(inverter.inverse([5.0], 3), 2, axis=0)
    X[0, 0, 1] = 6.0
    display = CandidatesDisplay.from_designs(X[0], space=inverter.space_, kind="pairs")
    assert display.ax_[3, 1].get_xlim()[1] > 6
    assert display.ax_[1, 0].get_ylim()[1] > 6
    assert_allclose(display.ax_[1, 0].collections[1].get_offsets(), [[X[0, 0, 0], 6.0]])
    other = CandidatesDisplay.from_designs(
        X[1], space=inverter.space_, kind="pairs", ax=display.ax_, label="other"
    )
    assert (other.ax_ == display.ax_).all()
    assert legend_texts(display.ax_[0, 0]) == ["edge of the space", "1 of 3 outside", "other"]
    points = display.ax_[1, 0].collections
    assert tuple(points[0].get_facecolor()[0]) != tuple(points[2].get_facecolor()[0])


def test_some_variables_by_name_or_column(throws):
    inverter, X = throws
    display = CandidatesDisplay.from_estimator(inverter, [5.0], n=4, X_train=X, variables=["v0", 1])
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("v0 [m/s]", "y0 [m]")
    assert_allclose(display.ax_.collections[1].get_offsets(), display.X[0][:, [3, 1]])
    with pytest.raises(ValueError, match="kind='plane' draws 2 to 2 variables, got 4"):
        display.plot(kind="plane")
    with pytest.raises(ValueError, match="no variable 'mass'"):
        display.plot(variables=["mass", "v0"])


def test_one_variable_is_its_distribution():
    X = np.random.default_rng(0).uniform(size=(30, 1))
    display = CandidatesDisplay.from_designs(X, space=[[0, 1]], X_train=X)
    assert display.ax_.shape == (1, 1)
    training, designs = display.ax_[0, 0].patches
    assert_allclose(training.get_data().values, designs.get_data().values)


def test_long_and_partial_targets_are_written_briefly():
    display = CandidatesDisplay.from_designs(
        np.zeros((2, 3, 2)), space=[[-1, 1]] * 2, y_star=[[1.0, np.nan] * 3] * 2
    )
    assert legend_texts(display.ax_)[1:] == ["y* = 1, any, 1, ..."] * 2


def test_the_legend_tells_ranges(throws):
    inverter, _ = throws
    display = CandidatesDisplay.from_estimator(inverter, TargetRange([5, np.nan, 7], [6, 6, np.nan]), n=2)
    assert legend_texts(display.ax_) == ["y* = 5 to 6", "y* = ≤ 6", "y* = ≥ 7"]
    two = TargetRange([[0.5, np.nan, 1.0]], [[0.5, np.nan, 2.0]])
    display = CandidatesDisplay.from_designs(display.X[:1], space=inverter.space_, y_star=two)
    assert legend_texts(display.ax_) == ["y* = 0.5, any, 1 to 2"]
