"""Second-order localisation against 300 Adam steps, on the same surrogate from the same starts.

    python benchmarks/localisation.py [--targets 10] [--repeats 3]

1,000 designs for one target, timed as a user calls them: ``NeuralAdjoint.inverse(y_star, 1000)``, lookup,
redraws, ranking and all. The peer is the same estimator with ``GradientSolver(300)``, without redraws.
Runs alternate, times are process CPU seconds on one thread. "conv": share of designs whose surrogate response
is within 1e-5 standard deviations of the target; "med": median squared error under the true simulator;
"mean/mean": mean error of the first over that of the second.
"""

import argparse
import time
import warnings

import numpy as np
from _common import TASKS, print_header, print_row, table
from sklearn.frozen import FrozenEstimator

from skinverse import ForwardRegressor, GradientSolver, LevenbergMarquardtSolver, NeuralAdjoint
from skinverse.metrics import resimulation_error


def timed(inverter, y_star):
    """CPU seconds and errors of 1,000 designs for one target."""
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        X, info = inverter.inverse(y_star, 1000, random_state=0, return_info=True)
    return time.process_time() - started, X, info


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    print_header(
        "1,000 designs for one target: Levenberg-Marquardt against 300 Adam steps, SiLU 128x3 surrogate"
    )
    widths = (22, 8, 9, 7, 9, 9, 9, 9, 9)
    titles = (
        "task, starts",
        "LM ms",
        "Adam ms",
        "ratio",
        "LM conv",
        "Adam conv",
        "LM med",
        "Adam med",
        "mean/mean",
    )
    print_row(*titles, widths=widths)
    for name, simulator in TASKS.items():
        X, y = table(simulator, 10_000, seed=0)
        surrogate = ForwardRegressor((128, 128, 128), "silu", optimizer="adam", random_state=0).fit(X, y)
        targets = table(simulator, args.targets, seed=1)[1]
        for start in ("sampler", "data", "nearest"):
            rivals = {
                "lm": NeuralAdjoint(
                    FrozenEstimator(surrogate), start=start, solver=LevenbergMarquardtSolver(), anchor=False
                ),
                "adam": NeuralAdjoint(
                    FrozenEstimator(surrogate),
                    start=start,
                    solver=GradientSolver(300),
                    max_redraws=0,
                    anchor=False,
                ),
            }
            fitted = {rival: inverter.fit(X, y) for rival, inverter in rivals.items()}
            seconds, errors, converged = ({rival: [] for rival in rivals} for _ in range(3))
            ratios = []
            for repeat in range(args.repeats):
                for y_star in targets:
                    pair = {}
                    for rival, inverter in fitted.items():
                        pair[rival], designs, info = timed(inverter, y_star)
                        seconds[rival].append(pair[rival])
                        if repeat == 0:
                            errors[rival].append(
                                resimulation_error(designs, np.atleast_2d(y_star), simulator).error
                            )
                            converged[rival].append(info.converged.mean())
                    ratios.append(pair["adam"] / pair["lm"])
            print_row(
                f"{name}, {start}",
                1e3 * float(np.median(seconds["lm"])),
                1e3 * float(np.median(seconds["adam"])),
                float(np.median(ratios)),
                float(np.mean(converged["lm"])),
                float(np.mean(converged["adam"])),
                float(np.nanmedian(errors["lm"])),
                float(np.nanmedian(errors["adam"])),
                float(np.nanmean(errors["lm"]) / np.nanmean(errors["adam"])),
                widths=widths,
            )


if __name__ == "__main__":
    main()
