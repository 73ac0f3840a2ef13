import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skinverse import DesignSpace, NearestDesignInverter
from skinverse.samplers import LHSSampler
from skinverse.simulators import Ballistics
from skinverse.spaces import check_space

BOX = [[0.0, 2.0], [-1.0, 1.0], [1.0, 4.5]]
NAMED = DesignSpace(BOX, names=["a", "b", "n"], units=["mm", "", ""], integer=["n"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"bounds": [[1, 0]]}, "lower bound of x0 is above"),
        ({"bounds": [[0, np.inf]]}, "finite"),
        ({"bounds": [0, 1]}, r"\(n_features, 2\)"),
        ({"bounds": np.empty((0, 2))}, r"\(n_features, 2\)"),
        ({"bounds": [[0.2, 0.8]], "integer": [0]}, "no whole number"),
        ({"bounds": BOX, "names": ["a", "b"]}, "names must have one entry"),
        ({"bounds": BOX, "names": ["a", "a", "b"]}, "differ"),
        ({"bounds": BOX, "integer": [True, False]}, "mask"),
        ({"bounds": BOX, "integer": ["n"]}, r"known are \['x0', 'x1', 'x2'\]"),
        ({"bounds": BOX, "fixed": {0: 3.0}}, "outside its bounds"),
        ({"bounds": BOX, "fixed": {0: np.nan}}, "finite number"),
        ({"bounds": BOX, "fixed": {3: 0.0}}, "below 3"),
        ({"bounds": BOX, "names": ["a", "b", "n"], "fixed": {"c": 0.0}}, "'c'"),
        ({"bounds": BOX, "integer": [2], "fixed": {2: 2.5}}, "integer variable"),
    ],
)
def test_contradictions_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        DesignSpace(**params)


def test_integer_bounds_are_the_whole_numbers_inside():
    assert_array_equal(NAMED.bounds, [[0, 2], [-1, 1], [1, 4]])


def test_project_is_the_nearest_allowed_design():
    """Against brute force over a fine set of allowed designs."""
    axis = np.linspace(-1, 1, 21)
    allowed = np.array([(a, b, n) for a in np.linspace(0, 2, 21) for b in axis for n in (1.0, 2.0, 3.0, 4.0)])
    assert NAMED.contains(allowed).all()
    rng = np.random.RandomState(0)
    for x in rng.uniform(-3, 6, size=(50, 3)).round(1):
        nearest = np.abs(allowed - x).sum(axis=1).min()
        projected = NAMED.project(x)
        assert NAMED.contains(projected)
        assert np.abs(projected - x).sum() <= nearest + 1e-12


def test_sample_gives_whole_numbers_equal_shares():
    X = NAMED.sample(4000, sampler=LHSSampler(), random_state=0)
    assert NAMED.contains(X).all()
    values, counts = np.unique(X[:, 2], return_counts=True)
    assert_array_equal(values, [1, 2, 3, 4])
    assert_array_equal(counts, 1000)
    assert_allclose(X[:, 0].mean(), 1.0, atol=0.01)


def test_ends_of_the_cube_are_inside():
    assert NAMED.contains(NAMED.from_cube(np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]))).all()


def test_fixing_makes_a_copy():
    fixed = NAMED.with_fixed({"a": 0.5, 2: 3})
    assert_array_equal(fixed.sample(5, random_state=0)[:, [0, 2]], [[0.5, 3.0]] * 5)
    assert NAMED.width[0] == 2
    assert fixed != NAMED
    assert fixed.with_fixed({}) == fixed


def test_from_data_and_from_simulator():
    frame = pd.DataFrame({"a": [0.0, 1.0], "b": [5.0, 3.0]})
    space = DesignSpace.from_data(frame)
    assert space.names == ("a", "b")
    assert_array_equal(space.bounds, [[0, 1], [3, 5]])
    space = DesignSpace.from_simulator(Ballistics())
    assert_array_equal(space.bounds, Ballistics().bounds)
    assert list(space.names) == list(Ballistics().input_names)


def test_unit_box_round_trip():
    space = DesignSpace([[0, 2], [3, 3]])
    X = np.array([[0.5, 3.0], [2.0, 3.0]])
    assert_array_equal(space.to_unit(X), [[0.25, 0], [1, 0]])
    assert_array_equal(space.from_cube(space.to_unit(X)), X)


def test_repr_reads_like_the_space():
    assert repr(NAMED) == "DesignSpace(a [mm] in [0, 2], b in [-1, 1], n integer in [1, 4])"


def test_space_must_fit_the_table():
    X = np.zeros((3, 2))
    with pytest.raises(ValueError, match="3 variables, but X has 2"):
        check_space(BOX, X)
    with pytest.raises(ValueError, match="differ from the columns"):
        check_space(NAMED, np.zeros((3, 3)), ["a", "n", "b"])
    assert check_space(None, np.array([[0.0], [1.0]]), ["a"]).names == ("a",)


def test_wrong_width_of_designs():
    with pytest.raises(ValueError, match="3 values"):
        NAMED.contains([[0.0, 1.0]])


def test_a_dict_names_the_variables():
    space = DesignSpace({"width": (0, 1), "n_layers": (2, 6)}, integer="n_layers")
    assert space == DesignSpace([[0, 1], [2, 6]], names=["width", "n_layers"], integer=[1])


def test_of_data_with_whole_numbers_and_fixed_values():
    X = pd.DataFrame({"a": [0.5, 1.0], "m": [1, 4]})
    space = DesignSpace.from_data(X, integer=["m"], fixed={"a": 0.75})
    assert space == DesignSpace([[0.75, 0.75], [1, 4]], names=["a", "m"], integer=["m"])


def test_designs_in_a_frame_have_the_names_of_the_space():
    space = DesignSpace({"a": (0, 1), "b": (5, 6)})
    X = pd.DataFrame({"a": [0.5], "b": [5.5]})
    assert space.contains(X).all()
    for call in (space.contains, space.project):
        with pytest.raises(ValueError, match="seen in the space"):
            call(X[["b", "a"]])


def test_a_space_without_names_takes_those_of_the_table():
    X = pd.DataFrame(np.random.RandomState(0).randint(0, 5, (40, 2)).astype(float), columns=["a", "m"])
    inverter = NearestDesignInverter(space=DesignSpace([[0, 4]] * 2, integer=[1])).fit(X, X.sum(axis=1))
    assert inverter.space_.names == ("a", "m")
    assert (inverter.inverse(4.0, 3, fixed={"m": 2})[..., 1] == 2).all()


def test_fixed_is_a_dict():
    with pytest.raises(TypeError, match="fixed must be a dict"):
        DesignSpace([[0, 1]], names=["a"]).with_fixed([("a", 0.5)])


def test_variables_without_names_are_called_as_messages_call_them():
    space = DesignSpace(BOX, integer=["x2"])
    assert space.integer.tolist() == [False, False, True]
    assert_array_equal(space.with_fixed({"x1": 0.5}).bounds, space.with_fixed({1: 0.5}).bounds)
    with pytest.raises(ValueError, match="no variable 'x1'"):
        NAMED.index("x1")
