"""The multilayered sphere against tables, the homogeneous sphere, and its boundary conditions solved directly."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import hankel1, spherical_jn
from sklearn.base import clone

from skinverse.simulators.multilayer_sphere import MultilayerSphere
from skinverse.utils.validation import InvalidParameterError

OUTPUTS = ("scattering", "extinction", "absorption")
GRID = np.array([400.0, 550.0, 800.0])


def psi_and_derivative(n, z):
    j = spherical_jn(n, z)
    return z * j, j + z * spherical_jn(n, z, derivative=True)


def zeta_and_derivative(n, z):
    before, zeta = (np.sqrt(np.pi * z / 2) * hankel1(order + 0.5, z) for order in (n - 1, n))
    return zeta, before - n / z * zeta


def matched_coefficients(x, m):
    """Coefficients (n_orders, 2) of Mie from the linear system of all boundary conditions.

    In a layer f = a psi + b zeta of order n, with b = 0 in the core and a = 1 outside, where b is minus
    the coefficient. Continuous are f and f'/m for electric, f and m f' for magnetic modes.
    """
    n_layers, m = len(x), np.append(m, 1.0)
    found = []
    for n in range(1, int(x[-1] + 4 * x[-1] ** (1 / 3) + 8)):
        for power in (-1, 1):
            system = np.zeros((2 * n_layers, 2 * n_layers), dtype=complex)
            known = np.zeros(2 * n_layers, dtype=complex)
            for l in range(n_layers):
                rows = slice(2 * l, 2 * l + 2)
                for medium, sign in ((l, 1), (l + 1, -1)):
                    weights = np.array([1, m[medium] ** power])
                    psi = weights * psi_and_derivative(n, m[medium] * x[l])
                    zeta = weights * zeta_and_derivative(n, m[medium] * x[l])
                    if medium < n_layers:
                        system[rows, 2 * medium] = sign * psi
                    else:
                        known[rows] = psi
                    if medium > 0:
                        system[rows, 2 * medium - 1] = sign * zeta
            scale = np.abs(system).max(axis=0)
            found.append(-(np.linalg.solve(system / scale, known) / scale)[-1])
    return np.reshape(found, (-1, 2))


def homogeneous_coefficients(x, m):
    """Coefficients (n_orders, 2) of Mie in the textbook's form."""
    n = np.arange(1, int(x + 4 * x ** (1 / 3) + 10))
    psi, dpsi = psi_and_derivative(n, x)
    zeta, dzeta = zeta_and_derivative(n, x)
    inner, dinner = psi_and_derivative(n, m * x + 0j)
    a = (m * inner * dpsi - psi * dinner) / (m * inner * dzeta - zeta * dinner)
    b = (inner * dpsi - m * psi * dinner) / (inner * dzeta - m * zeta * dinner)
    return np.stack([a, b], axis=1)


def efficiencies(x, coefficients):
    weights = 2 / x**2 * (2 * np.arange(1, len(coefficients) + 1) + 1)
    scattering = (weights[:, None] * np.abs(coefficients) ** 2).sum()
    extinction = (weights[:, None] * coefficients.real).sum()
    return {"scattering": scattering, "extinction": extinction, "absorption": extinction - scattering}


def all_efficiencies(X, layers, **parameters):
    return {output: MultilayerSphere(layers, output=output, **parameters)(X) for output in OUTPUTS}


def single_sphere(x, m, output="scattering"):
    """Efficiency for a size parameter `x`: a radius of x nm where the wavelength is 2 pi nm."""
    sphere = MultilayerSphere([(m, (0, 1e6))], medium=1, grid=[2 * np.pi], output=output)
    return sphere([[x]]).item()


def test_published_task_equals_matched_boundary_conditions():
    sphere = MultilayerSphere(grid=GRID)
    X = sphere.sample_prior(3, random_state=0)
    titania = 5.913 + 0.2441 / ((GRID / 1000) ** 2 - 0.0803)
    for row, y in zip(X, sphere(X), strict=True):
        for eps, wavelength, found in zip(titania, GRID, y, strict=True):
            x = 2 * np.pi * 1.77**0.5 * np.cumsum(row) / wavelength
            coefficients = matched_coefficients(x, np.sqrt(np.array([2.04, eps] * 4) / 1.77))
            assert_allclose(found, efficiencies(x[-1], coefficients)["scattering"], rtol=1e-12)


