import numpy as np
import pytest
from artists import legend_texts
from numpy.testing import assert_allclose, assert_array_equal

from skinverse import NearestDesignInverter, TargetRange
from skinverse.display import SpectrumDisplay
from skinverse.simulators import CylinderMetamaterial, ThinFilmStack

STACK = ThinFilmStack(grid=[900.0, 400.0, 600.0, 500.0])


@pytest.fixture(scope="module")
def table():
    X = STACK.sample_prior(60, random_state=0)
    return X, STACK(X)


@pytest.fixture(scope="module")
def inverter(table):
    return NearestDesignInverter().fit(table[0][5:], table[1][5:])


def test_numbers_are_those_of_the_simulator_in_the_order_of_the_grid(inverter, table):
    y_star = table[1][:2]
    display = SpectrumDisplay.from_estimator(inverter, y_star, STACK, n=3)
    X = inverter.inverse(y_star, 3)
    order = [1, 3, 2, 0]
    assert_array_equal(display.grid, [400, 500, 600, 900])
    assert_allclose(display.y_star, y_star[:, order])
    assert_allclose(display.response, STACK(X.reshape(6, -1)).reshape(2, 3, 4)[:, :, order])
    assert_allclose(display.rms**2, ((display.response - display.y_star[:, None]) ** 2).mean(axis=2))
    for k, ax in enumerate(display.ax_):
        wanted, *others, best = ax.lines
        j = np.argmin(display.rms[k])
        assert_allclose(wanted.get_ydata(), display.y_star[k])
        assert_allclose(best.get_ydata(), display.response[k, j])
        assert_allclose([line.get_ydata() for line in others], np.delete(display.response[k], j, axis=0))
        assert_array_equal(best.get_xdata(), display.grid)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("wavelength [nm]", "absorptance")
        assert ax.get_title() == f"target {k}, judge: simulator"
        assert legend_texts(ax) == ["wanted", f"best of 3, rms {display.rms[k, j]:.2g}"]


def test_another_simulator_and_another_name():
    cell = CylinderMetamaterial(3, order=1)
    X = cell.sample_prior(8, random_state=0)
    inverter = NearestDesignInverter().fit(X, cell(X))
    display = SpectrumDisplay.from_estimator(inverter, cell(X[:1]), cell, n=1)
    assert (display.grid_label, display.output_label) == ("frequency [THz]", "transmittance")
    assert_allclose(display.grid, cell.frequencies)
    assert legend_texts(display.ax_) == ["wanted", "rms 0"]
    renamed = SpectrumDisplay.from_estimator(inverter, cell(X[:1]), cell, output_label="T [1]")
    assert renamed.ax_.get_ylabel() == "T [1]"


def test_failures_are_counted_and_any_value_counts_nothing():
    y_star = np.array([[1.0, np.nan, 3.0], [1.0, 2.0, 3.0]])
    y_pred = np.array([[[1.3, 9.0, 3.4], [np.nan] * 3, [2.0, 2.0, 3.0]], [[np.nan] * 3] * 3])
    display = SpectrumDisplay.from_predictions(y_star, y_pred)
    assert_allclose(display.rms, [[0.125**0.5, np.nan, 0.5**0.5], [np.nan] * 3])
    first, second = display.ax_
    assert legend_texts(first) == ["wanted", "best of 3, rms 0.35, 1 of 3 failed"]
    assert_allclose(first.lines[-1].get_ydata(), [1.3, 9.0, 3.4])
    assert legend_texts(second) == ["wanted", "3 of 3 failed"]
    assert first.get_xlabel() == "output"
    assert first.get_title() == "target 0, judge: own surrogate"


def test_targets_and_candidates_are_chosen():
    y_star, y_pred = np.zeros((12, 3)), np.arange(1.0, 109).reshape(12, 3, 3)
    display = SpectrumDisplay.from_predictions(y_star, y_pred)
    assert len(display.ax_) == 9
    display.plot(targets=[10, 2], T=2)
    assert [ax.get_title()[:9] for ax in display.ax_] == ["target 10", "target 2,"]
    assert len(display.ax_[0].lines) == 3
    with pytest.raises(ValueError, match="draws 9 panels here, got 2 axes"):
        display.plot(ax=display.ax_)


