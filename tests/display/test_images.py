import numpy as np
import pytest
from matplotlib.colors import to_rgba
from numpy.testing import assert_allclose, assert_array_equal

from skinverse import NearestDesignInverter, NeuralAdjoint, PriorInverter, TargetRange
from skinverse.datasets import make_architected_cells
from skinverse.display import ImageGridDisplay
from skinverse.display.drawing import FAILURE_COLOR
from skinverse.simulators import ArchitectedCell


@pytest.fixture(scope="module")
def inverter():
    return NearestDesignInverter().fit(*make_architected_cells(40, n_pixels=8, random_state=0))


def test_images_with_what_the_simulator_says_beneath(inverter):
    cell = ArchitectedCell(8)
    display = ImageGridDisplay.from_estimator(inverter, [0.2, 0.3], cell, n=3)
    X = inverter.inverse([0.2, 0.3], 3)
    modulus = cell(X.reshape(6, 64)).reshape(2, 3)
    assert_allclose(display.response[..., 0], modulus)
    assert display.ax_.shape == (2, 3)
    for k, j in np.ndindex(2, 3):
        ax = display.ax_[k, j]
        assert_array_equal(ax.images[0].get_array(), X[k, j].reshape(8, 8))
        assert ax.get_xlabel() == f"{modulus[k, j]:.4g}"
    assert [ax.get_ylabel() for ax in display.ax_[:, 0]] == ["y* = 0.2", "y* = 0.3"]
    assert display.figure_.get_suptitle() == "beneath: modulus [E of the solid], judge: simulator"
    assert len(display.figure_.axes) == 6  # no bar for zeros and ones


def test_without_a_simulator_the_own_prediction_is_written(exact_sine):
    X = np.random.default_rng(0).uniform(-1, 1, size=(50, 2))
    exact_sine.fit(X, np.zeros(50))
    inverter = NeuralAdjoint(exact_sine, random_state=0).fit(X, exact_sine.predict(X))
    display = ImageGridDisplay.from_estimator(inverter, 0.5, n=2, shape=(1, 2))
    _, info = inverter.inverse(0.5, 2, random_state=0, return_info=True)
    assert_allclose(display.response, info.predicted)
    assert display.judge == "own surrogate"
    assert display.images.shape == (1, 2, 1, 2)


def test_a_method_without_prediction_shows_images_alone():
    X = np.eye(4)
    display = ImageGridDisplay.from_estimator(PriorInverter(random_state=0).fit(X, X[:, 0]), 0.2, n=2)
    assert display.response is None
    assert [ax.get_xlabel() for ax in display.ax_.flat] == ["", ""]
    assert display.figure_.get_suptitle() == ""


def test_greys_have_a_bar_and_zeros_and_ones_the_ends_of_the_map():
    X = np.array([[[0.0, 0.5, 1.0, 0.2]]])
    display = ImageGridDisplay.from_designs(X)
    assert [ax.get_ylabel() for ax in display.figure_.axes] == ["", "pixel value"]
    image = display.ax_[0, 0].images[0]
    assert image.get_clim() == (0, 1)
    assert image.cmap(1.0) == (0, 0, 0, 1)
    assert image.cmap(0.0) == (1, 1, 1, 1)


def test_failures_and_designs_outside_are_marked():
    X = np.eye(4)[None, :2]
    display = ImageGridDisplay.from_designs(
        X, feasible=[[True, False]], response=[[np.nan, 0.5]], judge="simulator", output_names=["gap"]
    )
    failed, outside = display.ax_[0]
    assert failed.get_xlabel() == "failed"
    assert failed.xaxis.label.get_color() == FAILURE_COLOR
    assert outside.get_xlabel() == "0.5"
    assert outside.spines["left"].get_edgecolor() == to_rgba(FAILURE_COLOR)
    assert failed.spines["left"].get_edgecolor() != to_rgba(FAILURE_COLOR)


def test_which_are_drawn_and_where():
    X = np.random.default_rng(0).integers(2, size=(9, 12, 6))
    display = ImageGridDisplay.from_designs(X, shape=(2, 3))
    assert display.ax_.shape == (6, 8)
    display.plot(targets=[7], T=10)
    assert display.ax_.shape == (1, 10)
    assert_array_equal(display.ax_[0, 9].images[0].get_array(), X[7, 9].reshape(2, 3))
    axes = display.plot(targets=[0, 1], T=2).ax_
    assert (display.plot(axes, targets=[2, 3], T=2).ax_ == axes).all()


def test_wrong_shapes():
    with pytest.raises(ValueError, match="Images of 2 x 2 pixels need 4 features, X has 6"):
        ImageGridDisplay.from_designs(np.zeros((1, 1, 6)))
    with pytest.raises(ValueError, match="X must have shape"):
        ImageGridDisplay.from_designs(np.zeros(4))


def test_ranges_are_written_before_their_row(inverter):
    wanted = TargetRange([0.2, np.nan], [0.3, 0.3])
    display = ImageGridDisplay.from_estimator(inverter, wanted, ArchitectedCell(8), n=2)
    assert [ax.get_ylabel() for ax in display.ax_[:, 0]] == ["y* = 0.2 to 0.3", "y* = ≤ 0.3"]
    assert [ax.get_xlabel() for ax in display.ax_[0]] == [f"{y:.4g}" for y in display.response[0, :, 0]]
