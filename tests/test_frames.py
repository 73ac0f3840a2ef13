import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skinverse
from skinverse import DesignSpace, NearestDesignInverter, NeuralAdjoint, TargetRange, make_resimulation_scorer
from skinverse.datasets import make_ballistics, make_robotic_arm
from skinverse.frames import candidates_to_frame
from skinverse.simulators import Ballistics, RoboticArm

NAMES = ["x0", "y0", "angle", "v0"]


@pytest.fixture(scope="module")
def throws():
    X, y = make_ballistics(300, random_state=0, as_frame=True)
    return NearestDesignInverter(space=DesignSpace.from_simulator(Ballistics())).fit(X, y)


@pytest.fixture
def answer(throws):
    return throws.inverse([5.0, 9.0], 3, return_info=True)


def test_every_number_is_where_it_belongs(throws, answer):
    X, info = answer
    frame = candidates_to_frame(X, info, y_star=[5.0, 9.0], estimator=throws)
    assert frame.index.names == ["target", "candidate"]
    assert list(frame.index) == [(k, j) for k in range(2) for j in range(3)]
    assert list(frame.columns) == [*NAMES, "target_landing", "predicted_landing", "misfit", "feasible"]
    for k, j in np.ndindex(2, 3):
        row = frame.loc[(k, j)]
        assert_allclose(row[NAMES].astype(float), X[k, j])
        assert row["target_landing"] == (5.0, 9.0)[k]
        assert row["predicted_landing"] == info.predicted[k, j, 0]
        assert row["misfit"] == info.misfit[k, j]
        assert row["feasible"] == info.feasible[k, j]
    assert frame["feasible"].dtype == bool
    assert frame.attrs["units"] == {"x0": "m", "y0": "m", "angle": "rad", "v0": "m/s"}


def test_designs_go_back_into_simulator_and_inverter(throws, answer):
    frame = candidates_to_frame(*answer, estimator=throws)
    designs = frame[list(throws.feature_names_in_)]
    assert_allclose(Ballistics()(designs)[:, 0], Ballistics()(answer[0].reshape(6, 4))[:, 0])
    assert_allclose(throws.inverse(frame["predicted_landing"].rename("landing"), 1)[:, 0], designs)


def test_whole_numbers_are_integers_unless_a_design_is_none():
    space = DesignSpace(
        [[0, 1], [1, 9]], names=["width", "n_layers"], integer=["n_layers"], units=["nm", "1"]
    )
    X = np.array([[[0.5, 3.0], [0.2, 4.0]]])
    frame = candidates_to_frame(X, space=space)
    assert frame["n_layers"].tolist() == [3, 4]
    assert frame["n_layers"].dtype == np.int64
    assert candidates_to_frame(X + 0.5, space=space)["n_layers"].tolist() == [3.5, 4.5]
    assert list(candidates_to_frame(X, space=space, units=True).columns) == ["width [nm]", "n_layers"]
    assert candidates_to_frame(X, space=space, units=True).attrs["units"] == {"width [nm]": "nm"}


def test_without_names_variables_and_outputs_are_counted():
    X, y = make_robotic_arm(100, random_state=0)
    inverter = NearestDesignInverter().fit(X, y)
    designs, info = inverter.inverse(y[:3], 2, return_info=True)
    frame = candidates_to_frame(designs, info, y_star=y[:3], estimator=inverter)
    assert list(frame.columns[:8]) == [
        *("x0", "x1", "x2", "x3"),
        *("target_y0", "target_y1", "predicted_y0", "predicted_y1"),
    ]
    assert_array_equal(frame[["target_y0", "target_y1"]], np.repeat(y[:3], 2, axis=0))
    assert_array_equal(frame[["predicted_y0", "predicted_y1"]], info.predicted.reshape(6, 2))
    bare = candidates_to_frame(designs[:, 0], y_star=y[:3])  # one design for each target, nothing else known
    assert bare.shape == (3, 6)
    one = candidates_to_frame(designs[:1], y_star=y[0])  # shape (n_outputs,): one target
    assert one["target_y1"].tolist() == [y[0, 1]] * 2


def test_columns_follow_what_is_known(exact_arm):
    """Arrays over design variables, such as where a candidate started, do not fit into a column."""
    X, y = make_robotic_arm(200, random_state=0)
    inverter = NeuralAdjoint(exact_arm, random_state=0).fit(X, y)
    y_star = np.array([[1.5, np.nan]])
    answer = inverter.inverse(y_star, 4, return_info=True)
    frame = candidates_to_frame(*answer, y_star=y_star, estimator=inverter)
    assert {"misfit", "converged", "feasible", "n_iter", "expected_error"} <= set(frame.columns)
    assert not {"log_prob", "proposal", "at_bound"} & set(frame.columns)
    assert frame["target_y1"].isna().all()
    assert frame["n_iter"].dtype.kind == "i"


