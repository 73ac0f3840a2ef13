"""Command line of the benchmark."""

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse  # noqa: E402
import sys  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402

import joblib  # noqa: E402

from skinverse.benchmark import report, store  # noqa: E402
from skinverse.benchmark.methods import BASELINES, DEFAULTS, GROUPS, METHODS  # noqa: E402
from skinverse.benchmark.run import about, run  # noqa: E402
from skinverse.benchmark.tasks import FULL, QUICK, TASKS  # noqa: E402
from skinverse.utils.progress import progress_bar  # noqa: E402

_ALL = "all"
_QUICK_METHODS = ("prior", "nearest", "nearest-step", "neural-adjoint", "mdn", "tandem")
_EPILOG = f"""\
tasks    {", ".join(TASKS)}
methods  {", ".join(METHODS)}
groups   {", ".join(GROUPS)}, all

Rows go into OUT/{store.FILE} one by one. The same command goes on where it was stopped.
"""


def parse(argv=None):
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m skinverse.benchmark",
        description="The quantitative tables of the papers, with our methods on our simulators, beside theirs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tasks", nargs="+", help="names, or all; default: all but the whole metamaterial")
    parser.add_argument("--methods", nargs="+", help="names or groups; default: baselines and defaults")
    parser.add_argument("--seeds", nargs="+", type=int, help="default: 0 1 2")
    parser.add_argument(
        "--n-train", nargs="+", type=int, help="default: 100 1000 10000, at most what a task has"
    )
    parser.add_argument("--n-targets", type=int, help="another number of targets; counts as another run")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, one thread each")
    parser.add_argument("--device", default="cpu", help="of the networks: cpu, cuda or auto")
    parser.add_argument(
        "--quick", action="store_true", help="a rehearsal of a minute; its figures mean nothing"
    )
    parser.add_argument("--out", type=Path, help="folder; default: benchmark_output, or benchmark_quick")
    parser.add_argument(
        "--reduce", choices=("paper", "mean", "sum"), default="paper", help="over outputs, in the report"
    )
    parser.add_argument("--generator", help="weights (.npz) of a trained generator of images, for gan-mdn")
    parser.add_argument("--dask", metavar="ADDRESS", help="scheduler of a dask cluster to run on")
    parser.add_argument("--again", action="store_true", help="repeat runs that are there, as after a change")
    parser.add_argument("--retry", action="store_true", help="repeat runs that failed or were unavailable")
    parser.add_argument("--report-only", action="store_true", help="write the report from the rows there are")
    args = parser.parse_args(argv)
    args.tasks = _chosen(parser, "task", args.tasks, TASKS, {_ALL: list(TASKS)})
    groups = {group: [m.name for m in METHODS.values() if m.group == group] for group in GROUPS}
    args.methods = _chosen(parser, "method", args.methods, METHODS, {**groups, _ALL: list(METHODS)})
    args.tasks = args.tasks or [task.name for task in TASKS.values() if task.in_default]
    args.methods = args.methods or list(
        _QUICK_METHODS if args.quick else groups[BASELINES] + groups[DEFAULTS]
    )
    args.seeds = args.seeds or ([0] if args.quick else [0, 1, 2])
    args.n_train = args.n_train or ([200] if args.quick else [100, 1000, 10_000])
    args.out = args.out or Path("benchmark_quick" if args.quick else "benchmark_output")
    if args.report_only and not args.out.is_dir():
        parser.error(f"--report-only needs the folder of an earlier run as --out, and there is no {args.out}")
    for name, numbers, least in (("seeds", args.seeds, 0), ("n-train", args.n_train, 10)):
        if min(numbers) < least:
            parser.error(f"--{name} must be at least {least}, got {min(numbers)}")
    if args.n_targets is not None and args.n_targets < 1:
        parser.error(f"--n-targets must be at least 1, got {args.n_targets}")
    if args.quick and args.n_targets is not None:
        parser.error("--quick has its own number of targets; leave out --n-targets")
    return args


def _chosen(parser, kind, names, registry, groups):
    chosen = {}
    for name in names or ():
        if name not in registry and name not in groups:
            parser.error(f"there is no {kind} {name!r}; there are {', '.join([*registry, *groups])}")
        chosen |= dict.fromkeys(groups.get(name, [name]))
    return list(chosen)


def specs(args):
    """What is to be run, in this order, whether or not it has been run.

    Methods come outermost: the baselines of all tables first, and runs side by side make different tables.
    """
    size = QUICK if args.quick else FULL if args.n_targets is None else f"{args.n_targets} targets"
    told = about()
    # What runs share holds for the code that made it.
    cache = args.out.resolve() / "cache" / f"{told['versions']['skinverse']}-{told['commit']}"
    common = {
        "size": size,
        "device": args.device,
        "cache": str(cache),
        "generator": args.generator,
        "about": told,
    }
    return [
        {"task": task, "method": method, "n_train": n_train, "seed": seed, **common}
        for method in args.methods
        for task in args.tasks
        if METHODS[method].is_for(task)
        for n_train in dict.fromkeys(min(n, TASKS[task].max_train) for n in args.n_train)
        for seed in args.seeds
    ]


def main(argv=None):
    """Run what is missing, then write the report; returns the exit status."""
    args = parse(argv)
    interrupted = False
    if not args.report_only:
        wanted = specs(args)
        done = {
            store.key(row)
            for row in store.latest(store.read(args.out)[0])
            if not args.again and (row["status"] == store.OK or not args.retry)
        }
        missing = [spec for spec in wanted if store.key(spec) not in done]
        print(
            f"{len(wanted)} runs, {len(wanted) - len(missing)} of them done before, rows in {args.out / store.FILE}"
        )
        interrupted = _run(missing, args)
    for path in report.write(args.out, reduce=args.reduce):
        print(path)
    if interrupted:
        print(
            "Interrupted: finished runs are kept, and the same command goes on with the others.",
            file=sys.stderr,
        )
    return 130 if interrupted else 0


def _run(missing, args):
    """Run and store; True if interrupted."""
    if not missing:
        return False
    n_jobs = -1 if args.dask else args.jobs
    with _cluster(args.dask), progress_bar(len(missing), "run", verbose=2, smoothing=0) as bar:
        parallel = joblib.Parallel(
            n_jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs"
        )
        try:
            for row in parallel(joblib.delayed(run)(spec) for spec in missing):
                store.append(args.out, row)
                told = f"{row['task']}, {row['method']}, {row['n_train']} rows, seed {row['seed']}: {row['status']}"
                bar.set_postfix_str(told, refresh=False)
                bar.update()
        except KeyboardInterrupt:
            return True
    return False


@contextmanager
def _cluster(address):
    """Context in which joblib runs on a dask cluster, or in the machine's own processes without an address."""
    if address is None:
        yield
        return
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise SystemExit("--dask needs the package distributed: pip install 'dask[distributed]'.") from error
    with Client(address) as client, joblib.parallel_config("dask", client=client):
        if max(client.nthreads().values(), default=1) > 1:
            raise SystemExit(
                "--dask needs workers of one thread, as runs are timed: dask worker ADDRESS --nthreads 1 --nworkers -1."
            )
        yield


if __name__ == "__main__":
    sys.exit(main())
