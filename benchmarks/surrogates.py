"""Test error and cost of ForwardRegressor's defaults: analytic tasks and the MoS2 band gap.

    python benchmarks/surrogates.py                     # sine, arm, ballistics; seeds 0, 1, 2
    python benchmarks/surrogates.py --tasks mos2        # needs the table, see fetch_mos2_band_gap
    python benchmarks/surrogates.py --n-members 3       # an ensemble
    python benchmarks/surrogates.py --few               # tens and hundreds of rows, beside a Gaussian process

Mean squared errors are in raw units, averaged over outputs, on fresh rows of the prior. Goals: sine 2e-7, arm 1e-7,
ballistics 1e-6 in 90 CPU-seconds; MoS2 a mean absolute error of 0.020 eV and R² of 0.987 in 60. With few rows errors
are in variances of the response, those of an ensemble of three networks and of Gaussian processes, between which
inverters choose by the number of rows.
"""

import argparse
import time

import numpy as np
from _common import TASKS, print_header, print_row, table
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split

from skinverse import ForwardGaussianProcess
from skinverse.datasets import fetch_mos2_band_gap
from skinverse.simulators import SrTiO3TightBinding
from skinverse.surrogate import ForwardRegressor

WIDTHS = (12, 6, 12, 12, 8, 7, 10)


def timed_fit(X, y, seed, n_members):
    """Fitted surrogate and the process's CPU-seconds."""
    start = time.process_time()
    surrogate = ForwardRegressor(n_members=n_members, random_state=seed).fit(X, y)
    return surrogate, time.process_time() - start


def analytic(task, seeds, n_members, n_rows=10_000):
    """One row a seed, then the median."""
    errors, seconds = [], []
    for seed in seeds:
        X, y = table(TASKS[task], n_rows, seed)
        X_test, y_test = table(TASKS[task], 10_000, 10_000 + seed)
        surrogate, cpu = timed_fit(X, y, seed, n_members)
        squares = (surrogate.predict(X_test) - y_test) ** 2
        errors.append(squares.mean())
        seconds.append(cpu)
        print_row(
            task,
            seed,
            errors[-1],
            np.median(squares),
            cpu,
            surrogate.optimizer_,
            surrogate.n_iter_,
            widths=WIDTHS,
        )
    print_row(task, "median", np.median(errors), "", np.median(seconds), "", "", widths=WIDTHS)


def mos2(seeds, n_members):
    """Random 80/20 splits of the distinct rows, and the mean over them."""
    data = fetch_mos2_band_gap(drop_duplicates=True)
    scores = []
    for seed in seeds:
        X, X_test, y, y_test = train_test_split(data.data, data.target, test_size=0.2, random_state=seed)
        surrogate, cpu = timed_fit(X, np.ravel(y), seed, n_members)
        y_pred = surrogate.predict(X_test)
        scores.append((mean_absolute_error(y_test, y_pred), r2_score(y_test, y_pred), cpu))
        print_row("mos2", seed, *scores[-1][:2], cpu, surrogate.optimizer_, surrogate.n_iter_, widths=WIDTHS)
    mae, r2, cpu = np.mean(scores, axis=0)
    print_row("mos2", "mean", mae, f"{r2:.4f}", cpu, "", "", widths=WIDTHS)


def few_rows(seeds, sizes=(30, 100, 300)):
    """Median errors of both over the seeds, in variances of the response, and their seconds."""
    widths = (12, 6, 12, 12, 8, 8)
    print_row("task", "rows", "network", "GP", "CPU s", "CPU s", widths=widths)
    for name, simulator in {**TASKS, "crystal": SrTiO3TightBinding()}.items():
        for n_rows in sizes:
            errors, seconds = [], []
            for seed in seeds:
                X, y = table(simulator, n_rows, seed)
                X_test, y_test = table(simulator, 2000, 10_000 + seed)
                peers = (
                    ForwardRegressor(n_members=3, random_state=seed),
                    ForwardGaussianProcess(random_state=seed),
                )
                for model in peers:
                    start = time.process_time()
                    model.fit(X, y)
                    seconds.append(time.process_time() - start)
                    errors.append((((model.predict(X_test) - y_test) / y_test.std(axis=0)) ** 2).mean())
            errors, seconds = (np.median(np.reshape(a, (-1, 2)), axis=0) for a in (errors, seconds))
            print_row(name, n_rows, *map(float, errors), *map(float, seconds), widths=widths)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=[*TASKS, "mos2"])
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--n-members", type=int, default=1)
    parser.add_argument("--few", action="store_true", help="tens and hundreds of rows instead")
    args = parser.parse_args()
    if args.few:
        print_header("Surrogates of few rows")
        few_rows(args.seeds or range(3))
        return
    print_header(f"Surrogates: {ForwardRegressor(n_members=args.n_members)}")
    tasks = [task for task in args.tasks if task != "mos2"]
    if tasks:
        print_row("task", "seed", "test MSE", "median sq.", "CPU s", "by", "epochs", widths=WIDTHS)
        for task in tasks:
            analytic(task, args.seeds or range(3), args.n_members)
    if "mos2" in args.tasks:
        print_row("task", "split", "MAE eV", "R²", "CPU s", "by", "epochs", widths=WIDTHS)
        mos2(args.seeds or range(5), args.n_members)


if __name__ == "__main__":
    main()
