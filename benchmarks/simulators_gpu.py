"""Throughput of the differentiable simulators on a GPU, beside all threads of the CPU and one.

    python benchmarks/simulators_gpu.py
    python benchmarks/simulators_gpu.py --only cylinders pattern work --seconds 40
    python benchmarks/simulators_gpu.py --device cpu --quick

Designs a second, wall time, for batches that grow until a call takes long enough or there is no more memory: of
answers, and of gradients of the sum of all outputs. "x all" and "x one" are the GPU's throughput over the CPU's, "MiB"
the most memory that the GPU's call held, "off" the largest difference of a few answers (relative to the largest, for
gradients) from the CPU's. "x pieces" is the gain if sixteen times as many designs were worked on at once. The section
"work" counts the floating-point operations of matrix products and linear solutions; "share" is the time these would
take at the rate of a plain batched product and solution of their commonest size, over the time that the simulator
takes.
"""

import warnings
from collections import Counter
from unittest.mock import patch

import numpy as np
import torch
from _common import print_row
from _gpu import at, fastest, parse, peak_memory, places, run, wall
from sklearn.base import clone
from torch.utils._python_dispatch import TorchDispatchMode

from skinverse.simulators import (
    ArchitectedCell,
    CylinderMetamaterial,
    MicrostructureAbsorber,
    MultilayerSphere,
    SrTiO3TightBinding,
    ThinFilmStack,
    architected_cell,
    cylinder_metamaterial,
    differentiable,
    multilayer_sphere,
)

SIMULATORS = {
    "cell": ArchitectedCell(device="cpu"),
    "cell, p1": ArchitectedCell(symmetry="p1", device="cpu"),
    "crystal": SrTiO3TightBinding(device="cpu"),
    "cylinders": CylinderMetamaterial(device="cpu"),
    "pattern": MicrostructureAbsorber(device="cpu"),
    "stack": ThinFilmStack(device="cpu"),
    "sphere": MultilayerSphere(device="cpu"),
}
# Where it is said how much is worked on at once.
PIECES = [
    (differentiable, "MAX_VALUES"),
    (architected_cell, "MAX_VALUES"),
    (cylinder_metamaterial, "MAX_VALUES"),
    (multilayer_sphere, "_MAX_TERMS"),
]
N_BASE, N_MOST, LARGER = 64, 2**20, 16
WIDTHS = (10, 9, 8, 9, 9, 9, 9, 7, 7, 8, 9)
WORK_WIDTHS = (10, 10, 7, 10, 7, 10, 10, 10, 10, 7)


def designs(simulator, n):
    """A few designs of the prior, again and again: to draw many may take longer than to answer them."""
    base = simulator.sample_prior(min(n, N_BASE), random_state=0)
    return np.resize(base, (n, base.shape[1]))


def chosen(name, args):
    """The simulator of that name, a small one for a quick look."""
    small = {"cylinders": {"n_frequencies": 3, "order": 2}, "pattern": {"order": 2}}
    return clone(SIMULATORS[name]).set_params(**(small.get(name, {}) if args.quick else {}))


def gradient(simulator, X):
    x = torch.tensor(X, device=simulator.device, requires_grad=True)
    simulator.torch_forward(x).sum().backward()
    return x.grad.cpu().numpy()


def throughput(ask, simulator, place, seconds):
    """Designs a second in the largest batch that is worth its time, and the size of that batch."""
    with at(place):
        first = wall(lambda: ask(simulator, designs(simulator, 1)), place.device)
        if place.device == "cpu" and first > 4 * seconds:
            return 1 / first, 1
        n, best = 1, (0.0, 1)
        while True:
            X = designs(simulator, n)
            try:
                spent = wall(lambda X=X: ask(simulator, X), place.device)
                if spent < seconds / 8:
                    spent = min(spent, wall(lambda X=X: ask(simulator, X), place.device))
            except torch.cuda.OutOfMemoryError:
                torch.cuda.empty_cache()
                break
            best = max(best, (n / spent, n))
            if 4 * spent > seconds / 2 or n >= N_MOST:
                break
            n *= 4
    return best


def answers(simulator, X):
    return simulator(X)


