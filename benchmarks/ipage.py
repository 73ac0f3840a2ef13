"""iPage: which network, what accuracy, which branches, what speed.

    python benchmarks/ipage.py networks [--tasks sine arm ballistics] [--seeds 0]
    python benchmarks/ipage.py tables   [--tasks ...] [--seeds 0 1 ... 9] [--rows 10000]
    python benchmarks/ipage.py branches [--seeds 0]
    python benchmarks/ipage.py speed    [--tasks ...]
    python benchmarks/ipage.py dimension

10,000 training rows from the prior unless told otherwise, fresh targets, the true simulator as judge, one thread.

networks    networks and trainings of `IPageInverter`: error of the posterior draws it starts from and of its designs
            (1,000 targets, 20 designs each), steps of the solver, rings of y* = 1.2 met by 25 designs, seconds
tables      the paper's tables 2 and 3: 1,000 targets with 100 designs each, and 1,000 designs for one target; mean
            squared error over targets and designs, mean and standard deviation over seeds of table, training and draws;
            "arm" averages over outputs, "arm (sum)" adds them up as the paper writes
branches    rings of the sine task in 20 runs; both elbows of the arm wherever a target has them
speed       1,000 designs for a target against Neural Adjoint as published, and error against solver steps
dimension   64 design variables, solutions a known surface: error, and time and memory against the number of designs
"""

import argparse
import time
import warnings

import numpy as np
import torch
from _common import TASKS, print_header, print_row, table
from scaling import Peak

from skinverse import (
    CINNInverter,
    DesignSpace,
    ForwardRegressor,
    GradientSolver,
    IPageInverter,
    LevenbergMarquardtSolver,
    NearestDesignInverter,
    NeuralAdjoint,
    PriorInverter,
    TandemInverter,
)
from skinverse.benchmark.published_methods import NA
from skinverse.benchmark.published_networks import PublishedSurrogate
from skinverse.targets import Targets

Y_STAR = {"sine": [1.2], "arm": [1.5, 0.0], "ballistics": [5.0]}
NETWORKS = {
    "default": lambda seed: IPageInverter(random_state=seed),
    "affine": lambda seed: IPageInverter("affine", random_state=seed),
    "spline": lambda seed: IPageInverter("spline", random_state=seed),
    "affine, own forward half": lambda seed: IPageInverter(
        "affine", forward_model="network", random_state=seed
    ),
    "spline, own forward half": lambda seed: IPageInverter(
        "spline", forward_model="network", random_state=seed
    ),
    "bidirectional": lambda seed: IPageInverter(training="bidirectional", random_state=seed),
    "bidirectional, own half": lambda seed: IPageInverter(
        training="bidirectional", forward_model="network", random_state=seed
    ),
    "the same, linear curve": lambda seed: IPageInverter(
        training="bidirectional", forward_model="network", curve="linear", random_state=seed
    ),
    "as published": lambda seed: IPageInverter.as_published(random_state=seed),
}
TABLE_ROWS = {
    "IPageInverter": lambda seed: IPageInverter(random_state=seed),
    "NeuralAdjoint": lambda seed: NeuralAdjoint(random_state=seed),
    "nearest row": lambda seed: NearestDesignInverter(),
    "prior draws": lambda seed: PriorInverter("data", random_state=seed),
}


def errors(simulator, designs, targets):
    """Squared errors (n_targets, n, n_outputs)."""
    y = simulator(designs.reshape(-1, designs.shape[2])).reshape(*designs.shape[:2], -1)
    return (y - np.reshape(targets, (len(designs), 1, -1))) ** 2


def cpu(function, *args, **kwargs):
    """What a call returns, and its processor seconds."""
    started = time.process_time()
    return function(*args, **kwargs), time.process_time() - started


def shaped(task, targets):
    """Targets as the estimators want them: one-dimensional for a single output."""
    targets = np.atleast_2d(targets)
    return targets if task == "arm" else targets[:, 0]


