"""The stack of films against closed forms, matrices of characteristic impedance, and the package tmm."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.constants import fine_structure
from sklearn.base import clone

from skinverse.simulators.materials import refractive_index
from skinverse.simulators.thin_film_stack import ThinFilmStack
from skinverse.utils.validation import InvalidParameterError

GRID = np.linspace(400.0, 900.0, 11)
OUTPUTS = ("absorptance", "reflectance", "transmittance")
# Metal-like, lossy, transparent and graphene-like films, one of them dispersive, one of fixed thickness.
LAYERS = (
    (0.2 + 3.0j, (0.0, 60.0)),
    (2.0, (0.0, 400.0)),
    (np.linspace(1.5, 1.4, 11) + 0.02j, 120.0),
    (3.3 + 3.1j, (0.0, 5.0)),
)


def designs(n=6, seed=0):
    return np.random.RandomState(seed).uniform(0, [60.0, 400.0, 5.0], size=(n, 3))


def spectra(X, **parameters):
    return {output: ThinFilmStack(output=output, **parameters)(X) for output in OUTPUTS}


def characteristic_matrix_spectra(n, d, wavelengths, angle, polarization):
    """R and T of Abelès' matrices; n (n_layers + 2, n_wavelengths) with the media, d (n_layers,)."""
    q = np.sqrt(n**2 - (n[0] * np.sin(np.radians(angle))) ** 2)
    eta = q if polarization == "s" else n**2 / q
    field = np.stack([np.ones_like(eta[-1]), eta[-1]])
    for j in range(len(d), 0, -1):
        delta = 2 * np.pi * q[j] * d[j - 1] / wavelengths
        field = np.stack(
            [
                np.cos(delta) * field[0] - 1j * np.sin(delta) / eta[j] * field[1],
                -1j * eta[j] * np.sin(delta) * field[0] + np.cos(delta) * field[1],
            ]
        )
    there, back = eta[0] * field[0] + field[1], eta[0] * field[0] - field[1]
    return np.abs(back / there) ** 2, 4 * eta[0].real * eta[-1].real / np.abs(there) ** 2


@pytest.mark.parametrize("angle", [0.0, 40.0])
@pytest.mark.parametrize("polarization", ["s", "p"])
@pytest.mark.parametrize("exit", [1.0, 1.8, 0.5 + 2j])
def test_stack_equals_product_of_characteristic_matrices(angle, polarization, exit):
    X = designs()
    setting = {"entrance": 1.3, "exit": exit, "grid": GRID, "angle": angle, "polarization": polarization}
    found = spectra(X, layers=LAYERS, **setting)
    n = np.stack(
        [np.broadcast_to(a, GRID.shape) for a in (1.3, *(index for index, _ in LAYERS), exit)]
    ).astype(complex)
    for row, (d1, d2, d4) in enumerate(X):
        R, T = characteristic_matrix_spectra(n, [d1, d2, 120.0, d4], GRID, angle, polarization)
        assert_allclose(found["reflectance"][row], R, rtol=0, atol=1e-13)
        assert_allclose(found["transmittance"][row], T, rtol=0, atol=1e-13)
        assert_allclose(found["absorptance"][row], 1 - R - T, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("angle", "polarization"), [(0.0, "s"), (35.0, "s"), (35.0, "p")])
def test_stack_equals_tmm(angle, polarization):
    tmm = pytest.importorskip("tmm")
    X = designs(3)
    found = spectra(
        X, layers=LAYERS, entrance="SiO2", exit=1.0 + 0.1j, grid=GRID, angle=angle, polarization=polarization
    )
    silica = refractive_index("SiO2", GRID)
    for row, (d1, d2, d4) in enumerate(X):
        for column, wavelength in enumerate(GRID):
            n = [
                silica[column],
                *(np.broadcast_to(index, GRID.shape)[column] for index, _ in LAYERS),
                1.0 + 0.1j,
            ]
            d = [np.inf, d1, d2, 120.0, d4, np.inf]
            expected = tmm.coh_tmm(polarization, n, d, np.radians(angle), wavelength)
            assert_allclose(found["reflectance"][row, column], expected["R"], rtol=0, atol=1e-12)
            assert_allclose(found["transmittance"][row, column], expected["T"], rtol=0, atol=1e-12)


def test_single_film_follows_airys_formula():
    n, thickness = 2.0, np.array([[0.0], [50.0], [123.0]])
    film = ThinFilmStack([(n, (0, 200))], entrance=1, exit=1.5, grid=GRID, output="reflectance")
    r01, r12 = (1 - n) / (1 + n), (n - 1.5) / (n + 1.5)
    cosine = np.cos(4 * np.pi * n * thickness / GRID)
    expected = (r01**2 + r12**2 + 2 * r01 * r12 * cosine) / (1 + (r01 * r12) ** 2 + 2 * r01 * r12 * cosine)
    assert_allclose(film(thickness), expected, rtol=0, atol=1e-15)


