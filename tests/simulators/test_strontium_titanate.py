"""The tight-binding model: tabulated matrix elements, electrostatics, symmetry."""

from itertools import permutations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skinverse.simulators import SrTiO3TightBinding
from skinverse.simulators import strontium_titanate as module

A0 = 3.914
CUBIC = np.array([[A0, A0, A0, 90.0, 90.0, 90.0]])


def tensor(values):
    return torch.tensor(np.asarray(values, dtype=float))


def test_cubic_cell_has_the_gap_asked_for():
    assert_allclose(SrTiO3TightBinding()(CUBIC), [[2.37]], atol=1e-9)
    assert_allclose(SrTiO3TightBinding(1.8, screening=0.1, n_k=4)(CUBIC), [[1.8]], atol=1e-9)


def test_hopping_has_the_tabulated_form():
    """Slater and Koster, Table I, for a bond with direction cosines l, m, n."""
    cosines = np.array([0.48, -0.6, 0.64])
    block = module._s_and_p_to_d(tensor([[cosines]]), tensor([[2.0]]))[0, 0].numpy()
    strength = 7.61996 * 1.08**1.5 / 2**3.5 / (1 + np.exp((2.0 - 3.0) / 0.1))
    sd, sigma, pi = -3.16 * strength, -2.95 * strength, 1.36 * strength
    l, m, n = cosines
    root = np.sqrt(3)
    e_s = [root * l * m, root * m * n, root * n * l, root / 2 * (l**2 - m**2), n**2 - (l**2 + m**2) / 2]
    assert_allclose(block[0], sd * np.array(e_s), rtol=1e-12)
    e_x = [
        root * l**2 * m * sigma + m * (1 - 2 * l**2) * pi,
        root * l * m * n * sigma - 2 * l * m * n * pi,
        root * l**2 * n * sigma + n * (1 - 2 * l**2) * pi,
        root / 2 * l * (l**2 - m**2) * sigma + l * (1 - l**2 + m**2) * pi,
        l * (n**2 - (l**2 + m**2) / 2) * sigma - root * l * n**2 * pi,
    ]
    assert_allclose(block[1], e_x, rtol=1e-12)
    e_z_last = n * (n**2 - (l**2 + m**2) / 2) * sigma + root * n * (l**2 + m**2) * pi
    assert_allclose(block[3, 4], e_z_last, rtol=1e-12)


def test_potentials_are_those_of_perovskite_and_of_any_splitting(monkeypatch):
    lattice = module._lattice_vectors(tensor([CUBIC[0], [4.2, 3.6, 3.8, 95, 84, 98]]))
    potentials = module._site_potentials(lattice)
    assert_allclose(potentials[0], [-19.82, -45.54, 23.75, 23.75, 23.75], atol=0.01)
    monkeypatch.setattr(module, "_EWALD", 0.65)
    monkeypatch.setattr(module, "_N_WAVES", 6)
    assert_allclose(module._site_potentials(lattice), potentials, atol=1e-5)


def test_lattice_vectors_have_the_lengths_and_angles():
    cell = np.array([4.1, 3.7, 3.9, 96.0, 83.0, 97.0])
    rows = module._lattice_vectors(tensor([cell]))[0].numpy()
    assert_allclose(np.linalg.norm(rows, axis=1), cell[:3])
    cosines = [rows[i] @ rows[j] / cell[i] / cell[j] for i, j in ((1, 2), (0, 2), (0, 1))]
    assert_allclose(np.rad2deg(np.arccos(cosines)), cell[3:])


def test_names_of_the_axes_do_not_matter():
    lengths, angles = np.array([4.1, 3.7, 3.9]), np.array([96.0, 83.0, 97.0])
    X = [[*lengths[list(p)], *angles[list(p)]] for p in permutations(range(3))]
    gaps = SrTiO3TightBinding()(X)
    assert_allclose(gaps, np.tile(gaps[:1], (6, 1)), atol=1e-5)


def test_an_axis_can_be_reversed():
    """-a in place of a makes supplements of the two angles with a."""
    X = [[4.1, 3.7, 3.9, 96.0, 83.0, 97.0], [4.1, 3.7, 3.9, 96.0, 97.0, 83.0]]
    gaps = SrTiO3TightBinding()(X)
    assert_allclose(gaps[0], gaps[1], atol=1e-5)


def test_mesh_of_two_holds_the_band_edges():
    simulator = SrTiO3TightBinding()
    X = simulator.sample_prior(60, random_state=0)
    difference = simulator(X) - SrTiO3TightBinding(n_k=4)(X)
    assert (difference >= -1e-9).all()  # a finer mesh that holds the coarse one cannot widen a gap
    assert difference.max() < 0.02


def test_gradient_against_finite_differences():
    simulator = SrTiO3TightBinding(device="cpu")
    cell = np.array([4.1, 3.7, 3.9, 94.0, 88.0, 86.0])
    x = tensor([cell]).requires_grad_()
    simulator.torch_forward(x).sum().backward()
    step = 1e-4 * np.eye(6)
    up, down = np.split(simulator(cell + np.vstack([step, -step]))[:, 0], 2)
    assert_allclose(x.grad[0].numpy(), (up - down) / 2e-4, atol=1e-5)


def test_overlapping_bands_are_a_metal():
    simulator = SrTiO3TightBinding(0.2)
    x = np.array([[A0, A0, A0, 90, 90, 99]])
    assert simulator.signed_gap(tensor(x)) < 0
    assert simulator(x)[0, 0] == 0


def test_impossible_cells_are_failures():
    X = np.repeat(CUBIC, 4, axis=0)
    X[1, 0] = -1
    X[2, 4] = 180
    X[3, 3:] = 30, 40, 100
    reasons = SrTiO3TightBinding().failures(X)
    assert_array_equal(np.isnan(SrTiO3TightBinding()(X)[:, 0]), reasons != "")
    for reason, words in zip(reasons[1:], ("not positive", "between 0 and 180", "no cell has"), strict=True):
        assert words in reason
    with pytest.raises(ValueError, match="cannot answer 3 of 4 designs, the first of them row 1: a lattice"):
        SrTiO3TightBinding()(X, on_failure="raise")
