"""Band gaps of strained SrTiO3 by density-functional theory, for the calibration of `SrTiO3TightBinding`.

    python3 benchmarks/srtio3/dft.py [--out gaps.csv]

Wants GPAW 22.8 with its data sets (Debian: `apt install gpaw`, system Python), which nothing else here does. A cell
takes one to four minutes on a core; cells already in the table are left alone, so that the run can be stopped and
resumed, and one that fails is written down as such.

PBE + U with 4 eV on the d shell of Ti (GPAW's normalised convention), LCAO basis dzp, grid spacing 0.22 A, k mesh 2^3
about Gamma (it holds Gamma, X, M and R), 5 atoms at their cubic fractional places. The gap is too small as always, in
the unstrained cell 1.95 eV against 2.37 eV of a plane-wave code and 3.2 eV of the experiment: what is calibrated is the
shift from there.

Cells, within 10 % of 3.914 A and 90 degrees: the cubic one, hydrostatic, uniaxial and biaxial strains and shears of
one angle, in steps of 5 %, and a Latin hypercube of the box.
"""

import argparse
import csv
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
from ase import Atoms
from gpaw import GPAW, FermiDirac
from scipy.stats import qmc

A0 = 3.914
NAMES = ("a", "b", "c", "alpha", "beta", "gamma")
PLACES = {"Sr": [(0, 0, 0)], "Ti": [(0.5, 0.5, 0.5)], "O": [(0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]}
N_RANDOM = 40


def cells():
    """Kinds and strains (6,) of all cells, in units of 10 %."""
    one = np.eye(6)
    yield "cubic", np.zeros(6)
    for size in (-1, -0.5, 0.5, 1):
        yield "hydrostatic", size * one[:3].sum(axis=0)
        yield "uniaxial", size * one[2]
        yield "biaxial", size * one[:2].sum(axis=0)
    for size in (-1, 0.5, 1):
        yield "shear", size * one[5]
    for row in 2 * qmc.LatinHypercube(6, seed=0).random(N_RANDOM) - 1:
        yield "random", row


def gap(cell):
    """Band gap in eV."""
    places = [p for sites in PLACES.values() for p in sites]
    symbols = [s for s, sites in PLACES.items() for _ in sites]
    atoms = Atoms(symbols, scaled_positions=places, cell=cell, pbc=True)
    atoms.calc = GPAW(
        mode="lcao",
        basis="dzp",
        xc="PBE",
        setups={"Ti": ":d,4.0"},
        h=0.22,
        kpts={"size": (2, 2, 2), "gamma": True},
        occupations=FermiDirac(0.02),
        txt=None,
    )
    atoms.get_potential_energy()
    calc = atoms.calc
    bands = np.array([calc.get_eigenvalues(kpt=k) for k in range(len(calc.get_ibz_k_points()))])
    n_valence = round(calc.get_number_of_electrons() / 2)
    return bands[:, n_valence].min() - bands[:, n_valence - 1].max()


def done(out):
    with out.open() as file:
        return {tuple(row[1:7]) for row in csv.reader(file)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("gaps.csv"))
    parser.add_argument("--backwards", action="store_true", help="last cell first, beside another process")
    args = parser.parse_args()
    if not args.out.exists():
        args.out.write_text(",".join(("kind", *NAMES, "gap", "status", "cpu_seconds")) + "\n")
    for kind, strain in list(cells())[:: -1 if args.backwards else 1]:
        cell = np.array([A0] * 3 + [90.0] * 3) * (1 + 0.1 * strain)
        key = tuple(f"{value:.6f}" for value in cell)
        if key in done(args.out):
            continue
        started, status, found = time.process_time(), "ok", ""
        try:
            found = f"{gap(np.array(key, dtype=float)):.5f}"
        except Exception as error:
            status = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        line = (kind, *key, found, status, f"{time.process_time() - started:.0f}")
        with args.out.open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(line)
        print(*line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