def rings(designs):
    """How many of the nine solution rings of y* = 1.2 designs (n, 2) lie on: their centres are 2/3 apart."""
    centre = np.round((designs + [1 / 2, 2 / 3]) * 1.5)
    return len(np.unique(centre, axis=0))


def networks(args):
    columns = (
        "draw mean",
        "median",
        "design mean",
        "median",
        "steps",
        "p99",
        "conv %",
        "rings",
        "fit s",
        "ms/1000",
    )
    widths = (26, 11, 4, *(11 for _ in columns))
    print_row("network", "task", "seed", *columns, widths=widths)
    for task in args.tasks:
        simulator = TASKS[task]
        for seed in args.seeds:
            X, y = table(simulator, args.rows, seed=1000 + seed)
            targets = table(simulator, 1000, seed=2000 + seed)[1]
            for name in args.networks:
                inverter, fit_s = cpu(NETWORKS[name](seed).fit, X, y)
                designs, info = inverter.inverse(targets, 20, return_info=True)
                start = errors(simulator, info.proposal, targets).mean(axis=2)
                end = errors(simulator, designs, targets).mean(axis=2)
                ms = 1000 * np.median(
                    [cpu(inverter.inverse, targets[:1], 1000, random_state=k)[1] for k in range(3)]
                )
                found = "-"
                if task == "sine":
                    runs = [inverter.inverse([1.2], 25, random_state=k)[0] for k in range(20)]
                    found = float(np.mean([rings(run) for run in runs]))
                cells = (
                    *(float(f(e)) for e in (start, end) for f in (np.mean, np.median)),
                    float(info.n_iter.mean()),
                    float(np.quantile(info.n_iter, 0.99)),
                    float(100 * info.converged.mean()),
                    found,
                    fit_s,
                    float(ms),
                )
                print_row(name, task, seed, *cells, widths=widths)


def tables(args):
    print(
        f"{args.rows} rows, seeds {args.seeds}; mean and standard deviation over seeds, largest and median error last"
    )
    columns = ("T2 mean", "sd", "median", "largest", "T3 mean", "sd", "median")
    widths = (16, 12, *(10 for _ in columns))
    print_row("method", "task", *columns, widths=widths)
    for task in args.tasks:
        simulator = TASKS[task]
        for name, make in TABLE_ROWS.items():
            many, one = [], []
            for seed in args.seeds:
                X, y = table(simulator, args.rows, seed=1000 + seed)
                targets = table(simulator, 1000, seed=2000 + seed)[1]
                inverter = make(seed).fit(X, y)
                many.append(errors(simulator, inverter.inverse(targets, args.designs), targets))
                wanted = shaped(task, Y_STAR[task])
                one.append(errors(simulator, inverter.inverse(wanted, min(1000, args.rows)), wanted))
            for label, reduce in (("", np.mean), (" (sum)", np.sum)):
                if label and task != "arm":
                    continue
                e2, e3 = (reduce(np.array(e), axis=-1) for e in (many, one))
                m2, m3 = (e.mean(axis=(1, 2)) for e in (e2, e3))
                print_row(
                    name,
                    task + label,
                    *map(
                        float,
                        (m2.mean(), m2.std(), np.median(e2), e2.max(), m3.mean(), m3.std(), np.median(e3)),
                    ),
                    widths=widths,
                )


def elbows(designs):
    """Which elbow branches designs of the arm (..., 4) lie on: the sign of the second joint."""
    bend = designs[..., 2] - 2 * designs[..., 1]
    return (bend > 0).any(axis=-1), (bend < 0).any(axis=-1)