def test_quarter_wave_film_of_geometric_mean_reflects_nothing():
    n = 1.5**0.5
    film = ThinFilmStack([(n, (0, 200))], entrance=1, exit=1.5, grid=[600], output="reflectance")
    assert film([[600 / 4 / n]]).item() < 1e-30


def test_quarter_wave_mirror_has_the_closed_form():
    n_pairs, high, low, glass = 7, 2.35, 1.46, 1.52
    mirror = ThinFilmStack(
        [(high, (0, 200)), (low, (0, 200))] * n_pairs,
        entrance=1,
        exit=glass,
        grid=[550],
        output="reflectance",
    )
    contrast = (low ** (2 * n_pairs) - glass * high ** (2 * n_pairs)) / (
        low ** (2 * n_pairs) + glass * high ** (2 * n_pairs)
    )
    assert_allclose(mirror([[550 / 4 / high, 550 / 4 / low] * n_pairs]), contrast**2, rtol=1e-12)


@pytest.mark.parametrize("polarization", ["s", "p"])
def test_nothing_is_lost_in_transparent_films(polarization):
    layers = [(n, (0, 500)) for n in (1.4, 2.4, 1.7, 3.5)]
    X = np.random.RandomState(0).uniform(0, 500, size=(20, 4))
    parameters = {"layers": layers, "entrance": 1.5, "grid": GRID, "polarization": polarization}
    assert_allclose(spectra(X, angle=20.0, **parameters)["absorptance"], 0, atol=1e-13)
    beyond = spectra(X, angle=60.0, **parameters)  # total reflection at the exit
    assert_allclose(beyond["reflectance"], 1, rtol=1e-13)
    assert_array_equal(beyond["transmittance"], 0)


def test_light_passes_equally_well_both_ways():
    X = designs()
    there = ThinFilmStack(LAYERS, entrance=1.5, grid=GRID, output="transmittance")
    back = ThinFilmStack(LAYERS[::-1], entrance=1.0, exit=1.5, grid=GRID, output="transmittance")
    assert_allclose(there(X), back(X[:, ::-1]), rtol=1e-12)


def test_films_without_thickness_leave_the_interface_of_fresnel():
    angle, exit = 30.0, 1.5 + 0.4j
    sine = np.sin(np.radians(angle))
    inside, outside = np.cos(np.radians(angle)), np.sqrt(1 - (sine / exit) ** 2)
    fresnel = {
        "s": (inside - exit * outside) / (inside + exit * outside),
        "p": (exit * inside - outside) / (exit * inside + outside),
    }
    for polarization, r in fresnel.items():
        stack = ThinFilmStack(
            [(2.0, (0, 1)), (0.1 + 3j, (0, 1))],
            entrance=1,
            exit=exit,
            grid=[500],
            angle=angle,
            polarization=polarization,
            output="reflectance",
        )
        assert_allclose(stack([[0.0, 0.0]]), abs(r) ** 2, rtol=1e-13)


def test_brewsters_angle_reflects_nothing():
    film = ThinFilmStack(
        [(1.5, (0, 100))],
        entrance=1,
        exit=1.5,
        grid=GRID,
        output="reflectance",
        angle=np.degrees(np.arctan(1.5)),
        polarization="p",
    )
    assert film([[70.0]]).max() < 1e-30


def test_thick_metal_is_a_half_space_and_nothing_overflows():
    metal = 0.1 + 5j
    layers = [(metal, (0, 1e9)), (2.0, (0, 1e9)), (metal, (0, 1e9))]
    found = spectra([[1e6, 1e5, 1e6], [1e9, 1e9, 1e9]], layers=layers, entrance=1, grid=GRID)
    assert_allclose(found["reflectance"], abs((1 - metal) / (1 + metal)) ** 2, rtol=1e-13)
    assert_array_equal(found["transmittance"], 0)
    X = torch.tensor([[1e6, 1e5, 1e6]], dtype=torch.float64, requires_grad=True)
    ThinFilmStack(layers, grid=GRID).torch_forward(X).sum().backward()
    assert torch.isfinite(X.grad).all()


def test_graphene_absorbs_pi_alpha():
    sheet = ThinFilmStack([("graphene", 0.35), (1.0, (0, 1))], entrance=1, grid=[1e5])
    opacity = np.pi * fine_structure
    assert_allclose(sheet([[0.5]]), opacity / (1 + opacity / 2) ** 2, rtol=1e-4)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("angle", [0.0, 50.0])
def test_gradients_equal_finite_differences(output, angle):
    stack = ThinFilmStack(
        LAYERS, entrance=1.3, exit=1.1, grid=GRID[::5], output=output, angle=angle, polarization="p"
    ).set_params(layers=[(np.ravel(n)[0], d) for n, d in LAYERS], device="cpu")
    X = torch.tensor(designs(3), requires_grad=True)
    assert torch.autograd.gradcheck(stack.torch_forward, X, eps=1e-4, atol=1e-8, rtol=1e-6)


