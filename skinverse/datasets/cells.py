"""Pixel cells with their elastic response: random fields, and some that topology optimisation made."""

import numpy as np
import torch
from scipy import fft

from skinverse.datasets.generators import as_table
from skinverse.simulators import ArchitectedCell
from skinverse.simulators.random_fields import gaussian_fields, percolates, symmetrized, threshold
from skinverse.utils.chunks import chunks
from skinverse.utils.validation import (
    Interval,
    Real,
    StrOptions,
    check_positive_int,
    check_random_state,
    validate_parameter_constraints,
)

_CONSTRAINTS = {
    "symmetry": [StrOptions({"p4m", "pmm", "p1"})],
    "optimized_share": [Interval(Real, 0, 1, closed="both")],
    "output": [StrOptions({"modulus", "stiffness"})],
    "as_frame": ["boolean"],
}
_N_STEPS, _MOVE = 30, 0.2  # of optimality criteria, and the largest change of a density in one
_FILTER_RADIUS = 1.5  # pixels
_TOGETHER = 256  # cells optimised at once


def make_architected_cells(
    n_samples=10_000,
    *,
    symmetry="p4m",
    optimized_share=0.05,
    output="modulus",
    n_pixels=32,
    random_state=None,
    as_frame=False,
):
    """Binary pixel cells and their effective elasticity.

    Parameters
    ----------
    n_samples : int, default=10_000
        Number of rows. 100,000 take some seven minutes on one core.
    symmetry : {"p4m", "pmm", "p1"}, default="p4m"
        Mirrors along both axes and diagonals, along both axes, none.
    optimized_share : float, default=0.05
        Share of cells that are not random fields but as stiff as topology optimisation can make them from a
        random start, with the same distribution of the share of solid.
    output : {"modulus", "stiffness"}, default="modulus"
        As for :class:`~skinverse.simulators.ArchitectedCell`.
    n_pixels : int, default=32
        Pixels of an edge.
    random_state : int, RandomState instance or None, default=None
        An int gives the same data at every call.
    as_frame : bool, default=False
        Return pandas objects with the simulator's names.

    Returns
    -------
    X : ndarray of shape (n_samples, n_pixels**2) or DataFrame
        Cells of zeros and ones, ``image.ravel()``, through which the solid hangs together in both directions. Shares
        of solid lie between 0.25 and 0.75. Optimised ones come in random places.
    y : ndarray of shape (n_samples,) or (n_samples, 6), Series or DataFrame
        Modulus, or elastic constants, in units of the solid's modulus.

    See Also
    --------
    skinverse.simulators.ArchitectedCell : The law behind it, and its prior.

    Notes
    -----
    Optimised cells: 30 steps of the optimality criteria with the filter of sensitivities [1]_ raise the mean of the
    two Young's moduli at a given share of solid, from a smooth random field. The densities are cut at the quantile
    that keeps the share, and cells that do not hang together are started again.

    References
    ----------
    .. [1] O. Sigmund, "A 99 line topology optimization code written in Matlab", Struct. Multidisc. Optim. 21, 2001,
           https://doi.org/10.1007/s001580050176

    Examples
    --------
    >>> from skinverse.datasets import make_architected_cells
    >>> X, y = make_architected_cells(20, n_pixels=8, random_state=0)
    >>> X.shape, y.shape
    ((20, 64), (20,))
    """
    given = {
        "symmetry": symmetry,
        "optimized_share": optimized_share,
        "output": output,
        "as_frame": as_frame,
    }
    validate_parameter_constraints(_CONSTRAINTS, given, "make_architected_cells")
    check_positive_int(n_samples, "n_samples")
    rng = check_random_state(random_state)
    simulator = ArchitectedCell(n_pixels, output=output, symmetry=symmetry)
    n_optimized = round(optimized_share * n_samples)
    X = np.concatenate(
        [
            simulator.sample_prior(max(1, n_samples - n_optimized), rng)[: n_samples - n_optimized],
            *(
                _optimized(part.stop - part.start, symmetry, n_pixels, rng)
                for part in chunks(n_optimized, _TOGETHER)
            ),
        ]
    )
    X = X[rng.permutation(n_samples)]
    return as_table(simulator, X, simulator(X), as_frame)


def _optimized(n, symmetry, n_pixels, rng):
    """Stiff cells (n, n_pixels**2) of zeros and ones."""
    found = np.empty((0, n_pixels, n_pixels))
    while len(found) < n:
        n_more = n - len(found)
        share = rng.uniform(0.25, 0.75, size=n_more)
        length = rng.uniform(1.5, 4.0, size=(n_more, 1, 1))
        fields = gaussian_fields(n_pixels, lambda k, length=length: np.exp(-((k / length) ** 2) / 2), rng)
        fields = symmetrized(fields, symmetry)
        start = share[:, None, None] * (1 + 0.5 * fields / np.abs(fields).max(axis=(1, 2), keepdims=True))
        cells = threshold(_stiffen(start, share, symmetry), share)
        found = np.concatenate([found, cells[percolates(cells)]])
    return found.reshape(n, -1)


def _stiffen(rho, share, symmetry):
    """Densities (n, size, size) of large modulus whose means are `share`, by optimality criteria from `rho`."""
    n, size, _ = rho.shape
    simulator = ArchitectedCell(size, device="cpu")
    reach = np.minimum(np.arange(size), size - np.arange(size))
    weight = np.maximum(0, _FILTER_RADIUS - np.hypot(reach[:, None], reach))
    smooth = fft.rfft2(weight)

    def filtered(fields):
        return fft.irfft2(fft.rfft2(fields) * smooth, s=(size, size)) / weight.sum()

    for _ in range(_N_STEPS):
        x = torch.tensor(rho.reshape(n, -1), requires_grad=True)
        simulator.torch_forward(x).sum().backward()
        gain = filtered(rho * x.grad.numpy().reshape(rho.shape)) / np.maximum(rho, 1e-3)
        # Exactly symmetric cells are solved on a quarter.
        root = np.sqrt(np.maximum(symmetrized(gain, symmetry), 1e-12))
        low, high = np.full((2, n, 1, 1), [[[[1e-9]]], [[[1e9]]]])
        for _ in range(60):  # bisection for the multiplier that keeps the share
            middle = np.sqrt(low * high)
            new = np.clip(rho * root / middle, np.maximum(rho - _MOVE, 0), np.minimum(rho + _MOVE, 1))
            much = new.mean(axis=(1, 2), keepdims=True) > share[:, None, None]
            low, high = np.where(much, middle, low), np.where(much, high, middle)
        rho = new
    return rho
