"""Forward operators: the true laws behind the inverse-design tasks, with priors, bounds and units."""

from skinverse.simulators.architected_cell import ArchitectedCell
from skinverse.simulators.ballistics import Ballistics
from skinverse.simulators.base import Simulator
from skinverse.simulators.cylinder_metamaterial import CylinderMetamaterial
from skinverse.simulators.differentiable import DifferentiableSimulator
from skinverse.simulators.microstructure_absorber import MicrostructureAbsorber
from skinverse.simulators.multilayer_sphere import MultilayerSphere
from skinverse.simulators.neural import NeuralSimulator
from skinverse.simulators.robotic_arm import RoboticArm
from skinverse.simulators.sine_wave import SineWave
from skinverse.simulators.strontium_titanate import SrTiO3TightBinding
from skinverse.simulators.thin_film_stack import ThinFilmStack

__all__ = [
    "ArchitectedCell",
    "Ballistics",
    "CylinderMetamaterial",
    "DifferentiableSimulator",
    "MicrostructureAbsorber",
    "MultilayerSphere",
    "NeuralSimulator",
    "RoboticArm",
    "Simulator",
    "SineWave",
    "SrTiO3TightBinding",
    "ThinFilmStack",
]
