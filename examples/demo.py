"""Which designs give the wanted response, and who says so? The main job of the package, end to end.

On a real table (band gaps of strained MoS2) and on three analytic tasks, fit a neural adjoint and the
baselines, ask for designs, have them judged by somebody the inverter never met, and lay the verdicts
side by side in one table and five figures.

    python examples/demo.py [--output demo_output] [--quick]

Takes about two minutes on two free cores; ``--quick`` is a rehearsal on small tables, whose figures say
little about the methods.
"""

import argparse
import csv
import os
import platform
import socket
import time
import warnings
from pathlib import Path

# One thread for each process: the fits run side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import joblib
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import scipy
import sklearn
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import mean_absolute_error, r2_score

import skinverse
from skinverse import DesignSpace, ForwardRegressor, NearestDesignInverter, NeuralAdjoint, PriorInverter
from skinverse.datasets import fetch_mos2_band_gap
from skinverse.display import CandidatesDisplay, RCurveDisplay, ResimulationDisplay
from skinverse.metrics import novelty, resimulation_error, spacing
from skinverse.simulators import Ballistics, RoboticArm, SineWave

# Seeds: training designs, fresh targets, the split of the real table, estimators.
TRAIN, FRESH, SPLIT, FIT = 0, 1, 2, 3

SIMULATORS = {"sine wave": SineWave(), "robotic arm": RoboticArm(), "ballistics": Ballistics()}
MOS2, JUDGE = "MoS2", "MoS2 judge"
GAPS = (0.5, 1.0)  # eV
CLOSE = 0.05  # eV
HELD_OUT = "MoS2, held-out gaps"
N_LINES = 12  # more designs than that cannot be followed by eye
OURS, FAR = "NeuralAdjoint", "NeuralAdjoint, far starts"
SURROGATE = "held-out surrogate"

started = time.perf_counter()


def baselines():
    """What the neural adjoint has to beat, best known first."""
    return {
        "nearest row": NearestDesignInverter(),
        "nearest row + local step": NearestDesignInverter(local_linear=True),
        "prior (rows at random)": PriorInverter("data", random_state=FIT),
    }


def say(text=""):
    print(f"[{time.perf_counter() - started:5.0f} s] {text}" if text else "", flush=True)


# ---- Data ---------------------------------------------------------------------------------------------


def load_mos2():
    """The table without duplicates, or None where there is neither a copy nor a network."""
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(20)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of retried downloads
            return fetch_mos2_band_gap(drop_duplicates=True)
    except OSError as error:
        say(f"MoS2 LEFT OUT: neither a local copy nor a download. {error}")
        say("Going on with the three simulators alone.")
        return None
    finally:
        socket.setdefaulttimeout(timeout)


def split_mos2(mos2, quick):
    """Disjoint rows of the inverter, of the judge, and of neither."""
    rows = np.random.RandomState(SPLIT).permutation(len(mos2.data))
    if quick:
        rows = rows[:2000]
    ends = (np.array([0.45, 0.9]) * len(rows)).astype(int)
    parts = np.split(rows, ends)
    return {
        name: (mos2.data[part], mos2.target[part])
        for name, part in zip((MOS2, JUDGE, "neither"), parts, strict=True)
    }


# ---- Fits ---------------------------------------------------------------------------------------------


def fit(name, estimator, X, y):
    """Fit in a process of its own; returns its seconds of processor time, too."""
    torch.set_num_threads(1)
    begun = time.process_time()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X, y)
    notes = sorted({str(entry.message) for entry in caught if entry.category is not DeprecationWarning})
    return name, estimator, time.process_time() - begun, notes


def fit_all(jobs, n_jobs):
    """Fitted estimators and their seconds by name."""
    fitted, seconds = {}, {}
    say(f"fitting {len(jobs)} models, {n_jobs} at a time: {', '.join(jobs)}")
    tasks = (joblib.delayed(fit)(name, *job) for name, job in jobs.items())
    for name, estimator, took, notes in joblib.Parallel(n_jobs, return_as="generator_unordered")(tasks):
        fitted[name], seconds[name] = estimator, took
        say(f"  fitted {name} on {len(jobs[name][1]):,} rows, {took:.0f} s of processor time")
        for note in notes:
            say(f"    warning: {note}")
    return fitted, seconds


# ---- Questions and verdicts ---------------------------------------------------------------------------