def test_gradient_vanishes_where_a_quarter_wave_reflects_nothing():
    film = ThinFilmStack([(1.5**0.5, (0, 200))], entrance=1, exit=1.5, grid=[600], output="reflectance")
    X = torch.tensor([[150 / 1.5**0.5]], dtype=torch.float64, requires_grad=True)
    film.torch_forward(X).sum().backward()
    assert abs(X.grad.item()) < 1e-15


def test_default_is_the_task_with_its_grid_and_bounds():
    stack = ThinFilmStack()
    assert stack.input_names == ("d2", "d4", "d6", "d8", "d10")
    assert_array_equal(stack.bounds, [[5.0, 50.0]] * 5)
    assert_allclose(stack.wavelengths, 1120 - 880 * np.cos(np.pi * np.arange(256) / 255), rtol=1e-12)
    assert stack.output_names[0] == "A_240nm"
    assert stack.output_names[-1] == "A_2000nm"
    assert len(set(stack.output_names)) == 256
    assert repr(stack) == "ThinFilmStack()"
    y = stack(stack.sample_prior(50, random_state=0))
    assert y.min() > 0.01
    assert y.max() < 0.6


def test_arrays_survive_clone_and_pickle():
    stack = ThinFilmStack(LAYERS, grid=GRID, exit=np.full(11, 1.5))
    X = stack.sample_prior(4, random_state=0)
    for copy in (clone(stack), pickle.loads(pickle.dumps(stack))):
        assert_array_equal(copy(X), stack(X))
        assert repr(copy) == repr(stack)


def test_indices_are_those_of_the_references():
    # Malitson's table, and values of the formulas of Luke and DeVore printed at refractiveindex.info.
    assert_allclose(refractive_index("SiO2", np.array([587.5618, 1529.582])), [1.45846, 1.44427], atol=1e-5)
    assert_allclose(refractive_index("Si3N4", np.array([1550.0])), 1.9963, atol=5e-5)
    assert_allclose(refractive_index("TiO2", np.array([587.6])), 2.6142, atol=5e-5)


def test_negative_thickness_has_no_answer():
    stack = ThinFilmStack(grid=GRID)
    X = [[20.0] * 5, [20.0, -1.0, 20.0, 20.0, 20.0]]
    assert stack.failures(X).tolist() == ["", "a thickness is negative"]
    assert np.isnan(stack(X)[1]).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"layers": [(2.0, (5, 50)), (1.5,)]}, r"layers\[1\] must be a pair"),
        ({"layers": [(2.0, (50, 5))]}, r"0 <= low < high"),
        ({"layers": [(2.0, -1.0)]}, r"layers\[0\] must be a pair"),
        ({"layers": [(2.0, "thick")]}, r"layers\[0\] must be a pair"),
        ({"layers": [(2.0, 50.0)]}, "nothing to design"),
        ({"layers": [("gold", (5, 50))]}, r"layers\[0\]\[0\] must be a refractive index .* one of \['Si3N4'"),
        ({"layers": [(1.5 - 0.1j, (5, 50))]}, r"layers\[0\]\[0\] must be a refractive index"),
        ({"layers": [([1.5, 1.6], (5, 50))]}, "one for each of 11 wavelengths"),
        ({"exit": np.nan}, "exit must be a refractive index"),
        ({"entrance": 1.5 + 0.1j}, "entrance must not absorb"),
        ({"grid": [0.0, 500.0]}, "positive wavelengths"),
        ({"grid": [[500.0]]}, "positive wavelengths"),
        ({"grid": ["blue"]}, "positive wavelengths"),
        ({"grid": []}, "positive wavelengths"),
    ],
)
def test_wrong_parameters_say_what_is_wrong(parameters, message):
    with pytest.raises(ValueError, match=message):
        ThinFilmStack(**{"grid": GRID, **parameters})([[20.0] * 5])


@pytest.mark.parametrize(
    "parameters", [{"angle": 90}, {"output": "colour"}, {"polarization": "x"}, {"exit": "gold"}]
)
def test_parameters_out_of_range_raise(parameters):
    with pytest.raises(InvalidParameterError):
        ThinFilmStack(**parameters)([[20.0] * 5])


@pytest.mark.parametrize("polarization", ["s", "p"])
def test_all_is_reflected_at_the_critical_angle(polarization):
    angle = np.degrees(np.arcsin(1 / 1.5))
    layers, medium = [(1.4, (0, 500))], {"entrance": 1.5, "exit": 1.0, "grid": GRID}
    stack = ThinFilmStack(layers, angle=angle, polarization=polarization, output="reflectance", **medium)
    with np.errstate(all="raise"):
        assert_allclose(stack([[0.0], [130.0], [400.0]]), 1, atol=1e-6)
