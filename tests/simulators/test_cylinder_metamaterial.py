"""Four cylinders in a cell: conservation laws, symmetries, an independent computation, and published spectra."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import j1
from sklearn.base import clone

from skinverse.simulators import cylinder_metamaterial, rcwa
from skinverse.simulators.cylinder_metamaterial import CylinderMetamaterial
from skinverse.utils.validation import InvalidParameterError

SPECTRA = "metamaterial_cst_spectra.npz"
X0 = np.array([[44.0, 36.0, 50.0, 40.0, 50.4, 43.0, 47.0, 45.3]])


@pytest.fixture(scope="module")
def spectra():
    """Designs and spectra computed with CST Studio."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    for folder in (os.environ.get("SKINVERSE_DATA"), beside):
        if folder and Path(folder, SPECTRA).exists():
            data = np.load(Path(folder, SPECTRA))
            return data["X"], data["y"], data["frequency_thz"]
    pytest.skip(f"needs {SPECTRA} in the folder SKINVERSE_DATA or in ../shared/data")


def _powers(cell, X):
    """Power reflected and transmitted in all directions."""
    X = torch.tensor(X)
    *fields, air = cell._scatter(torch.tensor(cell.frequencies), *cell._layers(X))
    return [rcwa.power(field, air).numpy() for field in fields]


def test_no_power_is_lost_without_loss():
    cell = CylinderMetamaterial(10, order=3, eps_imag=0.0, conductivity=0.0)
    assert cell.frequencies[-1] > 299.792 / cell.period  # some is diffracted
    reflected, transmitted = _powers(cell, X0)
    assert_allclose(reflected + transmitted, np.ones((1, 10)), atol=1e-9)
    assert (transmitted[:, :8] < 0.9).any()


def test_conductivity_absorbs():
    reflected, transmitted = _powers(CylinderMetamaterial(10, order=3), X0)
    absorbed = 1 - reflected - transmitted
    assert (absorbed > 0.01).all()
    assert (absorbed < 1).all()


def test_diffracted_light_does_not_count():
    cell = CylinderMetamaterial(10, order=3)
    _, transmitted = _powers(cell, X0)
    diffracted = transmitted - cell(X0)
    below = cell.frequencies < 299.792 / cell.period
    assert_allclose(diffracted[:, below], 0, atol=1e-12)
    assert (diffracted[:, ~below] > 0.001).all()


def test_no_contrast_is_transparent():
    cell = CylinderMetamaterial(6, order=2, eps_real=1.0, eps_imag=0.0, conductivity=0.0)
    assert_allclose(cell(X0), np.ones((1, 6)), atol=1e-9)


def test_shift_by_half_a_period_changes_nothing():
    cell = CylinderMetamaterial(10, order=3)
    T = cell(X0)
    for order in ([2, 3, 0, 1], [1, 0, 3, 2], [3, 2, 1, 0]):
        assert_allclose(cell(X0.reshape(2, 4)[:, order].reshape(1, 8)), T, atol=1e-10)
    # but a turn by a right angle is not a symmetry, for the light is polarised
    assert np.abs(cell(X0.reshape(2, 4)[:, [0, 2, 1, 3]].reshape(1, 8)) - T).max() > 0.01


def test_identical_cylinders_are_a_cell_of_half_the_period():
    cell = CylinderMetamaterial(10, order=4)
    found = cell([[45.0] * 4 + [48.0] * 4])
    assert_allclose(found, _single_cylinder(cell, 45.0, 48.0), atol=1e-7)