class Results:
    """Rows of the table, and the verdicts for the figures."""

    def __init__(self):
        self.rows = []
        self.verdicts = {}
        self.notes = []

    def ask(self, task, methods, y_star, n, judge, judge_name, X_train):
        """Put the same targets to every method, and its designs to the judge."""
        scale = spacing(X_train)
        for method, (inverter, fit_seconds) in methods.items():
            begun = time.process_time()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                X = inverter.inverse(y_star, n, random_state=FRESH)
            seconds = time.process_time() - begun
            self.notes += [f"{task}, {method}: {entry.message}" for entry in caught]
            result = resimulation_error(X, y_star, judge, judge=judge_name)
            self.verdicts[task, method] = (X, y_star, result)
            summary = result.summary()
            self.rows.append(
                {
                    "task": task,
                    "judge": result.judge,
                    "method": method,
                    "targets x T": f"{summary['n_targets']} x {summary['T']}",
                    "r_1 mean": summary["r_1"],
                    "r_1 median": summary["r_1_median"],
                    "r_T": summary["r_T"],
                    "all designs": float(np.nanmean(result.error)),
                    "failures %": 100 * summary["failure_rate"],
                    "novelty": float(np.median(novelty(X, X_train))) / scale,
                    "fit s": fit_seconds,
                    "inverse s": seconds,
                }
            )

    def text(self):
        """The table for the screen: a heading for each task, a line for each method."""
        header = ["method", *list(self.rows[0])[4:]]
        cells = [[row["method"], *(format_cell(name, row[name]) for name in header[1:])] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]

        def line(entries):
            first, *others = (f"{e:>{w}}" for e, w in zip(entries, widths, strict=True))
            return "  ".join([f"{first.strip():{widths[0]}}", *others])

        lines = [line(header)]
        task = None
        for row, entries in zip(self.rows, cells, strict=True):
            if row["task"] != task:
                task = row["task"]
                targets, n = row["targets x T"].split(" x ")
                title = (
                    f"-- {task}: {targets} target{'s' * (targets != '1')}, T = {n}, judge: {row['judge']} "
                )
                lines.append(title.ljust(len(lines[0]), "-"))
            lines.append(line(entries))
        return "\n".join(lines)

    def markdown(self):
        header = list(self.rows[0])
        lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * 3 + " ---: |" * (len(header) - 3)]
        for row in self.rows:
            lines.append("| " + " | ".join(format_cell(*item) for item in row.items()) + " |")
        return "\n".join(lines)


def format_cell(name, value):
    if isinstance(value, str):
        return value
    if name.startswith(("r_", "all")):
        return f"{value:.1e}"
    return f"{value:.2f}" if name in ("novelty", "inverse s") else f"{value:.1f}"


LEGEND = """\
r_1: squared error of the first design (several outputs: their mean), mean and median over targets, in
squared units of the response. r_T: best of T designs. all designs: mean over every design.
failures: designs without a response, counted as the worst error. novelty: median distance of a design to
the nearest training row, in median distances between neighbouring training rows (0 is a row looked up).
fit s, inverse s: processor time on one thread; inverse s for all designs of the line."""


def judge_mos2(results, fitted, seconds, parts, n):
    """Ask for the wanted gaps and for those of rows nobody has seen; returns remarks in words."""
    X, y = parts[MOS2]
    judge = fitted[JUDGE]
    X_new, y_new = parts["neither"]
    verdict = judge.predict(X_new)
    gapped = y_new > 0
    remarks = [
        f"MoS2 is judged by a surrogate, not by the physics: {judge.n_members} networks trained on "
        f"{len(parts[JUDGE][0]):,} rows, none of them among the {len(X):,} rows the inverter learnt from.",
        f"The judge itself, on {len(X_new):,} rows that neither has seen: MAE "
        f"{mean_absolute_error(y_new, verdict):.4f} eV, R2 {r2_score(y_new, verdict):.4f}; on the "
        f"{gapped.sum():,} of them with a gap: MAE "
        f"{mean_absolute_error(y_new[gapped], verdict[gapped]):.4f} eV, mean squared error "
        f"{np.mean((y_new - verdict)[gapped] ** 2):.1e} eV^2. "
        "Errors below that are the judge's own: it cannot tell such methods apart.",
    ]
    methods = {OURS: (fitted[MOS2], seconds[MOS2]), **fit_others(fitted[MOS2], seconds[MOS2], X, y)}
    for gap in GAPS:
        task = f"{MOS2}, {gap} eV"
        results.ask(task, methods, [gap], n, judge, SURROGATE, X)
        close = [
            f"{method} {(np.abs(results.verdicts[task, method][2].response - gap) <= CLOSE).sum()}"
            for method in methods
        ]
        remarks.append(f"Designs within {CLOSE} eV of {gap} eV, of {n}, says the judge: {', '.join(close)}.")
    results.ask(HELD_OUT, methods, y_new[gapped], n, judge, SURROGATE, X)
    say("asked and judged: MoS2")
    return remarks


