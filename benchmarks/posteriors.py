"""Draws of the posterior family under the true simulator and against the true posterior, beside sbi.

    python benchmarks/posteriors.py [--tasks sine arm ballistics] [--methods ...] [--seeds 0 1 2]

10,000 training rows and 1,000 fresh targets from the prior, 20 designs each, defaults of the package.

mean, median   squared error of a design, over targets and designs; draws are exchangeable, so the mean is r_1
r_20           best of 20, mean over targets
r_1            of the first design, which for refined designs is the best by expected error
MMD2           1,000 draws against a reference posterior by rejection, mean of 40 further targets, each asked alone;
               unbiased, scale of the training designs; the line "reference" has its own error and tolerance
C2ST           held-out accuracy of sbi's classifier network on the first ten of these targets; .5 is ideal
rings          sine: of the nine solution rings of y* = 1.2, how many 50 draws reach, mean of 20 runs
outside        share of draws outside the box of the data before rejection
fit, ms/1000   processor seconds of fit, and milliseconds for 1,000 draws for one target

"sbi" rows need ``pip install sbi`` beside the package: neural posterior estimation with its default density estimator
and with a neural spline flow, trained to its own stopping rule and at most --sbi-epochs.
"""

import argparse
import time
import warnings
from functools import cache

import numpy as np
from _common import TASKS, print_header, print_row, table

from skinverse import (
    AutoregressiveInverter,
    CINNInverter,
    CVAEInverter,
    FlowMatchingInverter,
    INNInverter,
    MDNInverter,
    NearestDesignInverter,
    NeuralAdjoint,
    PriorInverter,
    RefinedInverter,
    TandemInverter,
)
from skinverse.metrics import (
    classifier_two_sample_test,
    mode_recall,
    posterior_mmd,
    reference_posterior,
    resimulation_error,
    solution_components,
)


class SBI:
    """Neural posterior estimation of sbi behind ``fit`` and ``inverse``, for this comparison only."""

    max_epochs = 300

    def __init__(self, estimator, seed):
        self.estimator, self.seed = estimator, seed

    def fit(self, X, y):
        import torch
        from sbi.inference import NPE

        torch.manual_seed(self.seed)
        self.X_, y = X, np.asarray(y).reshape(len(X), -1)
        trainer = NPE(density_estimator=self.estimator, show_progress_bars=False)
        # No prior object: draws are not cut to a box, so none is lost.
        trainer.append_simulations(torch.tensor(X).float(), torch.tensor(y).float())
        self.net_ = trainer.train(max_num_epochs=self.max_epochs)
        self.n_iter_ = trainer.summary["epochs_trained"][-1]
        return self

    def inverse(self, y_star, n, random_state=0, return_info=False):
        import torch

        torch.manual_seed(random_state)
        y = torch.tensor(np.reshape(y_star, (-1, self.net_.condition_shape[0]))).float()
        with torch.no_grad():
            draws = self.net_.sample((n,), y).transpose(0, 1).double().numpy()
        return (draws, {}) if return_info else draws


METHODS = {
    "MDN": lambda seed: MDNInverter(random_state=seed),
    "autoregressive": lambda seed: AutoregressiveInverter(random_state=seed),
    "cINN affine": lambda seed: CINNInverter(random_state=seed),
    "cINN spline": lambda seed: CINNInverter("spline", random_state=seed),
    "INN mle": lambda seed: INNInverter(random_state=seed),
    "INN mmd": lambda seed: INNInverter("mmd", random_state=seed),
    "cVAE": lambda seed: CVAEInverter(random_state=seed),
    "flow matching": lambda seed: FlowMatchingInverter(random_state=seed),
    "Tandem": lambda seed: TandemInverter(random_state=seed),
    "sbi default": lambda seed: SBI("maf", seed),
    "sbi spline flow": lambda seed: SBI("nsf", seed),
    "MDN refined": lambda seed: RefinedInverter(MDNInverter(random_state=seed), random_state=seed),
    "autoregressive refined": lambda seed: RefinedInverter(
        AutoregressiveInverter(random_state=seed), random_state=seed
    ),
    "NeuralAdjoint": lambda seed: NeuralAdjoint(random_state=seed),
    "nearest row": lambda seed: NearestDesignInverter(),
    "prior draws": lambda seed: PriorInverter("data", random_state=seed),
}
COLUMNS = ("mean", "median", "r_20", "r_1", "MMD2", "C2ST", "rings", "outside", "fail %", "fit s", "ms/1000")