def test_a_second_method_joins_in_another_colour():
    y_star = np.zeros((1, 3))
    display = SpectrumDisplay.from_predictions(y_star, np.ones((1, 1, 3)), label="first")
    SpectrumDisplay.from_predictions(y_star, np.ones((1, 1, 3)), label="second", ax=display.ax_)
    assert legend_texts(display.ax_) == ["wanted", "first: rms 1", "second: rms 1"]
    assert len({line.get_color() for line in display.ax_.lines}) == 3
    assert len({line.get_linestyle() for line in display.ax_.lines}) == 3


def test_a_grid_of_another_length():
    with pytest.raises(ValueError, match="grid must have one entry for each of 3 outputs"):
        SpectrumDisplay.from_predictions(np.zeros((1, 3)), np.zeros((1, 3)), grid=[1, 2])


def band_of(ax):
    """Lower and upper edge of a band by the place on the grid, and the bars within it."""
    band, *bars = ax.collections
    edges = {}
    for path in band.get_paths():
        for x, height in path.vertices:
            edges.setdefault(x, set()).add(float(height))
    bars = {bar[0][0]: (bar[0][1], bar[1][1]) for line in bars for bar in line.get_segments()}
    return {x: (min(heights), max(heights)) for x, heights in edges.items()}, bars


def test_a_range_is_a_band_and_a_value_a_line():
    wanted = TargetRange([[0.0, 0.1, np.nan, 1.0], [0.2] * 4], [[0.4, 0.3, np.nan, 1.0], [np.inf] * 4])
    answers = np.array([[[0.5, 0.2, 9.0, 1.0], [0.1, 0.2, 3.0, 3.0]], [[0.1, 0.3, 0.5, 1.2], [np.nan] * 4]])
    display = SpectrumDisplay.from_predictions(wanted, answers, grid=[40, 30, 20, 10])
    assert_allclose(display.rms, [[0.1 / 3**0.5, 2 / 3**0.5], [0.1 / 4**0.5, np.nan]])
    first, second = display.ax_
    band, bars = band_of(first)
    assert band == {30: (0.1, 0.3), 40: (0.0, 0.4)}
    assert bars == band
    assert_array_equal(first.lines[0].get_ydata(), [1.0, np.nan, np.nan, np.nan])
    assert legend_texts(first) == ["wanted", "wanted range", f"best of 2, rms {0.1 / 3**0.5:.2g}"]
    band, _ = band_of(second)
    assert_allclose(list(band.values()), [(0.2, 1.2 + 0.1 * (1.2 - 0.1))] * 4)
    assert_allclose(second.lines[0].get_ydata(), answers[1, 0, ::-1])
    assert legend_texts(second) == ["wanted range", "best of 2, rms 0.05, 1 of 2 failed"]


def test_a_range_at_one_point_of_many_is_a_bar():
    lower = np.full((1, 60), np.nan)
    lower[0, 30] = 0.5
    display = SpectrumDisplay.from_predictions(TargetRange(lower, lower + 0.25), np.zeros((1, 60)))
    assert band_of(display.ax_)[1] == {30: (0.5, 0.75)}
    assert_allclose(display.rms, 0.5)


def test_a_wide_range_has_no_bars_and_takes_the_colour_of_the_wanted_spectrum():
    y = np.zeros((1, 60))
    style = {"target_kw": {"color": "#123456"}}
    display = SpectrumDisplay.from_predictions(TargetRange(y, y + 1), y, **style)
    display.plot(ax=display.ax_, label="again")
    (band,) = display.ax_.collections
    assert_allclose(band.get_facecolor()[0][:3] * 255, [0x12, 0x34, 0x56])


def test_a_range_is_asked_for_and_judged(inverter, table):
    wanted = TargetRange(upper=table[1][:2])
    display = SpectrumDisplay.from_estimator(inverter, wanted, STACK, n=3)
    y = STACK(inverter.inverse(wanted, 3).reshape(6, -1)).reshape(2, 3, 4)
    assert_allclose(display.rms**2, (np.maximum(y - table[1][:2, None], 0) ** 2).mean(axis=2))
