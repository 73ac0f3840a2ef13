"""Pictures: numbers in the constructor, drawing in ``plot``; matplotlib is needed for the latter only."""

from skinverse.display.candidates import CandidatesDisplay
from skinverse.display.convergence import ConvergenceDisplay
from skinverse.display.r_curve import RCurveDisplay
from skinverse.display.resimulation import ResimulationDisplay

__all__ = ["CandidatesDisplay", "ConvergenceDisplay", "RCurveDisplay", "ResimulationDisplay"]
