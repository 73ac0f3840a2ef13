"""Units and the order of columns: what no answer may depend on, for the whole posterior family."""

import numpy as np
import pytest
from linear_gaussian import linear_gaussian
from numpy.testing import assert_allclose

from skinverse import (
    AutoregressiveInverter,
    CINNInverter,
    CVAEInverter,
    FlowMatchingInverter,
    INNInverter,
    MDNInverter,
    NearestDesignInverter,
    NeuralAdjoint,
)

QUICK = {"hidden_layer_sizes": (16,), "max_epochs": 8, "random_state": 0}
FAMILY = [
    MDNInverter(3, **QUICK),
    AutoregressiveInverter(8, **QUICK),
    CINNInverter(n_blocks=2, **QUICK),
    CINNInverter("spline", n_blocks=2, **QUICK),
    FlowMatchingInverter(n_steps=4, **QUICK),
    INNInverter(n_blocks=2, **QUICK),
    INNInverter("mmd", n_blocks=2, **QUICK),
    CVAEInverter(**QUICK),
]


@pytest.mark.parametrize("inverter", FAMILY, ids=repr)
def test_units_do_not_matter(inverter):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(600, 2))
    y = X[:, 0] ** 2 + X[:, 1]
    unit, shift = np.array([1e-9, 1e6]), np.array([0.0, 1e8])
    plain = inverter.fit(X, y).inverse(0.5, 50, random_state=1)
    score = inverter.score_samples(X[:20], y[:20]) if hasattr(inverter, "score_samples") else None
    scaled = inverter.fit(X * unit + shift, 1e3 * y - 7)
    # Single precision in training rounds differently.
    assert_allclose((scaled.inverse(1e3 * 0.5 - 7, 50, random_state=1) - shift) / unit, plain, atol=0.02)
    if score is not None:
        again = scaled.score_samples(X[:20] * unit + shift, 1e3 * y[:20] - 7) + np.log(unit).sum()
        assert np.median(np.abs(again - score)) < 0.02


@pytest.mark.parametrize(
    "inverter",
    [
        MDNInverter(2, hidden_layer_sizes=(32,), max_epochs=60, random_state=0),
        AutoregressiveInverter(32, hidden_layer_sizes=(64, 64), max_epochs=60, random_state=0),
        CINNInverter(n_blocks=4, hidden_layer_sizes=(32,), max_epochs=60, lr=3e-3, random_state=0),
        FlowMatchingInverter((64, 64), max_epochs=100, lr=3e-3, random_state=0),
    ],
    ids=lambda inverter: type(inverter).__name__,
)
def test_the_order_of_columns_does_not_matter(inverter):
    """Networks see their inputs in another order, so answers agree in law and not number by number."""
    problem = linear_gaussian(4000)
    X, y = problem.X, problem.y
    y_star = np.array([-1.0, 1.0])
    for columns in ([0, 1], [1, 0]):
        draws = inverter.fit(X[:, columns], y).inverse(y_star, 4000, random_state=1)[..., np.argsort(columns)]
        # Columns mixed up would be off by one and more.
        assert_allclose(draws.mean(axis=1), y_star[:, None] * problem.gain, atol=0.3)
        for of_target in draws:
            assert_allclose(np.cov(of_target.T), problem.covariance, atol=0.4)


@pytest.mark.parametrize(
    "inverter", [*FAMILY, NearestDesignInverter(), NeuralAdjoint(random_state=0)], ids=repr
)
def test_the_value_of_a_constant_output_does_not_matter(inverter):
    """The mean of many 0.1 is not 0.1, and its standard deviation not 0: its scale is one all the same."""
    X = np.random.RandomState(0).normal(size=(100, 2))

    def answers(constant):
        y = np.column_stack([X[:, 0] ** 2 + X[:, 1], np.full(len(X), constant)])
        fitted = inverter.fit(X, y)
        assert fitted.y_scale_[1] == 1
        designs, info = fitted.inverse([[0.5, constant]], 20, random_state=1, return_info=True)
        return designs, np.zeros(1) if info.log_prob is None else info.log_prob

    for found, expected in zip(answers(0.1), answers(0.5), strict=True):
        assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize(
    "settings", [{}, {"start": "sampler", "select": "diverse"}, {"anchor": False}], ids=repr
)
def test_the_other_targets_do_not_matter_to_a_search_through_a_gaussian_process(settings, n_outputs):
    """A plane is so easy that all candidates are exact: what is left to rank them by is rounding."""
    X = np.random.RandomState(0).uniform(size=(120, 4))
    y = X @ np.array([[1, 2, 3, 4.0], [1, -1, 1, -1]])[:n_outputs].T
    inverter = NeuralAdjoint(random_state=0, **settings).fit(X, y)
    targets = y[:6] + 0.01
    together = inverter.inverse(targets, 3)
    for target, designs in zip(targets, together, strict=True):
        assert_allclose(inverter.inverse(target[None], 3)[0], designs, atol=1e-9)
