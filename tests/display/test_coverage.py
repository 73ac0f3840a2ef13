import numpy as np
import pytest
from artists import legend_texts
from numpy.testing import assert_allclose
from scipy.stats import binom
from sklearn.utils import Bunch

from skinverse import MDNInverter, PriorInverter, TargetRange
from skinverse.display import CoverageDisplay
from skinverse.metrics import expected_coverage


@pytest.fixture(scope="module")
def table():
    X = np.random.default_rng(0).uniform(size=(260, 2))
    return X, X.sum(axis=1)


@pytest.fixture(scope="module")
def prior(table):
    X, y = table
    return PriorInverter(random_state=0).fit(X[:200], y[:200])


def held_out(table):
    return table[0][200:], table[1][200:]


def test_numbers_are_those_of_the_metric(prior, table):
    display = CoverageDisplay.from_estimator(prior, *held_out(table), n=15, levels=[0.2, 0.5, 0.9])
    result = expected_coverage(prior, *held_out(table), n=15, levels=[0.2, 0.5, 0.9])
    assert_allclose(display.coverage, [np.mean(result.credibility <= level) for level in (0.2, 0.5, 0.9)])
    assert (display.n_samples, display.method, display.p_value) == (60, "tarp", result.p_value)
    curve, diagonal = display.ax_.lines[-1], display.ax_.lines[0]
    assert_allclose(curve.get_xydata()[1:-1], np.stack([display.levels, display.coverage], axis=1))
    assert_allclose(curve.get_xydata()[[0, -1]], [[0, 0], [1, 1]])
    assert diagonal.get_slope() == 1


def test_the_band_holds_95_percent_of_calibrated_samples(prior, table):
    display = CoverageDisplay.from_estimator(prior, *held_out(table), n=15)
    inside = binom.cdf(np.round(60 * display.upper), 60, display.levels) - binom.cdf(
        np.round(60 * display.lower) - 1, 60, display.levels
    )
    assert (inside >= 0.95).all()
    assert (inside < 0.995).all()  # counts are whole numbers
    (band,) = display.ax_.collections
    corners = band.get_paths()[0].vertices
    assert any(np.allclose(corner, [0.5, display.upper[9]]) for corner in corners)
    assert any(np.allclose(corner, [0.5, display.lower[9]]) for corner in corners)


def test_axes_and_legend(prior, table):
    display = CoverageDisplay.from_estimator(prior, *held_out(table), n=15, label="prior")
    assert display.ax_.get_xlabel() == "credible level"
    assert display.ax_.get_ylabel() == "share of regions that hold the truth"
    assert display.ax_.get_title() == "balls about random points"
    again = display.plot(ax=display.ax_, label="again")
    assert again is display
    p = f"p = {display.p_value:.2g}"
    assert legend_texts(display.ax_) == ["calibrated, 95 % of samples of 60", f"prior: {p}", f"again: {p}"]
    assert len({line.get_color() for line in display.ax_.lines[1:]}) == 2
    assert len(display.ax_.collections) == 1


def test_a_density_has_densest_regions(table):
    X, y = table
    mdn = MDNInverter(2, hidden_layer_sizes=(8,), max_epochs=2, random_state=0).fit(X[:200], y[:200])
    display = CoverageDisplay.from_estimator(mdn, X[200:230], y[200:230], n=5)
    assert display.method == "hpd"
    assert [text.get_text() for text in display.ax_.texts] == ["over-confident"]


def test_several_references_count_designs_once():
    levels = np.array([0.5])
    result = Bunch(
        levels=levels, coverage=levels, credibility=np.full((40, 3), 0.5), p_value=1.0, method="tarp"
    )
    display = CoverageDisplay.from_result(result)
    assert display.n_samples == 40
    assert_allclose(display.upper, binom.ppf(0.975, 40, 0.5) / 40)


def test_a_range_has_no_true_design(prior, table):
    X, y = held_out(table)
    with pytest.raises(TypeError, match="y must hold the responses of X, but is a TargetRange"):
        CoverageDisplay.from_estimator(prior, X, TargetRange(y, y + 1))
