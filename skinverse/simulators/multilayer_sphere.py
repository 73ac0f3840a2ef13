"""The shell task: a sphere of many layers and the light that it scatters."""

from typing import ClassVar

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from skinverse.simulators.differentiable import room
from skinverse.simulators.layered import LayeredSimulator
from skinverse.utils.chunks import chunks
from skinverse.utils.validation import Interval, Real, StrOptions

# Orders, times layers, times pairs of a sphere and a wavelength, that are worked on at once.
_MAX_TERMS = 2**17
# Inner radii are at least this share of the sphere's: what lies within has no weight in double precision.
_SMALLEST_CORE = 1e-6


class MultilayerSphere(LayeredSimulator):
    r"""Scattering, extinction or absorption efficiency of a multilayered sphere, by the theory of Mie [1]_ [2]_.

    A plane wave of wavelength :math:`\lambda` meets a sphere of layers :math:`1 \dots L` with outer radii
    :math:`r_l` and indices :math:`N_l` in a medium of index :math:`N_{L+1}`. With :math:`z = 2\pi N r/\lambda`,
    the radial functions of order *n* in each medium are :math:`\psi_n - A_n\zeta_n`, of the Riccati-Bessel
    functions :math:`\psi_n = z j_n(z)` and :math:`\zeta_n = z h^{(1)}_n(z)`. Let :math:`D = \psi'/\psi`,
    :math:`G = \zeta'/\zeta`, and *H* be the logarithmic derivative of the whole. Across a boundary *H* is
    multiplied by :math:`m = N_{l+1}/N_l` for electric, and divided by it for magnetic modes. This gives *A* in
    the next layer, and *H* at its outer radius:

    .. math::
        A = \frac{\psi}{\zeta}\,\frac{m^{\pm1} H - D}{m^{\pm1} H - G}\bigg|_\text{inner}, \qquad
        H = \frac{D - vG}{1 - v}\bigg|_\text{outer}, \qquad v = A\,\frac{\zeta}{\psi}\bigg|_\text{outer},

    beginning with :math:`A = 0` in the core. In the medium around the sphere *A* are the coefficients of Mie,
    :math:`a_n` and :math:`b_n`, and with :math:`x = z` there

    .. math::
        Q_{ext} = \frac{2}{x^2}\sum_n (2n+1)\operatorname{Re}(a_n + b_n), \qquad
        Q_{sca} = \frac{2}{x^2}\sum_n (2n+1)(|a_n|^2 + |b_n|^2), \qquad Q_{abs} = Q_{ext} - Q_{sca}.

    Parameters
    ----------
    layers : sequence of pairs (index, thickness), default=((2.04**0.5, (30.0, 70.0)), ("TiO2", (30.0, 70.0))) * 4
        Layers from the core outwards: silica is innermost, titania outermost. An index is a number
        :math:`n + ik`, one number for each wavelength, or a name, see
        :func:`~skinverse.simulators.materials.refractive_index`. A thickness in nm is a number, or the interval
        (low, high) of a design variable; the core's is its radius.
    medium : float, default=1.77**0.5
        Refractive index around the sphere, without absorption: water.
    grid : array-like of shape (n_wavelengths,), default=None
        Wavelengths in vacuum, nm. None takes the 201 of the published task, 400 to 800 nm.
    output : {"scattering", "extinction", "absorption"}, default="scattering"
        Which cross-section, in units of the sphere's geometric one.
    device : str or torch.device, default="auto"
        "auto" is a CUDA GPU when there is one.

    Attributes
    ----------
    wavelengths : ndarray of shape (n_wavelengths,)
        Wavelengths of the outputs, nm.
    bounds : ndarray of shape (n_inputs, 2)
        Intervals of the design variables in `layers`, 30 to 70 nm in the published task.

    Notes
    -----
    The default is the task of [3]_. Its prior is uniform in `bounds`, rounded to 0.1 nm in the published program
    and not here.

    *D* is found by downward recurrence, *G* by upward recurrence, the directions in which they are stable. The
    Wronskian gives :math:`\psi/\zeta = i / (\zeta^2 (G - D))`, and :math:`\zeta` has no zeros here and decays
    outwards in an absorbing layer: nothing overflows, and no digits are lost. The sum ends at the order
    :math:`x + 7.2 x^{1/3} + 4`, where :math:`|\psi/\zeta|` is below rounding.

    Derivatives do not pass through the recurrences: :math:`D' = n(n+1)/z^2 - 1 - D^2`, and likewise for *G*.

    A negative thickness, or a sphere without radius, has no answer: ``NaN`` in its row. Single layers may vanish.

    References
    ----------
    .. [1] W. Yang, "Improved recursive algorithm for light scattering by a multilayered sphere", Appl. Opt. 42,
           2003, https://doi.org/10.1364/AO.42.001710
    .. [2] O. Peña, U. Pal, "Scattering of electromagnetic radiation by a multilayered sphere", Comput. Phys.
           Commun. 180, 2009, https://doi.org/10.1016/j.cpc.2009.07.010
    .. [3] J. Peurifoy et al., "Nanophotonic particle simulation and inverse design using artificial neural
           networks", Sci. Adv. 4, 2018, https://doi.org/10.1126/sciadv.aar4206

    Examples
    --------
    >>> from skinverse.simulators import MultilayerSphere
    >>> sphere = MultilayerSphere()
    >>> sphere([[50.0] * 8]).shape
    (1, 201)
    >>> drop = MultilayerSphere([(1.33, (1, 1000))], medium=1, grid=[500])
    >>> drop([[250.0]]).round(4)
    array([[1.9254]])
    """

    _parameter_constraints: ClassVar[dict] = {
        **LayeredSimulator._parameter_constraints,
        "medium": [Interval(Real, 0, None, closed="neither")],
        "output": [StrOptions({"scattering", "extinction", "absorption"})],
    }

    _spectra: ClassVar[dict] = {"scattering": "Qsca", "extinction": "Qext", "absorption": "Qabs"}
    _grid = np.linspace(400, 800, 201)

    def __init__(
        self,
        layers=((2.04**0.5, (30.0, 70.0)), ("TiO2", (30.0, 70.0))) * 4,
        *,
        medium=1.77**0.5,
        grid=None,
        output="scattering",
        device="auto",
    ):
        self.layers = layers
        self.medium = medium
        self.grid = grid
        self.output = output
        self.device = device

    def _obstacles(self, X):
        yield from super()._obstacles(X)
        fixed = sum(d for _, d in self.layers if not np.ndim(d))
        yield "the sphere has no radius", fixed + X.sum(axis=1) == 0

    def _values_per_design(self):
        return 8 * (len(self.layers) + 1) * self.n_outputs

    def torch_forward(self, X):
        n = self._indices()
        m = torch.as_tensor(n if n.imag.any() else n.real, device=X.device) / self.medium
        k = torch.as_tensor(2 * np.pi * self.medium / self.wavelengths, device=X.device)
        radii = self._thicknesses(X).cumsum(dim=1)
        radii = torch.maximum(radii, _SMALLEST_CORE * radii[:, -1:])

        # One wavelength after the other, so that a chunk has size parameters of about the same order.
        x = (radii.T[:, None, :] * k[:, None]).flatten(1)
        m = m.repeat_interleave(len(X), dim=1)
        size = room(X.device) * _MAX_TERMS // (len(m) * _n_orders(float(x[-1].detach().max())))
        Q = torch.cat(
            [
                checkpoint(self._efficiency, x[:, p], m[:, p], use_reentrant=False)
                for p in chunks(x.shape[1], size)
            ]
        )
        return Q.reshape(-1, len(X)).T

    def _efficiency(self, x, m):
        """Efficiencies (n,) for size parameters and relative indices (n_layers, n)."""
        A = _mie_coefficients(x, m)
        weights = 2 * torch.arange(1, A.shape[1] + 1, dtype=x.dtype, device=x.device)[:, None] + 1
        extinction, scattering = A.real, A.real**2 + A.imag**2
        if self.output == "extinction":
            Q = extinction
        else:
            Q = scattering if self.output == "scattering" else extinction - scattering
        return 2 / x[-1] ** 2 * (weights * Q).sum(dim=(0, 1))


