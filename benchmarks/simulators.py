"""Cost of every simulator, one thread, and of peers: scipy's sparse solver for the same cells, the package tmm, where
it is installed, for the same stacks.

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
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from skinverse.simulators import (
    ArchitectedCell,
    CylinderMetamaterial,
    MicrostructureAbsorber,
    MultilayerSphere,
    SrTiO3TightBinding,
    ThinFilmStack,
)
from skinverse.simulators.architected_cell import _CORNERS, _element, _mean_displacements

# Simulators on the CPU, and the sizes of their batches for answers and for gradients.
SIMULATORS = {
    **{name: (task, 100_000, 0) for name, task in TASKS.items()},
    "cell": (ArchitectedCell(device="cpu"), 64, 64),
    "cell, p1": (ArchitectedCell(symmetry="p1", device="cpu"), 16, 16),
    "crystal": (SrTiO3TightBinding(device="cpu"), 500, 500),
    "cylinders": (CylinderMetamaterial(device="cpu"), 2, 1),
    "pattern": (MicrostructureAbsorber(device="cpu"), 4, 2),
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


def sparse_modulus(cell, design):
    """Modulus of one cell by a sparse matrix over the whole cell and SuperLU, as topology optimisation codes do."""
    m = cell.n_pixels
    E = cell._moduli(torch.tensor(design.reshape(1, m, m))).numpy().ravel()
    K, loads = (a.numpy() for a in _element(cell.poisson, torch.device("cpu")))
    i, j = np.indices((m, m)).reshape(2, -1)
    nodes = np.stack([(i + a) % m * m + (j + b) % m for a, b in _CORNERS], axis=1)
    dofs = (2 * nodes[:, :, None] + [0, 1]).reshape(-1, 8)
    where = np.repeat(dofs, 8, axis=1).ravel(), np.tile(dofs, 8).ravel()
    A = coo_array(((E[:, None, None] * K).ravel(), where)).tocsc()[2:, 2:]
    f = np.zeros((2 * m * m, 3))
    np.add.at(f, dofs, E[:, None, None] * loads)
    w = np.zeros_like(f)
    w[2:] = splu(A, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(f[2:])
    d = _mean_displacements(torch.device("cpu")).numpy() - w[dofs]
    S = np.linalg.inv(np.einsum("e,eap,ab,ebq->pq", E, d, K, d, optimize=True) / m**2)
    return np.array([(1 / S[0, 0] + 1 / S[1, 1]) / 2])


# Package and function of (simulator, design) by the name of the simulator.
PEERS = {
    "cell": ("scipy", sparse_modulus),
    "cell, p1": ("scipy", sparse_modulus),
    "stack": ("tmm", tmm_absorptance),
}


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
