import numpy as np
import pytest
import torch
from sklearn.base import clone

from skinverse import ForwardRegressor, MDNInverter
from skinverse.datasets import make_sine_wave
from skinverse.testing import all_inverters
from skinverse.utils.validation import one_for_each_variable

NETWORKS = [
    inverter for inverter in all_inverters() if "hidden_layer_sizes" in inverter.get_params(deep=False)
]


def fitted(estimator, **params):
    X, y = make_sine_wave(40, random_state=0)
    return clone(estimator).set_params(max_epochs=2, random_state=0, **params).fit(X, y)


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
@pytest.mark.parametrize("widths", [0, (8, 0), (3.5,), (8, -1), ("8",)])
def test_layers_that_cannot_be(network, widths):
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        fitted(network, hidden_layer_sizes=widths)


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
def test_a_number_is_one_layer(network):
    one, layers = (
        fitted(network, hidden_layer_sizes=widths).inverse([0.5], 3) for widths in (8, np.array([8]))
    )
    np.testing.assert_array_equal(one, layers)
    assert fitted(network, hidden_layer_sizes=()).inverse([0.5], 3).shape == (1, 3, 2)


def test_densely_connected_network_without_hidden_layers():
    linear, dense = (fitted(MDNInverter(), hidden_layer_sizes=(), dense=dense) for dense in (False, True))
    np.testing.assert_array_equal(linear.inverse([0.5], 3), dense.inverse([0.5], 3))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "abacus"])
def test_device_that_is_not_there(device):
    for estimator in (ForwardRegressor(), MDNInverter()):
        with pytest.raises(ValueError, match=rf"device='{device}' is not available here .*device='cpu'"):
            fitted(estimator, device=device)


def test_one_number_or_one_for_each_variable():
    np.testing.assert_array_equal(one_for_each_variable(2, "rate", 3), [2.0, 2.0, 2.0])
    np.testing.assert_array_equal(one_for_each_variable([0, 1], "rate", 2, zero=True), [0.0, 1.0])
    for value in (0, [1.0], [1.0, np.nan], [[1.0, 1.0]], -1, "a"):
        with pytest.raises(ValueError, match="rate must"):
            one_for_each_variable(value, "rate", 2)
