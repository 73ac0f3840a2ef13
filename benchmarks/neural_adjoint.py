"""r_T of NeuralAdjoint and the baselines under the true simulators, the package's defaults.

    python benchmarks/neural_adjoint.py [--tasks sine arm ballistics] [--seeds 0 1 2] [--n-train 10000]
    python benchmarks/neural_adjoint.py --tasks crystal --n-train 2000 --n-targets 300 -T 50 --seeds 0
    python benchmarks/neural_adjoint.py --tasks sine arm ballistics crystal --n-train 100 --n-targets 300 -T 50

10,000 training rows from the prior, 1,000 fresh targets from the prior that no part of the training has
seen, 200 designs for each in the order returned; another table and other targets for each seed. Times are
process CPU seconds on one thread, for all 1,000 x 200 designs.
"""

import argparse
import time
import warnings

import numpy as np
from _common import TASKS, print_header, print_row, table
from sklearn.frozen import FrozenEstimator

from skinverse import ForwardRegressor, NearestDesignInverter, NeuralAdjoint, PriorInverter
from skinverse.metrics import novelty, resimulation_error, spacing
from skinverse.simulators import SrTiO3TightBinding

SIMULATORS = {**TASKS, "crystal": SrTiO3TightBinding()}
# Table 7 and Table 3 of Ren, Padilla and Malof, NeurIPS 2020: theirs, on their targets.
PUBLISHED = {"sine": (1.18e-3, 1.33e-7), "arm": (2.00e-4, 6.61e-7), "ballistics": (5.00e-3, 2.50e-7)}


def methods(surrogate_of, seed):
    """Name and estimator; the surrogate of the first, Gaussian processes for few rows, is taken by those below it."""
    yield "NeuralAdjoint", lambda: NeuralAdjoint(random_state=seed)
    if not isinstance(surrogate_of().estimator, ForwardRegressor):
        yield "  of networks", lambda: NeuralAdjoint(ForwardRegressor(n_members=3), random_state=seed)
    yield "  start='data'", lambda: NeuralAdjoint(surrogate_of(), start="data", random_state=seed)
    yield "  start='sampler'", lambda: NeuralAdjoint(surrogate_of(), start="sampler", random_state=seed)
    yield "  anchor=False", lambda: NeuralAdjoint(surrogate_of(), anchor=False, random_state=seed)
    yield "nearest row", NearestDesignInverter
    yield "nearest row + step", lambda: NearestDesignInverter(local_linear=True)
    yield "prior draws", lambda: PriorInverter("data", random_state=seed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", choices=SIMULATORS, default=list(TASKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--n-train", type=int, default=10_000)
    parser.add_argument("--n-targets", type=int, default=1_000)
    parser.add_argument("-T", type=int, default=200)
    args = parser.parse_args()
    print_header(
        f"r_T under the true simulator, {args.n_train} rows, {args.n_targets} fresh targets, T = {args.T}"
    )
    widths = (20, 5, 9, 9, 9, 9, 9, 7, 8, 7, 7)
    for task in args.tasks:
        simulator = SIMULATORS[task]
        print(f"## {task}")
        if task in PUBLISHED:
            print("published Neural Adjoint: r_1 {:.2e}, r_200 {:.2e}".format(*PUBLISHED[task]))
        print_row(
            "method",
            "seed",
            "r_1",
            "r_1 med",
            "r_1 max",
            "r_T",
            "r_T med",
            "fail %",
            "novelty",
            "fit s",
            "inv s",
            widths=widths,
        )
        rows = {}
        for seed in args.seeds:
            X, y = table(simulator, args.n_train, seed=1000 + seed)
            targets = table(simulator, args.n_targets, seed=2000 + seed)[1]
            fitted = {}

            def surrogate(fitted=fitted):
                return FrozenEstimator(fitted["NeuralAdjoint"].forward_model_)

            for name, make in methods(surrogate, seed):
                started = time.process_time()
                inverter = fitted[name] = make().fit(X, y)
                fit_seconds = time.process_time() - started
                started = time.process_time()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    designs = inverter.inverse(targets, args.T, random_state=seed)
                inverse_seconds = time.process_time() - started
                judged = resimulation_error(designs, targets, simulator)
                curve = judged.r_curve()
                row = (
                    curve.mean[0],
                    curve.quantile(0.5)[0],
                    curve.quantile(1.0)[0],
                    curve.mean[-1],
                    curve.quantile(0.5)[-1],
                    100 * judged.failure_rate,
                    float(np.median(novelty(designs[:, :1], X)) / spacing(X)),
                    fit_seconds,
                    inverse_seconds,
                )
                rows.setdefault(name, []).append(row)
                print_row(name, seed, *map(float, row), widths=widths)
        for name, values in rows.items():
            print_row(name, "all", *map(float, np.median(values, axis=0)), widths=widths)
        print(
            "(all: medians over seeds; novelty: median distance of the first design to a row, in row spacings)\n"
        )


if __name__ == "__main__":
    main()
