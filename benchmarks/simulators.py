"""Cost of every simulator, one thread, and of the package tmm on the same stacks where it is installed.

    python benchmarks/simulators.py
    python benchmarks/simulators.py --only stack sphere

Milliseconds of CPU time a design, the fastest of five runs: for one design alone, for a batch, and for the
gradient of the sum of all outputs with respect to a smaller batch of designs. "x" is the peer's cost over ours,
for one design and for a batch; the peer takes one design and one wavelength at a time. "off" is the largest
difference of answers.
"""

import argparse
import time
from importlib.util import find_spec

import numpy as np
import torch
from _common import TASKS, print_header, print_row

from skinverse.simulators.architected_cell import ArchitectedCell
from skinverse.simulators.multilayer_sphere import MultilayerSphere
from skinverse.simulators.thin_film_stack import ThinFilmStack

# Simulators on the CPU, and the sizes of their batches for answers and for gradients.
SIMULATORS = {
    **{name: (task, 100_000, 0) for name, task in TASKS.items()},
    "cell": (ArchitectedCell(device="cpu"), 64, 16),
    "stack": (ThinFilmStack(device="cpu"), 2_000, 64),
    "sphere": (MultilayerSphere(device="cpu"), 64, 16),
}
WIDTHS = (10, 7, 8, 10, 8, 10, 8, 10)
PEER_WIDTHS = (10, 8, 12, 9, 9, 9)


def tmm_absorptance(stack, design):
    """Spectrum of one design at normal incidence, as one calls tmm."""
    from tmm import coh_tmm

    thicknesses = [np.inf, *stack._thicknesses(torch.tensor(design[None]))[0].tolist(), np.inf]
    answers = [
        coh_tmm("s", n, thicknesses, 0.0, wavelength)
        for n, wavelength in zip(stack._indices().T, stack.wavelengths, strict=True)
    ]
    return np.array([1 - answer["R"] - answer["T"] for answer in answers])


# Package and function of (simulator, design) by the name of the simulator.
PEERS = {"stack": ("tmm", tmm_absorptance)}


def milliseconds(call, n):
    """CPU time of ``call()`` over `n` designs, the fastest of five runs after one that warms up."""
    call()
    runs = []
    for _ in range(5):
        start = time.process_time()
        call()
        runs.append(time.process_time() - start)
    return 1e3 * min(runs) / n


def gradient(simulator, X):
    X = torch.tensor(X, requires_grad=True)
    simulator.torch_forward(X).sum().backward()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(SIMULATORS), default=list(SIMULATORS))
    names = parser.parse_args().only

    print_header("Simulators: CPU milliseconds a design")
    print_row("simulator", "inputs", "outputs", "ms alone", "batch", "ms", "batch", "ms grad", widths=WIDTHS)
    alone, together = {}, {}
    for name in names:
        simulator, n, n_gradient = SIMULATORS[name]
        X = simulator.sample_prior(n, random_state=0)
        alone[name] = milliseconds(lambda simulator=simulator, X=X: simulator(X[:1]), 1)
        together[name] = milliseconds(lambda simulator=simulator, X=X: simulator(X), n)
        slope = ("", "")
        if n_gradient:
            few = X[:n_gradient]
            slope = (
                n_gradient,
                milliseconds(lambda simulator=simulator, few=few: gradient(simulator, few), n_gradient),
            )
        print_row(
            name,
            simulator.n_inputs,
            simulator.n_outputs,
            alone[name],
            n,
            together[name],
            *slope,
            widths=WIDTHS,
        )

    print()
    print_row("simulator", "peer", "ms of peer", "x alone", "x batch", "off", widths=PEER_WIDTHS)
    for name in names:
        package, spectrum = PEERS.get(name, (None, None))
        if package is None or find_spec(package) is None:
            continue
        simulator = SIMULATORS[name][0]
        design = simulator.sample_prior(1, random_state=0)
        cost = milliseconds(lambda s=simulator, x=design[0], spectrum=spectrum: spectrum(s, x), 1)
        off = float(np.abs(spectrum(simulator, design[0]) - simulator(design)).max())
        print_row(name, package, cost, cost / alone[name], cost / together[name], off, widths=PEER_WIDTHS)


if __name__ == "__main__":
    main()
