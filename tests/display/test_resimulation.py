import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skinverse import NearestDesignInverter
from skinverse.datasets import make_robotic_arm, make_sine_wave
from skinverse.display import ResimulationDisplay
from skinverse.metrics import resimulation_error
from skinverse.simulators import RoboticArm, SineWave

TARGETS = np.array([-0.5, 0.5, 1.2])


@pytest.fixture(scope="module")
def sine_inverter():
    return NearestDesignInverter().fit(*make_sine_wave(300, random_state=0))


def fails_above_zero(X):
    y = SineWave()(X)
    return np.where(y > 0, np.nan, y)


def legend_texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_numbers_are_those_of_the_judge(sine_inverter):
    display = ResimulationDisplay.from_estimator(sine_inverter, TARGETS, SineWave(), n=4)
    result = resimulation_error(sine_inverter.inverse(TARGETS, 4), TARGETS, SineWave())
    assert_allclose(display.response, result.response)
    assert_allclose(display.y_star, TARGETS[:, None])
    drawn = display.ax_.collections[0].get_offsets()
    assert_allclose(drawn[:, 0], np.repeat(TARGETS, 4))
    assert_allclose(drawn[:, 1], result.response.ravel())


def test_axes_name_output_unit_and_judge(sine_inverter):
    class Landing(SineWave):
        output_names, output_units = ("landing",), ("m",)

    display = ResimulationDisplay.from_estimator(sine_inverter, TARGETS, Landing())
    assert display.ax_.get_xlabel() == "wanted landing [m]"
    assert "landing [m]" in display.ax_.get_ylabel()
    assert display.ax_.get_title() == "judge: simulator"
    assert display.figure_ is display.ax_.figure


def test_a_unit_of_one_is_not_written(sine_inverter):
    display = ResimulationDisplay.from_estimator(sine_inverter, TARGETS, SineWave())
    assert display.ax_.get_xlabel() == "wanted y"


def test_failures_are_drawn_and_counted(sine_inverter):
    display = ResimulationDisplay.from_estimator(
        sine_inverter, TARGETS, fails_above_zero, n=5, label="lookup"
    )
    points, crosses = display.ax_.collections
    assert len(points.get_offsets()) == 5
    assert_array_equal(np.unique(crosses.get_offsets()[:, 0]), [0.5, 1.2])
    assert "lookup (10 of 15 failed)" in legend_texts(display.ax_)


def test_when_all_fail_the_picture_says_so(sine_inverter):
    display = ResimulationDisplay.from_estimator(
        sine_inverter, TARGETS, lambda X: np.full((len(X), 1), np.nan), kind="distance"
    )
    assert "3 of 3 failed" in legend_texts(display.ax_)


def test_one_panel_for_each_output():
    X, y = make_robotic_arm(300, random_state=0)
    inverter = NearestDesignInverter().fit(X, y)
    display = ResimulationDisplay.from_estimator(inverter, y[:5], RoboticArm(), n=2)
    assert display.ax_.shape == (2,)
    assert [ax.get_xlabel() for ax in display.ax_] == ["wanted horizontal", "wanted vertical"]
    with pytest.raises(ValueError, match="draws 2 panels here, got 1 axes"):
        display.plot(ax=display.ax_[0])


def test_any_value_is_not_drawn():
    X, y = make_robotic_arm(300, random_state=0)
    inverter = NearestDesignInverter().fit(X, y)
    display = ResimulationDisplay.from_estimator(inverter, [[1.5, np.nan], [1.2, 0.3]], RoboticArm())
    assert [len(ax.collections[0].get_offsets()) for ax in display.ax_] == [2, 1]


def test_a_second_plot_joins_the_first_in_another_colour(sine_inverter):
    display = ResimulationDisplay.from_estimator(sine_inverter, TARGETS, SineWave(), label="first")
    again = display.plot(ax=display.ax_, label="second")
    assert again is display
    first, second = display.ax_.collections
    assert not np.array_equal(first.get_facecolor(), second.get_facecolor())
    assert legend_texts(display.ax_) == ["response = wanted", "first", "second"]


def test_distances_are_logarithmic_and_zero_is_shown(sine_inverter):
    y_star = SineWave()(sine_inverter.designs_[:3])
    display = ResimulationDisplay.from_estimator(sine_inverter, y_star, SineWave(), kind="distance")
    assert display.ax_.get_yscale() == "log"
    assert (display.ax_.collections[0].get_offsets()[:, 1] > 0).all()


def test_unknown_kind(sine_inverter):
    with pytest.raises(ValueError, match="kind must be 'response' or 'distance', got 'error'"):
        ResimulationDisplay.from_estimator(sine_inverter, TARGETS, SineWave(), kind="error")


def test_names_of_another_number_of_outputs(sine_inverter):
    with pytest.raises(ValueError, match="output_names must have one entry for each of 1 outputs"):
        ResimulationDisplay.from_estimator(sine_inverter, TARGETS, SineWave(), output_names=["a", "b"])


def test_a_regressor_must_be_named_as_judge(sine_inverter):
    from sklearn.neighbors import KNeighborsRegressor

    judge = KNeighborsRegressor(1).fit(*make_sine_wave(300, random_state=1))
    with pytest.raises(ValueError, match="no re-simulation"):
        ResimulationDisplay.from_estimator(sine_inverter, TARGETS, judge)
    display = ResimulationDisplay.from_estimator(sine_inverter, TARGETS, judge, judge="held-out surrogate")
    assert display.ax_.get_title() == "judge: held-out surrogate"