def fit_others(adjoint, seconds, X, y):
    """The baselines, and the neural adjoint started away from the training rows, through the same surrogate."""
    surrogate = FrozenEstimator(adjoint.forward_model_)
    others = {FAR: clone(adjoint).set_params(start="sampler", forward_model=surrogate), **baselines()}
    fitted = {}
    for name, inverter in others.items():
        begun = time.process_time()
        inverter.fit(X, y)
        took = time.process_time() - begun
        fitted[name] = (inverter, took + seconds if name == FAR else took)
    return fitted


# ---- Figures ------------------------------------------------------------------------------------------


def save(figure, folder, name):
    figure.savefig(folder / name, dpi=130)
    plt.close(figure)
    say(f"  {folder / name}")


def share_legend(figure, ax):
    """One legend below all panels."""
    drawn = figure.legend(
        *ax.get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize="small"
    )
    for handle in drawn.legend_handles:
        handle.set_alpha(1)


def draw_analytic(results, folder):
    """Distance of the simulated response to the target, a panel for each output of each task."""
    panels = [(task, k) for task, simulator in SIMULATORS.items() for k in range(simulator.n_outputs)]
    figure, axes = plt.subplots(2, 2, figsize=(11, 8.5), layout="constrained")
    for task, simulator in SIMULATORS.items():
        mine = axes.ravel()[[entry[0] == task for entry in panels]]
        for method in (OURS, FAR, *baselines()):
            _, y_star, result = results.verdicts[task, method]
            ResimulationDisplay.from_resimulation(
                result,
                y_star,
                output_names=simulator.output_names,
                output_units=simulator.output_units,
                ax=mine,
                kind="distance",
                T=1,
                label=method,
            )
        for ax in mine:
            ax.get_legend().remove()
            ax.set_title(f"{task}: first design of each target, judge: simulator", fontsize="medium")
    share_legend(figure, axes[0, 0])
    save(figure, folder, "analytic_targets_vs_response.png")