def compare(name):
    def section(args, clock):
        simulator = chosen(name, args)
        print_row(
            "what",
            "GPU batch",
            "GPU ms",
            "GPU/s",
            "all/s",
            "one/s",
            "x pieces",
            "x all",
            "x one",
            "MiB",
            "off",
            widths=WIDTHS,
        )
        for what, ask in (("answers", answers), ("gradients", gradient)):
            seconds = 0.05 if args.quick else max(clock.left, 1) / (8 if ask is answers else 4)
            found = []
            for place in places(args.device):
                here = clone(simulator).set_params(device=place.device)
                found.append(throughput(ask, here, place, seconds))
            (rate, n), (rate_all, _), (rate_one, _) = found[0], found[-2], found[-1]
            here = clone(simulator).set_params(device=args.device)
            few = designs(simulator, 1 if args.quick else 2)
            with at(places(args.device)[-2]):
                reference, answer = ask(simulator, few), ask(here, few)
            scale = 1.0 if ask is answers else np.abs(reference).max()
            off = float(np.abs(answer - reference).max() / scale)
            memory = peak_memory(lambda ask=ask, here=here, n=n: ask(here, designs(here, n)), args.device)
            larger = float("nan")
            if args.device.startswith("cuda") and ask is answers:
                with larger_pieces():
                    larger = throughput(ask, here, places(args.device)[0], seconds)[0] / rate
            print_row(
                what,
                n,
                1e3 * n / rate,
                rate,
                rate_all,
                rate_one,
                larger,
                rate / rate_all,
                rate / rate_one,
                memory,
                off,
                widths=WIDTHS,
            )

    return section


class larger_pieces:
    """The sizes of pieces made larger for the time of a block."""

    def __enter__(self):
        self.patches = [patch.object(module, name, LARGER * getattr(module, name)) for module, name in PIECES]
        for each in self.patches:
            each.start()

    def __exit__(self, *error):
        for each in self.patches:
            each.stop()


class CountWork(TorchDispatchMode):
    """Real floating-point operations of products and of linear solutions, by the size of the matrices."""

    def __init__(self):
        super().__init__()
        self.products, self.solutions = Counter(), Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in ("mm", "bmm"):
            a, b = args[:2]
            n = a.shape[-2]
            self.products[n] += _real(a) * a.numel() * b.shape[-1]
        elif name in ("_linalg_solve_ex", "linalg_inv_ex"):
            a = args[0]
            n = a.shape[-1]
            batch = a.numel() // n**2
            columns = n if name == "linalg_inv_ex" else args[1].shape[-1]
            # An inverse costs less than a solution for the columns of the unit matrix.
            work = 2 * n**3 if name == "linalg_inv_ex" else 2 / 3 * n**3 + 2 * n**2 * columns
            self.solutions[n] += _real(a) / 2 * batch * work
        return func(*args, **(kwargs or {}))


def _real(a):
    """Real operations of a multiplication and an addition."""
    return 8 if a.is_complex() else 2


def attainable(device, n, seconds, solve):
    """Operations a second of plain batched products, or solutions, of complex matrices n x n."""
    batch = max(8, min(4096, 2**25 // n**2))
    generator = torch.Generator().manual_seed(0)
    A, B = torch.randn(2, batch, n, n, dtype=torch.complex128, generator=generator).to(device)
    call = (lambda: torch.linalg.solve(A, B)) if solve else (lambda: A @ B)
    work = batch * (8 / 3 + 8 if solve else 8) * n**3
    return work / fastest(call, device, seconds)


def work(args, clock):
    """How much of the attainable rate the rigorous coupled-wave simulators reach."""
    print_row(
        "simulator",
        "place",
        "n",
        "GF matmul",
        "n",
        "GF solve",
        "zgemm GF/s",
        "zgesv GF/s",
        "designs/s",
        "share",
        widths=WORK_WIDTHS,
    )
    share = 0.05 if args.quick else clock.left / 12
    for name in ("cylinders", "pattern"):
        simulator = chosen(name, args)
        with CountWork() as count:
            simulator(designs(simulator, 1))
        n_product, n_solution = (
            c.most_common(1)[0][0] for c in (Counter(count.products), Counter(count.solutions))
        )
        product, solution = sum(count.products.values()), sum(count.solutions.values())
        for place in places(args.device)[:2]:
            here = clone(simulator).set_params(device=place.device)
            with at(place):
                gemm = attainable(place.device, n_product, share, solve=False)
                gesv = attainable(place.device, n_solution, share, solve=True)
            rate, _ = throughput(answers, here, place, share)
            print_row(
                name,
                place.name,
                n_product,
                product / 1e9,
                n_solution,
                solution / 1e9,
                gemm / 1e9,
                gesv / 1e9,
                rate,
                rate * (product / gemm + solution / gesv),
                widths=WORK_WIDTHS,
            )


SECTIONS = {**{name: (compare(name), 1.0) for name in SIMULATORS}, "work": (work, 1.0)}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    run(
        "Simulators on a GPU: designs a second",
        SECTIONS,
        parse(__doc__, SECTIONS, seconds=75),
    )