@cache
def posterior(task, seed):
    """Forty targets, their reference posterior, and the scale of the training designs."""
    few = table(TASKS[task], 40, seed=3000 + seed)[1]
    reference = reference_posterior(TASKS[task], few, 1000, n_simulations=2_000_000, random_state=4000 + seed)
    return few, reference, table(TASKS[task], 10_000, seed=1000 + seed)[0].std(axis=0)


def judge(inverter, task, seed, c2st):
    """The row of a fitted inverter, but for the time of fit."""
    simulator = TASKS[task]
    targets = table(simulator, 1000, seed=2000 + seed)[1]
    designs, info = inverter.inverse(targets, 20, random_state=seed, return_info=True)
    judged = resimulation_error(designs, targets, simulator)
    curve = judged.r_curve().mean
    row = {
        "mean": float(np.nanmean(judged.error)),
        "median": float(np.nanmedian(judged.error)),
        "r_20": float(curve[-1]),
        "r_1": float(curve[0]),
        "outside": float(np.mean(info.get("outside", 0.0))),
        "fail %": 100 * judged.failure_rate,
    }
    few, reference, scale = posterior(task, seed)
    draws = np.concatenate([inverter.inverse(few[k : k + 1], 1000, random_state=k) for k in range(len(few))])
    row["MMD2"] = float(posterior_mmd(draws, reference.X, scale=scale).mean())
    row["C2ST"] = float(classifier_two_sample_test(draws[:10], reference.X[:10]).mean()) if c2st else "-"
    row["rings"] = rings(inverter) if task == "sine" else "-"
    started = time.process_time()
    inverter.inverse(few[:1], 1000, random_state=0)
    row["ms/1000"] = 1000 * (time.process_time() - started)
    return row


def rings(inverter):
    """Of the nine solution rings of y* = 1.2 on the sine task, how many 50 draws reach, mean of 20 runs."""
    reference = reference_posterior(TASKS["sine"], [[1.2]], 4000, random_state=0).X[0]
    labels = solution_components(reference, radius=0.03)
    large = np.isin(labels, np.flatnonzero(np.bincount(labels) > 100))
    runs = np.concatenate([inverter.inverse(np.array([1.2]), 50, random_state=k) for k in range(20)])
    recall = mode_recall(runs, reference[large], labels[large], radius=0.03)
    return float(recall.mean() * len(np.unique(labels[large])))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--sbi-epochs", type=int, default=300)
    parser.add_argument("--no-c2st", action="store_true", help="leave out C2ST, a minute a row")
    args = parser.parse_args()
    SBI.max_epochs = args.sbi_epochs
    print_header("Draws of the posterior family")
    widths = (22, 10, 4, *(8 for _ in COLUMNS))
    print_row("method", "task", "seed", *COLUMNS, widths=widths)
    for task in args.tasks:
        reference = posterior(task, args.seeds[0])[1]
        floor, tolerance = reference.floor.mean(), reference.tolerance.mean()
        print(
            f"reference {task}: MMD2 of its halves {floor:.1e}, tolerance {tolerance:.1e} standard deviations"
        )
        for name in args.methods:
            for seed in args.seeds:
                X, y = table(TASKS[task], 10_000, seed=1000 + seed)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of targets far outside the table
                    started = time.process_time()
                    try:
                        inverter = METHODS[name](seed).fit(X, y)
                    except ImportError:
                        print(f"{name}: sbi is not installed", flush=True)
                        break
                    fit_seconds = time.process_time() - started
                    row = {**judge(inverter, task, seed, not args.no_c2st), "fit s": fit_seconds}
                print_row(name, task, seed, *(row[c] for c in COLUMNS), widths=widths)


if __name__ == "__main__":
    main()
