import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from skinverse import DesignSpace, ForwardRegressor, PriorInverter
from skinverse.datasets import make_sine_wave
from skinverse.samplers import SobolSampler


def test_fills_the_space():
    X, y = make_sine_wave(100, random_state=0)
    space = DesignSpace([[0, 2], [-1, 0]])
    draws = PriorInverter(sampler=SobolSampler(), space=space).fit(X, y).inverse(0.5, 1024, random_state=0)[0]
    assert_allclose(draws.mean(axis=0), [1, -0.5], atol=0.01)
    assert space.contains(draws).all()


def test_redraws_rows_of_the_data():
    X, y = make_sine_wave(100, random_state=0)
    draws = PriorInverter("data", random_state=0).fit(X, y).inverse([0.5, 1.0], 50)
    assert {tuple(row) for row in draws[0]} <= {tuple(row) for row in X}
    assert_array_equal(draws[0], draws[1])


def test_forward_model_ranks(exact_sine):
    X, y = make_sine_wave(100, random_state=0)
    inverter = PriorInverter(forward_model=exact_sine, n_candidates=5000, random_state=0).fit(X, y)
    _, info = inverter.inverse([0.5, -1.0], 20, return_info=True)
    assert (np.diff(info.misfit, axis=1) >= 0).all()
    assert info.misfit.max() < 1e-3


def test_the_seed_governs_the_forward_model():
    X, y = make_sine_wave(100, random_state=0)
    ranked = PriorInverter(
        forward_model=ForwardRegressor((8,), max_epochs=5), n_candidates=50, random_state=0
    )
    first, again = (ranked.fit(X, y).inverse(0.5, 3) for _ in range(2))
    assert_array_equal(first, again)
