"""Forward operators: the true laws behind the inverse-design tasks, with priors, bounds and units."""

from skinverse.simulators.architected_cell import ArchitectedCell
from skinverse.simulators.ballistics import Ballistics
from skinverse.simulators.base import Simulator
from skinverse.simulators.differentiable import DifferentiableSimulator
from skinverse.simulators.robotic_arm import RoboticArm
from skinverse.simulators.sine_wave import SineWave
from skinverse.simulators.strontium_titanate import SrTiO3TightBinding

__all__ = [
    "ArchitectedCell",
    "Ballistics",
    "DifferentiableSimulator",
    "RoboticArm",
    "Simulator",
    "SineWave",
    "SrTiO3TightBinding",
]