def _single_cylinder(cell, height, radius):
    """Transmittance of one cylinder in a cell of half the period, in all plane waves instead of standing ones."""
    n, period = cell.order // 2, cell.period / 2
    p, q = (a.ravel() for a in np.mgrid[-n : n + 1, -n : n + 1])
    dp, dq = p[:, None] - p, q[:, None] - q
    grid = (np.arange(32 * (cell.order + 1)) + 0.5) / (32 * (cell.order + 1))
    to_axis = (grid + 0.5) % 1 - 0.5
    angle = np.arctan2(to_axis, to_axis[:, None])
    left, right = (np.exp(-2j * np.pi * np.outer(np.arange(-2 * n, 2 * n + 1), grid)) for _ in range(2))

    def multiplication(values):
        coefficients = left @ values @ right.T / values.size
        return coefficients[dp + 2 * n, dq + 2 * n]

    N = np.block(
        [
            [multiplication(np.cos(angle) ** 2), multiplication(np.cos(angle) * np.sin(angle))],
            [multiplication(np.cos(angle) * np.sin(angle)), multiplication(np.sin(angle) ** 2)],
        ]
    )
    k = 2 * np.pi / period * np.hypot(dp, dq)
    disc = 2 * np.pi * radius * np.divide(j1(k * radius), k, out=np.full(k.shape, radius / 2), where=k > 0)
    share = disc / period**2

    T = []
    for f in cell.frequencies:
        wavelength = 299.792458 / f
        eps = cell.eps_real + 1j * (cell.eps_imag + cell.conductivity / (2 * np.pi * 8.8541878 * f))
        one = np.eye(len(p))
        direct = one + (eps - 1) * share
        jump = np.kron(np.eye(2), direct - np.linalg.inv(one + (1 / eps - 1) * share))
        eps_t = torch.tensor(np.kron(np.eye(2), direct) - (jump @ N + N @ jump) / 2)
        kx, ky = (torch.diag(torch.tensor(a * wavelength / period + 0j)) for a in (p, q))
        K, C = torch.cat([kx, ky]), torch.cat([ky, -kx])
        P, Q = rcwa.operators(eps_t, torch.tensor(direct), K, C)
        air = rcwa.half_space(torch.ones(1, 1, dtype=torch.complex128), K, C)
        slab = rcwa.slab(P, Q, torch.tensor(2 * np.pi * height / wavelength), 7)
        incident = torch.zeros(2 * len(p), 1, dtype=torch.complex128)
        incident[len(p) // 2] = 1
        T.append(abs(rcwa.scatter([slab], air, air, incident)[1][len(p) // 2].item()) ** 2)
    return np.array([T])


def test_disc_coefficients_are_those_of_a_fine_image():
    cell = CylinderMetamaterial(1, order=2)
    _, shares = cell._layers(torch.tensor(X0))
    x = (np.arange(2000) + 0.5) / 2000 * cell.period
    image = np.zeros((2000, 2000))
    for (cx, cy), r in zip([(0, 0), (0, 1), (1, 0), (1, 1)], X0[0, 4:], strict=True):
        dx, dy = (
            (x - c * cell.period / 2 + cell.period / 2) % cell.period - cell.period / 2 for c in (cx, cy)
        )
        image += np.hypot(dx[:, None], dy) < r
    waves = np.cos(2 * np.pi * np.outer(np.arange(5), x) / cell.period)
    assert_allclose(shares[0, 0], waves @ image @ waves.T / image.size, atol=1e-4)
    # the second layer starts where cylinder 2, the lowest, stops
    assert_allclose((shares[0, 0] - shares[0, 1])[0, 0], np.pi * 43.0**2 / cell.period**2)


def test_orders_converge():
    X = CylinderMetamaterial().sample_prior(2, random_state=0)
    T = {order: CylinderMetamaterial(12, order=order)(X) for order in (3, 4, 5, 6)}
    errors = [np.sqrt(np.mean((T[order] - T[6]) ** 2)) for order in (3, 4, 5)]
    assert errors[1] < 0.03
    assert errors[2] < 0.015
    assert errors[2] < errors[1] < errors[0]


def test_gradient_is_that_of_finite_differences():
    cell = CylinderMetamaterial(4, order=3)
    x = torch.tensor(X0, requires_grad=True)
    weights = torch.tensor([1.0, -0.5, 2.0, 0.7], dtype=torch.float64)
    (gradient,) = torch.autograd.grad(cell.torch_forward(x)[0] @ weights, x)
    steps = 1e-3 * np.eye(8)
    differences = (cell(X0 + steps) - cell(X0 - steps)) @ weights.numpy() / 2e-3
    assert_allclose(gradient[0], differences, rtol=1e-5, atol=1e-8)


def test_equal_heights_have_answers_and_gradients():
    cell = CylinderMetamaterial(4, order=3)
    X = np.hstack([[[40.0, 40.0, 47.0, 40.0], [45.0] * 4], np.repeat(X0[:, 4:], 2, axis=0)])
    x = torch.tensor(X, requires_grad=True)
    T = cell.torch_forward(x)
    (gradient,) = torch.autograd.grad(T.sum(), x)
    assert torch.isfinite(gradient).all()
    assert_allclose(cell(X + 1e-7 * np.arange(8)), T.detach(), atol=1e-6)
    # all heights together: a direction in which equal heights stay equal
    step = np.repeat([1e-3, 0.0], 4)
    differences = (cell(X + step) - cell(X - step)).sum(axis=1) / 2e-3
    assert_allclose(gradient[:, :4].sum(dim=1), differences, rtol=1e-4)


def test_memory_does_not_change_the_answer(monkeypatch):
    X = CylinderMetamaterial().sample_prior(3, random_state=0)
    cell = CylinderMetamaterial(7, order=2)
    T = cell(X)
    monkeypatch.setattr(cylinder_metamaterial, "MAX_VALUES", 2 * 3 * cell._values_per_design())
    assert_allclose(cell(X), T, atol=1e-12)
    monkeypatch.setattr(cylinder_metamaterial, "MAX_VALUES", 1)
    assert_allclose(cell(X), T, atol=1e-12)
    assert_allclose(np.vstack([cell(x[None]) for x in X]), T, atol=1e-12)


def test_frequencies_are_every_so_many_points():
    full = CylinderMetamaterial().frequencies
    assert_allclose([full[0], full[1] - full[0], full[-1]], [0.87035, 0.0021, 1.49825])
    assert_array_equal(CylinderMetamaterial(20).frequencies, full[::15])
    assert_array_equal(CylinderMetamaterial(7).frequencies, full[[0, 42, 85, 128, 171, 214, 257]])
    assert CylinderMetamaterial(2).output_names == ("T_0.8704THz", "T_1.1854THz")
    assert_array_equal(CylinderMetamaterial(2, order=2)(X0), CylinderMetamaterial(4, order=2)(X0)[:, ::2])


def test_prior_lies_on_the_published_levels():
    X = CylinderMetamaterial().sample_prior(3000, random_state=0)
    low, high = CylinderMetamaterial().bounds.T
    assert_array_equal(X.min(axis=0), low)
    assert_array_equal(X.max(axis=0), high)
    for column in X.T:
        levels, counts = np.unique(column, return_counts=True)
        assert len(levels) == 13
        assert counts.min() > 170


def test_published_designs_lie_on_the_prior_levels(spectra):
    levels = [np.unique(CylinderMetamaterial().sample_prior(1000, random_state=0)[:, j]) for j in (0, 4)]
    for columns, values in ((spectra[0][:, :4], levels[0]), (spectra[0][:, 4:], levels[1])):
        assert np.abs(columns[..., None] - values).min(axis=-1).max() < 0.006


def test_published_spectra(spectra):
    X, y, frequencies = spectra
    cell = CylinderMetamaterial(20)
    assert_allclose(cell.frequencies, frequencies[::15])
    T = cell(X[:8])
    assert np.sqrt(np.mean((T - y[:8, ::15]) ** 2)) < 0.03
    assert np.corrcoef(T.ravel(), y[:8, ::15].ravel())[0, 1] > 0.99


def test_impossible_designs_say_why():
    X = np.repeat(X0, 6, axis=0)
    X[1, 2] = 0.0
    X[2, 4] = -1.0
    X[3, [4, 5]] = 58.0, 52.0
    X[4, 4:] = 90.0, 15.0, 15.0, 90.0
    X[5, [4, 5]] = 58.0, 45.0  # touches nothing
    cell = CylinderMetamaterial(2, order=2)
    reasons = cell.failures(X)
    assert_array_equal(reasons == "", [True, False, False, False, False, True])
    assert reasons[1] == "a height is not positive"
    assert reasons[2] == "a radius is not positive"
    assert "cylinders 1 and 2 overlap: their axes are 10" in reasons[3]
    assert "cylinders 1 and 4 overlap: their axes are 15" in reasons[4]
    assert_array_equal(np.isnan(cell(X)).all(axis=1), reasons != "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_frequencies", 0),
        ("n_frequencies", 301),
        ("order", 0),
        ("order", 2.5),
        ("period", 0.0),
        ("eps_real", 0.0),
        ("eps_imag", -0.1),
        ("conductivity", -1.0),
        ("device", 3),
    ],
)
def test_wrong_parameter_raises(name, value):
    cell = CylinderMetamaterial().set_params(**{name: value})
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of CylinderMetamaterial"):
        cell(X0)


def test_clone_and_pickle():
    cell = CylinderMetamaterial(3, order=2, period=220.0)
    for copy in (clone(cell), pickle.loads(pickle.dumps(cell))):
        assert repr(copy) == repr(cell)
        assert_array_equal(copy(X0), cell(X0))
