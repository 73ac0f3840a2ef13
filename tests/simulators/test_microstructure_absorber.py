"""Absorptance of pixel patterns: closed forms, a grating solved apart, symmetries, conservation of energy."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skinverse.simulators import MicrostructureAbsorber
from skinverse.simulators.microstructure_absorber import _waves


def film_absorptance(eps, wavelength=650.0, thickness=300.0):
    """A homogeneous film on a perfect mirror: two reflections and what goes between them."""
    n = np.sqrt(complex(eps))
    r = (1 - n) / (1 + n)
    turn = np.exp(4j * np.pi * n * thickness / wavelength)
    return 1 - abs((r - turn) / (1 - r * turn)) ** 2


def grating_absorptance(eps, order, wavelength=650.0, period=640.0, thickness=300.0):
    """Stripes (a row of pixels) on a mirror, both polarisations, by eigenvectors and 2 order + 1 waves."""
    p, n = np.arange(-order, order + 1), len(eps)
    x = (np.arange(n) + 0.5) / n

    def toeplitz(f):
        d = p[:, None] - p
        return np.einsum("jab,j->ab", np.exp(-2j * np.pi * d * x[:, None, None]), f) / n * np.sinc(d / n)

    k0, kx = 2 * np.pi / wavelength, p * wavelength / period
    kz = np.sqrt(1 - kx**2 + 0j)
    incident = (p == 0).astype(complex)
    answers = []
    for polarisation in ("TE", "TM"):
        if polarisation == "TE":  # E along the stripes: E'' = (kx² - eps) E, u = E' must match i kz E
            operator, to_u, air = np.diag(kx**2) - toeplitz(eps), np.eye(len(p)), 1j * kz
        else:  # E'' = P Q E with P = 1 - kx eps^-1 kx, Q = -1/[1/eps]; u = P^-1 E'
            P = np.eye(len(p)) - kx[:, None] * np.linalg.inv(toeplitz(eps)) * kx
            operator = P @ -np.linalg.inv(toeplitz(1 / eps))
            to_u, air = np.linalg.inv(P), 1j / kz
        values, vectors = np.linalg.eig(operator)
        root = np.sqrt(values + 0j)
        # E = sum of vectors sinh(root (t - z)): nothing on the mirror.
        t = k0 * thickness
        slope = vectors * (-root / np.tanh(root * t)) @ np.linalg.inv(vectors)
        Y = to_u @ slope
        # above: E = incident + reflected, u = i kz-ish (incident - reflected)
        E = np.linalg.solve(Y + np.diag(air), 2 * air * incident)
        reflected = E - incident
        answers.append(1 - (abs(reflected) ** 2 * air.imag).sum())
    return np.mean(answers)


def absorb(image, **params):
    image = np.asarray(image, dtype=float)
    return MicrostructureAbsorber(len(image), **params)(image.reshape(1, -1))[0, 0]


def test_full_and_empty_film():
    assert_allclose(absorb(np.ones((4, 4)), order=2), film_absorptance((2 + 0.2j) ** 2), atol=1e-10)
    assert_allclose(absorb(np.zeros((4, 4)), order=2), 0, atol=1e-12)
    other = dict(wavelength=500.0, thickness=90.0, index=2.0, extinction=0.4, period=300.0)
    expected = film_absorptance((2 + 0.4j) ** 2, wavelength=500.0, thickness=90.0)
    assert_allclose(absorb(np.ones((4, 4)), order=1, **other), expected, atol=1e-10)


@pytest.mark.parametrize("order", [1, 3, 6])
def test_stripes_are_a_grating(order):
    stripes = np.array([1, 1, 0, 1, 0, 0, 0, 1.0])
    eps = 1 + ((4.2 + 0.13j) ** 2 - 1) * stripes
    silicon = {"order": order, "index": 4.2, "extinction": 0.13}
    expected = grating_absorptance(eps, order)
    assert_allclose(absorb(np.repeat(stripes[:, None], 8, axis=1), **silicon), expected, atol=1e-9)
    assert_allclose(absorb(np.repeat(stripes[None], 8, axis=0), **silicon), expected, atol=1e-9)


def test_fine_stripes_are_an_effective_medium():
    stripes = np.repeat([[1.0], [0.0]], 2, axis=1)
    eps = (3 + 0.2j) ** 2
    expected = [film_absorptance((eps + 1) / 2), film_absorptance(2 / (1 / eps + 1))]
    fine = absorb(stripes, order=4, period=2.0, index=3.0, extinction=0.2)
    assert_allclose(fine, np.mean(expected), atol=2e-3)


def test_no_loss_no_absorption():
    images = MicrostructureAbsorber(16).sample_prior(3, random_state=0)
    lossless = MicrostructureAbsorber(16, extinction=0.0, order=3)
    assert_allclose(lossless(images), 0, atol=1e-9)


def test_moved_and_turned_patterns_absorb_alike():
    image = MicrostructureAbsorber(16).sample_prior(1, random_state=1).reshape(16, 16)
    A = absorb(image, order=3)
    assert 0 < A < 1
    for same in (np.roll(image, (3, 5), axis=(0, 1)), image.T, image[::-1], np.rot90(image)):
        assert_allclose(absorb(same, order=3), A, atol=1e-10)


def test_finer_pixels_of_the_same_pattern_change_nothing():
    image = MicrostructureAbsorber(8).sample_prior(1, random_state=1).reshape(8, 8)
    assert_allclose(absorb(np.kron(image, np.ones((3, 3))), order=3), absorb(image, order=3), atol=1e-10)


def test_gradient_of_grey_pixels_against_finite_differences():
    simulator = MicrostructureAbsorber(4, order=2, device="cpu")
    grey = np.random.RandomState(0).uniform(0.2, 0.8, size=(1, 16))
    x = torch.tensor(grey, requires_grad=True)
    simulator.torch_forward(x).sum().backward()
    step = 1e-6 * np.eye(16)
    with torch.no_grad():
        up, down = (simulator.torch_forward(torch.tensor(grey + s)).numpy()[:, 0] for s in (step, -step))
    assert_allclose(x.grad[0].numpy(), (up - down) / 2e-6, atol=1e-6)


def test_waves_fill_a_circle():
    waves = _waves(3)
    assert len(waves) == 29
    assert (np.hypot(*waves.T) <= 3).all()
    assert {(3, 0), (0, -3), (2, 2)} <= set(map(tuple, waves.tolist()))


def test_prior_patterns_are_as_described():
    simulator = MicrostructureAbsorber(32)
    X = simulator.sample_prior(200, random_state=0)
    assert set(np.unique(X)) == {0.0, 1.0}
    share = X.mean(axis=1)
    assert 0.19 < share.min() < 0.22
    assert 0.43 < share.max() < 0.46
    power = (np.abs(np.fft.fft2(X.reshape(-1, 32, 32))) ** 2).mean(axis=0)
    k = np.hypot(np.fft.fftfreq(32, 1 / 32)[:, None], np.fft.fftfreq(32, 1 / 32))
    ring = [power[(k > low) & (k <= low + 1)].mean() for low in range(12)]
    assert 1 <= np.argmax(ring) <= 4


def test_grey_pixels_are_failures():
    simulator = MicrostructureAbsorber(4, order=1)
    X = np.ones((2, 16))
    X[1, 2] = 0.5
    assert_array_equal(np.isnan(simulator(X)[:, 0]), [False, True])
    assert "neither 0 nor 1" in simulator.failures(X)[1]


@pytest.mark.parametrize("period", [650.0, 1300.0])
def test_a_harmonic_that_grazes_the_surface_is_the_limit(period):
    """The wavelength is 650 by default: the first or second harmonic leaves along the surface."""
    X = MicrostructureAbsorber(16, order=2).sample_prior(2, random_state=0)
    at, near = (MicrostructureAbsorber(16, order=2, period=p)(X) for p in (period, period * (1 + 1e-11)))
    assert_allclose(at, near, atol=1e-4)


def test_the_default_dtype_changes_nothing():
    """Periods that single precision does not hold."""
    simulator = MicrostructureAbsorber(16, order=2, period=700.0)
    X = simulator.sample_prior(2, random_state=0)
    plain = simulator(X)
    torch.set_default_dtype(torch.float64)
    try:
        assert_array_equal(simulator(X), plain)
    finally:
        torch.set_default_dtype(torch.float32)
