import numpy as np
import pandas as pd
import pytest
from artists import legend_texts
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV

from skinverse import NearestDesignInverter, TargetRange, make_resimulation_scorer
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


def test_outputs_are_named_as_in_the_table():
    X, y = make_robotic_arm(100, random_state=0)
    search = GridSearchCV(NearestDesignInverter(), {}, scoring=make_resimulation_scorer(RoboticArm()))
    search.fit(X, pd.DataFrame(y, columns=["gap", "cost"]))
    display = ResimulationDisplay.from_estimator(search, y[:5], lambda X: RoboticArm()(X))
    assert [ax.get_xlabel() for ax in np.ravel(display.ax_)] == ["wanted gap", "wanted cost"]


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


def test_responses_that_are_there_already(sine_inverter):
    response = np.array([[[-0.4], [-0.6]], [[0.5], [np.nan]], [[1.0], [1.1]]])
    display = ResimulationDisplay.from_predictions(
        TARGETS, response, output_names=["gap"], output_units=["eV"]
    )
    assert_array_equal(display.response, response)
    assert_array_equal(display.status, [["ok", "ok"], ["ok", "failed"], ["ok", "ok"]])
    assert display.ax_.get_title() == "judge: own surrogate"
    assert display.ax_.get_xlabel() == "wanted gap [eV]"
    assert_array_equal(display.ax_.collections[0].get_offsets()[:, 1], [-0.4, -0.6, 0.5, 1.0, 1.1])
    single = ResimulationDisplay.from_predictions(TARGETS, response[:, 0, 0], judge="simulator")
    assert_array_equal(single.response, response[:, :1])
    with pytest.raises(ValueError, match="y_pred has 1 outputs, but y_star has 2"):
        ResimulationDisplay.from_predictions(np.zeros((3, 2)), response)
    with pytest.raises(ValueError, match="y_pred must have shape"):
        ResimulationDisplay.from_predictions(0.5, 0.5)


def test_limits_are_those_of_the_data():
    """The line of identity once pulled the origin into view."""
    display = ResimulationDisplay.from_predictions([100.0, 101.0, 102.0], [100.5, 101.0, 102.5])
    assert min(*display.ax_.get_xlim(), *display.ax_.get_ylim()) > 99


def test_many_outputs_are_chosen_and_wrapped():
    y_star = np.random.default_rng(0).uniform(size=(5, 13))
    with pytest.raises(ValueError, match="at most 12 outputs, got 13"):
        ResimulationDisplay.from_predictions(y_star, y_star)
    display = ResimulationDisplay.from_predictions(y_star, y_star, outputs=[12, 0, 3, 4])
    assert [ax.get_xlabel() for ax in display.ax_] == ["wanted y12", "wanted y0", "wanted y3", "wanted y4"]
    assert len(display.figure_.axes) == 4
    tops = [ax.get_subplotspec().rowspan.start for ax in display.ax_]
    assert tops == [0, 0, 0, 1]


def test_an_output_that_nobody_wants_is_an_empty_panel():
    display = ResimulationDisplay.from_predictions([[1.0, np.nan]], [[1.1, 0.3]])
    assert [len(ax.collections[0].get_offsets()) for ax in display.ax_] == [1, 0]


RANGE = TargetRange([[0.0, 5.0], [1.0, np.nan], [-np.inf, 2.0]], [[2.0, 5.0], [np.inf, np.nan], [0.5, 3.0]])
ANSWERS = np.array([[[1.0, 5.5], [3.0, 5.0]], [[0.0, 7.0], [4.0, 8.0]], [[0.0, 4.0], [np.nan, np.nan]]])


def test_ranges_are_bars_at_the_response_with_a_point_at_the_nearest_wanted_one():
    display = ResimulationDisplay.from_predictions(RANGE, ANSWERS)
    assert_array_equal(display.y_star.lower, [[0, 5], [1, -np.inf], [-np.inf, 2]])
    first, second = display.ax_
    points, bars, lost = first.collections
    assert_array_equal(points.get_offsets(), [[1, 1], [2, 3], [1, 0], [4, 4], [0, 0]])
    below, beyond = -0.4, 4.4  # a tenth of all that is drawn, 0 to 4
    assert_allclose(
        bars.get_segments(),
        [
            [[0, 1], [2, 1]],
            [[0, 3], [2, 3]],
            [[1, 0], [beyond, 0]],
            [[1, 4], [beyond, 4]],
            [[below, 0], [0.5, 0]],
        ],
    )
    assert_allclose(lost.get_offsets()[:, 0], (below + 0.5) / 2)
    assert legend_texts(first) == ["response = wanted", "1 of 6 failed", "wanted range"]
    points, bars, _ = second.collections
    assert_array_equal(points.get_offsets(), [[5, 5.5], [5, 5], [3, 4]])
    assert_allclose(bars.get_segments(), [[[2, 4], [3, 4]]])


def test_distances_are_to_the_nearest_limit():
    display = ResimulationDisplay.from_predictions(RANGE, ANSWERS, kind="distance")
    points, bars, _ = display.ax_[0].collections
    assert_allclose(points.get_offsets()[:, 1], [1e-16, 1, 1, 1e-16, 1e-16])
    assert_allclose([bar[0][1] for bar in bars.get_segments()], points.get_offsets()[:, 1])


def test_a_range_is_asked_for_and_judged():
    X, y = make_robotic_arm(300, random_state=0)
    inverter = NearestDesignInverter().fit(X, y)
    wanted = TargetRange(y[:4] - 0.1, y[:4] + 0.2)
    display = ResimulationDisplay.from_estimator(inverter, wanted, RoboticArm(), n=2)
    assert_allclose(
        display.response, RoboticArm()(inverter.inverse(wanted, 2).reshape(8, -1)).reshape(4, 2, 2)
    )
    assert all(len(ax.collections[1].get_segments()) == 8 for ax in display.ax_)


def test_targets_of_another_question():
    result = resimulation_error(np.zeros((2, 1, 2)), np.zeros(2), SineWave())
    with pytest.raises(ValueError, match="y_star has 2 outputs, but the judge answered with 1"):
        ResimulationDisplay.from_resimulation(result, np.zeros((2, 2)))
    with pytest.raises(ValueError, match="one row for each of the 2 targets"):
        ResimulationDisplay.from_resimulation(result, TargetRange(np.zeros((3, 1)), 1))
