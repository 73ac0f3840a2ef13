"""Fit of `SrTiO3TightBinding` to shifts of the gap by density-functional theory.

    python benchmarks/srtio3/calibrate.py [--table gaps.csv]

Least squares over screening, pp_sigma, pp_pi and pp_exponent on the shifts from the cubic cell. Five folds give the
error on cells that the fit has not seen; the constants are those of the fit to all cells. Beside them the constants of
the class as they stand, and no model at all (the mean shift of the other cells).
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import least_squares

from skinverse.simulators import SrTiO3TightBinding

NAMES = ("screening", "pp_sigma", "pp_pi", "pp_exponent")
START = (0.25, 0.8, -0.15, 6.0)


def read(path):
    """Kinds, cells (n, 6) and shifts (n,) in eV, without the cubic cell and without cells that failed."""
    with path.open() as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "ok"]
    cells = np.array([[float(row[name]) for name in SrTiO3TightBinding.input_names] for row in rows])
    gaps = np.array([float(row["gap"]) for row in rows])
    kinds = np.array([row["kind"] for row in rows])
    cubic = gaps[kinds == "cubic"][0]
    others = kinds != "cubic"
    return kinds[others], cells[others], gaps[others] - cubic


def shifts(constants, cells):
    simulator = SrTiO3TightBinding(**dict(zip(NAMES, map(float, constants), strict=True)), device="cpu")
    with torch.no_grad():
        return simulator.signed_gap(torch.tensor(cells)).numpy() - simulator.gap


def fit(cells, wanted):
    found = least_squares(
        lambda c: shifts(c, cells) - wanted, START, x_scale=np.abs(START), diff_step=1e-4, max_nfev=60
    )
    return found.x


def rms(error):
    return np.sqrt(np.mean(np.square(error)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=Path(__file__).with_name("gaps.csv"))
    kinds, cells, wanted = read(parser.parse_args().table)
    fold = np.random.RandomState(0).permutation(len(cells)) % 5
    held_out, mean = np.empty(len(cells)), np.empty(len(cells))
    for k in range(5):
        held_out[fold == k] = shifts(fit(cells[fold != k], wanted[fold != k]), cells[fold == k])
        mean[fold == k] = wanted[fold != k].mean()
    constants = fit(cells, wanted)
    print("fit to all:", ", ".join(f"{n}={c:.4g}" for n, c in zip(NAMES, constants, strict=True)))
    default = shifts([getattr(SrTiO3TightBinding(), name) for name in NAMES], cells)
    print(
        f"{'cells':14}{'n':>4}{'sd of shifts':>14}{'held out':>10}{'fit':>8}{'class':>8}{'mean':>8}   rms, eV"
    )
    for kind in ("all", *dict.fromkeys(kinds)):
        mine = (kinds == kind) | (kind == "all")
        errors = (
            values[mine] - wanted[mine] for values in (held_out, shifts(constants, cells), default, mean)
        )
        print(f"{kind:14}{mine.sum():4}{wanted[mine].std():14.3f}", *(f"{rms(e):8.3f}" for e in errors))
    worst = np.argsort(-np.abs(held_out - wanted))[:3]
    for k in worst:
        print("worst:", cells[k].round(2), f"DFT {wanted[k]:.3f}, held out {held_out[k]:.3f}")


if __name__ == "__main__":
    main()
