"""Simulators written in torch: differentiable, on CPU or GPU, in pieces of bounded size."""

from abc import abstractmethod

import numpy as np
import torch

from skinverse.simulators.base import Simulator
from skinverse.utils.chunks import chunks
from skinverse.utils.devices import resolve_device

# Numbers of float64 held at once, 256 MB.
MAX_VALUES = 2**25


def room(device):
    """How many times as much is worked on at once on a device: 2 GB on a GPU, for which 256 MB are soon done."""
    return 8 if device.type == "cuda" else 1


class DifferentiableSimulator(Simulator):
    """Base class of forward operators that are written in torch.

    A subclass writes ``torch_forward`` and ``_values_per_design`` in place of ``_simulate``, has a constructor
    parameter `device`, and adds ``**DifferentiableSimulator._parameter_constraints`` to its own.
    """

    _parameter_constraints = {"device": [str, torch.device]}

    differentiable = True

    @abstractmethod
    def torch_forward(self, X):
        """Responses of designs, to be differentiated.

        Parameters
        ----------
        X : tensor of float64 of shape (n, n_inputs)
            Designs, which are not checked, on any device. All are worked on at once.

        Returns
        -------
        y : tensor of float64 of shape (n, n_outputs)
        """

    @abstractmethod
    def _values_per_design(self):
        """About how many numbers ``torch_forward`` holds for a design."""

    @torch.no_grad()
    def _simulate(self, X):
        device = resolve_device(self.device)
        y = np.empty((len(X), self.n_outputs))
        for rows in chunks(len(X), room(device) * MAX_VALUES // self._values_per_design()):
            x = torch.tensor(X[rows], dtype=torch.float64, device=device)
            y[rows] = self.torch_forward(x).cpu().numpy()
        return np.where(np.isfinite(y), y, np.nan)
