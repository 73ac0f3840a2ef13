"""Distance of the closest pair in maximin Latin hypercubes against the usual programs, at equal processor time.

    python benchmarks/maximin.py [--sizes 25x2 200x4 1000x8 1000x64 2000x1024] [--seeds 0 1 2]

Larger is better; means over seeds. pyDOE2 gets as many draws as fit into our time; scipy's ``random-cd`` and SMT's
ESE (where ``smt`` is installed) run at their defaults, and their times stand beside. Every design of ours is checked
to be a Latin hypercube.
"""

import argparse
import time

import numpy as np
from _common import print_header, print_row
from scipy.spatial.distance import pdist
from scipy.stats import qmc

from skinverse.samplers import LHSSampler

# Beyond so many values scipy and SMT take minutes.
_MAX_SLOW = 2000


def timed(sample, *args, **kwargs):
    started = time.process_time()
    points = sample(*args, **kwargs)
    return float(pdist(points).min()), time.process_time() - started, points


def best_of(n, d, seed, seconds):
    """The classical best of k draws, k filling the time."""
    k, spent = 5, 0.0
    while True:
        sampler = LHSSampler("maximin", optimizer="best-of", n_iter=k)
        distance, spent, _ = timed(sampler.sample, n, d, random_state=seed)
        if spent > seconds / 2:
            return distance, spent
        k = max(2 * k, int(k * 0.8 * seconds / max(spent, 1e-3)))


def smt_ese(n, d, seed):
    from smt.sampling_methods import LHS

    return LHS(xlimits=np.tile([0.0, 1.0], (d, 1)), criterion="ese", seed=seed)(n)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["25x2", "200x4", "1000x8", "1000x64", "2000x1024"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    args = parser.parse_args()
    print_header("Smallest distance in a maximin Latin hypercube (cpu seconds)")
    widths = (12, 16, 16, 16, 16, 8)
    print_row("n x d", "ours", "pyDOE2 best-of", "scipy random-cd", "SMT ESE", "ratio", widths=widths)
    for size in args.sizes:
        n, d = map(int, size.split("x"))
        found = {name: [] for name in ("ours", "best-of", "scipy", "smt")}
        for seed in args.seeds:
            distance, seconds, points = timed(LHSSampler("maximin").sample, n, d, random_state=seed)
            assert (np.sort(np.floor(n * points), axis=0) == np.arange(n)[:, None]).all(), (
                "no Latin hypercube"
            )
            found["ours"].append((distance, seconds))
            found["best-of"].append(best_of(n, d, seed, seconds))
            if n * d <= _MAX_SLOW:
                make = qmc.LatinHypercube(d, optimization="random-cd", rng=seed)
                found["scipy"].append(timed(make.random, n)[:2])
                try:
                    found["smt"].append(timed(smt_ese, n, d, seed)[:2])
                except ImportError:
                    pass
        means = {name: np.mean(rows, axis=0) for name, rows in found.items() if rows}
        shown = [f"{m[0]:.3f} ({m[1]:.2g})" if (m := means.get(name)) is not None else "-" for name in found]
        rival = max(m[0] for name, m in means.items() if name != "ours")
        print_row(size, *shown, f"{means['ours'][0] / rival:.2f}", widths=widths)


if __name__ == "__main__":
    main()
