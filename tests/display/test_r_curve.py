import numpy as np
import pytest
from artists import legend_texts
from numpy.testing import assert_allclose

from skinverse import NearestDesignInverter, PriorInverter, TargetRange
from skinverse.datasets import make_sine_wave
from skinverse.display import RCurveDisplay
from skinverse.metrics import r_curve, resimulation_error
from skinverse.simulators import SineWave


@pytest.fixture(scope="module")
def targets():
    return make_sine_wave(30, random_state=1)[1]


@pytest.fixture(scope="module")
def inverter():
    return NearestDesignInverter().fit(*make_sine_wave(300, random_state=0))


def test_numbers_are_those_of_the_curve(inverter, targets):
    display = RCurveDisplay.from_estimator(inverter, targets, SineWave(), n=6)
    curve = r_curve(resimulation_error(inverter.inverse(targets, 6), targets, SineWave()).error)
    assert_allclose(display.mean, curve.mean)
    assert_allclose(display.lower, curve.quantile(0.25))
    assert_allclose(display.upper, curve.quantile(0.75))
    (line,) = display.ax_.lines
    assert_allclose(line.get_xdata(), np.arange(1, 7))
    assert_allclose(line.get_ydata(), curve.mean)


def test_axes_are_logarithmic_and_labelled(inverter, targets):
    ax = RCurveDisplay.from_estimator(inverter, targets, SineWave(), n=6, unit="eV").ax_
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlabel() == "candidates T"
    assert "[eV²]" in ax.get_ylabel()
    assert "judge: simulator" in ax.get_title()


def test_several_methods_on_one_axes(inverter, targets):
    first = RCurveDisplay.from_estimator(inverter, targets, SineWave(), n=6, label="lookup")
    prior = PriorInverter(random_state=0).fit(*make_sine_wave(300, random_state=0))
    second = RCurveDisplay.from_estimator(
        prior, targets, SineWave(), n=6, ax=first.ax_, label="prior", band=False
    )
    assert second.ax_ is first.ax_
    lines = first.ax_.lines
    assert len({line.get_color() for line in lines}) == 2
    assert len({line.get_linestyle() for line in lines}) == 2
    assert len(first.ax_.collections) == 1  # the band of the first
    assert legend_texts(first.ax_) == ["lookup", "prior"]


def test_failures_stand_in_the_legend(inverter, targets):
    def fails_above_one(X):
        y = SineWave()(X)
        return np.where(y > 1, np.nan, y)

    display = RCurveDisplay.from_estimator(inverter, targets, fails_above_one, n=6, label="lookup")
    assert 0 < display.failure_rate < 1
    assert legend_texts(display.ax_) == [f"lookup ({100 * display.failure_rate:.2g} % failed)"]


def test_one_candidate_is_a_point(inverter, targets):
    display = RCurveDisplay.from_estimator(inverter, targets, SineWave(), n=1)
    assert display.ax_.lines[0].get_marker() == "o"


def test_exact_answers_draw_without_warning(inverter, recwarn):
    y_star = SineWave()(inverter.designs_[:4])
    display = RCurveDisplay.from_estimator(inverter, y_star, SineWave(), n=3)
    display.figure_.canvas.draw()
    assert_allclose(display.mean, 0)
    assert [str(warning.message) for warning in recwarn] == []


def test_responses_that_are_there_already(inverter, targets):
    X = inverter.inverse(targets, 4)
    response = SineWave()(X.reshape(-1, 2)).reshape(-1, 4, 1)
    display = RCurveDisplay.from_predictions(targets, response, judge="simulator")
    asked = RCurveDisplay.from_estimator(inverter, targets, SineWave(), n=4)
    assert_allclose(display.mean, asked.mean)
    assert display.ax_.get_title() == asked.ax_.get_title()


def test_counts_are_written_as_numbers_and_the_unit_stays(inverter, targets):
    display = RCurveDisplay.from_estimator(inverter, targets, SineWave(), n=50, unit="eV")
    display.plot(ax=display.ax_)
    display.figure_.canvas.draw()
    low, high = display.ax_.get_xlim()
    ticks = [t.get_text() for t in display.ax_.get_xticklabels() if low <= t.get_position()[0] <= high]
    assert ticks == ["1", "2", "5", "10", "20", "50"]
    display.unit = None
    assert "[eV²]" in display.plot(ax=display.ax_).ax_.get_ylabel()


def test_of_a_range_the_distance_to_the_nearest_limit_counts():
    wanted = TargetRange(lower=[0.0, 0.0, 1.0, 1.0])
    y_pred = np.array([[-2.0, -1.0], [-2.0, -1.0], [-1.0, 3.0], [-1.0, 3.0]])[:, :, None]
    display = RCurveDisplay.from_predictions(wanted, y_pred)
    assert_allclose(display.mean, [4, 0.5])