def _mie_coefficients(x, m):
    """Coefficients a and b of Mie, (2, n_orders, n), for size parameters and relative indices (n_layers, n)."""
    n_layers = len(m)
    outside = x[-1:].to(m.dtype)
    z = torch.cat([m * x, m[1:] * x[:-1], outside])  # at outer radii, at inner radii, and in the medium
    D, G = _LogDerivatives.apply(z, _n_orders(float(outside.detach().abs().max())))
    orders = torch.arange(1, len(D), dtype=x.dtype, device=x.device)[:, None, None]
    growth = orders / z - G[:-1]  # zeta of an order over zeta of the order before
    D, G = D[1:].to(G.dtype), G[1:]

    D_outer, D_inner, D_medium = D[:, 1:n_layers], D[:, n_layers:-1], D[:, -1]
    G_outer, G_inner, G_medium = G[:, 1:n_layers], G[:, n_layers:-1], G[:, -1]
    ratio = (growth[:, 1:n_layers] / growth[:, n_layers:-1]).cumprod(dim=0)
    zeta = ratio * torch.exp(
        1j * (z[1:n_layers] - z[n_layers:-1])
    )  # at the outer over that at the inner radius
    psi_over_zeta = (
        zeta**2 * (G_outer - D_outer) / (G_inner - D_inner)
    )  # at the inner over that at the outer radius

    H = D[:, 0]
    for l in range(n_layers - 1):
        p, q = _mismatch(H, m[l + 1] / m[l], D_inner[:, l], G_inner[:, l])
        p = psi_over_zeta[:, l] * p
        H = (q * D_outer[:, l] - p * G_outer[:, l]) / (q - p)
    p, q = _mismatch(H, 1 / m[-1], D_medium, G_medium)
    one_over_zeta = 1j * torch.exp(-1j * z[-1]) * growth[:, -1].reciprocal().cumprod(dim=0)
    return 1j * one_over_zeta**2 / (G_medium - D_medium) * p / q


