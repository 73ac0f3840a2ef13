"""The meta-material simulator against CST Studio: fit of its constants, convergence, cost.

    python benchmarks/cylinder_metamaterial.py fit            # four constants at order 6, and the held-out error
    python benchmarks/cylinder_metamaterial.py convergence    # orders 3 to 8 against order 10
    python benchmarks/cylinder_metamaterial.py throughput     # CPU-seconds a spectrum
    python benchmarks/cylinder_metamaterial.py table --n-samples 10000 --out spectra.npz   # the 10,000 of the papers

`fit` needs `metamaterial_cst_spectra.npz` in the folder SKINVERSE_DATA: 192 spectra by CST, `X` in um and `y` at the
300 frequencies of the simulator. A permutation by seed 0 halves them. The constants are fitted to every 15th
frequency of the first spectra of one half, and judged at the same frequencies on all of the other half. Goal: a
root mean square error of 0.022 there, at order 6.

`table` is ``make_cylinder_metamaterial(n_samples, random_state=seed)`` with all 300 frequencies at order 4, written
away every 100 rows, so that it can be stopped and goes on where it was: 10,000 rows take some four hours of a core.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
from _common import print_header, print_row
from scipy.optimize import least_squares

from skinverse.simulators.cylinder_metamaterial import CylinderMetamaterial

CONSTANTS = ("period", "eps_real", "eps_imag", "conductivity")
DEFAULTS = tuple(getattr(CylinderMetamaterial(), name) for name in CONSTANTS)
EARLIER = (215.1, 11.41, 0.02, 28.4)  # a fit to a few spectra at order 4, from which this one starts
STEPS = np.array([0.03, 0.006, 0.006, 0.3])  # units of the constants in the fit, and steps of its differences
STRIDE = 15


def simulator(constants, order, n_frequencies=300 // STRIDE):
    return CylinderMetamaterial(
        n_frequencies, order=order, device="cpu", **dict(zip(CONSTANTS, map(float, constants), strict=True))
    )


def spectra(seed):
    """Designs and spectra of the half to fit, then of the half to judge by."""
    data = np.load(Path(os.environ["SKINVERSE_DATA"], "metamaterial_cst_spectra.npz"))
    X, y = data["X"], data["y"][:, ::STRIDE]
    halves = np.array_split(np.random.RandomState(seed).permutation(len(X)), 2)
    return [(X[rows], y[rows]) for rows in halves]


def rmse(a, b):
    return np.sqrt(np.mean((a - b) ** 2))


def fit(order, n_spectra, seed, max_nfev):
    (X, y), (X_test, y_test) = spectra(seed)
    X, y = X[:n_spectra], y[:n_spectra]
    print(f"{len(X)} of 96 spectra and {y.shape[1]} frequencies fitted, {len(X_test)} others held out")

    def residuals(scaled):
        return (simulator(scaled * STEPS, order)(X) - y).ravel()

    def jacobian(scaled):
        here = residuals(scaled)
        print("  ", (scaled * STEPS).round(4), f"rmse {np.sqrt(np.mean(here**2)):.5f}", flush=True)
        return np.stack([residuals(scaled + step) - here for step in np.eye(len(STEPS))], axis=1)

    lowest = np.array([200.0, 8.0, 0.0, 0.0])
    found = least_squares(
        residuals, EARLIER / STEPS, jacobian, bounds=(lowest / STEPS, np.inf), ftol=1e-4, max_nfev=max_nfev
    )
    setups = {"earlier": EARLIER, "defaults": DEFAULTS, "fitted": found.x * STEPS}
    spread = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)) * np.mean(found.fun**2)) * STEPS
    print("fitted  ", dict(zip(CONSTANTS, (found.x * STEPS).round(4).tolist(), strict=True)))
    print("spread  ", dict(zip(CONSTANTS, spread.round(4).tolist(), strict=True)))
    widths = (12, 7, 14, 14, 14)
    print_row("set-up", "order", "rmse fitted", "rmse held out", "correlation", widths=widths)
    for name, constants in setups.items():
        for judged in (4, order):
            at = simulator(constants, judged)
            T = at(X_test)
            correlation = np.corrcoef(T.ravel(), y_test.ravel())[0, 1]
            print_row(name, judged, rmse(at(X), y), rmse(T, y_test), correlation, widths=widths)


def convergence(orders, reference, n_designs, n_frequencies=30):
    """Errors of T over designs of the prior and evenly spread frequencies."""
    constants = DEFAULTS
    X = simulator(constants, 1).sample_prior(n_designs, random_state=0)
    exact = simulator(constants, reference, n_frequencies)(X)
    widths = (12, 10, 10, 10)
    print(f"error of T against order {reference}, {n_designs} designs, {n_frequencies} frequencies")
    print_row("order", "rmse", "median", "largest", widths=widths)
    for order in orders:
        error = np.abs(simulator(constants, order, n_frequencies)(X) - exact)
        print_row(order, np.sqrt(np.mean(error**2)), np.median(error), error.max(), widths=widths)


def throughput(orders, n_frequencies=60):
    """CPU-seconds for one spectrum of 300 points, from one of `n_frequencies`."""
    widths = (12, 12, 12)
    print_row("order", "harmonics", "s / spectrum", widths=widths)
    for order in orders:
        cell = simulator(DEFAULTS, order, n_frequencies)
        X = cell.sample_prior(1, random_state=0)
        cell(X)
        start = time.process_time()
        cell(X)
        seconds = (time.process_time() - start) * 300 / n_frequencies
        print_row(order, (order + 1) ** 2 + order**2, seconds, widths=widths)


def build(n_samples, out, seed, device):
    if out is None:
        raise SystemExit("table needs --out, the file that it writes")
    cell = CylinderMetamaterial(device=device)
    X, y = cell.sample_prior(n_samples, random_state=seed), np.empty((0, cell.n_outputs))
    if out.exists():
        y = np.load(out)["y"]
        if not np.array_equal(np.load(out)["X"], X):
            raise SystemExit(
                f"{out} holds other designs: give another file, or the number and seed it was made with"
            )
    while len(y) < n_samples:
        y = np.concatenate([y, cell(X[len(y) : len(y) + 100])])
        part = out.with_suffix(".part.npz")  # so that a file is never half written
        np.savez_compressed(part, X=X, y=y, frequencies=cell.frequencies)
        part.replace(out)
        print(f"{len(y)} of {n_samples}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["fit", "convergence", "throughput", "table"])
    parser.add_argument("--order", type=int, default=6, help="order of the fit")
    parser.add_argument("--n-spectra", type=int, default=24, help="spectra fitted, of 96")
    parser.add_argument("--max-nfev", type=int, default=5, help="steps of the fit")
    parser.add_argument("--seed", type=int, default=0, help="of the split, or of the table")
    parser.add_argument("--orders", type=int, nargs="+", default=[3, 4, 5, 6, 7, 8])
    parser.add_argument("--reference", type=int, default=10, help="order taken for exact")
    parser.add_argument("--n-designs", type=int, default=3)
    parser.add_argument("--n-samples", type=int, default=10_000, help="rows of the table")
    parser.add_argument("--out", type=Path, help="file of the table, .npz")
    parser.add_argument("--device", default="auto", help="of the table")
    arguments = parser.parse_args()
    print_header(f"CylinderMetamaterial: {arguments.what}")
    if arguments.what == "fit":
        fit(arguments.order, arguments.n_spectra, arguments.seed, arguments.max_nfev)
    elif arguments.what == "convergence":
        convergence(arguments.orders, arguments.reference, arguments.n_designs)
    elif arguments.what == "throughput":
        throughput(arguments.orders)
    else:
        build(arguments.n_samples, arguments.out, arguments.seed, arguments.device)
