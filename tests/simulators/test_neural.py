"""A regressor in the place of a simulator."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor

from skinverse.simulators import Ballistics, RoboticArm, SineWave
from skinverse.simulators.base import Simulator
from skinverse.simulators.neural import NeuralSimulator
from skinverse.utils.validation import InvalidParameterError


class Lens(Simulator):
    """Image distance and magnification of a thin lens; some prior designs have no image."""

    input_names, input_units = ("distance", "focal"), ("m", "m")
    output_names, output_units = ("image", "magnification"), ("m", "1")

    @property
    def bounds(self):
        return np.array([[1.0, 3.0], [0.2, 0.8]])

    def _simulate(self, X):
        distance, focal = X.T
        image = 1 / (1 / focal - 1 / distance)
        image[distance < 1.1] = np.nan  # fails on its way
        return np.column_stack([image, image / distance])

    def _obstacles(self, X):
        yield "the object is nearer than the focus", X[:, 0] <= X[:, 1]

    def _sample_prior(self, n, rng):
        return np.column_stack([rng.uniform(0.5, 3.0, n), rng.uniform(0.2, 0.8, n)])


class Recorder(RegressorMixin, BaseEstimator):
    """Predicts the mean, and remembers what it was fitted to."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.X_, self.y_ = X, y
        return self

    def predict(self, X):
        return np.broadcast_to(self.y_.mean(axis=0), (len(X), *self.y_.shape[1:]))


def test_description_and_prior_are_the_simulators():
    proxy, lens = NeuralSimulator(Lens(), Recorder()), Lens()
    for name in ("input_names", "input_units", "output_names", "output_units", "n_inputs", "n_outputs"):
        assert getattr(proxy, name) == getattr(lens, name)
    assert_array_equal(proxy.bounds, lens.bounds)
    assert_array_equal(proxy.integer, lens.integer)
    assert_array_equal(proxy.sample_prior(5, random_state=1), lens.sample_prior(5, random_state=1))


def test_linear_law_is_learnt_exactly():
    class Mix(Lens):
        def _simulate(self, X):
            return X @ np.array([[1.0, 2.0], [-3.0, 0.5]]) + 4

        def _obstacles(self, X):
            return ()

    proxy = NeuralSimulator(Mix(), LinearRegression(), n_samples=50, random_state=0).fit()
    X = Mix().sample_prior(20, random_state=9)
    assert_allclose(proxy(X), Mix()(X), atol=1e-12)
    assert_allclose(proxy.held_out_rmse_, [0, 0], atol=1e-12)


def test_held_out_error_predicts_the_error_on_fresh_designs():
    proxy = NeuralSimulator(RoboticArm(), KNeighborsRegressor(), n_samples=5000, random_state=0).fit()
    X = RoboticArm().sample_prior(5000, random_state=1)
    squares = (proxy(X) - RoboticArm()(X)) ** 2
    assert_allclose(proxy.held_out_rmse_, np.sqrt(squares.mean(axis=0)), rtol=0.15)
    assert_allclose(proxy.held_out_rmse_overall_, np.sqrt(np.mean(proxy.held_out_rmse_**2)))


def test_held_out_and_failed_designs_are_not_seen():
    proxy = NeuralSimulator(Lens(), Recorder(), n_samples=400, held_out=0.25, random_state=3).fit()
    X = Lens().sample_prior(400, random_state=3)
    y = Lens()(X)
    answered = ~np.isnan(y).any(axis=1)
    assert answered.sum() < 350
    n_train = answered.sum() - round(0.25 * answered.sum())
    assert_array_equal(proxy.regressor_.X_, X[answered][:n_train])
    error = y[answered][:n_train].mean(axis=0) - y[answered][n_train:]
    assert_allclose(proxy.held_out_rmse_, np.sqrt((error**2).mean(axis=0)))


def test_obstacles_stay_nan_with_the_simulators_reason():
    proxy = NeuralSimulator(Lens(), Recorder(), n_samples=100, random_state=0).fit()
    y = proxy([[2.0, 0.5], [0.3, 0.5], [2.5, 0.5]])
    assert_array_equal(np.isnan(y).any(axis=1), [False, True, False])
    assert_array_equal(proxy.failures([[2.0, 0.5], [0.3, 0.5]]), ["", "the object is nearer than the focus"])
    with pytest.raises(ValueError, match="NeuralSimulator cannot answer 1 of 1 designs"):
        proxy([[0.3, 0.5]], on_failure="raise")


def test_single_output_is_given_flat_and_returned_as_a_column():
    proxy = NeuralSimulator(SineWave(), Recorder(), n_samples=20, random_state=0).fit()
    assert proxy.regressor_.y_.shape == (18,)
    assert proxy([[0.0, 0.0], [1.0, 1.0]]).shape == (2, 1)


def test_before_fit_it_says_so():
    proxy = NeuralSimulator(Lens(), Recorder())
    for method in (proxy, proxy.failures):
        with pytest.raises(NotFittedError, match="NeuralSimulator instance is not fitted yet"):
            method([[0.3, 0.5]])


def test_same_seed_same_network():
    X = Ballistics().sample_prior(5, random_state=0)
    net = MLPRegressor(hidden_layer_sizes=(8,), max_iter=20, tol=1.0)
    a = NeuralSimulator(Ballistics(), net, n_samples=200, random_state=0).fit()
    b = clone(a).fit()
    assert_array_equal(a(X), b(X))
    assert_array_equal(a(X), pickle.loads(pickle.dumps(a))(X))
    assert net.random_state is None
    assert not np.array_equal(a(X), clone(a).set_params(random_state=1).fit()(X))
    assert (
        Recorder(7).random_state
        == NeuralSimulator(Lens(), Recorder(7), n_samples=50).fit().regressor_.random_state
    )


def test_a_simulator_without_answers_raises():
    class Blind(Lens):
        def _obstacles(self, X):
            yield "always", np.ones(len(X), dtype=bool)

    with pytest.raises(ValueError, match="Blind answers 0 of 30 designs"):
        NeuralSimulator(Blind(), Recorder(), n_samples=30).fit()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("simulator", LinearRegression()),
        ("regressor", 3),
        ("n_samples", 1),
        ("held_out", 0.0),
        ("random_state", "a"),
    ],
)
def test_wrong_parameter_raises(name, value):
    proxy = NeuralSimulator(Lens(), Recorder()).set_params(**{name: value})
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of NeuralSimulator"):
        proxy.fit()
