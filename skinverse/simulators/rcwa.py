r"""Rigorous coupled-wave analysis without eigenvectors: slabs as admittances, stacked from the exit [1]_ [2]_.

Fields vary as :math:`e^{-i\omega t}` and lengths are in units of :math:`1/k_0 = c/\omega`. In a periodic slab
that does not change along *z*, the harmonics of the tangential fields :math:`E = (E_x, E_y)` and
:math:`u = i Z_0 (H_y, -H_x)` obey

.. math::
    E' = P u, \qquad u' = Q E, \qquad
    P = 1 - K \varepsilon_z^{-1} K^T, \qquad Q = C C^T - \varepsilon_t .

*K* and *C* hold the wave numbers of the gradient and of the curl; for plane waves they are
:math:`K = (k_x, k_y)^T`, :math:`C = (k_y, -k_x)^T`. The matrix :math:`\varepsilon_z` maps harmonics of
:math:`E_z` to those of :math:`D_z`, and :math:`\varepsilon_t` those of *E* to those of *D*.

A slab of thickness *t* is a symmetric two-port, here as a series admittance *B* between two shunt admittances *S*:

.. math::
    u(0) = S E(0) + j, \qquad u(t) = j - S E(t), \qquad j = B\,(E(t) - E(0)).

Everything is products and linear solutions, batched over leading dimensions and differentiable, also where
eigenvalues coincide. Neither a thin nor a thick slab loses digits.

References
----------
.. [1] M. G. Moharam, E. B. Grann, D. A. Pommet, T. K. Gaylord, "Formulation for stable and efficient
       implementation of the rigorous coupled-wave analysis of binary gratings", J. Opt. Soc. Am. A 12, 1995,
       https://doi.org/10.1364/JOSAA.12.001068
.. [2] L. Li, "Formulation and comparison of two recursive matrix algorithms for modeling layered diffraction
       gratings", J. Opt. Soc. Am. A 13, 1996, https://doi.org/10.1364/JOSAA.13.001024
"""

import math

import torch

# Coefficients of sinh(x)/x and of tanh(x/2)/(x/2) in powers of x^2.
_SINH = (1, 1 / 6, 1 / 120, 1 / 5040, 1 / 362880, 1 / 39916800)
_TANH = (1, -1 / 12, 1 / 120, -17 / 20160, 31 / 362880, -691 / 79833600)
# Largest |x| for the series, of which 1e-8 is then left out in the fastest harmonic, and far less in others.
_THIN = 0.7
# Thinner slabs are taken to be thicker by this, as B is infinite for none at all.
_THINNEST = 1e-8
# Square of the least wave number along z.
_GRAZING = 1e-12


def operators(eps_t, eps_z, K, C):
    """The matrices of ``E' = P u`` and ``u' = Q E``.

    Parameters
    ----------
    eps_t : complex tensor of shape (..., n, n)
        Permittivity of the tangential components.
    eps_z : complex tensor of shape (..., n_z, n_z)
        Permittivity of the component along z.
    K, C : complex tensors of shape (..., n, n_z) and (..., n, n_c)
        Wave numbers, in units of k0.

    Returns
    -------
    P, Q : tensors of shape (..., n, n)
    """
    one = torch.eye(eps_t.shape[-1], dtype=eps_t.dtype, device=eps_t.device)
    return one - K @ torch.linalg.solve(eps_z, K.mT), C @ C.mT - eps_t


def half_space(eps, K, C):
    r"""Admittance *Y* of a homogeneous half-space, ``u = Y E`` for waves that leave along z.

    It is :math:`i (\varepsilon - C C^T)/k_z` with :math:`k_z = \sqrt{\varepsilon - k_x^2 - k_y^2}`. Where a harmonic
    grazes the surface, :math:`k_z = 0`, that is infinite, and the limit is taken for :math:`k_z = 10^{-6}`.

    Parameters
    ----------
    eps : complex tensor of shape (..., 1, 1)
        Permittivity, its imaginary part positive where there is loss.
    K, C : see `operators`

    Returns
    -------
    Y : tensor of shape (..., n, n)
    """
    CC = C @ C.mT
    transverse = (K @ K.mT + CC).diagonal(dim1=-2, dim2=-1)[..., None]
    one = torch.eye(K.shape[-2], dtype=K.dtype, device=K.device)
    squared = eps - transverse
    squared = torch.where(squared.abs() < _GRAZING, torch.full_like(squared, _GRAZING), squared)
    return 1j * (eps * one - CC) / torch.sqrt(squared)


def n_doublings(exponent):
    """Doublings that `slab` needs where the fastest exponential changes by ``exp(exponent)`` across the slab."""
    return max(0, math.ceil(math.log2(exponent / _THIN)))


def slab(P, Q, thickness, n_doublings):
    r"""Shunt and series admittance of a slab.

    With :math:`x^2 = Q P d^2` a slice of thickness :math:`d = t/2^m` has
    :math:`S = -\frac d2 \frac{\tanh x/2}{x/2} Q` and :math:`B^{-1} = d P \frac{\sinh x}{x}`, even functions of *x*
    of which six terms are summed. Slices are then joined two and two, *m* times.

    Parameters
    ----------
    P, Q : complex tensors of shape (..., n, n)
    thickness : tensor broadcastable to (..., 1, 1)
        In units of 1/k0. It may be zero.
    n_doublings : int
        See the function of this name.

    Returns
    -------
    S, B : tensors of shape (..., n, n)
    """
    d = torch.where(thickness < _THINNEST, thickness + _THINNEST, thickness) / 2**n_doublings
    x2 = d**2 * (Q @ P)
    x4 = x2 @ x2
    S = -d / 2 * _series(_TANH, x2, x4) @ Q
    B = torch.linalg.inv(d * P @ _series(_SINH, x2, x4))
    for _ in range(n_doublings):
        passage = torch.linalg.solve(B - S, B)  # from the mean of E at the ends to E at the joint
        S = S + S @ passage
        B = B @ passage / 2
    return S, B


def _series(c, x2, x4):
    """``c0 + c1 x2 + ... + c5 x2^5`` of a matrix and its square."""
    one = torch.eye(x2.shape[-1], dtype=x2.dtype, device=x2.device)
    return c[0] * one + c[1] * x2 + x4 @ (c[2] * one + c[3] * x2 + x4 @ (c[4] * one + c[5] * x2))


def scatter(slabs, entrance, exit, incident):
    """Fields reflected and transmitted by a stack of slabs.

    Parameters
    ----------
    slabs : list of pairs (S, B)
        In the order in which light meets them.
    entrance, exit : tensors of shape (..., n, n)
        Admittances of the half-spaces before and behind.
    incident : tensor of shape (..., n, 1)
        Harmonics of E of the wave that comes in.

    Returns
    -------
    reflected, transmitted : tensors of shape (..., n, 1)
        Harmonics of E at the first and at the last face.
    """
    Y, passages = exit, []
    for S, B in reversed(slabs):
        Y = S + Y
        passages.append(torch.linalg.solve(B - Y, B))
        Y = S + Y @ passages[-1]
    first = torch.linalg.solve(Y + entrance, 2 * entrance @ incident)
    last = first
    for passage in reversed(passages):
        last = passage @ last
    return first - incident, last


def power(E, Y):
    """Power (...,) that harmonics `E` (..., n, 1) carry into an admittance `Y`; 1 for a unit plane wave in air."""
    return (E.conj().mT @ Y @ E).imag[..., 0, 0]