def test_absorbing_layers_equal_matched_boundary_conditions():
    indices, medium = np.array([0.2 + 3.5j, 1.5 + 0.01j, 2.5, 1.4 + 2j]), 1.33
    X = np.array([[100.0, 50.0, 30.0, 20.0], [20.0, 300.0, 90.0, 10.0], [5.0, 1.0, 2.0, 3.0]])
    found = all_efficiencies(X, [(n, (0, 500)) for n in indices], medium=medium, grid=GRID)
    for i, row in enumerate(X):
        for j, wavelength in enumerate(GRID):
            x = 2 * np.pi * medium * np.cumsum(row) / wavelength
            expected = efficiencies(x[-1], matched_coefficients(x, indices / medium))
            assert_allclose([found[o][i, j] for o in OUTPUTS], [expected[o] for o in OUTPUTS], rtol=1e-12)


@pytest.mark.parametrize("m", [0.75, 1.33, 1.5 + 0.01j, 2.5 + 1j, 0.1 + 4j])
@pytest.mark.parametrize("x", [0.05, 1.0, 7.3, 40.0])
def test_homogeneous_sphere(x, m):
    expected = efficiencies(x, homogeneous_coefficients(x, m))
    for output in ("scattering", "extinction"):
        assert_allclose(single_sphere(x, m, output), expected[output], rtol=1e-11)


def test_example_of_bohren_and_huffman():
    # Absorption and Scattering of Light by Small Particles, 1983, appendix A: radius 525 nm, 632.8 nm, index 1.55.
    sphere = MultilayerSphere([(1.55, (0, 1000))], medium=1, grid=[632.8], output="extinction")
    assert_allclose(sphere([[525.0]]), 3.10543, atol=5e-6)


@pytest.mark.parametrize(
    ("m", "x", "extinction", "scattering"),
    [
        (0.75, 10, 2.232265, 2.232265),
        (1.33 + 1e-5j, 100, 2.101321, 2.096594),
        (1.5 + 1j, 0.055, 0.101491, 0.000011),
        (1.5 + 1j, 1, 2.336321, 0.663454),
        (1.5 + 1j, 10_000, 2.004368, 1.236574),
        (10 + 10j, 1, 2.532993, 2.049405),
        (10 + 10j, 100, 2.071124, 1.836785),
    ],
)
def test_values_tabulated_by_wiscombe(m, x, extinction, scattering):
    # W. J. Wiscombe, "Mie scattering calculations", NCAR/TN-140+STR, 1979.
    assert_allclose(single_sphere(x, m, "extinction"), extinction, atol=1e-6)
    assert_allclose(single_sphere(x, m, "scattering"), scattering, atol=1e-6)


def test_layers_of_one_material_make_a_homogeneous_sphere():
    for n in (1.7, 1.2 + 2j):
        X = [[30.0, 0.5, 100.0, 400.0]]
        whole = all_efficiencies([[530.5]], [(n, (0, 1000))], grid=GRID)
        parts = all_efficiencies(X, [(n, (0, 500))] * 4, grid=GRID)
        for output in OUTPUTS:
            assert_allclose(parts[output], whole[output], rtol=1e-11, atol=1e-13)


def test_layers_without_thickness_are_not_there():
    core, shell = (1.4 + 1j, (0, 500)), (2.2, (0, 500))
    expected = all_efficiencies([[200.0, 80.0]], [core, shell], grid=GRID)
    for X, layers in (
        ([[0.0, 200.0, 80.0]], [(3.0, (0, 500)), core, shell]),
        ([[200.0, 0.0, 80.0]], [core, (3.0, (0, 500)), shell]),
        ([[200.0, 80.0, 0.0]], [core, shell, (3.0, (0, 500))]),
    ):
        found = all_efficiencies(X, layers, grid=GRID)
        for output in OUTPUTS:
            assert_allclose(found[output], expected[output], rtol=1e-12)


@pytest.mark.parametrize("m", [1.5, 1.5 + 0.3j, 0.2 + 3j])
def test_small_sphere_scatters_by_the_law_of_rayleigh(m):
    x, polarizability = 1e-4, (m**2 - 1) / (m**2 + 2)
    assert_allclose(single_sphere(x, m), 8 / 3 * x**4 * abs(polarizability) ** 2, rtol=1e-6)
    if np.imag(m):
        assert_allclose(single_sphere(x, m, "absorption"), 4 * x * polarizability.imag, rtol=1e-6)


