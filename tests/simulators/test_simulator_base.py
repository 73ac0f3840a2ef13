"""What holds for every simulator."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skinverse.simulators import (
    ArchitectedCell,
    Ballistics,
    CylinderMetamaterial,
    MicrostructureAbsorber,
    MultilayerSphere,
    RoboticArm,
    SineWave,
    SrTiO3TightBinding,
    ThinFilmStack,
)
from skinverse.utils.validation import InvalidParameterError

ALL = [
    SineWave(),
    RoboticArm(),
    RoboticArm("relative"),
    Ballistics(),
    Ballistics("paper", k=0.1),
    ArchitectedCell(4),
    ArchitectedCell(4, output="stiffness", symmetry="p1"),
    SrTiO3TightBinding(),
    CylinderMetamaterial(2, order=1),
    MicrostructureAbsorber(4, order=1),
    ThinFilmStack(grid=[300.0, 600.0, 900.0]),
    MultilayerSphere([(1.5, (10, 50)), (2.0 + 0.1j, (0, 20))], grid=[500.0, 600.0]),
]
pytestmark = pytest.mark.parametrize("simulator", ALL, ids=repr)


def test_description_fits_the_arrays(simulator):
    X = simulator.sample_prior(5, random_state=0)
    y = simulator(X)
    assert X.shape == (5, simulator.n_inputs)
    assert y.shape == (5, simulator.n_outputs)
    assert X.dtype == y.dtype == np.float64
    assert len(simulator.input_names) == len(simulator.input_units) == simulator.n_inputs
    assert len(simulator.output_names) == len(simulator.output_units) == simulator.n_outputs
    assert simulator.bounds.shape == (simulator.n_inputs, 2)
    assert (simulator.bounds[:, 0] < simulator.bounds[:, 1]).all()
    assert simulator.integer.shape == (simulator.n_inputs,)
    assert simulator.integer.all() == isinstance(simulator, MicrostructureAbsorber)


def test_bounds_hold_nearly_all_of_the_prior(simulator):
    X = simulator.sample_prior(5_000, random_state=0)
    inside = ((simulator.bounds[:, 0] <= X) & (simulator.bounds[:, 1] >= X)).all(axis=1)
    assert inside.mean() > 0.9990
    assert np.isfinite(simulator(X[:1000])).all()


def test_changing_the_returned_bounds_changes_nothing(simulator):
    simulator.bounds[:] = 0
    assert (simulator.bounds[:, 0] < simulator.bounds[:, 1]).all()


def test_input_is_not_modified(simulator):
    X = simulator.sample_prior(20, random_state=0)
    before = X.copy()
    X.setflags(write=False)
    simulator(X)
    assert_array_equal(X, before)


def test_lists_frames_and_layouts_give_the_same(simulator):
    X = simulator.sample_prior(20, random_state=0)
    y = simulator(X)
    assert_array_equal(simulator(X.tolist()), y)
    assert_array_equal(simulator(np.asfortranarray(X)), y)
    assert_array_equal(simulator(pd.DataFrame(X)), y)
    assert_array_equal(simulator(pd.DataFrame(X, columns=simulator.input_names)), y)


def test_rows_do_not_depend_on_the_batch(simulator):
    X = simulator.sample_prior(101, random_state=0)
    alone = np.vstack([simulator(X[i : i + 7]) for i in range(0, 101, 7)])
    assert_allclose(alone, simulator(X), rtol=1e-11 if simulator.differentiable else 0)


def test_frame_with_columns_in_another_order_raises(simulator):
    X = pd.DataFrame(simulator.sample_prior(3, random_state=0), columns=simulator.input_names)
    with pytest.raises(ValueError, match="must be in the order"):
        simulator(X[X.columns[::-1]])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_input_raises(simulator, value):
    X = simulator.sample_prior(3, random_state=0)
    X[1, 0] = value
    with pytest.raises(ValueError, match="Input X contains"):
        simulator(X)


def test_wrong_shape_raises(simulator):
    X = simulator.sample_prior(3, random_state=0)
    name = type(simulator).__name__
    with pytest.raises(ValueError, match=f"X has {simulator.n_inputs + 1} features, but {name} is expecting"):
        simulator(np.column_stack([X, X[:, 0]]))
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        simulator(X[0])
    with pytest.raises(ValueError, match="0 sample"):
        simulator(X[:0])
    with pytest.raises(ValueError, match="could not convert string"):
        simulator([["a"] * simulator.n_inputs])


def test_prior_repeats_and_leaves_the_global_generator_alone(simulator):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    X = simulator.sample_prior(10, random_state=3)
    assert_array_equal(X, simulator.sample_prior(10, random_state=3))
    assert_array_equal(X, simulator.sample_prior(10, random_state=np.random.RandomState(3)))
    assert not np.array_equal(X, simulator.sample_prior(10, random_state=4))
    assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("n", [0, -1, 2.5, "3"])
def test_wrong_number_of_draws_raises(simulator, n):
    with pytest.raises((TypeError, ValueError), match="n must be an integer of at least 1"):
        simulator.sample_prior(n)


def test_clone_and_pickle_give_the_same_simulator(simulator):
    X = simulator.sample_prior(10, random_state=0)
    for copy in (clone(simulator), pickle.loads(pickle.dumps(simulator))):
        assert repr(copy) == repr(simulator)
        assert_array_equal(copy(X), simulator(X))


def test_wrong_parameter_raises(simulator):
    for name in sorted(set(simulator.get_params()) - {"device"}):  # which torch judges
        broken = clone(simulator).set_params(**{name: "no such thing"})
        with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of"):
            broken([[1.0] * simulator.n_inputs])
        with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of"):
            broken.sample_prior(3)


def test_a_design_with_an_answer_fails_in_no_way(simulator):
    X = simulator.sample_prior(10, random_state=0)
    assert_array_equal(simulator.failures(X), [""] * 10)
    assert_array_equal(simulator(X, on_failure="raise"), simulator(X))
    with pytest.raises(ValueError, match="on_failure must be 'nan' or 'raise', got 'ignore'"):
        simulator(X, on_failure="ignore")


def test_fidelity_names_parameters(simulator):
    assert set(simulator.fidelity) <= set(simulator.get_params())
    assert simulator.differentiable == hasattr(simulator, "torch_forward")
