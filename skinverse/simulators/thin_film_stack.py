"""The stack task: films of graphene and silicon nitride and the light that they absorb."""

from numbers import Complex
from typing import ClassVar

import numpy as np
import torch

from skinverse.simulators.layered import LayeredSimulator
from skinverse.simulators.materials import MATERIALS, refractive_index
from skinverse.utils.validation import Interval, Real, StrOptions

_MEDIUM = [Complex, "array-like", StrOptions(set(MATERIALS))]
# Arrays of real numbers, each for the whole spectrum, that the recursion holds.
_WORK = 40
# Least refractive index times cosine.
_GRAZING = 1e-9


class ThinFilmStack(LayeredSimulator):
    r"""Absorptance, reflectance or transmittance of a stack of plane films, exactly.

    A plane wave comes out of the entrance medium 0 onto films :math:`1 \dots L` on the exit medium :math:`L + 1`,
    all of refractive index :math:`N_j = n_j + i k_j`. With the wave number across the films and the admittance

    .. math::
        q_j = \sqrt{N_j^2 - N_0^2 \sin^2\theta}, \qquad
        \eta_j = q_j \ (\text{s}), \quad N_j^2 / q_j \ (\text{p}),

    tangential fields have at interface *j*, between the media *j* and *j + 1*, the coefficients of Fresnel

    .. math::
        \rho_j = \frac{\eta_j - \eta_{j+1}}{\eta_j + \eta_{j+1}}, \qquad
        \tau_j = \frac{2\eta_j}{\eta_j + \eta_{j+1}}.

    Films are added one by one, from the exit on [1]_: with :math:`\phi_j = e^{2\pi i q_j d_j/\lambda}`, the
    amplitudes seen from the medium before film *j* are

    .. math::
        r_{j-1} = \frac{\rho_{j-1} + r_j \phi_j^2}{1 + \rho_{j-1} r_j \phi_j^2}, \qquad
        t_{j-1} = \frac{\tau_{j-1} \phi_j t_j}{1 + \rho_{j-1} r_j \phi_j^2},

    from :math:`r_L = \rho_L, t_L = \tau_L` to :math:`R = |r_0|^2`,
    :math:`T = |t_0|^2 \operatorname{Re}\eta_{L+1} / \operatorname{Re}\eta_0` and :math:`A = 1 - R - T`.

    Parameters
    ----------
    layers : sequence of pairs (index, thickness), default=((3.3065 + 3.1526j, 0.35), (2.0, (5.0, 50.0))) * 5
        Films, the one that light meets first in front. An index is a number :math:`n + ik`, one number for each
        wavelength, or a name, see :func:`~skinverse.simulators.materials.refractive_index`. A thickness in nm is a
        number, or the interval (low, high) of a design variable.
    entrance, exit : complex, array-like or str, default=1.46, 1.0
        Refractive indices of the media around the stack, given as in `layers`. The entrance must not absorb.
    grid : array-like of shape (n_wavelengths,), default=None
        Wavelengths in vacuum, nm. None takes the 256 Chebyshev points of the published task, 240 to 2000 nm.
    output : {"absorptance", "reflectance", "transmittance"}, default="absorptance"
        Share of the incident power that is lost in the films, comes back, or passes on into the exit medium.
    angle : float, default=0.0
        Angle of incidence in the entrance medium, degrees, below 90.
    polarization : {"s", "p"}, default="s"
        Electric or magnetic field parallel to the films. At normal incidence there is no difference.
    device : str or torch.device, default="auto"
        "auto" is a CUDA GPU when there is one.

    Attributes
    ----------
    wavelengths : ndarray of shape (n_wavelengths,)
        Wavelengths of the outputs, nm.
    bounds : ndarray of shape (n_inputs, 2)
        Intervals of the design variables in `layers`, 5 to 50 nm in the published task.

    Notes
    -----
    The default is the Stack task of [2]_, after [3]_, with the numbers of its program: silicon nitride of index 2.0
    between sheets of graphene, on silica of index 1.46. The program reads graphene from a table that begins at 2000 nm
    and repeats the first entry below, so that absorptance is that of a constant index. With
    ``layers=(("graphene", 0.35), ("Si3N4", (5.0, 50.0))) * 5, entrance="SiO2"`` the media are dispersive and graphene
    has its universal conductance, which makes for a flatter spectrum, 0.02 to 0.10.

    Only decaying exponentials occur: a thick absorbing film hides what lies behind it, and nothing overflows.
    Waves are coherent throughout; there is no roughness. A negative thickness has no answer: ``NaN`` in its row.

    Prior: thicknesses independent and uniform in `bounds`.

    References
    ----------
    .. [1] L. G. Parratt, "Surface studies of solids by total reflection of X-rays", Phys. Rev. 95, 1954,
           https://doi.org/10.1103/PhysRev.95.359
    .. [2] S. Ren et al., "Inverse deep learning methods and benchmarks for artificial electromagnetic material
           design", Nanoscale 14, 2022, https://arxiv.org/abs/2112.10254
    .. [3] Y. Chen et al., "Smart inverse design of graphene-based photonic metamaterials by an adaptive artificial
           neural network", Nanoscale 11, 2019, https://doi.org/10.1039/C9NR01315F

    Examples
    --------
    >>> from skinverse.simulators import ThinFilmStack
    >>> stack = ThinFilmStack()
    >>> stack([[20.0] * 5]).shape
    (1, 256)
    >>> coating = ThinFilmStack([(1.38, (0, 200))], entrance=1, exit=1.9044, grid=[550], output="reflectance")
    >>> coating([[0.0], [550 / 4 / 1.38]]).round(6)
    array([[0.096963],
           [0.      ]])
    """

    _parameter_constraints: ClassVar[dict] = {
        **LayeredSimulator._parameter_constraints,
        "entrance": _MEDIUM,
        "exit": _MEDIUM,
        "output": [StrOptions({"absorptance", "reflectance", "transmittance"})],
        "angle": [Interval(Real, 0, 90, closed="left")],
        "polarization": [StrOptions({"s", "p"})],
    }

    _spectra: ClassVar[dict] = {"absorptance": "A", "reflectance": "R", "transmittance": "T"}
    _grid = 1120 + 880 * np.polynomial.chebyshev.chebpts2(256)

    def __init__(
        self,
        layers=((3.3065 + 3.1526j, 0.35), (2.0, (5.0, 50.0))) * 5,
        *,
        entrance=1.46,
        exit=1.0,
        grid=None,
        output="absorptance",
        angle=0.0,
        polarization="s",
        device="auto",
    ):
        self.layers = layers
        self.entrance = entrance
        self.exit = exit
        self.grid = grid
        self.output = output
        self.angle = angle
        self.polarization = polarization
        self.device = device

    def _indices(self):
        """Refractive indices (n_layers + 2, n_wavelengths) of the entrance, the layers and the exit."""
        wavelengths = self.wavelengths
        entrance = refractive_index(self.entrance, wavelengths, "entrance")
        if entrance.imag.any():
            raise ValueError(
                f"entrance must not absorb: the incident power would depend on where; got {self.entrance!r}."
            )
        return np.stack([entrance, *super()._indices(), refractive_index(self.exit, wavelengths, "exit")])

    def _values_per_design(self):
        return _WORK * self.n_outputs

    def torch_forward(self, X):
        n = self._indices()
        q = np.sqrt(n**2 - (n[0] * np.sin(np.deg2rad(self.angle))) ** 2)
        q = np.where(
            np.abs(q) < _GRAZING, _GRAZING, q
        )  # at the critical angle, where p has no finite admittance
        eta = q if self.polarization == "s" else n**2 / q
        rho = (eta[:-1] - eta[1:]) / (eta[:-1] + eta[1:])
        passed = np.abs(2 * eta[:-1] / (eta[:-1] + eta[1:])) ** 2
        into_exit = eta[-1].real / eta[0].real
        rho, passed, into_exit, k = (
            torch.as_tensor(a, device=X.device)
            for a in (rho, passed, into_exit, 2j * np.pi * q / self.wavelengths)
        )
        d = self._thicknesses(X)

        r, transmittance = rho[-1], into_exit * passed[-1]
        for j in range(len(rho) - 1, 0, -1):
            phase = torch.exp(k[j] * d[:, j - 1, None])
            echo = r * phase * phase
            loop = 1 + rho[j - 1] * echo
            r = (rho[j - 1] + echo) / loop
            transmittance = transmittance * passed[j - 1] * _power(phase) / _power(loop)
        reflectance = _power(r)
        if self.output == "reflectance":
            return reflectance
        return transmittance if self.output == "transmittance" else 1 - reflectance - transmittance


def _power(amplitude):
    return amplitude.real**2 + amplitude.imag**2
