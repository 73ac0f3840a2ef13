from numpy.random import RandomState
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline

from skinverse.utils.seeding import seeded_clone


def test_what_takes_a_seed_and_has_none_gets_one():
    model = make_pipeline(PCA(1), BaggingRegressor(MLPRegressor()))
    seeded = seeded_clone(model, RandomState(0)).get_params()
    assert isinstance(seeded["pca__random_state"], int)
    assert isinstance(seeded["baggingregressor__random_state"], int)
    assert seeded["baggingregressor__estimator__random_state"] is None  # its holder's seed governs it
    assert model.get_params()["pca__random_state"] is None
    assert seeded_clone(PCA(random_state=3), RandomState(0)).random_state == 3
