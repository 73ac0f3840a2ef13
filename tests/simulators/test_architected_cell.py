"""Homogenisation of pixel cells against closed forms, bounds and an independent assembly."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

from skinverse.simulators import ArchitectedCell
from skinverse.simulators.random_fields import percolates

NU, VOID = 0.3, 1e-3


def sparse_homogenization(image, penalty=3.0):
    """Stiffness (3, 3) by a global sparse matrix over the nodes of the torus, one element a pixel."""
    m = len(image)
    E = VOID + (1 - VOID) * image**penalty
    C = np.array([[1, NU, 0], [NU, 1, 0], [0, 0, (1 - NU) / 2]]) / (1 - NU**2)
    corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
    g = np.polynomial.legendre.leggauss(2)[0] / 2 + 0.5
    Ke = np.zeros((8, 8))
    for x in g:
        for y in g:
            shape_x = [-(1 - y), 1 - y, y, -y]
            shape_y = [-(1 - x), -x, x, 1 - x]
            B = np.zeros((3, 8))
            B[0, 0::2], B[1, 1::2] = shape_x, shape_y
            B[2, 0::2], B[2, 1::2] = shape_y, shape_x
            Ke += B.T @ C @ B / 4
    u0 = np.array([[[x, 0], [0, y], [y, 0]] for x, y in corners]).transpose(0, 2, 1).reshape(8, 3)
    dofs, values = [], []
    f = np.zeros((2 * m * m, 3))
    for i in range(m):
        for j in range(m):
            node = [((i + a) % m) * m + (j + b) % m for a, b in corners]
            dof = np.ravel([(2 * k, 2 * k + 1) for k in node])
            dofs.append(dof)
            values.append(E[i, j] * Ke)
            np.add.at(f, dof, E[i, j] * Ke @ u0)
    dofs = np.array(dofs)
    rows, columns = np.repeat(dofs, 8, axis=1).ravel(), np.tile(dofs, 8).ravel()
    K = coo_array((np.ravel(values), (rows, columns)), shape=(2 * m * m,) * 2).tocsc()
    w = np.zeros_like(f)
    w[2:] = spsolve(K[2:, 2:], f[2:])
    d = u0 - w[dofs]
    return np.einsum("e,eap,ab,ebq->pq", E.ravel(), d, Ke, d) / m**2


def stiffness(images, **params):
    images = np.asarray(images)
    simulator = ArchitectedCell(images.shape[1], output="stiffness", **params)
    return simulator(images.reshape(len(images), -1))


def images_without_symmetry(n, size, seed=0):
    """Grey images."""
    return np.random.RandomState(seed).uniform(size=(n, size, size)) ** 2


def test_sparse_assembly_agrees_on_cells_of_any_symmetry():
    images = np.concatenate(
        [
            images_without_symmetry(2, 8),
            ArchitectedCell(8, symmetry="pmm").sample_prior(2, random_state=0).reshape(-1, 8, 8),
            ArchitectedCell(8).sample_prior(2, random_state=0).reshape(-1, 8, 8),
        ]
    )
    for image, c in zip(images, stiffness(images), strict=True):
        C = sparse_homogenization(image)
        assert_allclose(c, C[[0, 1, 0, 2, 0, 1], [0, 1, 1, 2, 2, 2]], atol=1e-12)


def test_quarter_and_full_cell_agree():
    """A symmetric cell moved by one pixel is no longer symmetric about the axes, and is the same lattice."""
    for symmetry in ("pmm", "p4m"):
        cells = ArchitectedCell(16, symmetry=symmetry).sample_prior(4, random_state=1).reshape(-1, 16, 16)
        assert_allclose(stiffness(np.roll(cells, 1, axis=1)), stiffness(cells), atol=1e-13)
        modulus = ArchitectedCell(16)
        moved = np.roll(cells, 3, axis=2).reshape(4, -1)
        assert_allclose(modulus(moved), modulus(cells.reshape(4, -1)), atol=1e-13)


def test_laminate_has_its_closed_form():
    layers = np.array([1.0, 0.2, 0.7, 0.0, 0.2, 1.0])
    image = np.repeat(layers[:, None], 6, axis=1)
    E = VOID + (1 - VOID) * layers**3
    c11, c66 = E / (1 - NU**2), E / (2 * (1 + NU))
    across, shear = 1 / np.mean(1 / c11), 1 / np.mean(1 / c66)
    along = E.mean() + NU**2 * across
    expected = [across, along, NU * across, shear, 0, 0]
    assert_allclose(stiffness([image])[0], expected, atol=1e-10)
    assert_allclose(stiffness([image.T])[0], np.array(expected)[[1, 0, 2, 3, 4, 5]], atol=1e-10)
    assert_allclose(stiffness([image], refine=2)[0], expected, atol=1e-10)
    mean = (1 / np.linalg.inv([[across, NU * across], [NU * across, along]]).diagonal()).mean()
    assert_allclose(ArchitectedCell(6)([image.ravel()]), [[mean]], atol=1e-10)


@pytest.mark.parametrize("density", [0.0, 0.4, 1.0])
def test_uniform_cell_is_the_material(density):
    E = VOID + (1 - VOID) * density**3
    assert_allclose(ArchitectedCell(4)(np.full((1, 16), density)), [[E]], rtol=1e-13)
    c = stiffness(np.full((1, 4, 4), density))[0] / E * (1 - NU**2)
    assert_allclose(c, [1, 1, NU, (1 - NU) / 2, 0, 0], atol=1e-13)


def test_random_cells_keep_the_bounds():
    """Voigt's for the modulus; Hashin and Shtrikman's for the plane bulk modulus of square symmetric cells."""
    cells = ArchitectedCell(16).sample_prior(40, random_state=2)
    share = cells.mean(axis=1)
    c = ArchitectedCell(16, output="stiffness")(cells)
    E = np.array([VOID, 1.0])
    K, G = E / (2 * (1 - NU)), E / (2 * (1 + NU))
    bulk = (c[:, 0] + c[:, 2]) / 2
    upper = K[1] + (1 - share) / (1 / (K[0] - K[1]) + share / (K[1] + G[1]))
    lower = K[0] + share / (1 / (K[1] - K[0]) + (1 - share) / (K[0] + G[0]))
    assert (bulk <= upper).all()
    assert (bulk >= lower).all()
    assert (ArchitectedCell(16)(cells)[:, 0] <= share + (1 - share) * VOID).all()


@pytest.mark.parametrize("output", ["modulus", "stiffness"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_gradient_against_finite_differences(output, symmetric):
    image = images_without_symmetry(1, 6)[0]
    if symmetric:
        image = image + image[::-1]
        image = (image + image[:, ::-1]) / 4
    simulator = ArchitectedCell(6, output=output, device="cpu")
    x = torch.tensor(image.reshape(1, -1), requires_grad=True)
    weights = torch.arange(1.0, simulator.n_outputs + 1, dtype=torch.float64)
    (simulator.torch_forward(x) @ weights).sum().backward()
    step = 1e-5
    shifted = image.ravel() + step * np.concatenate([np.eye(36), -np.eye(36)])
    up, down = np.split(simulator(shifted) @ weights.numpy(), 2)
    assert_allclose(x.grad[0].numpy(), (up - down) / (2 * step), atol=1e-7)


def test_symmetric_and_other_cells_mix_in_a_batch():
    cells = ArchitectedCell(8).sample_prior(6, random_state=0)
    cells[::2] = images_without_symmetry(3, 8).reshape(3, -1)
    simulator = ArchitectedCell(8)
    assert_allclose(simulator(cells), np.vstack([simulator(c[None]) for c in cells]), rtol=1e-12)


@pytest.mark.parametrize("symmetry", ["p4m", "pmm", "p1"])
def test_prior_cells_are_as_described(symmetry):
    cells = ArchitectedCell(32, symmetry=symmetry).sample_prior(200, random_state=0).reshape(-1, 32, 32)
    assert set(np.unique(cells)) == {0.0, 1.0}
    share = cells.mean(axis=(1, 2))
    assert share.min() > 0.24
    assert share.max() < 0.77
    assert percolates(cells).all()
    mirrored = (cells == cells[:, ::-1]).all() and (cells == cells[:, :, ::-1]).all()
    assert mirrored == (symmetry != "p1")
    assert (cells == cells.transpose(0, 2, 1)).all() == (symmetry == "p4m")


def test_percolation():
    stripes = np.zeros((6, 6))
    stripes[:, 2] = 1
    cross = stripes + stripes.T > 0
    islands = np.zeros((6, 6))
    islands[1:4, 1:4] = 1
    band = np.eye(6) + np.roll(np.eye(6), 1, axis=1)  # one diagonal: the bands of all cells do not touch
    lattice = np.minimum(band + band[::-1], 1)
    images = [stripes, cross, islands, np.roll(cross, 3, axis=1), band, lattice]
    assert_array_equal(percolates(images), [0, 1, 0, 1, 0, 1])


def test_a_density_beyond_the_solid_is_a_failure():
    simulator = ArchitectedCell(4)
    X = np.full((3, 16), 0.5)
    X[1, 3] = 1.5
    y = simulator(X)
    assert_array_equal(np.isnan(y[:, 0]), [False, True, False])
    assert "outside [0, 1]" in simulator.failures(X)[1]
    with pytest.raises(
        ValueError, match=r"cannot answer 1 of 3 designs, the first of them row 1: a density lies"
    ):
        simulator(X, on_failure="raise")


def test_odd_number_of_pixels():
    with pytest.raises(ValueError, match="n_pixels must be even"):
        ArchitectedCell(5)(np.ones((1, 25)))
