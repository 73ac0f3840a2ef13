"""Simulators whose designs are square images."""

import numpy as np

from skinverse.simulators.differentiable import DifferentiableSimulator
from skinverse.utils.validation import Integral, Interval


class PixelSimulator(DifferentiableSimulator):
    """Base class of simulators of ``image.ravel()``, pixels between 0 and 1.

    A subclass has the constructor parameters `n_pixels`, pixels of an edge, and `device`.
    """

    _parameter_constraints = {
        **DifferentiableSimulator._parameter_constraints,
        "n_pixels": [Interval(Integral, 2, None, closed="left")],
    }

    @property
    def input_names(self):
        """``pixel_i_j``, row by row."""
        return tuple(f"pixel_{i}_{j}" for i in range(self.n_pixels) for j in range(self.n_pixels))

    @property
    def input_units(self):
        """Pixels have none."""
        return ("1",) * self.n_pixels**2

    @property
    def bounds(self):
        """From 0 to 1, shape (n_pixels**2, 2)."""
        return np.tile([0.0, 1.0], (self.n_inputs, 1))
