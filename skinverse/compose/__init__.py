"""Meta-estimators: inverters made of other estimators."""

from skinverse.compose.refined import RefinedInverter
from skinverse.compose.transformed import TransformedDesignInverter

__all__ = ["RefinedInverter", "TransformedDesignInverter"]
