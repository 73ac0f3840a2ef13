"""Meta-estimators: inverters made of other estimators."""

from skinverse.compose.refined import RefinedInverter

__all__ = ["RefinedInverter"]
