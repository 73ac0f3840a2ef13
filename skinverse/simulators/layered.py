"""What stacks and spheres of layers share: thicknesses go in, a spectrum comes out."""

from typing import ClassVar

import numpy as np
import torch

from skinverse.simulators.differentiable import DifferentiableSimulator
from skinverse.simulators.materials import refractive_index


class LayeredSimulator(DifferentiableSimulator):
    """Base class of layered bodies whose design is the thickness of their layers.

    A subclass sets ``_spectra`` and ``_grid``, writes ``torch_forward`` and ``_values_per_design``, has the
    constructor parameters `layers`, `grid`, `output` and `device`, and adds
    ``**LayeredSimulator._parameter_constraints`` to its own.
    """

    _parameter_constraints: ClassVar[dict] = {
        **DifferentiableSimulator._parameter_constraints,
        "layers": ["array-like"],
        "grid": ["array-like", None],
    }

    # Name of every output as it is asked for, and as it begins the names of the columns.
    _spectra: ClassVar[dict] = {}
    # Wavelengths of the published task, nm.
    _grid = ()

    @property
    def wavelengths(self):
        """Wavelengths of the outputs in vacuum, nm, a fresh array of shape (n_outputs,)."""
        return np.array(self._grid if self.grid is None else self.grid, dtype=np.float64)

    @property
    def input_names(self):
        """``d<number of the layer>`` of the layers with an interval for a thickness."""
        return tuple(f"d{j}" for j, (_, d) in enumerate(self.layers, start=1) if np.ndim(d))

    @property
    def input_units(self):
        """Thicknesses are in nm."""
        return ("nm",) * self.n_inputs

    @property
    def output_names(self):
        """``<symbol>_<wavelength>nm``."""
        return tuple(f"{self._spectra[self.output]}_{w:g}nm" for w in self.wavelengths)

    @property
    def output_units(self):
        """Shares of the incident power and efficiencies have none."""
        return ("1",) * self.n_outputs

    @property
    def n_outputs(self):
        """Number of wavelengths."""
        return len(self.wavelengths)

    @property
    def bounds(self):
        """Interval of every thickness that is a design variable, nm, shape (n_inputs, 2)."""
        return np.array([d for _, d in self.layers if np.ndim(d)], dtype=np.float64)

    def _obstacles(self, X):
        yield "a thickness is negative", (X < 0).any(axis=1)

    def _sample_prior(self, n, rng):
        low, high = self.bounds.T
        return rng.uniform(low, high, size=(n, self.n_inputs))

    def _indices(self):
        """Refractive indices (n_layers, n_wavelengths) of the layers."""
        wavelengths = self.wavelengths
        return np.stack(
            [refractive_index(n, wavelengths, f"layers[{j}][0]") for j, (n, _) in enumerate(self.layers)]
        )

    def _thicknesses(self, X):
        """Thicknesses (n, n_layers) of all layers for designs (n, n_inputs)."""
        free = iter(X.unbind(dim=1))
        return torch.stack(
            [next(free) if np.ndim(d) else X.new_full((len(X),), d) for _, d in self.layers], dim=1
        )

    def _validate_params(self):
        super()._validate_params()
        try:
            wavelengths = self.wavelengths
            fine = (
                wavelengths.ndim == 1
                and wavelengths.size
                and (wavelengths > 0).all()
                and np.isfinite(wavelengths).all()
            )
        except (TypeError, ValueError):
            fine = False
        if not fine:
            raise ValueError(f"grid must be a list of positive wavelengths in nm, got {self.grid!r}.")
        for j, layer in enumerate(self.layers):
            if not _is_layer(layer):
                raise ValueError(
                    f"layers[{j}] must be a pair of a refractive index and a thickness in nm, a number >= 0 "
                    f"or, for a design variable, an interval (low, high) with 0 <= low < high; got {layer!r}."
                )
        if not self.input_names:
            raise ValueError(
                "One of the layers must have an interval (low, high) for its thickness: nothing to design."
            )
        self._indices()


def _is_layer(layer):
    """Whether the second of two entries is a thickness or an interval."""
    try:
        _, thickness = layer
        d = np.asarray(thickness, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return d.shape in ((), (2,)) and np.isfinite(d).all() and (d >= 0).all() and (d.ndim == 0 or d[0] < d[1])
