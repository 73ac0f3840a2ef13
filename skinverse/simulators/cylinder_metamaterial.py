"""The meta-material task: four dielectric cylinders in a cell and the light that they let through."""

from functools import lru_cache

import numpy as np
import torch
from scipy.special import j0, j1
from torch.utils.checkpoint import checkpoint

from skinverse.simulators import rcwa
from skinverse.simulators.differentiable import MAX_VALUES, DifferentiableSimulator, room
from skinverse.utils.chunks import chunks
from skinverse.utils.validation import Integral, Interval, Real

_SPEED_OF_LIGHT = 299.792458  # um THz
_VACUUM_PERMITTIVITY = 8.8541878  # S/m / THz
# Points of the published spectra, THz.
_FREQUENCIES = 0.8 + 0.7 * (201 + 6 * np.arange(300)) / 2000
_HEIGHTS = (30, 32, 34, 36, 38, 40, 42.5, 44, 46, 48, 50, 52, 55)
_RADII = (42, 42.8, 43.7, 44.5, 45.3, 46.2, 47, 47.8, 48.6, 49.5, 50.4, 51.2, 52)
# Centre (x, y) of each cylinder, in halves of the period.
_CENTRES = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
# Complex matrices that a frequency takes, and how many times as many for a gradient.
_MATRICES = 24
_TAPE = 20


