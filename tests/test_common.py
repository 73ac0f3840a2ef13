"""The law, for every inverter: scikit-learn's checks and the contract of inverse."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skinverse.testing import all_inverters, expected_failed_checks, inverter_checks


@parametrize_with_checks(all_inverters(), expected_failed_checks=expected_failed_checks)
def test_sklearn_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("name", "check"), inverter_checks())
@pytest.mark.parametrize("inverter", all_inverters(), ids=repr)
def test_contract_of_inverse(inverter, name, check):
    check(inverter)
