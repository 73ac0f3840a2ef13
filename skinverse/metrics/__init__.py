"""Judging answers: by simulating them again, by how new and how different they are."""

from skinverse.metrics.diversity import novelty, spacing
from skinverse.metrics.r_curve import RCurve, r_curve
from skinverse.metrics.resimulation import Resimulation, resimulation_error
from skinverse.metrics.scoring import make_resimulation_scorer, resimulation_score

__all__ = [
    "RCurve",
    "Resimulation",
    "make_resimulation_scorer",
    "novelty",
    "r_curve",
    "resimulation_error",
    "resimulation_score",
    "spacing",
]
