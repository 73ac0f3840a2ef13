"""The architecture task: 1,024 pixels to Young's modulus, judged on the cell that can be made.

    python benchmarks/cells.py [--rows 5000] [--methods search lookup ...] [--designs designs.npz]

Tables 2 and 3 of the iPage paper, with its task rebuilt: symmetric cells of 32 x 32 pixels, the modulus less its mean
over the standard deviation of the training rows. "table 2": one design for each of 50 fresh targets; "table 3": 200
designs for the one target 1.0. Squared errors under `ArchitectedCell`, twice: "grey" for what a method answers, with
SIMP's interpolation for greys, and "made" for the cell made of it, which is symmetrised, cut so that its share of solid
stays, and counted only if the solid hangs together; "whole" is the share that does. "new" is the median share of
pixels in which such a cell differs from the nearest row. Milliseconds a design, one thread, of wall time.

The published methods see all pixels. "search" is `NeuralAdjoint` on the 136 pixels that the mirrors leave, in whole
numbers, through a convolutional surrogate, from random rows; "search, near" starts from the rows nearest to the
target, as is the default, and "search, far" from draws. The paper's own figures are 0.23 and 0.22 for iPage, on its
data, which are not public, and its normalisation, which is not told.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from _common import print_header, print_row
from sklearn.frozen import FrozenEstimator

from skinverse import (
    CINNInverter,
    CVAEInverter,
    DesignSpace,
    ForwardRegressor,
    INNInverter,
    IPageInverter,
    LevenbergMarquardtSolver,
    MDNInverter,
    NearestDesignInverter,
    NeuralAdjoint,
    PriorInverter,
    TransformedDesignInverter,
)
from skinverse.binarizer import ImageBinarizer
from skinverse.datasets import make_architected_cells
from skinverse.image_surrogate import DecodedRegressor, ImageRegressor
from skinverse.metrics.images import image_quality
from skinverse.simulators import ArchitectedCell
from skinverse.simulators.random_fields import percolates
from skinverse.symmetry import SymmetricImageEncoder

N_PIXELS = 32
CELL = ArchitectedCell(N_PIXELS, device="cpu")
WIDTHS = (14, 9, 10, 10, 10, 10, 8, 8, 8, 8)


def methods(args):
    """Unfitted inverters by name."""
    epochs, seed = args.epochs, args.seed
    pixels = [[0, 1]] * N_PIXELS**2
    common = dict(max_epochs=epochs, space=pixels, random_state=seed)
    mirrors = FrozenEstimator(SymmetricImageEncoder().fit(np.zeros((1, N_PIXELS**2))))
    values = DesignSpace([[0, 1]] * mirrors.transform(np.zeros((1, N_PIXELS**2))).shape[1], integer=True)
    perceptron = ForwardRegressor(optimizer="adam", max_epochs=epochs)

    def search(**params):
        surrogate = ImageRegressor(symmetric=True, max_epochs=args.image_epochs, n_members=args.members)
        model = DecodedRegressor(surrogate, mirrors)
        solver = LevenbergMarquardtSolver(5)
        inverter = NeuralAdjoint(model, solver=solver, space=values, max_redraws=0, n_starts=8, **params)
        return TransformedDesignInverter(inverter, mirrors, space=pixels, random_state=seed)

    return {
        "MDN": lambda: MDNInverter(5, covariance_type="diag", **common),
        "INN": lambda: INNInverter(**common),
        "cINN": lambda: CINNInverter(**common),
        "cVAE": lambda: CVAEInverter(**common),
        "NA": lambda: NeuralAdjoint.as_published(
            perceptron, n_starts=256, lr=0.01, space=pixels, random_state=seed
        ),
        "iPage": lambda: IPageInverter(forward_model=perceptron, **common),
        "search": lambda: search(start="data", anchor=True),
        "search, near": lambda: search(start="nearest", anchor=True),
        "search, far": lambda: search(start="sampler", anchor=False),
        "lookup": lambda: NearestDesignInverter(space=pixels),
        "prior": lambda: PriorInverter("data", space=pixels, random_state=seed),
    }


def made(designs):
    """Symmetric binary cells (n, n_pixels**2) of grey ones, and whether they hang together."""
    mirrors = SymmetricImageEncoder().fit(designs[:1])
    symmetric = mirrors.inverse_transform(mirrors.transform(designs))
    cells = ImageBinarizer("share").fit(designs[:1]).inverse_transform(symmetric)
    return cells, percolates(cells.reshape(-1, N_PIXELS, N_PIXELS))


def report(name, table, designs, targets, normalised, X, milliseconds):
    """Print a line; returns the cells that were made."""
    cells, whole = made(designs)
    grey, error = (((normalised(x) - targets) ** 2) for x in (designs, cells))
    error = error[whole] if whole.any() else np.array([np.nan])
    new = np.median(image_quality(cells[whole], X).novelty) if whole.any() else np.nan
    numbers = (grey.mean(), np.median(grey), error.mean(), np.median(error), whole.mean(), new, milliseconds)
    print_row(name, table, *map(float, numbers), len(designs), widths=WIDTHS)
    return cells


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=30, help="of the networks on pixels")
    parser.add_argument("--image-epochs", type=int, default=30, help="of the convolutional surrogate")
    parser.add_argument("--members", type=int, default=1, help="of its ensemble")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", nargs="+")
    parser.add_argument("--designs", type=Path, help="where cells for y* = 1 are kept, .npz")
    args = parser.parse_args()
    print_header("Architected cells")
    X, modulus = make_architected_cells(args.rows, n_pixels=N_PIXELS, random_state=args.seed)
    mean, scale = modulus.mean(), modulus.std()
    y = (modulus - mean) / scale
    fresh = make_architected_cells(50, n_pixels=N_PIXELS, random_state=args.seed + 1000)[1]
    print(f"{args.rows} rows, modulus {mean:.3f} +- {scale:.3f} of the solid's\n")

    def normalised(cells):
        return (CELL(np.clip(cells, 0, 1))[:, 0] - mean) / scale

    tables = {"2": ((fresh - mean) / scale, 1), "3": (np.array([1.0]), 200)}
    columns = ("method", "table", "grey", "median", "made", "median", "whole", "new", "ms", "designs")
    print_row(*columns, widths=WIDTHS)
    kept = {}
    for name, make in methods(args).items():
        if args.methods and name not in args.methods:
            continue
        start = time.perf_counter()
        inverter = make().fit(X, y)
        fitting = time.perf_counter() - start
        for table, (targets, n) in tables.items():
            start = time.perf_counter()
            designs = inverter.inverse(targets, n, random_state=args.seed + 1)
            spent = 1e3 * (time.perf_counter() - start) / (len(targets) * n)
            designs, wanted = designs.reshape(-1, N_PIXELS**2), np.repeat(targets, n)
            cells = report(name, table, designs, wanted, normalised, X, spent)
        kept[name] = np.packbits(cells.astype(bool), axis=1)
        print(f"  ({name}: fitted in {fitting:.0f} s)", flush=True)
        if args.designs:
            np.savez_compressed(args.designs, **kept)


if __name__ == "__main__":
    main()
