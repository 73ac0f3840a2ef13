"""The law must fail for those who break it."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skinverse import NearestDesignInverter, PriorInverter
from skinverse.testing import check_inverter


class TwoAxes(PriorInverter):
    def inverse(self, *args, **kwargs):
        answer = super().inverse(*args, **kwargs)
        return answer if isinstance(answer, tuple) else answer[:, 0]


class LeavesTheSpace(PriorInverter):
    def _inverse(self, targets, n, space, random_state):
        X, info = super()._inverse(targets, n, space, random_state)
        return X + 10 * (space.width > 0), info


class SetsTheGlobalSeed(PriorInverter):
    def _fit(self, X, y, random_state):
        np.random.seed(0)  # noqa: NPY002
        super()._fit(X, y, random_state)


class RewritesItsParameters(PriorInverter):
    def _fit(self, X, y, random_state):
        self.n_candidates = 7
        super()._fit(X, y, random_state)


class LooksAtItsNeighbours(NearestDesignInverter):
    def _inverse(self, targets, n, space, random_state):
        X, info = super()._inverse(targets, n, space, random_state)
        return space.project(X - X.mean(axis=(0, 1)) + self.designs_[0]), info


class HasAnAbsoluteTolerance(PriorInverter):
    def _inverse(self, targets, n, space, random_state):
        X, parts = super()._inverse(targets, n, space, random_state)
        return space.project(X + 1e-4), parts


class IgnoresNaN(PriorInverter):
    def _inverse(self, targets, n, space, random_state):
        X, _ = super()._inverse(targets, n, space, random_state)
        return X, {"predicted": np.full((*X.shape[:2], self.n_outputs_), np.nan)}


@pytest.mark.parametrize(
    ("broken", "clause"),
    [
        (TwoAxes(), "check_three_axes"),
        (LeavesTheSpace(), "check_designs_are_in_the_space"),
        (SetsTheGlobalSeed(), "check_global_state_untouched"),
        (RewritesItsParameters(), "check_parameters_untouched"),
        (LooksAtItsNeighbours(), "check_targets_are_independent"),
        (HasAnAbsoluteTolerance(), "check_units"),
        (IgnoresNaN(), "check_partial_targets"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
@pytest.mark.filterwarnings("ignore")
def test_broken_inverters_are_caught(broken, clause):
    with pytest.raises(AssertionError, match=clause):
        check_inverter(broken)


def test_seed_of_the_estimator_is_not_spent():
    """Twice the same call on one estimator with a seed."""
    X, y = np.random.RandomState(0).rand(20, 2), np.arange(20.0)
    inverter = PriorInverter(random_state=3).fit(X, y)
    assert_array_equal(inverter.inverse(1.0, 3), inverter.inverse(1.0, 3))