def branches(args):
    simulator = TASKS["sine"]
    for seed in args.seeds:
        X, y = table(simulator, args.rows, seed=1000 + seed)
        inverter = IPageInverter(random_state=seed, n_proposals=25).fit(X, y)
        for n, select, pool in ((25, "best", 25), (9, "best", 9), (9, "diverse", None)):
            inverter.set_params(select=select, n_proposals=pool)
            found = [rings(inverter.inverse([1.2], n, random_state=k)[0]) for k in range(20)]
            print(
                f"sine, table {seed}: {n} designs, select={select!r}: all nine rings in "
                f"{np.count_nonzero(np.equal(found, 9))} of 20 runs, mean {np.mean(found):.2f}",
                flush=True,
            )
    simulator = TASKS["arm"]
    X, y = table(simulator, args.rows, seed=1000)
    targets = table(simulator, 200, seed=2000)[1]
    inverter = IPageInverter(select="diverse", random_state=0).fit(X, y)
    # The truth: solutions of the simulator itself, from very many rows near the target.
    many, y_many = table(simulator, 2_000_000, seed=5)
    for n in (10, 30, 100):
        up, down = elbows(inverter.inverse(targets, n))
        has = np.array(
            [elbows(many[np.abs(y_many - t).max(axis=1) < 0.02]) for t in targets]
        )  # each elbow within a box of 2 cm about the target
        both = has.all(axis=1)
        print(
            f"arm: {n} designs, select='diverse': both elbows for {np.count_nonzero((up & down)[both])} of the "
            f"{np.count_nonzero(both)} targets (of 200) that have both",
            flush=True,
        )


def speed(args):
    for task in args.tasks:
        simulator = TASKS[task]
        X, y = table(simulator, args.rows, seed=1000)
        targets = table(simulator, 1000, seed=2000)[1]
        print(f"\n{task}: 1,000 designs for one target, medians of ten targets")
        widths, lr, factor, decay = NA[task]
        network = PublishedSurrogate(
            widths, lr=lr, factor=factor, weight_decay=decay, max_epochs=args.epochs, random_state=0
        )
        published = NeuralAdjoint.as_published(
            network, space=DesignSpace.from_simulator(simulator), random_state=0
        )
        rivals = {
            "IPageInverter": IPageInverter(random_state=0),
            "NeuralAdjoint": NeuralAdjoint(random_state=0),
            "cINN": CINNInverter(random_state=0),
            "Tandem": TandemInverter(random_state=0),
            "nearest row": NearestDesignInverter(),
            f"published NA, {args.epochs} epochs": published,
        }
        widths = (26, 12, 12, 14, 10)
        print_row("method", "ms", "r_1 mean", "all, median", "ratio", widths=widths)
        fitted, ms = {}, {}
        for name, inverter in rivals.items():
            fitted[name] = inverter.fit(X, y)
            n_targets, n = (2, 200) if inverter is published else (10, 1000)
            inverter.inverse(targets[:1], n)
            runs, designs = [], []
            for k in range(n_targets):
                d, seconds = cpu(inverter.inverse, targets[k : k + 1], n)
                runs.append(seconds * 1000 / (2.048 if inverter is published else 1))
                designs.append(d)
            e = errors(simulator, np.concatenate(designs), targets[:n_targets]).mean(axis=2)
            ms[name] = float(np.median(runs))
            ratio = ms[name] / ms["IPageInverter"]
            print_row(name, ms[name], float(e[:, 0].mean()), float(np.median(e)), ratio, widths=widths)
        steps(task, fitted, targets)


