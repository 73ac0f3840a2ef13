"""Truncation error of the microstructure simulator: orders against a high one, and the direct rule beside the inverse.

    python benchmarks/microstructure_absorber.py [--orders 3 5 6 7 8] [--reference 11] [--index 2.0 --extinction 0.2]

Five patterns of the prior. Largest and mean difference of their absorptance from that at the reference order with
the inverse rule along each axis, which the simulator follows; "direct" is the same with the direct rule for both
components, as is common for pixel images. CPU seconds an image, one thread.
"""

import argparse
import time
from unittest.mock import patch

import numpy as np
import torch
from _common import print_header, print_row

from skinverse.simulators import MicrostructureAbsorber, microstructure_absorber


def direct_rule(eps, waves, order):
    """The direct rule for both components, in the place of ``_tangential``."""
    D = microstructure_absorber._direct(eps, waves, order)
    return torch.kron(torch.eye(2, dtype=D.dtype), D)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, nargs="+", default=[3, 5, 6, 7, 8])
    parser.add_argument("--reference", type=int, default=11)
    parser.add_argument("--index", type=float, default=2.0)
    parser.add_argument("--extinction", type=float, default=0.2)
    args = parser.parse_args()
    print_header("MicrostructureAbsorber: truncation")

    def absorb(order):
        film = MicrostructureAbsorber(order=order, index=args.index, extinction=args.extinction, device="cpu")
        started = time.process_time()
        return film(X)[:, 0], (time.process_time() - started) / len(X)

    X = MicrostructureAbsorber().sample_prior(5, random_state=0)
    exact, seconds = absorb(args.reference)
    print(f"order {args.reference}: {exact.round(3)}, standard deviation {exact.std():.3f}, {seconds:.1f} s")
    widths = (6, 9, 9, 9, 12, 12)
    print_row("order", "largest", "mean", "s", "direct", "mean", widths=widths)
    for order in args.orders:
        y, seconds = absorb(order)
        with patch.object(microstructure_absorber, "_tangential", direct_rule):
            z, _ = absorb(order)
        off, direct_off = np.abs(y - exact), np.abs(z - exact)
        cells = (off.max(), off.mean(), seconds, direct_off.max(), direct_off.mean())
        print_row(order, *map(float, cells), widths=widths)


if __name__ == "__main__":
    main()
