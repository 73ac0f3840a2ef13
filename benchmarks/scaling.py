"""Memory and time of NeuralAdjoint.inverse as the number of designs grows.

    python benchmarks/scaling.py

From 1,000 to 200,000 designs (5 to 1,000 targets, 200 designs each) on the arm, with a small surrogate. Prints
CPU seconds, the peak of resident memory above the level before the call, and the slope of log time
against log count.
"""

import resource
import threading
import time
import warnings

import numpy as np
from _common import TASKS, print_header, print_row, table

from skinverse import ForwardRegressor, NeuralAdjoint


def resident():
    """Resident memory of the process, MiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


class Peak:
    """Highest resident memory inside a with-block, sampled every 5 ms."""

    def __enter__(self):
        self.base = self.top = resident()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self):
        while not self.stop.wait(0.005):
            self.top = max(self.top, resident())

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        self.top = max(self.top, resident())


def main():
    print_header("NeuralAdjoint.inverse on the arm, 200 designs for each target")
    X, y = table(TASKS["arm"], 10_000, seed=0)
    surrogate = ForwardRegressor(n_members=2, max_epochs=40, random_state=0)
    inverter = NeuralAdjoint(surrogate, random_state=0).fit(X, y)
    widths = (10, 10, 9, 12, 14)
    print_row("targets", "designs", "CPU s", "us/design", "MiB above start", widths=widths)
    inverter.inverse(y[:5], 200)
    counts = [5, 20, 50, 200, 500, 1000]
    seconds = []
    for n_targets in counts:
        targets = table(TASKS["arm"], n_targets, seed=3)[1]
        runs = []
        with warnings.catch_warnings(), Peak() as peak:
            warnings.simplefilter("ignore")
            for _ in range(3):
                started = time.process_time()
                inverter.inverse(targets, 200)
                runs.append(time.process_time() - started)
        seconds.append(float(np.median(runs)))
        n = n_targets * 200
        print_row(
            n_targets, n, seconds[-1], 1e6 * seconds[-1] / n, float(peak.top - peak.base), widths=widths
        )
    slope = np.polyfit(np.log(counts), np.log(seconds), 1)[0]
    print(f"\nlog-log slope of time over 10^3 ... 2 10^5 designs: {slope:.3f}")


if __name__ == "__main__":
    main()