def test_small_coated_sphere_has_the_quasistatic_polarizability():
    # Bohren & Huffman, eq. 5.36.
    core, shell, radius, coating = 2.0 + 1j, 1.5, 2e-5, 1e-5
    share = (radius / (radius + coating)) ** 3
    e1, e2 = core**2, shell**2
    numerator = (e2 - 1) * (e1 + 2 * e2) + share * (e1 - e2) * (1 + 2 * e2)
    denominator = (e2 + 2) * (e1 + 2 * e2) + share * (2 * e2 - 2) * (e1 - e2)
    sphere = MultilayerSphere(
        [(core, (0, 1)), (shell, (0, 1))], medium=1, grid=[2 * np.pi], output="absorption"
    )
    expected = 4 * (radius + coating) * (numerator / denominator).imag
    assert_allclose(sphere([[radius, coating]]), expected, rtol=1e-6)


def test_without_absorption_extinction_is_scattering():
    layers = [(1.3, (0, 1e5)), (2.4, (0, 1e5)), (1.6, (0, 1e5))]
    X = [[300.0, 100.0, 50.0], [1.0, 3000.0, 20.0], [5000.0, 8000.0, 9000.0]]
    found = all_efficiencies(X, layers, grid=GRID)
    assert_allclose(found["absorption"], 0, atol=1e-11)


def test_thick_absorbing_shell_hides_its_core_and_nothing_overflows():
    metal = 0.2 + 4j
    hollow = all_efficiencies([[500.0, 20_000.0]], [(1.5, (0, 1e5)), (metal, (0, 1e5))], grid=GRID)
    solid = all_efficiencies([[20_500.0]], [(metal, (0, 1e5))], grid=GRID)
    for output in OUTPUTS:
        assert_allclose(hollow[output], solid[output], rtol=1e-12)


@pytest.mark.parametrize("output", ["scattering", "absorption"])
@pytest.mark.parametrize("indices", [(1.4, 2.5, 1.4), (0.3 + 2j, 1.5, 1.4 + 0.1j)])
def test_gradients_equal_finite_differences(output, indices):
    sphere = MultilayerSphere([(n, (0, 200)) for n in indices], grid=GRID, output=output)
    X = torch.tensor([[60.0, 40.0, 50.0], [200.0, 5.0, 100.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(sphere.torch_forward, X, eps=1e-3, atol=1e-8, rtol=1e-5)


def test_pieces_give_what_the_whole_gives(monkeypatch):
    sphere = MultilayerSphere(grid=np.linspace(400, 800, 7))
    X = sphere.sample_prior(5, random_state=0)
    whole = sphere(X)
    monkeypatch.setattr("skinverse.simulators.multilayer_sphere._MAX_TERMS", 2000)
    assert_allclose(sphere(X), whole, rtol=1e-12)


def test_default_is_the_task_with_its_grid_and_bounds():
    sphere = MultilayerSphere()
    assert sphere.input_names == tuple(f"d{j}" for j in range(1, 9))
    assert_array_equal(sphere.bounds, [[30.0, 70.0]] * 8)
    assert_allclose(sphere.wavelengths, np.arange(400.0, 801.0, 2.0), rtol=1e-14)
    assert sphere.output_names[:2] == ("Qsca_400nm", "Qsca_402nm")
    assert repr(sphere) == "MultilayerSphere()"


def test_arrays_survive_clone_and_pickle():
    sphere = MultilayerSphere([(np.array([1.5, 1.4, 1.3]), (10, 50)), (2.0, 30.0)], grid=GRID)
    X = sphere.sample_prior(4, random_state=0)
    for copy in (clone(sphere), pickle.loads(pickle.dumps(sphere))):
        assert_array_equal(copy(X), sphere(X))
        assert repr(copy) == repr(sphere)


def test_impossible_spheres_have_no_answer():
    sphere = MultilayerSphere([(1.5, (0, 50)), (2.0, (0, 50))], grid=GRID)
    X = [[20.0, 10.0], [20.0, -1.0], [0.0, 0.0]]
    assert sphere.failures(X).tolist() == ["", "a thickness is negative", "the sphere has no radius"]
    assert np.isnan(sphere(X)).any(axis=1).tolist() == [False, True, True]


@pytest.mark.parametrize(
    "parameters", [{"medium": 0}, {"medium": 1.3 + 0.1j}, {"output": "colour"}, {"layers": 3}]
)
def test_parameters_out_of_range_raise(parameters):
    with pytest.raises(InvalidParameterError):
        MultilayerSphere(**parameters)([[50.0] * 8])


def test_unknown_material_raises():
    with pytest.raises(ValueError, match=r"layers\[1\]\[0\] must be a refractive index"):
        MultilayerSphere([(1.5, (1, 2)), ("gold", (1, 2))])([[1.0, 1.0]])
