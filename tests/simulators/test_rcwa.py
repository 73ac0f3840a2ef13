"""Rigorous coupled-wave analysis against closed forms and eigenvectors."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from skinverse.simulators import rcwa


def _plane_waves(kx, ky):
    """Gradient and curl for plane waves, one for each entry of `kx` and `ky`."""
    kx, ky = (torch.diag(torch.as_tensor(k, dtype=torch.complex128)) for k in (kx, ky))
    return torch.cat([kx, ky]), torch.cat([ky, -kx])


def _multiplication(values, n):
    """Toeplitz matrix of a function sampled over the period, for the orders from -n to n."""
    orders = np.arange(-n, n + 1)
    return torch.tensor((np.fft.fft(values) / len(values))[np.subtract.outer(orders, orders)])


def _grating(contrast, *, n=4, wavelength=0.45, seed=0):
    """Air, P and Q of random bars along y, in which light comes in at an angle to all axes; the period is 1."""
    profile = 1 + contrast * (np.random.RandomState(seed).rand(8).repeat(8) > 0.5)
    K, C = _plane_waves(0.2 + wavelength * np.arange(-n, n + 1), np.full(2 * n + 1, 0.3))
    direct, inverse = _multiplication(profile, n), torch.linalg.inv(_multiplication(1 / profile, n))
    P, Q = rcwa.operators(torch.block_diag(inverse, direct), direct, K, C)
    return rcwa.half_space(torch.ones(1, 1, dtype=torch.complex128), K, C), P, Q


def _t(thickness):
    return torch.tensor(thickness, dtype=torch.float64)


def _zeroth(size):
    """Light with E along x: order 0 is the middle one of the first half."""
    return torch.eye(size, dtype=torch.complex128)[:, [size // 4]]


def _airy(eps, thickness, k, polarisation):
    """Amplitudes of a slab in air, by the sum of all internal reflections."""
    outside, inside = np.sqrt(1 - k**2 + 0j), np.sqrt(eps - k**2 + 0j)
    a, b = (outside, inside) if polarisation == "s" else (1 / outside, eps / inside)
    r, phase = (a - b) / (a + b), np.exp(1j * inside * thickness)
    return r * (1 - phase**2) / (1 - r**2 * phase**2), (1 - r**2) * phase / (1 - r**2 * phase**2)


@pytest.mark.parametrize("eps", [2.25, 11.4 + 0.5j, -8 + 1.2j])
@pytest.mark.parametrize("thickness", [1e-6, 0.3, 2.0, 25.0])
@pytest.mark.parametrize("polarisation", ["s", "p"])
def test_homogeneous_slab_is_airys(eps, thickness, polarisation):
    K, C = _plane_waves([0.36], [0.48])
    one = torch.eye(2, dtype=torch.complex128)
    P, Q = rcwa.operators(eps * one, eps * one[:1, :1], K, C)
    air = rcwa.half_space(one[:1, :1], K, C)
    direction = (C if polarisation == "s" else K) / 0.6
    slabs = [rcwa.slab(P, Q, _t(thickness), rcwa.n_doublings(4 * thickness))]
    found = [(direction.mT @ field).item() for field in rcwa.scatter(slabs, air, air, direction)]
    assert_allclose(found, _airy(eps, thickness, 0.6, polarisation), rtol=0, atol=1e-10)


def test_surface_of_a_half_space_is_fresnels():
    K, C = _plane_waves([0.36], [0.48])
    air, glass = (
        rcwa.half_space(torch.full((1, 1), eps, dtype=torch.complex128), K, C) for eps in (1.0, 2.25)
    )
    inside = np.sqrt(2.25 - 0.36)
    for direction, a, b in ((C, 0.8, inside), (K, 1 / 0.8, 2.25 / inside)):
        reflected, transmitted = rcwa.scatter([], air, glass, direction / 0.6)
        assert_allclose(reflected, (a - b) / (a + b) * direction / 0.6, atol=1e-15)
        balance = rcwa.power(reflected, air) + rcwa.power(transmitted, glass)
        assert_allclose(balance, rcwa.power(direction / 0.6, air), rtol=1e-14)


@pytest.mark.parametrize("thickness", [0.01, 0.5, 3.0])
def test_slab_is_that_of_the_eigenvectors(thickness):
    _, P, Q = _grating(10.4 + 0.5j)
    squares, V = np.linalg.eig((P @ Q).numpy())
    s = np.sqrt(squares)
    P_inverse = np.linalg.inv(P.numpy())
    A = -P_inverse @ (V * (s / np.tanh(s * thickness))) @ np.linalg.inv(V)
    B = P_inverse @ (V * (s / np.sinh(s * thickness))) @ np.linalg.inv(V)
    S_found, B_found = rcwa.slab(P, Q, _t(thickness), rcwa.n_doublings(8 * thickness))
    assert_allclose(B_found, B, rtol=0, atol=1e-11 * np.abs(B).max())
    assert_allclose(S_found - B_found, A, rtol=0, atol=1e-11 * np.abs(A).max())


def test_no_power_is_lost_without_loss():
    air, P, Q = _grating(10.4)
    incident = _zeroth(len(P))
    came = rcwa.power(incident, air)
    slabs = [rcwa.slab(P, Q, _t(1.3), 6)]
    reflected, transmitted = rcwa.scatter(slabs, air, air, incident)
    assert 0.05 < rcwa.power(transmitted, air) / came < 0.95
    assert_allclose(rcwa.power(reflected, air) + rcwa.power(transmitted, air), came, rtol=1e-11)
    _, P, Q = _grating(10.4 + 1j)
    reflected, transmitted = rcwa.scatter([rcwa.slab(P, Q, _t(1.3), 6)], air, air, incident)
    assert rcwa.power(reflected, air) + rcwa.power(transmitted, air) < 0.99 * came


def test_slabs_of_one_pattern_add_up():
    air, P, Q = _grating(10.4 + 0.5j)
    pieces = [rcwa.slab(P, Q, _t(t), 5) for t in (0.2, 0.0, 1.1, 0.7)]
    whole = [rcwa.slab(P, Q, _t(2.0), 5)]
    for a, b in zip(*(rcwa.scatter(s, air, air, _zeroth(len(P))) for s in (pieces, whole)), strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-7)


def test_thick_slab_does_not_overflow():
    air, P, Q = _grating(10.4)
    incident, exponent = _zeroth(len(P)), 400.0
    reflected, transmitted = rcwa.scatter(
        [rcwa.slab(P, Q, _t(200.0), rcwa.n_doublings(exponent))], air, air, incident
    )
    balance = rcwa.power(reflected, air) + rcwa.power(transmitted, air)
    assert_allclose(balance, rcwa.power(incident, air), rtol=1e-8)


def test_leading_dimensions_are_a_batch():
    seeds = (0, 1, 2)
    air, P, Q = (torch.stack(a) for a in zip(*(_grating(5 + 1j, seed=seed) for seed in seeds), strict=True))
    thickness = _t([0.3, 0.8]).reshape(2, 1, 1, 1)
    batch = rcwa.scatter([rcwa.slab(P, Q, thickness, 4)], air, air, _zeroth(P.shape[-1]))
    for i in range(2):
        for j, seed in enumerate(seeds):
            air_1, P_1, Q_1 = _grating(5 + 1j, seed=seed)
            single = rcwa.scatter([rcwa.slab(P_1, Q_1, thickness[i, 0], 4)], air_1, air_1, _zeroth(len(P_1)))
            for a, b in zip(batch, single, strict=True):
                assert_allclose(a[i, j], b, atol=1e-12)


@pytest.mark.parametrize("thickness", [0.0, 1e-4, 0.6])
def test_gradient_with_respect_to_thickness(thickness):
    air, P, Q = _grating(10.4 + 0.5j)
    below = rcwa.slab(P, Q.mT, _t(0.4), 5)

    def transmitted(t):
        fields = rcwa.scatter([rcwa.slab(P, Q, t, 5), below], air, air, _zeroth(len(P)))
        return rcwa.power(fields[1], air)

    t = _t(thickness).requires_grad_()
    (slope,) = torch.autograd.grad(transmitted(t), t)
    step = 1e-4
    with torch.no_grad():  # a one-sided formula of second order, as there is no slab of negative thickness
        values = [transmitted(t + i * step) for i in range(3)]
    assert_allclose(slope, (-1.5 * values[0] + 2 * values[1] - 0.5 * values[2]) / step, rtol=1e-3)


def test_doublings_grow_with_the_exponent():
    assert [rcwa.n_doublings(x) for x in (1e-9, 0.7, 1.0, 10.0, 1000.0)] == [0, 0, 1, 4, 11]
