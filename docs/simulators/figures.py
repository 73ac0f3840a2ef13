"""Figures of the simulators' pages: python docs/simulators/figures.py"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from skinverse.datasets import make_architected_cells
from skinverse.simulators import (
    CylinderMetamaterial,
    MicrostructureAbsorber,
    MultilayerSphere,
    SrTiO3TightBinding,
    ThinFilmStack,
)

HERE = Path(__file__).parent
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")


def save(figure, name):
    figure.savefig(HERE / f"{name}.png", dpi=80)
    plt.close(figure)


def architected_cell():
    figure, axes = plt.subplots(2, 8, figsize=(11, 3.4), layout="constrained")
    for row, share in zip(axes, (0.0, 1.0), strict=True):
        X, y = make_architected_cells(8, optimized_share=share, random_state=1)
        for ax, x, modulus in zip(row, X, y, strict=True):
            ax.imshow(x.reshape(32, 32), cmap="gray_r", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[], xlabel=f"{x.mean():.2f}\n{modulus:.3f}")
    save(figure, "architected_cell")


def strontium_titanate():
    simulator = SrTiO3TightBinding()
    strain = np.linspace(-0.1, 0.1, 101)
    kinds = {
        "all lengths": ([1, 1, 1, 0, 0, 0], "-"),
        "one length": ([0, 0, 1, 0, 0, 0], "--"),
        "two lengths": ([1, 1, 0, 0, 0, 0], "-."),
        "one angle": ([0, 0, 0, 0, 0, 1], ":"),
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    cubic = simulator.bounds.mean(axis=1)
    for (name, (direction, style)), color in zip(kinds.items(), COLORS, strict=True):
        gaps = simulator(cubic * (1 + strain[:, None] * direction))
        left.plot(100 * strain, gaps[:, 0], style, color=color, label=name)
    left.set(xlabel="change / %", ylabel="band gap / eV")
    left.legend(frameon=False)
    right.hist(simulator(simulator.sample_prior(5000, random_state=0))[:, 0], bins=50, color="#0072B2")
    right.set(xlabel="band gap / eV", ylabel="cells of 5,000 from the prior")
    save(figure, "strontium_titanate")


def cylinder_metamaterial():
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained", sharey=True)
    X = CylinderMetamaterial().sample_prior(4, random_state=3)
    for order, style, color in zip((3, 4, 5, 6), (":", "-.", "--", "-"), COLORS[::-1], strict=True):
        cell = CylinderMetamaterial(100, order=order)
        left.plot(cell.frequencies, cell(X[:1])[0], style, color=color, label=f"order {order}")
    cell = CylinderMetamaterial(100)
    for spectrum, color in zip(cell(X), COLORS, strict=True):
        right.plot(cell.frequencies, spectrum, color=color)
    left.set(xlabel="frequency / THz", ylabel="transmittance", ylim=(0, 1))
    right.set(xlabel="frequency / THz")
    left.legend(frameon=False)
    save(figure, "cylinder_metamaterial")


def microstructure_absorber():
    simulator = MicrostructureAbsorber()
    X = simulator.sample_prior(16, random_state=0)
    y = simulator(X)[:, 0]
    figure, axes = plt.subplots(2, 8, figsize=(11, 3.2), layout="constrained")
    for ax, k in zip(axes.ravel(), np.argsort(y), strict=True):
        ax.imshow(X[k].reshape(64, 64), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[], xlabel=f"{y[k]:.3f}")
    save(figure, "microstructure_absorber")


def spectra(simulator, name, label):
    figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for spectrum, color in zip(simulator(simulator.sample_prior(4, random_state=0)), COLORS, strict=True):
        ax.plot(simulator.wavelengths, spectrum, color=color)
    ax.set(xlabel="wavelength / nm", ylabel=label)
    save(figure, name)


if __name__ == "__main__":
    architected_cell()
    strontium_titanate()
    cylinder_metamaterial()
    microstructure_absorber()
    spectra(ThinFilmStack(), "thin_film_stack", "absorptance")
    spectra(MultilayerSphere(), "multilayer_sphere", "scattering efficiency")
