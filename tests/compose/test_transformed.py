import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from skinverse import (
    DesignSpace,
    INNInverter,
    MDNInverter,
    NearestDesignInverter,
    NeuralAdjoint,
    PriorInverter,
    TargetRange,
    TransformedDesignInverter,
    make_resimulation_scorer,
)
from skinverse.datasets import make_architected_cells, make_robotic_arm, make_sine_wave
from skinverse.simulators import ArchitectedCell, RoboticArm, SineWave
from skinverse.surrogate import ForwardRegressor


def test_a_bijection_changes_nothing():
    """Lookup does not depend on the units of designs."""
    X, y = make_robotic_arm(300, random_state=0)
    plain = NearestDesignInverter().fit(X, y)
    scaled = TransformedDesignInverter(NearestDesignInverter(), StandardScaler()).fit(X, y)
    targets = make_robotic_arm(5, random_state=1)[1]
    assert_allclose(scaled.inverse(targets, 7), plain.inverse(targets, 7), atol=1e-12)
    _, info = scaled.inverse(targets, 7, return_info=True)
    assert not info.projected.any()
    assert_allclose(
        info.transformed, (plain.inverse(targets, 7) - X.mean(axis=0)) / X.std(axis=0), atol=1e-12
    )


def test_responses_are_transformed_and_brought_back():
    X, y = make_sine_wave(800, random_state=0)
    logarithm = FunctionTransformer(np.log, np.exp, check_inverse=False)
    small = ForwardRegressor((12, 12), max_epochs=60)
    inverter = TransformedDesignInverter(NeuralAdjoint(small), MinMaxScaler(), logarithm, random_state=0)
    inverter.fit(X, y + 3)
    designs, info = inverter.inverse([2.5, 4.0], n=4, return_info=True)
    assert_allclose(SineWave()(designs.reshape(-1, 2)) + 3, np.repeat([[2.5], [4.0]], 4, axis=0), atol=0.1)
    assert_allclose(info.predicted[..., 0], [[2.5] * 4, [4.0] * 4], atol=1e-3)
    assert info.log_prob is None
    with pytest.raises(ValueError, match="needs one value for every output"):
        inverter.inverse(TargetRange(lower=2.5))
    free = TransformedDesignInverter(NeuralAdjoint(small), MinMaxScaler(), random_state=0).fit(X, y)
    assert (SineWave()(free.inverse(TargetRange(lower=1.5), n=3)[0]) > 1.4).all()


def test_predict_is_that_of_the_inverter_within():
    X, y = make_sine_wave(400, random_state=0)
    inn = INNInverter(n_blocks=2, hidden_layer_sizes=(16,), max_epochs=20)
    inverter = TransformedDesignInverter(inn, MinMaxScaler(), StandardScaler(), random_state=0).fit(X, y)
    inside = inverter.inverter_.predict(MinMaxScaler().fit(X).transform(X[:5]))
    assert_allclose(inverter.predict(X[:5]), inside.ravel() * y.std() + y.mean(), rtol=1e-6)
    assert inverter.predict(X[:5]).shape == (5,)
    designs, info = inverter.inverse(y[:3], 4, return_info=True)
    assert_allclose(info.predicted[1, :, 0], inverter.predict(designs[1]))
    assert not hasattr(TransformedDesignInverter(PriorInverter(), MinMaxScaler()), "predict")


def test_pca_mdn_on_pixel_cells_beats_cells_at_random():
    X, y = make_architected_cells(1500, n_pixels=8, optimized_share=0, random_state=0)
    simulator = ArchitectedCell(8)
    space = DesignSpace.from_simulator(simulator)
    space = DesignSpace(space.bounds, integer=[True] * 64)
    mdn = MDNInverter(5, hidden_layer_sizes=(64,), max_epochs=60)
    pca_mdn = TransformedDesignInverter(mdn, PCA(9), space=space, random_state=0).fit(X, y)
    targets = np.quantile(y, [0.2, 0.5, 0.8])
    designs, info = pca_mdn.inverse(targets, 40, return_info=True)
    assert set(np.unique(designs)) == {0.0, 1.0}
    assert info.projected.all()  # no sum of nine components is black and white
    assert info.transformed.shape == (3, 40, 9)
    error = np.abs(simulator(designs.reshape(-1, 64)).reshape(3, 40) - targets[:, None]).mean()
    at_random = np.abs(y - targets[:, None]).mean()
    assert error < 0.85 * at_random


def test_fixed_variables_and_bounds_speak_of_the_users_designs():
    X, y = make_robotic_arm(500, random_state=0)
    mdn = MDNInverter(3, hidden_layer_sizes=(16,), max_epochs=20)
    inverter = TransformedDesignInverter(
        mdn, make_pipeline(StandardScaler(), PCA(3)), space=[[-0.1, 0.1]] + [[-3, 3]] * 3, random_state=0
    ).fit(X, y)
    designs = inverter.inverse(y[:3], 20, fixed={1: 0.25})
    assert (designs[..., 1] == 0.25).all()
    assert (np.abs(designs[..., 0]) <= 0.1).all()


def test_parts_are_searched_over_and_seeded():
    X, y = make_robotic_arm(300, random_state=0)
    mdn = MDNInverter(2, hidden_layer_sizes=(8,), max_epochs=5)
    inverter = TransformedDesignInverter(mdn, PCA(3, svd_solver="randomized"), random_state=0)
    search = GridSearchCV(
        inverter,
        {"design_transformer__n_components": [2, 4], "inverter__n_components": [1, 3]},
        scoring=make_resimulation_scorer(RoboticArm(), n=2),
        cv=2,
    ).fit(X, y)
    assert set(search.best_params_) == {"design_transformer__n_components", "inverter__n_components"}
    first, again = (inverter.fit(X, y).inverse(y[:3], 5) for _ in range(2))
    assert_array_equal(first, again)
    assert inverter.inverter_.random_state is not None
    assert inverter.design_transformer_.random_state is not None
    assert inverter.inverter.random_state is None


def test_a_transformer_without_a_way_back():
    from sklearn.preprocessing import Normalizer

    X, y = make_sine_wave(50, random_state=0)
    with pytest.raises(ValueError, match="The 'design_transformer' parameter of TransformedDesignInverter"):
        TransformedDesignInverter(NearestDesignInverter(), Normalizer()).fit(X, y)


def test_a_transformer_that_answers_in_sparse_matrices():
    X, y = np.argwhere(np.ones((3, 4))), np.arange(12.0)
    with pytest.raises(TypeError, match="design_transformer"):
        TransformedDesignInverter(NearestDesignInverter(), OneHotEncoder()).fit(X, y)
    dense = TransformedDesignInverter(NearestDesignInverter(), OneHotEncoder(sparse_output=False)).fit(X, y)
    assert_array_equal(dense.inverse(y, 1)[:, 0], X)
