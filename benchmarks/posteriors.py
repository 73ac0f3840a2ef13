"""Draws of the density models under the true simulator, raw and refined.

    python benchmarks/posteriors.py [--tasks sine arm ballistics] [--seeds 0 1 2]

10,000 training rows and 1,000 fresh targets from the prior, 20 designs each. Draws are exchangeable; refined designs
come best first, and "mean" and "median" are over all 20. "outside": share of draws outside the box of the data
before rejection. Defaults of the package.
"""

import argparse
import time
import warnings

import numpy as np
from _common import TASKS, print_header, print_row, table

from skinverse import MDNInverter, PriorInverter, RefinedInverter
from skinverse.metrics import resimulation_error

METHODS = {
    "MDNInverter()": lambda seed: MDNInverter(random_state=seed),
    "the same, refined": lambda seed: RefinedInverter(MDNInverter(random_state=seed), random_state=seed),
    "prior draws": lambda seed: PriorInverter("data", random_state=seed),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    args = parser.parse_args()
    print_header("Mean and median squared error of a design, 1,000 targets x 20")
    widths = (18, 12, 5, 9, 9, 9, 9, 9, 9, 9, 14)
    titles = (
        "method",
        "task",
        "seed",
        "mean",
        "median",
        "r_20",
        "fail %",
        "r_1",
        "outside",
        "fit s",
        "ms/1000 draws",
    )
    print_row(*titles, widths=widths)
    for task in args.tasks:
        for name in args.methods:
            make = METHODS[name]
            for seed in args.seeds:
                X, y = table(TASKS[task], 10_000, seed=1000 + seed)
                targets = table(TASKS[task], 1000, seed=2000 + seed)[1]
                started = time.process_time()
                inverter = make(seed).fit(X, y)
                fit_seconds = time.process_time() - started
                started = time.process_time()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of targets far outside the table
                    designs, info = inverter.inverse(targets, 20, random_state=seed, return_info=True)
                seconds = time.process_time() - started
                judged = resimulation_error(designs, targets, TASKS[task])
                print_row(
                    name,
                    task,
                    seed,
                    float(np.nanmean(judged.error)),
                    float(np.nanmedian(judged.error)),
                    float(judged.r_curve().mean[-1]),
                    100 * judged.failure_rate,
                    float(judged.r_curve().mean[0]),
                    float(np.mean(info.get("outside", 0.0))),
                    fit_seconds,
                    1e6 * seconds / designs[..., 0].size,
                    widths=widths,
                )


if __name__ == "__main__":
    main()
