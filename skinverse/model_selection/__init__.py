"""Choosing among inverters and their settings: ranges worth searching, and the method for a budget of simulations."""

from skinverse.model_selection.choice import choose_inverter
from skinverse.model_selection.search_spaces import search_space

__all__ = ["choose_inverter", "search_space"]
