"""Judging answers: by simulating them again, by how new and different they are, as draws of p(x | y*)."""

from skinverse.metrics.calibration import expected_coverage, simulation_based_calibration
from skinverse.metrics.diversity import diversity, novelty, spacing
from skinverse.metrics.images import image_quality, two_point_correlation
from skinverse.metrics.modes import mode_recall, solution_components
from skinverse.metrics.r_curve import RCurve, r_curve
from skinverse.metrics.reference import reference_posterior
from skinverse.metrics.resimulation import Resimulation, resimulation_error
from skinverse.metrics.scoring import make_resimulation_scorer, resimulation_score
from skinverse.metrics.two_sample import classifier_two_sample_test, posterior_mmd

__all__ = [
    "RCurve",
    "Resimulation",
    "classifier_two_sample_test",
    "diversity",
    "expected_coverage",
    "image_quality",
    "make_resimulation_scorer",
    "mode_recall",
    "novelty",
    "posterior_mmd",
    "r_curve",
    "reference_posterior",
    "resimulation_error",
    "resimulation_score",
    "simulation_based_calibration",
    "solution_components",
    "spacing",
    "two_point_correlation",
]
