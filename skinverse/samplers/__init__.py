"""Designs of experiments: samplers fill the unit cube, maps take it to where points are wanted."""

from skinverse.samplers.base import BaseSampler, RandomSampler
from skinverse.samplers.lhs import LHSSampler
from skinverse.samplers.maps import cube_to_box, cube_to_normal
from skinverse.samplers.qmc import HaltonSampler, SobolSampler

__all__ = [
    "BaseSampler",
    "HaltonSampler",
    "LHSSampler",
    "RandomSampler",
    "SobolSampler",
    "cube_to_box",
    "cube_to_normal",
]
