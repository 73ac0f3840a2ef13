"""
From a hypercube to every branch: iPage step by step
====================================================

``IPageInverter`` turns latents that fill their space evenly into posterior draws, and moves each draw to the solution
next to it. The info bunch keeps all three stages, so that they can be drawn side by side (figures 4 and 5 of the
paper). Do 25 latents see all nine branches of the sine wave's solutions, and what is the maximin hypercube good for?
"""

import matplotlib.pyplot as plt
import numpy as np

from skinverse import DesignSpace, ForwardRegressor, IPageInverter, LHSSampler
from skinverse.datasets import make_sine_wave
from skinverse.samplers import RandomSampler
from skinverse.simulators import SineWave

# %%
# The network is small here, so that this page takes half a minute.

simulator = SineWave()
space = DesignSpace.from_simulator(simulator)
X, y = make_sine_wave(3000, random_state=0)
y_star, n = 1.2, 25
inverter = IPageInverter(
    forward_model=ForwardRegressor(),
    n_proposals=n,
    hidden_layer_sizes=(64, 64),
    max_epochs=80,
    space=space,
    random_state=0,
).fit(X, y)
designs, info = inverter.inverse(y_star, n, return_info=True)

# %%
# Latents, draws, solutions. A line leads from each draw to the solution it was moved to.

grid = np.linspace(-1, 1, 301)
truth = simulator(np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)).reshape(301, 301)
figure, axes = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
axes[0].plot(*info.latent[0].T, "o", color="#0072B2")
axes[0].set(
    title="latents: a maximin Latin hypercube", xlabel="$u_1$", ylabel="$u_2$", xlim=(0, 1), ylim=(0, 1)
)
axes[0].set_xticks(np.linspace(0, 1, n + 1), minor=True)
axes[0].set_yticks(np.linspace(0, 1, n + 1), minor=True)
axes[0].grid(which="minor", alpha=0.3)
for ax, points, title in zip(
    axes[1:], (info.proposal[0], designs[0]), ("posterior draws", "localised designs"), strict=True
):
    ax.contour(grid, grid, truth, levels=[y_star], colors="#E69F00", linewidths=3, alpha=0.5)
    ax.plot(*points.T, "o", color="#0072B2")
    ax.set(title=title, xlabel="$x_1$", ylabel="$x_2$")
for start, end in zip(info.proposal[0], designs[0], strict=True):
    axes[2].plot(*np.stack([start, end]).T, color="0.6", zorder=0)
for ax in axes:
    ax.set_aspect("equal")
plt.show()

error = (simulator(info.proposal[0])[:, 0] - y_star) ** 2, (simulator(designs[0])[:, 0] - y_star) ** 2
print("mean squared error of draws {:.1e}, of designs {:.1e}".format(*(e.mean() for e in error)))

# %%
# How evenly latents are spread decides how many branches a few of them see. Rings lie around the maxima of the
# response, 2/3 apart.


def rings(designs):
    return len(np.unique(np.round((designs + [1 / 2, 2 / 3]) * 1.5), axis=0))


samplers = {
    "random": RandomSampler(),
    "Latin hypercube": LHSSampler(),
    "maximin": LHSSampler("maximin", effort=0.2),
}
for name, sampler in samplers.items():
    inverter.inverter_.set_params(sampler=sampler)  # drawing needs no new training
    for n in (9, 16, 25):
        inverter.set_params(n_proposals=n)
        found = [rings(inverter.inverse(y_star, n, random_state=k)[0]) for k in range(20)]
        print(
            f"{name:16s} {n:3d} latents: {np.mean(found):.2f} of 9 rings, all nine in {found.count(9)} of 20 runs"
        )

# %%
# Where the last branch matters more than the number of latents, draw many and choose few far apart.

inverter.set_params(select="diverse", n_proposals=None)
found = [rings(inverter.inverse(y_star, 9, random_state=k)[0]) for k in range(20)]
print(f"nine designs, select='diverse': all nine rings in {found.count(9)} of 20 runs")