def _mismatch(H, m, D, G):
    """The differences mH - D and mH - G for electric modes, and with 1/m for magnetic ones, (2, n_orders, n)."""
    mH = torch.stack([m, 1 / m])[:, None] * H
    return mH - D, mH - G


class _LogDerivatives(torch.autograd.Function):
    """Logarithmic derivatives D of psi and G of zeta of the orders 0 to `n_orders`, (n_orders + 1, *z.shape)."""

    @staticmethod
    def forward(ctx, z, n_orders):
        over_z = 1 / z
        D = z.new_empty((n_orders + 1, *z.shape))
        d = torch.zeros_like(z)
        start = max(n_orders, _n_orders(float(z.abs().max()))) + 16
        for n in range(start, 0, -1):
            ratio = n * over_z
            d = ratio - 1 / (d + ratio)
            if n <= n_orders + 1:
                D[n - 1] = d
        G = torch.empty(D.shape, dtype=torch.complex128, device=z.device)
        G[0] = 1j
        for n in range(1, n_orders + 1):
            ratio = n * over_z
            G[n] = 1 / (ratio - G[n - 1]) - ratio
        ctx.save_for_backward(z, D, G)
        return D, G

    @staticmethod
    def backward(ctx, grad_D, grad_G):
        z, D, G = ctx.saved_tensors
        n = torch.arange(len(D), dtype=torch.float64, device=z.device).reshape(-1, *[1] * z.ndim)
        constant = n * (n + 1) / z**2 - 1
        grad = (grad_D * (constant - D**2).conj() + grad_G * (constant - G**2).conj()).sum(dim=0)
        return grad if z.is_complex() else grad.real, None


def _n_orders(x):
    """Orders that matter for the size parameter `x`."""
    return int(x + 7.2 * x ** (1 / 3) + 4)
