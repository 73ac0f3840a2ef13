"""The law of ``inverse``, for every inverter here and for those of third parties."""

from skinverse.testing.checks import check_inverter, inverter_checks
from skinverse.testing.instances import all_inverters, expected_failed_checks

__all__ = ["all_inverters", "check_inverter", "expected_failed_checks", "inverter_checks"]