def test_ranges_have_two_columns_an_output():
    X = np.zeros((2, 3, 1))
    frame = candidates_to_frame(X, y_star=TargetRange([0.1, 0.2], 1.0))
    assert frame["lower_y"].tolist() == [0.1] * 3 + [0.2] * 3
    assert frame["upper_y"].tolist() == [1.0] * 6
    both = candidates_to_frame(X, y_star=TargetRange(lower=[[0.1, 0.2], [0.3, 0.4]]))
    assert list(both.columns) == ["x0", "lower_y0", "lower_y1"]


def test_through_pipelines_and_searches():
    X, y = make_ballistics(120, random_state=0, as_frame=True)
    pipe = make_pipeline(StandardScaler(), NearestDesignInverter())
    scorer = make_resimulation_scorer(Ballistics())
    search = GridSearchCV(pipe, {"nearestdesigninverter__local_linear": [False]}, scoring=scorer, cv=2).fit(
        X, y
    )
    for estimator in (pipe.fit(X, y), search):
        designs = skinverse.inverse(estimator, [5.0], 2)
        frame = candidates_to_frame(designs, y_star=[5.0], estimator=estimator)
        assert list(frame.columns) == [*NAMES, "target_landing"]
        assert_allclose(frame[NAMES], designs[0])


def test_names_of_targets_that_are_frames():
    y_star = pd.DataFrame({"gap": [1.0], "mass": [2.0]})
    frame = candidates_to_frame(np.zeros((1, 2, 1)), y_star=y_star)
    assert list(frame.columns) == ["x0", "target_gap", "target_mass"]


def test_mistakes(throws, answer):
    X, info = answer
    with pytest.raises(ValueError, match="X must have shape"):
        candidates_to_frame(np.zeros(3))
    with pytest.raises(ValueError, match=r"info holds 'predicted' of shape .* same call of inverse"):
        candidates_to_frame(X[:1], info)
    with pytest.raises(ValueError, match="X has 4 variables, but `space` or `estimator` speaks of 2"):
        candidates_to_frame(X, space=[[0, 1]] * 2)
    with pytest.raises(ValueError, match="speaks of 5"):
        candidates_to_frame(X, space=[[0, 1]] * 5, estimator=throws)
    with pytest.raises(ValueError, match=r"each of the 2 target\(s\) in X, got shape \(3,\)"):
        candidates_to_frame(X, info, y_star=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="Two columns would be named 'misfit'"):
        candidates_to_frame(X, info, space=DesignSpace([[0, 40]] * 4, names=["misfit", "b", "c", "d"]))
    with pytest.raises(ValueError, match="backend must be one of"):
        candidates_to_frame(X, backend="spark")


def test_a_missing_library_is_named(answer, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ImportError, match="pip install polars"):
        candidates_to_frame(*answer, backend="polars")


# ---- polars -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def polars():
    return pytest.importorskip("polars")


@pytest.fixture(scope="module")
def arm(polars):
    X, y = make_robotic_arm(200, random_state=0)
    simulator = RoboticArm()
    return polars.DataFrame(X, list(simulator.input_names)), polars.DataFrame(y, list(simulator.output_names))


def test_fit_on_polars_is_fit_on_arrays_with_names(arm):
    X, y = arm
    named, plain = NearestDesignInverter().fit(X, y), NearestDesignInverter().fit(X.to_numpy(), y.to_numpy())
    assert list(named.feature_names_in_) == list(named.space_.names) == X.columns
    assert list(named.output_names_in_) == y.columns
    designs = named.inverse(y[:4], 3)
    assert designs.dtype == np.float64
    assert_array_equal(designs, plain.inverse(y[:4].to_numpy(), 3))
    assert_array_equal(named.inverse(TargetRange(y[:4], y[:4]), 3), designs)
    with pytest.raises(ValueError, match="column names of y_star must match"):
        named.inverse(y[:4].select(y.columns[::-1]))
    assert_array_equal(RoboticArm()(X), RoboticArm()(X.to_numpy()))


def test_a_polars_series_is_one_output(arm, polars):
    X, y = arm
    inverter = NearestDesignInverter().fit(X.cast(polars.Float32), y["vertical"])
    assert list(inverter.output_names_in_) == ["vertical"]
    assert inverter.inverse(y["vertical"][:4], 2).shape == (4, 2, 4)
    assert inverter.inverse(y["vertical"][:4], 2).dtype == np.float64


def test_gaps_in_polars_are_missing_values(arm, polars):
    X, y = arm
    gaps = X.with_columns(polars.when(polars.col("height") > 0).then(polars.col("height")))
    with pytest.raises(ValueError, match="contains NaN"):
        NearestDesignInverter().fit(gaps, y)


def test_polars_out(arm, polars):
    X, y = arm
    inverter = NearestDesignInverter().fit(X, y)
    answer = inverter.inverse(y[:2], 3, return_info=True)
    frame = candidates_to_frame(*answer, y_star=y[:2], estimator=inverter, backend="polars")
    assert isinstance(frame, polars.DataFrame)
    expected = candidates_to_frame(*answer, y_star=y[:2], estimator=inverter).reset_index()
    assert frame.columns == list(expected.columns)
    assert frame.columns[:3] == ["target", "candidate", "height"]
    assert "target_horizontal" in frame.columns
    for name in frame.columns:
        assert_array_equal(frame[name].to_numpy(), expected[name])
