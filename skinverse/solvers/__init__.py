"""Solvers refine candidates through a forward model; selections choose among them."""

from skinverse.solvers.base import SolverResult
from skinverse.solvers.gradient import GradientSolver
from skinverse.solvers.levenberg_marquardt import LevenbergMarquardtSolver
from skinverse.solvers.selection import best_of, diverse_best_of

__all__ = ["GradientSolver", "LevenbergMarquardtSolver", "SolverResult", "best_of", "diverse_best_of"]