class CylinderMetamaterial(DifferentiableSimulator):
    r"""Transmittance of a meta-material with four dielectric cylinders a cell, at terahertz frequencies [1]_ [2]_.

    Cylinders of heights *h* and radii *r* stand free in air, in a square cell of period *P*: the first at (0, 0),
    the second at (0, P/2), the third at (P/2, 0), the fourth at (P/2, P/2). A plane wave falls along their axes,
    its electric field along *x*, from the first to the third. The response is the share of its power that goes on
    in the same direction,

    .. math:: T(f) = |t_{00}(f)|^2 ,

    without what is diffracted to the sides from :math:`f = c/P` on. The permittivity of the cylinders is

    .. math:: \varepsilon(f) = \varepsilon' + i\,\Big(\varepsilon'' + \frac{\sigma}{2\pi\varepsilon_0 f}\Big).

    Parameters
    ----------
    n_frequencies : int, default=300
        Number of outputs, at most the 300 of the published task. Output *j* of *n* is point
        :math:`i = \lfloor 300\, j/n \rfloor`, which is every (300/n)-th from the first where *n* divides 300.
    order : int, default=4
        Highest harmonic of the period in each direction. The cost grows as its sixth power.
    period : float, default=216.3
        Period of the cell, um.
    eps_real : float, default=11.4
        Real part of the permittivity.
    eps_imag : float, default=0.0
        Part of the imaginary part that does not depend on frequency.
    conductivity : float, default=30.3
        The conductivity :math:`\sigma` of the other part, S/m.
    device : str or torch.device, default="auto"
        "auto" is a CUDA GPU when there is one.

    Attributes
    ----------
    frequencies : ndarray of shape (n_frequencies,)
        In THz, :math:`f_i = 0.8 + 0.7\,(201 + 6i)/2000`, 0.8704 to 1.4983 for all 300.
    bounds : ndarray of shape (8, 2)
        30 to 55 um for heights and 42 to 52 um for radii, the range of the published data.

    Notes
    -----
    Prior: each height and radius independently and uniformly from the 13 values on which the published data lie.

    Heights and radii that are not positive have no answer, nor have cylinders that overlap. Shifting all by half a
    period changes nothing: exchanging 1 with 3 and 2 with 4, or 1 with 2 and 3 with 4, gives the same spectrum.

    The four constants are a fit at order 6 to 24 spectra computed with CST Studio for the published task. From 96
    others *T* differs by 0.013 (root mean square) at order 6 and by 0.024 at order 4. Orders 3, 4, 5 and 6 differ
    from order 10 by 0.060, 0.020, 0.011 and 0.005.

    Method: rigorous coupled-wave analysis, see :mod:`skinverse.simulators.rcwa`. Sorted heights cut the cell into
    four layers, of which some are empty where heights are equal. There are mirrors at the axes of the cylinders, so
    that only :math:`E_x, H_y \sim \cos\cos` and :math:`E_y, H_x \sim \sin\sin` occur, a quarter of all harmonics.
    With [[.]] for the matrix of multiplication by a function, the electric displacement in the plane is

    .. math::
        D = [\![\varepsilon]\!] E - \tfrac12 (\Delta N + N \Delta) E, \qquad
        \Delta = [\![\varepsilon]\!] - [\![1/\varepsilon]\!]^{-1}, \qquad N = [\![n n^T]\!] ,

    where *n* points to the axis of the nearest cylinder: the component across a wall, which jumps, follows the
    inverse rule [3]_ [4]_. Without it the series converges far more slowly. Memory is bounded by working on some
    frequencies at a time; for a gradient, which costs two to three times as much, they are computed once more.

    References
    ----------
    .. [1] C. C. Nadell, B. Huang, J. M. Malof, W. J. Padilla, "Deep learning for accelerated all-dielectric
           metasurface design", Opt. Express 27, 2019, https://doi.org/10.1364/OE.27.027523
    .. [2] S. Ren, W. Padilla, J. Malof, "Benchmarking deep inverse models over time, and the
           neural-adjoint method", NeurIPS 2020, https://arxiv.org/abs/2009.12919
    .. [3] L. Li, "Use of Fourier series in the analysis of discontinuous periodic structures",
           J. Opt. Soc. Am. A 13, 1996, https://doi.org/10.1364/JOSAA.13.001870
    .. [4] T. Schuster, J. Ruoff, N. Kerwien, S. Rafler, W. Osten, "Normal vector method for convergence
           improvement using the RCWA for crossed gratings", J. Opt. Soc. Am. A 24, 2007,
           https://doi.org/10.1364/JOSAA.24.002880

    Examples
    --------
    >>> from skinverse.simulators import CylinderMetamaterial
    >>> cell = CylinderMetamaterial(n_frequencies=5, order=3)
    >>> cell.frequencies.round(3)
    array([0.87 , 0.996, 1.122, 1.248, 1.374])
    >>> cell([[40.0, 44.0, 48.0, 52.0, 44.0, 46.0, 48.0, 50.0]]).shape
    (1, 5)
    """

    _parameter_constraints = {
        **DifferentiableSimulator._parameter_constraints,
        "n_frequencies": [Interval(Integral, 1, len(_FREQUENCIES), closed="both")],
        "order": [Interval(Integral, 1, None, closed="left")],
        "period": [Interval(Real, 0, None, closed="neither")],
        "eps_real": [Interval(Real, 0, None, closed="neither")],
        "eps_imag": [Interval(Real, 0, None, closed="left")],
        "conductivity": [Interval(Real, 0, None, closed="left")],
    }

    input_names = ("h1", "h2", "h3", "h4", "r1", "r2", "r3", "r4")
    input_units = ("um",) * 8
    fidelity = ("n_frequencies", "order")

    def __init__(
        self,
        n_frequencies=300,
        *,
        order=4,
        period=216.3,
        eps_real=11.4,
        eps_imag=0.0,
        conductivity=30.3,
        device="auto",
    ):
        self.n_frequencies = n_frequencies
        self.order = order
        self.period = period
        self.eps_real = eps_real
        self.eps_imag = eps_imag
        self.conductivity = conductivity
        self.device = device

    @property
    def frequencies(self):
        """Frequencies of the outputs, THz, shape (n_frequencies,)."""
        return _FREQUENCIES[len(_FREQUENCIES) * np.arange(self.n_frequencies) // self.n_frequencies]

    @property
    def output_names(self):
        """``T_0.8704THz`` and so on."""
        return tuple(f"T_{f:.4f}THz" for f in self.frequencies)

    @property
    def output_units(self):
        """Shares have none."""
        return ("1",) * self.n_frequencies

    @property
    def bounds(self):
        """Range of the published data, shape (8, 2)."""
        return np.repeat([[30.0, 55.0], [42.0, 52.0]], 4, axis=0)

    def _obstacles(self, X):
        radii = X[:, 4:]
        yield "a height is not positive", (X[:, :4] <= 0).any(axis=1)
        yield "a radius is not positive", (radii <= 0).any(axis=1)
        for i in range(4):
            for j in range(i + 1, 4):
                distance = self.period / 2 * np.hypot(*(_CENTRES[i] - _CENTRES[j]))
                reason = f"cylinders {i + 1} and {j + 1} overlap: their axes are {distance:.5g} um apart"
                yield reason, radii[:, i] + radii[:, j] > distance

    def _sample_prior(self, n, rng):
        return np.hstack([rng.choice(_HEIGHTS, (n, 4)), rng.choice(_RADII, (n, 4))])

    def _values_per_design(self):
        return 2 * _MATRICES * _size(self.order) ** 2

    def torch_forward(self, X):
        """Transmittance of designs, to be differentiated once.

        Parameters
        ----------
        X : tensor of float64 of shape (n, 8)
            Designs, on any device.

        Returns
        -------
        y : tensor of shape (n, n_frequencies)
        """
        frequencies = torch.tensor(self.frequencies, device=X.device)
        thicknesses, shares = self._layers(X)
        most = room(X.device) * MAX_VALUES
        per_frequency = self._values_per_design() * (_TAPE if torch.is_grad_enabled() else 1)
        y = []
        for rows in chunks(len(X), most // per_frequency):
            layers = thicknesses[rows], shares[rows]
            parts = [
                checkpoint(self._transmittance, frequencies[part], *layers, use_reentrant=False)
                for part in chunks(len(frequencies), most // (per_frequency * len(layers[0])))
            ]
            y.append(torch.cat(parts, dim=1))
        return torch.cat(y)

    def _layers(self, X):
        """Thicknesses (n, 4) and Fourier coefficients (n, 4, ...) of the layers, from the ground up."""
        heights, order = X[:, :4].sort(dim=1)
        thicknesses = torch.diff(heights, dim=1, prepend=torch.zeros_like(heights[:, :1]))
        discs = _discs(X[:, 4:], self.period, 2 * self.order)
        discs = discs.gather(1, order[:, :, None, None].expand_as(discs))
        return thicknesses, discs.flip(1).cumsum(1).flip(1)  # the lowest cylinder stops first

    def _transmittance(self, frequencies, thicknesses, shares):
        """Shares of power (n, n_frequencies) in the direction of the incident light."""
        _, transmitted, _ = self._scatter(frequencies, thicknesses, shares)
        return transmitted[..., 0, 0].abs() ** 2

    def _scatter(self, frequencies, thicknesses, shares):
        """Harmonics (n, n_frequencies, size, 1) of E above and below the cylinders, and the admittance of air."""
        f = frequencies[:, None, None]
        wavelength = _SPEED_OF_LIGHT / f
        k0 = 2 * np.pi / wavelength
        loss = self.eps_imag + self.conductivity / (2 * np.pi * _VACUUM_PERMITTIVITY * f)
        eps = torch.complex(torch.full_like(f, self.eps_real), loss)
        in_plane, along_z, K, C, N = (a.to(f.device) for a in _basis(self.order))
        K, C = K * wavelength / self.period, C * wavelength / self.period

        # Slices for the highest cylinder and the shortest wavelength: within the bounds, as many for all designs.
        highest = max(self.bounds[0, 1], thicknesses.detach().sum(dim=1).max().item())
        shortest = min(
            self.period / (2**0.5 * self.order), _SPEED_OF_LIGHT / _FREQUENCIES[-1] / self.eps_real**0.5
        )
        n_doublings = rcwa.n_doublings(2 * np.pi * highest / shortest)

        slabs = []
        for thickness, share in zip(thicknesses.T, shares.unbind(1), strict=True):
            eps_t = _normal_vector_rule(eps, _multiplication(share, in_plane)[:, None], N)
            eps_z = _mixture(eps, _multiplication(share, along_z)[:, None])
            P, Q = rcwa.operators(eps_t, eps_z, K, C)
            slabs.append(rcwa.slab(P, Q, k0 * thickness[:, None, None, None], n_doublings))

        air = rcwa.half_space(torch.ones_like(eps), K, C)
        incident = torch.zeros_like(air[:, :, :1])
        incident[:, 0] = 1
        return *rcwa.scatter(slabs[::-1], air, air, incident), air


def _mixture(eps, share):
    """Matrix of multiplication by a permittivity that is `eps` in the solid and 1 outside."""
    return torch.eye(share.shape[-1], dtype=eps.dtype, device=eps.device) + (eps - 1) * share


def _normal_vector_rule(eps, share, N):
    """Matrix from E to D in the plane, by the inverse rule along the normal and the direct one across it."""
    direct = _mixture(eps, share)
    difference = (direct - torch.linalg.inv(_mixture(1 / eps, share))) @ N
    return direct - (difference + difference.mT) / 2


def _multiplication(coefficients, functions):
    """Matrix of multiplication by a function with mirrors, between basis functions of equal parity.

    Parameters
    ----------
    coefficients : tensor of shape (n, 2 order + 1, 2 order + 1)
        Fourier coefficients of the function, for harmonics from 0 on.
    functions : tensor of int of shape (4, size)
        Harmonic in x and in y, and parity in x and in y, of the basis functions.

    Returns
    -------
    matrix : complex tensor of shape (n, size, size)
    """
    p, q, even_x, even_y = functions
    sum_p, sum_q, dif_p, dif_q = (
        p[:, None] + p,
        q[:, None] + q,
        (p[:, None] - p).abs(),
        (q[:, None] - q).abs(),
    )
    norm = 0.5 ** (((p == 0).double() + (q == 0).double()) / 2)
    weight = norm[:, None] * norm * ((even_x[:, None] == even_x) & (even_y[:, None] == even_y))
    matrix = coefficients[:, dif_p, dif_q] + even_x * even_y * coefficients[:, sum_p, sum_q]
    matrix = matrix + even_x * coefficients[:, sum_p, dif_q] + even_y * coefficients[:, dif_p, sum_q]
    return (weight * matrix).to(torch.complex128)


def _size(order):
    """Number of harmonics of the tangential field."""
    return (order + 1) ** 2 + order**2


@lru_cache(maxsize=8)
def _basis(order):
    """What depends on the order alone.

    Returns
    -------
    in_plane, along_z : tensors of int of shape (4, size) and (4, size_z)
        Basis functions of (E_x, E_y), cos cos and sin sin, and of E_z, sin cos: see `_multiplication`.
    K, C : complex tensors of shape (size, order (order + 1))
        Gradient from E_z and curl from H_z, which is cos sin, in units of 2 pi / period.
    N : complex tensor of shape (size, size)
        Multiplication by n n^T.
    """
    p, q = np.indices((order + 1, order + 1)).reshape(2, -1)
    both = (p > 0) & (q > 0)
    even = np.repeat([True, False], [len(p), both.sum()])
    p_t, q_t = np.hstack([p, p[both]]), np.hstack([q, q[both]])
    p_z, q_z = p[p > 0], q[p > 0]
    p_c, q_c = p[q > 0], q[q > 0]
    K = np.where(even, p_t, -q_t)[:, None] * ((p_t[:, None] == p_z) & (q_t[:, None] == q_z))
    C = np.where(even, q_t, p_t)[:, None] * ((p_t[:, None] == p_c) & (q_t[:, None] == q_c))
    parity = np.where(even, 1, -1)
    one = np.ones_like(p_z)
    return (
        torch.tensor(np.stack([p_t, q_t, parity, parity])),
        torch.tensor(np.stack([p_z, q_z, -one, one])),
        torch.tensor(K, dtype=torch.complex128),
        torch.tensor(C, dtype=torch.complex128),
        torch.tensor(_radial_projection(order), dtype=torch.complex128),
    )


def _radial_projection(order):
    """Matrix of multiplication by n n^T, n being radial about the nearest cylinder; by the midpoint rule."""
    n_points = 32 * (order + 1)
    x = (np.arange(n_points) + 0.5) / (
        2 * n_points
    )  # half a period, and in both directions a quarter of the cell
    even = np.cos(2 * np.pi * np.outer(x, np.arange(order + 1))) * np.where(
        np.arange(order + 1) > 0, 2**0.5, 1
    )
    odd = np.sin(2 * np.pi * np.outer(x, np.arange(1, order + 1))) * 2**0.5
    from_axis = (x + 0.25) % 0.5 - 0.25
    angle = np.arctan2(from_axis, from_axis[:, None])

    def matrix(function, left, right):
        values = np.einsum("xy,xp,yq,xr,ys->pqrs", function, left, left, right, right, optimize=True)
        return values.reshape(left.shape[1] ** 2, -1) / n_points**2

    mixed = matrix(np.cos(angle) * np.sin(angle), even, odd)
    return np.block(
        [[matrix(np.cos(angle) ** 2, even, even), mixed], [mixed.T, matrix(np.sin(angle) ** 2, odd, odd)]]
    )


def _discs(radii, period, highest):
    """Fourier coefficients (n, 4, highest + 1, highest + 1) of the cylinders' cross-sections."""
    p = torch.arange(highest + 1, dtype=radii.dtype, device=radii.device)
    q = 2 * np.pi / period * torch.hypot(p[:, None], p)
    sign = torch.stack([(-1) ** (x * p[:, None] + y * p) for x, y in _CENTRES.tolist()])
    return sign * _DiscTransform.apply(radii[:, :, None, None], q) / period**2


class _DiscTransform(torch.autograd.Function):
    """Integral of exp(iqx) over a disc, ``2 pi r J1(qr) / q``, whose derivative by r is ``2 pi r J0(qr)``."""

    @staticmethod
    def forward(ctx, r, q):
        ctx.save_for_backward(r, q)
        rings = 2 * np.pi * r * _bessel(j1, q * r) / torch.where(q > 0, q, 1.0)
        return torch.where(q > 0, rings, np.pi * r**2)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        r, q = ctx.saved_tensors
        return (grad * 2 * np.pi * r * _bessel(j0, q * r)).sum_to_size(r.shape), None


def _bessel(function, x):
    """A Bessel function of scipy's; those of torch are wrong by up to 5e-7 and jump."""
    return torch.as_tensor(function(x.cpu().numpy()), device=x.device)
