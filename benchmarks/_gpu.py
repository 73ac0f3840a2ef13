"""What the GPU benchmarks share: threads that can be many, clocks that wait for the device, sections with an end."""

import argparse
import os
import time
from contextlib import contextmanager
from typing import NamedTuple

import torch
from _common import print_header
from threadpoolctl import threadpool_limits

# Not OMP_NUM_THREADS, which _common sets to one; `at` sets as many as a place has.
N_CORES = len(os.sched_getaffinity(0))


class Place(NamedTuple):
    """Where work is done: the device, and the threads of the CPU."""

    name: str
    device: str
    n_threads: int


def places(device):
    """The device first, then the CPU with all threads and with one."""
    found = [Place("GPU" if device.startswith("cuda") else "device", device, N_CORES)]
    if N_CORES > 1:
        found.append(Place(f"{N_CORES} threads", "cpu", N_CORES))
    return [*found, Place("1 thread", "cpu", 1)]


@contextmanager
def at(place):
    before = torch.get_num_threads()
    with threadpool_limits(place.n_threads):
        torch.set_num_threads(place.n_threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def synchronize(device):
    if str(device).startswith("cuda"):
        torch.cuda.synchronize()


def wall(call, device):
    """Wall seconds of ``call()``, the work on the device included."""
    synchronize(device)
    start = time.perf_counter()
    call()
    synchronize(device)
    return time.perf_counter() - start


def fastest(call, device, seconds, most=5):
    """The fastest of up to `most` runs after one that warms up, as many as fit into `seconds`."""
    spent = wall(call, device)
    runs = []
    while not runs or (len(runs) < most and spent < seconds):
        runs.append(wall(call, device))
        spent += runs[-1]
    return min(runs)


class Clock:
    """Time that is left."""

    def __init__(self, seconds):
        self.end = time.perf_counter() + seconds

    @property
    def left(self):
        return self.end - time.perf_counter()


def peak_memory(call, device):
    """Most memory in MiB that ``call()`` holds on a CUDA device; NaN elsewhere."""
    if not str(device).startswith("cuda"):
        call()
        return float("nan")
    torch.cuda.reset_peak_memory_stats()
    wall(call, device)
    return torch.cuda.max_memory_allocated() / 2**20


def parse(description, sections, seconds):
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(sections), default=list(sections))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seconds", type=float, default=seconds, help="about how long all sections take")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that the script runs")
    return parser.parse_args()


def run(title, sections, args):
    """Run the sections that are asked for; each has its share of the time, and what others left of theirs.

    Parameters
    ----------
    sections : dict {name: (function of the arguments and a `Clock`, share of the time)}
    """
    print_header(title)
    if args.device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(0)
        memory = properties.total_memory / 2**30
        print(
            f"GPU       {properties.name}, {memory:.0f} GiB, CUDA {torch.version.cuda}; {N_CORES} CPU cores\n"
        )
    whole = Clock(args.seconds)
    shares = {name: sections[name][1] for name in args.only}
    for name in args.only:
        share = shares[name] / sum(shares.values())
        del shares[name]
        print(f"## {name}", flush=True)
        start = time.perf_counter()
        try:
            sections[name][0](args, Clock(max(whole.left, 0) * share))
        except Exception as error:  # the next section is worth its time all the same
            print(f"{type(error).__name__}: {error}")
        if args.device.startswith("cuda"):
            torch.cuda.empty_cache()
        print(f"({time.perf_counter() - start:.1f} s)\n", flush=True)