def draw_mos2(results, folder):
    """Judged gaps against wanted ones, a panel for each method."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 9), layout="constrained", sharex=True, sharey=True)
    for ax, method in zip(axes.flat, (OURS, FAR, *baselines()), strict=False):
        _, y_star, result = results.verdicts[HELD_OUT, method]
        ResimulationDisplay.from_resimulation(
            result, y_star, output_names=["band gap"], output_units=["eV"], ax=ax, T=1
        )
        ax.set_title(f"{method}, judge: {result.judge}", fontsize="medium")
    save(figure, folder, "mos2_targets_vs_response.png")


def draw_curves(results, tasks, folder):
    figure, axes = plt.subplots(2, 2, figsize=(11, 8.5), layout="constrained")
    for ax in axes.flat[len(tasks) :]:
        ax.set_visible(False)
    for ax, (task, unit) in zip(axes.flat, tasks.items(), strict=False):
        for method in (OURS, FAR, *baselines()):
            result = results.verdicts[task, method][2]
            # On the real table the methods lie so close that their bands would hide each other.
            RCurveDisplay.from_resimulation(result, ax=ax, label=method, unit=unit, band=task != HELD_OUT)
        ax.get_legend().remove()
        ax.set_title(f"{task}, judge: {result.judge}", fontsize="medium")
    share_legend(figure, axes[0, 0])
    save(figure, folder, "r_curves.png")


def draw_rings(inverter, X, folder):
    """Designs for one target of the sine wave: the surest ones, and ones from every branch."""
    diverse = clone(inverter).set_params(
        select="diverse", forward_model=FrozenEstimator(inverter.forward_model_)
    )
    diverse.fit(X, SIMULATORS["sine wave"](X)[:, 0])
    simulator = SIMULATORS["sine wave"]
    space = DesignSpace.from_simulator(simulator)
    grid = np.linspace(-1, 1, 301)
    truth = simulator(np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)).reshape(301, 301)
    figure, axes = plt.subplots(1, 2, figsize=(12, 5.2), layout="constrained")
    for ax, (select, asked) in zip(axes, {"best": inverter, "diverse": diverse}.items(), strict=True):
        ax.contour(grid, grid, truth, levels=[1.2], colors="#E69F00", linewidths=3, alpha=0.5)
        ax.plot([], [], color="#E69F00", linewidth=3, alpha=0.5, label="true solutions")
        CandidatesDisplay.from_estimator(
            asked, [1.2], n=60, space=space, X_train=X, ax=ax, random_state=FRESH
        )
        ax.set_title(f'sine wave, 60 designs, select="{select}"', fontsize="medium")
        ax.set_aspect("equal")
    axes[0].get_legend().remove()
    save(figure, folder, "sine_designs.png")


def draw_mos2_designs(results, space, X_train, folder):
    figure, axes = plt.subplots(len(GAPS), figsize=(10, 4.4 * len(GAPS)), layout="constrained")
    for ax, gap in zip(axes, GAPS, strict=True):
        for method in (OURS, FAR):
            X = results.verdicts[f"{MOS2}, {gap} eV", method][0]
            CandidatesDisplay.from_designs(X[:, :N_LINES], space=space, X_train=X_train, ax=ax, label=method)
        ax.get_legend().remove()
        ax.set_title(
            f"MoS2: first {min(N_LINES, X.shape[1])} designs for a gap of {gap} eV", fontsize="medium"
        )
    share_legend(figure, axes[0])
    save(figure, folder, "mos2_designs.png")


# ---- The job ------------------------------------------------------------------------------------------


def main(output, quick):
    plt.switch_backend("Agg")
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    n_rows, n_targets, n = (1000, 50, 10) if quick else (5_000, 500, 50)
    surrogate = ForwardRegressor(n_members=2) if quick else None  # None is the default ensemble
    n_jobs = min(2, joblib.cpu_count())
    versions = {
        "skinverse": skinverse.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": torch.__version__,
        "matplotlib": matplotlib.__version__,
    }
    about = ", ".join(f"{name} {version}" for name, version in versions.items())
    seeds = f"seeds: training designs {TRAIN}, fresh targets {FRESH}, split {SPLIT}, estimators {FIT}"
    say(about)
    say(seeds)

    mos2 = load_mos2()
    data = {name: sim.sample_prior(n_rows, TRAIN) for name, sim in SIMULATORS.items()}
    tables = {name: (X, SIMULATORS[name](X)) for name, X in data.items()}
    tables = {name: (X, y[:, 0] if y.shape[1] == 1 else y) for name, (X, y) in tables.items()}

    # The robotic arm, with two outputs, takes longest, so it starts first.
    jobs = {
        name: (NeuralAdjoint(surrogate, random_state=FIT), *tables[name])
        for name in ("robotic arm", "sine wave", "ballistics")
    }
    if mos2 is not None:
        parts = split_mos2(mos2, quick)
        space = DesignSpace.from_data(
            parts[MOS2][0], names=mos2.feature_names, units=[mos2.units[name] for name in mos2.feature_names]
        )
        jobs[MOS2] = (NeuralAdjoint(surrogate, space=space, random_state=FIT), *parts[MOS2])
        jobs[JUDGE] = (ForwardRegressor(n_members=2 if quick else 3, random_state=FIT + 1), *parts[JUDGE])
    fitted, seconds = fit_all(jobs, n_jobs)
    torch.set_num_threads(1)

    results = Results()
    remarks = []
    tasks = {}
    if mos2 is not None:
        remarks += judge_mos2(results, fitted, seconds, parts, n)
        tasks[HELD_OUT] = "eV"
    for name, simulator in SIMULATORS.items():
        X, y = tables[name]
        y_star = simulator(simulator.sample_prior(n_targets, FRESH))
        methods = {OURS: (fitted[name], seconds[name]), **fit_others(fitted[name], seconds[name], X, y)}
        y_star = y_star[:, 0] if y_star.shape[1] == 1 else y_star
        results.ask(name, methods, y_star, n, simulator, None, X)
        tasks[name] = simulator.output_units[0]
        say(f"asked and judged: {name}")

    title = (
        f"{n_rows:,} training rows for each analytic task" + " (quick: a rehearsal, not a comparison)" * quick
    )
    print(f"\n{title}\n\n{results.text()}\n\n{LEGEND}\n", flush=True)
    for remark in remarks:
        print(remark)
    for note in results.notes:
        print(f"warning from {note}")
    print(flush=True)

    with open(folder / "results.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(results.rows[0]))
        writer.writeheader()
        writer.writerows(results.rows)
    lines = [f"# {title}", results.markdown(), LEGEND, *remarks, *results.notes, f"{about}; {seeds}."]
    (folder / "results.md").write_text("\n\n".join(lines) + "\n", encoding="utf-8")

    say("figures:")
    draw_analytic(results, folder)
    draw_curves(results, tasks, folder)
    draw_rings(fitted["sine wave"], data["sine wave"], folder)
    if mos2 is not None:
        draw_mos2(results, folder)
        draw_mos2_designs(results, space, parts[MOS2][0], folder)
    say(f"done; table in {folder / 'results.csv'} and {folder / 'results.md'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", default="demo_output", help="folder of the table and the figures")
    parser.add_argument("--quick", action="store_true", help="small tables, for a rehearsal")
    main(**vars(parser.parse_args()))
