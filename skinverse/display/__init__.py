"""Pictures: numbers in the constructor, drawing in ``plot``; matplotlib is needed for the latter only.

``from_estimator`` asks a fitted inverter. The other constructors take what is there already: ``from_designs`` designs,
``from_predictions`` responses to them, ``from_resimulation`` and ``from_result`` what metrics and solvers returned.
"""

from skinverse.display.candidates import CandidatesDisplay
from skinverse.display.convergence import ConvergenceDisplay
from skinverse.display.coverage import CoverageDisplay
from skinverse.display.images import ImageGridDisplay
from skinverse.display.r_curve import RCurveDisplay
from skinverse.display.resimulation import ResimulationDisplay
from skinverse.display.spectrum import SpectrumDisplay

__all__ = [
    "CandidatesDisplay",
    "ConvergenceDisplay",
    "CoverageDisplay",
    "ImageGridDisplay",
    "RCurveDisplay",
    "ResimulationDisplay",
    "SpectrumDisplay",
]
