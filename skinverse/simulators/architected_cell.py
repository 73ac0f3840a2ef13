"""The architecture task: a pixel cell and the elastic constants of the lattice that it repeats to."""

from functools import lru_cache

import numpy as np
import torch

from skinverse.simulators.differentiable import MAX_VALUES, room
from skinverse.simulators.pixels import PixelSimulator
from skinverse.simulators.random_fields import gaussian_fields, percolates, symmetrized, threshold
from skinverse.utils.chunks import chunks
from skinverse.utils.validation import Integral, Interval, Real, StrOptions

_STIFFNESS = ("C11", "C22", "C12", "C66", "C16", "C26")
_VOIGT = ((0, 0), (1, 1), (0, 1), (2, 2), (0, 2), (1, 2))
# Corners of an element, counterclockwise from its origin.
_CORNERS = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
# Of the mirrored quarters: energies of one kind of strain, and mixed ones.
_SIGNS = ((1, 1, 1, 1), (1, -1, -1, 1))
# Numbers that a solver holds for each number of a column's stiffness.
_WORK = 6


class ArchitectedCell(PixelSimulator):
    r"""Effective elasticity of a periodic pixel cell, by homogenisation with finite elements [1]_.

    A cell of square pixels with densities :math:`\rho` in [0, 1] is repeated in both directions, in plane stress. A
    pixel has the modulus :math:`E = E_{min} + (1 - E_{min})\,\rho^p` of the solid's, a unit here. Under a mean strain
    :math:`\bar\varepsilon` displacements are :math:`u = \bar\varepsilon x - w`, with the periodic *w* that makes the
    elastic energy least; the effective stiffness is

    .. math:: C_{ij} = \frac1A \sum_e E_e\, (\bar u_i - w_i)_e^T K\, (\bar u_j - w_j)_e

    over the elements *e*, one bilinear element with four nodes a pixel.

    Parameters
    ----------
    n_pixels : int, default=32
        Pixels of an edge, an even number.
    output : {"modulus", "stiffness"}, default="modulus"
        "modulus" is the mean of the two Young's moduli :math:`1/(C^{-1})_{11}` and :math:`1/(C^{-1})_{22}`, which are
        equal where the cell looks the same along both axes. "stiffness" is C11, C22, C12, C66, C16, C26, with
        engineering shear.
    poisson : float, default=0.3
        Poisson's ratio of the solid.
    penalty : float, default=3
        The power *p* of SIMP interpolation. It does not matter for pixels that are 0 or 1.
    void_modulus : float, default=1e-3
        Modulus of an empty pixel.
    refine : int, default=1
        Elements along a pixel's edge. One is the rule in topology optimisation, and 2 to 8 % stiffer than two.
    symmetry : {"p4m", "pmm", "p1"}, default="p4m"
        Plane group of the cells that `sample_prior` draws. All cells are answered, whatever their symmetry.
    device : str or torch.device, default="auto"
        "auto" is a CUDA GPU when there is one.

    Attributes
    ----------
    bounds : ndarray of shape (n_pixels**2, 2)
        [0, 1] for every pixel.

    Notes
    -----
    A design is the image row by row, ``image.ravel()``; the first axis of the image is the first direction.

    Columns of elements are eliminated one after the other, which is Cholesky's method on small dense blocks, for many
    cells at once. Cells that both mirrors map to themselves, exactly, are solved on a quarter of the cell, where the
    fluctuation has no normal component on the edges under axial strain and no tangential one under shear.

    At the solution the energy does not feel a small change of *w*, so that :meth:`torch_forward` differentiates the
    sum above with *w* held fixed. This makes gradients cheap and exact; second derivatives are not to be had.

    Prior: a Gaussian random field with a spectrum :math:`\exp(-k^2/2l^2)`, *l* uniform between 1.5 and 4 cycles a cell,
    symmetrised, and cut so that the share of solid is uniform between 0.25 and 0.75; cells through which the
    solid does not hang together in both directions are drawn again. Real cells of the published task are not public;
    these follow its description.

    References
    ----------
    .. [1] E. Andreassen, C. S. Andreasen, "How to determine composite material properties using numerical
           homogenization", Comput. Mater. Sci. 83, 2014, https://doi.org/10.1016/j.commatsci.2013.09.006

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse.simulators import ArchitectedCell
    >>> cell = ArchitectedCell(n_pixels=8)
    >>> cell(np.ones((1, 64)))
    array([[1.]])
    >>> stripes = np.tile([[1.0], [0.0]], (4, 8)).ravel()
    >>> ArchitectedCell(8, output="stiffness")([stripes]).round(4)[0, :2]
    array([0.0022, 0.5007])
    """

    _parameter_constraints = {
        **PixelSimulator._parameter_constraints,
        "output": [StrOptions({"modulus", "stiffness"})],
        "poisson": [Interval(Real, -1, 0.5, closed="neither")],
        "penalty": [Interval(Real, 1, None, closed="left")],
        "void_modulus": [Interval(Real, 0, 1, closed="neither")],
        "refine": [Interval(Integral, 1, None, closed="left")],
        "symmetry": [StrOptions({"p4m", "pmm", "p1"})],
    }

    fidelity = ("refine",)

    def __init__(
        self,
        n_pixels=32,
        *,
        output="modulus",
        poisson=0.3,
        penalty=3.0,
        void_modulus=1e-3,
        refine=1,
        symmetry="p4m",
        device="auto",
    ):
        self.n_pixels = n_pixels
        self.output = output
        self.poisson = poisson
        self.penalty = penalty
        self.void_modulus = void_modulus
        self.refine = refine
        self.symmetry = symmetry
        self.device = device

    @property
    def output_names(self):
        """``modulus``, or the elastic constants."""
        return ("modulus",) if self.output == "modulus" else _STIFFNESS

    @property
    def output_units(self):
        """Everything is in units of the solid's Young's modulus."""
        return ("E of the solid",) * self.n_outputs

    def _obstacles(self, X):
        yield "a density lies outside [0, 1]", ((X < 0) | (X > 1)).any(axis=1)

    def _sample_prior(self, n, rng):
        cells = np.empty((0, self.n_pixels, self.n_pixels))
        while len(cells) < n:
            cells = np.concatenate([cells, self._draw(min(2 * (n - len(cells)) + 8, 4096), rng)])
        return cells[:n].reshape(n, -1)

    def _draw(self, n, rng):
        """Those of `n` random cells that bear a load."""
        length = rng.uniform(1.5, 4.0, size=(n, 1, 1))
        fields = gaussian_fields(self.n_pixels, lambda k: np.exp(-((k / length) ** 2) / 2), rng)
        cells = threshold(symmetrized(fields, self.symmetry), rng.uniform(0.25, 0.75, size=n))
        return cells[percolates(cells)]

    def _check_designs(self, X):
        if self.n_pixels % 2:
            raise ValueError(
                f"n_pixels must be even, so that a cell has mirrors between pixels; got {self.n_pixels}."
            )
        return super()._check_designs(X)

    def _values_per_design(self):
        return _WORK * (self.n_pixels * self.refine) ** 3 // 2

    def torch_forward(self, X):
        """Effective constants of cells, to be differentiated once.

        Parameters
        ----------
        X : tensor of float64 of shape (n, n_pixels**2)
            Densities, on any device.

        Returns
        -------
        y : tensor of shape (n, n_outputs)
        """
        rho = X.reshape(-1, self.n_pixels, self.n_pixels)
        mirrored = ((rho == rho.flip(1)) & (rho == rho.flip(2))).flatten(1).all(dim=1)
        y = X.new_empty(len(X), self.n_outputs)
        for group, solve, n_columns in (
            (mirrored, self._quarter_cell, self.n_pixels // 2),
            (~mirrored, self._full_cell, self.n_pixels),
        ):
            rows = torch.nonzero(group)[:, 0]
            size = room(X.device) * MAX_VALUES // (_WORK * 4 * (n_columns * self.refine) ** 3)
            for part in chunks(len(rows), size):
                C = solve(self._moduli(rho[rows[part]]))
                if self.output == "stiffness":
                    found = torch.stack([C[:, i, j] for i, j in _VOIGT], dim=1)
                else:
                    S = torch.linalg.inv(C)
                    found = (1 / S[:, :1, 0] + 1 / S[:, 1:2, 1]) / 2
                y = y.index_put((rows[part],), found)
        return y

    def _moduli(self, rho):
        """Moduli of the elements (n, rows, columns)."""
        E = self.void_modulus + (1 - self.void_modulus) * rho**self.penalty
        return E.repeat_interleave(self.refine, 1).repeat_interleave(self.refine, 2)

    def _full_cell(self, E):
        """Effective stiffness (n, 3, 3) of cells with moduli `E` (n, m, m)."""
        m = E.shape[1]
        free = torch.ones(m, 2 * m, dtype=torch.bool, device=E.device)
        free[0, :2] = False  # rigid translations
        w = _solve(E, self.poisson, range(3), free, periodic=True)
        w = torch.cat([w, w[:, :1]], dim=1)
        return _energy(E, self.poisson, torch.cat([w, w[:, :, :2]], dim=2))

    def _quarter_cell(self, E):
        """The same of cells (n, 2 m, 2 m) that both mirrors map to themselves, (n, 2, 2) if nobody asks for shear."""
        m = E.shape[1] // 2
        # The four quarters have the same energies, but for mixed ones of axial strain and shear, whose sign alternates.
        quarters = [q[:, :m, :m] for q in (E, E.flip(1), E.flip(2), E.flip(1, 2))]
        mean, alternating = (sum(s * q for s, q in zip(signs, quarters, strict=True)) / 4 for signs in _SIGNS)
        node = torch.arange(m + 1, device=E.device)
        edge = (node == 0) | (node == m)
        # Which displacements (column, node, direction) are free under axial strain; under shear it is the other one.
        free = ~torch.stack([edge[:, None].expand(-1, m + 1), edge.expand(m + 1, -1)], dim=2)
        w = _solve(mean, self.poisson, range(2), free.flatten(1), periodic=False)
        if self.output == "modulus":
            return _energy(mean, self.poisson, w)
        w_shear = _solve(mean, self.poisson, [2], free.flip(2).flatten(1), periodic=False)
        w = torch.cat([w, w_shear], dim=-1)
        shear = torch.tensor([False, False, True], device=E.device)
        mixed = shear != shear[:, None]
        return torch.where(mixed, _energy(alternating, self.poisson, w), _energy(mean, self.poisson, w))


@torch.no_grad()
def _solve(E, poisson, strains, free, *, periodic):
    """Fluctuations (n, columns, 2 * nodes, n_strains) under mean strains; column by column of nodes.

    Parameters
    ----------
    E : tensor of shape (n, m, m)
    strains : sequence of int
        Of e11, e22 and g12, by number.
    free : tensor of bool of shape (columns, 2 * nodes)
        Displacements that are not held at zero.
    periodic : bool
        Whether the first column of nodes, and in it the first node, follow on the last.
    """
    n, m, _ = E.shape
    n_columns, k = free.shape
    K, load = _column_operators(m, k // 2, poisson, E.device)
    # What a column of elements gives to the nodes on its left and on its right.
    blocks = (E.reshape(n * m, m) @ K.flatten(1)).reshape(n, m, 2, k, 2, k)
    loads = torch.einsum("nij,jskl->niskl", E, load[..., list(strains)])
    D, f = E.new_zeros(n, n_columns, k, k), E.new_zeros(n, n_columns, k, len(strains))
    right = torch.arange(1, m + 1, device=E.device) % n_columns
    D[:, :m] += blocks[:, :, 0, :, 0]
    D[:, right] += blocks[:, :, 1, :, 1]
    f[:, :m] += loads[:, :, 0]
    f[:, right] += loads[:, :, 1]
    U = blocks[:, :, 0, :, 1]  # from a column to the next
    held = ~free
    D = D.masked_fill(held[:, :, None] | held[:, None, :], 0.0)
    D.diagonal(dim1=2, dim2=3)[:, held] = 1.0
    U = U.masked_fill(held[:m, :, None] | held[right, None, :], 0.0)
    f = f.masked_fill(held[:, :, None], 0.0)
    return _eliminate(D, U, f, periodic)


def _eliminate(D, U, f, periodic):
    """Solution of a block-tridiagonal system, cyclic if `periodic`, by block Cholesky elimination.

    The first column of a cyclic one borders all others: it is eliminated last.
    """
    first = 1 if periodic else 0
    n, m, k, _ = D.shape
    S, g = D[:, first], f[:, first]
    border = U[:, 0].mT if periodic else D.new_empty(n, k, 0)
    corner, corner_load = (D[:, 0].clone(), f[:, 0].clone()) if periodic else (None, None)
    factors = []
    for i in range(first, m):
        L = torch.linalg.cholesky(S)
        last = i == m - 1
        if last and periodic:
            border = border + U[:, i]
        ahead = D.new_empty(n, k, 0) if last else U[:, i]
        Y = torch.linalg.solve_triangular(L, torch.cat([ahead, border, g], dim=2), upper=False)
        ahead, border, g = Y.split([ahead.shape[2], border.shape[2], g.shape[2]], dim=2)
        factors.append((L, ahead, border, g))
        if periodic:
            corner -= border.mT @ border
            corner_load -= border.mT @ g
        if not last:
            rest = ahead.mT @ Y
            S = D[:, i + 1] - rest[:, :, :k]
            border, g = -rest[:, :, k : k + border.shape[2]], f[:, i + 1] - rest[:, :, k + border.shape[2] :]
    edge = None
    if periodic:
        edge = torch.cholesky_solve(corner_load, torch.linalg.cholesky(corner))
    w = []
    for L, ahead, border, g in reversed(factors):
        if w and ahead.shape[2]:
            g = g - ahead @ w[-1]
        if periodic:
            g = g - border @ edge
        w.append(torch.linalg.solve_triangular(L.mT, g, upper=True))
    return torch.stack([edge, *w[::-1]] if periodic else w[::-1], dim=1)


def _energy(E, poisson, w):
    """Mean energies (n, l, l) of the first l unit strains, less fluctuations `w` (n, m + 1, 2 (m + 1), l)."""
    n, m, _ = E.shape
    n_strains = w.shape[-1]
    K, _ = _element(poisson, E.device)
    nodes = w.reshape(n, m + 1, m + 1, 2, n_strains)
    corners = [nodes[:, a : a + m, b : b + m] for a, b in _CORNERS]
    d = torch.stack(corners, dim=3).reshape(n, m, m, 8, n_strains)
    d = _mean_displacements(E.device)[:, :n_strains] - d
    return torch.einsum("nij,nijap,ab,nijbq->npq", E, d, K, d) / m**2


def _mean_displacements(device):
    """Displacements (8, 3) of an element's corners under the strains e11, e22 and g12."""
    x, y = torch.tensor(_CORNERS, dtype=torch.float64, device=device).T
    zero = torch.zeros_like(x)
    u = torch.stack(
        [torch.stack([x, zero], 1), torch.stack([zero, y], 1), torch.stack([y / 2, x / 2], 1)], dim=2
    )
    return u.reshape(8, 3)


def _element(poisson, device):
    """Stiffness (8, 8) of a square bilinear element of unit modulus in plane stress, and its loads (8, 3)."""
    C = np.array([[1, poisson, 0], [poisson, 1, 0], [0, 0, (1 - poisson) / 2]]) / (1 - poisson**2)
    K = np.zeros((8, 8))
    for x in (0.5 - np.sqrt(1 / 12), 0.5 + np.sqrt(1 / 12)):
        for y in (0.5 - np.sqrt(1 / 12), 0.5 + np.sqrt(1 / 12)):
            sx, sy = 2 * _CORNERS.T - 1
            dx, dy = sx * (0.5 + sy * (y - 0.5)), sy * (0.5 + sx * (x - 0.5))
            B = np.zeros((3, 8))
            B[0, ::2] = B[2, 1::2] = dx
            B[1, 1::2] = B[2, ::2] = dy
            K += B.T @ C @ B / 4
    K = torch.tensor(K, device=device)
    return K, K @ _mean_displacements(device)


@lru_cache(maxsize=16)
def _column_operators(m, n_nodes, poisson, device):
    """What each element of a column of `m` adds to its two columns of nodes: (m, 2, k, 2, k), and loads (m, 2, k, 3).

    A column has `n_nodes` nodes, m + 1 if it is a wall and m if it is a ring; k is twice as many.
    """
    K, load = _element(poisson, device)
    K, load = K.reshape(4, 2, 4, 2), load.reshape(4, 2, 3)
    stiffness = torch.zeros(m, 2, n_nodes, 2, 2, n_nodes, 2, dtype=torch.float64, device=device)
    loads = torch.zeros(m, 2, n_nodes, 2, 3, dtype=torch.float64, device=device)
    for j in range(m):
        for p, (a, b) in enumerate(_CORNERS):
            loads[j, a, (j + b) % n_nodes] += load[p]
            for q, (c, d) in enumerate(_CORNERS):
                stiffness[j, a, (j + b) % n_nodes, :, c, (j + d) % n_nodes] += K[p, :, q]
    k = 2 * n_nodes
    return stiffness.reshape(m, 2, k, 2, k), loads.reshape(m, 2, k, 3)