def steps(task, fitted, targets):
    """Error of one candidate a target after k steps, from the starts of each method, through two forward models."""
    simulator, ipage = TASKS[task], fitted["IPageInverter"]
    X, y = ipage.localizer_.model.X, ipage.localizer_.model.y
    fresh, y_fresh = table(simulator, 10_000, seed=6)
    ordinary = ForwardRegressor((128, 128, 128), "silu", optimizer="adam", max_epochs=100, random_state=0)
    ordinary.fit(X, y.ravel() if y.shape[1] == 1 else y)
    starts = {
        "iPage draws": ipage.inverter_.inverse(targets, 1)[:, 0],
        "cINN draws": fitted["cINN"].inverse(targets, 1)[:, 0],
        "nearest row": fitted["nearest row"].inverse(targets, 1)[:, 0],
        "prior": simulator.sample_prior(len(targets), random_state=7),
    }
    wanted = Targets(*[targets.reshape(len(targets), -1)] * 2)
    counts = (0, 1, 2, 3, 5, 8, 15)
    columns = (*(f"k={k}" for k in counts), "99 % at limit", "Adam 300")
    widths = (26, *(10 for _ in counts), 14, 10)
    for label, model in (("its own ensemble", ipage.forward_model_), ("SiLU 128 x 3 by Adam", ordinary)):
        mse = float(
            np.mean((model.predict(fresh).reshape(len(fresh), -1) - y_fresh.reshape(len(fresh), -1)) ** 2)
        )
        print(f"forward model: {label}, test MSE {mse:.1e}; median error after k steps, and mean below")
        print_row("start", *columns, widths=widths)
        limit = np.sqrt(mse / np.mean(ipage.y_scale_**2))
        for name, x0 in starts.items():
            rows = []
            for k in counts:
                x = x0
                if k:
                    solver = LevenbergMarquardtSolver(max_iter=k, tol=1e-9)
                    x = solver.solve(model.module_, wanted, x0, ipage.space_, y_scale=ipage.y_scale_).x
                rows.append(errors(simulator, x[:, None], targets).mean(axis=(1, 2)))
            solver = LevenbergMarquardtSolver(max_iter=60, tol=1e-9)
            trace = solver.solve(model.module_, wanted, x0, ipage.space_, y_scale=ipage.y_scale_).trace
            share = (trace <= limit).mean(axis=1)
            enough = np.flatnonzero(share >= 0.99)
            needed = int(enough[0]) if len(enough) else f"> 60 ({100 * share[-1]:.0f} %)"
            adam = (
                GradientSolver(300).solve(model.module_, wanted, x0, ipage.space_, y_scale=ipage.y_scale_).x
            )
            e_adam = errors(simulator, adam[:, None], targets).mean(axis=(1, 2))
            print_row(
                name, *(float(np.median(e)) for e in rows), needed, float(np.median(e_adam)), widths=widths
            )
            print_row("", *(float(e.mean()) for e in rows), "", float(e_adam.mean()), widths=widths)


def dimension(args):
    """y1 = mean of x_i^2, y2 = mean of x_i x_{i+1}: the solutions of y* are an intersection of two quadrics."""
    rng = np.random.RandomState(0)

    def simulate(X):
        return np.stack([(X**2).mean(axis=1), (X * np.roll(X, 1, axis=1)).mean(axis=1)], axis=1)

    X = rng.uniform(-1, 1, size=(args.rows, 64))
    targets = simulate(rng.uniform(-1, 1, size=(100, 64)))
    y = simulate(X)
    widths = (18, 10, 12, 12)
    print(
        f"64 variables, {args.rows} rows, 10 designs for 100 targets; variance of y {y.var(axis=0).mean():.1e}"
    )
    print_row("method", "fit s", "mean", "median", widths=widths)
    inverter = IPageInverter(random_state=0)
    for rival in (inverter, NeuralAdjoint(random_state=0), NearestDesignInverter()):
        fit_s = cpu(rival.fit, X, y)[1]
        e = errors(simulate, rival.inverse(targets, 10), targets).mean(axis=2)
        print_row(type(rival).__name__, fit_s, float(e.mean()), float(np.median(e)), widths=widths)
    widths = (10, 10, 14)
    print_row("designs", "CPU s", "MiB above", widths=widths)
    counts, seconds = (1000, 2000, 4000, 8000, 16000), []
    for n in counts:
        with Peak() as peak:
            seconds.append(cpu(inverter.inverse, targets[:1], n)[1])
        print_row(n, seconds[-1], float(peak.top - peak.base), widths=widths)
    slope = np.polyfit(np.log(counts), np.log(seconds), 1)[0]
    print(f"slope of log time over log number: {slope:.2f}")


PARTS = {"networks": networks, "tables": tables, "branches": branches, "speed": speed, "dimension": dimension}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS)[:-1])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--designs", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=500, help="of the published Neural Adjoint's surrogate")
    args = parser.parse_args()
    print_header(f"iPage, {args.part}")
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of targets far outside the table
        PARTS[args.part](args)


if __name__ == "__main__":
    main()
