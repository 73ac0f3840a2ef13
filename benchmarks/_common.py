"""What the benchmark scripts share: one thread, the tasks, a header that says what was run on what."""

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import platform  # noqa: E402
import sys  # noqa: E402
from datetime import date  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import scipy  # noqa: E402
import sklearn  # noqa: E402
import torch  # noqa: E402

import skinverse  # noqa: E402
from skinverse.simulators import Ballistics, RoboticArm, SineWave  # noqa: E402

torch.set_num_threads(1)

TASKS = {"sine": SineWave(), "arm": RoboticArm(), "ballistics": Ballistics()}


def table(simulator, n, seed):
    """Designs from the prior and their responses, `y` 1-D for a single output."""
    X = simulator.sample_prior(n, random_state=seed)
    y = simulator(X)
    return X, (y.ravel() if y.shape[1] == 1 else y)


def print_header(title):
    """Title, command, versions and machine, so that the figures below can be made again."""
    print(f"# {title}")
    print(f"command   python {' '.join([Path(sys.argv[0]).as_posix(), *sys.argv[1:]])}")
    versions = {"skinverse": skinverse, "torch": torch, "numpy": np, "scipy": scipy, "scikit-learn": sklearn}
    print("versions  " + ", ".join(f"{name} {module.__version__}" for name, module in versions.items()))
    print(f"machine   {platform.machine()}, {torch.get_num_threads()} thread, {date.today()}")
    print()


def _shown(cell):
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:.2e}" if 0 < abs(cell) < 0.01 else f"{cell:.3g}"


def print_row(*cells, widths):
    """One line of a table: the first cell to the left, small numbers in scientific notation."""
    first, *rest = (_shown(cell) for cell in cells)
    print(
        "  ".join([first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))]),
        flush=True,
    )
