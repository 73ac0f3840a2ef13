"""
What does it bring to refine proposals?
=======================================

A density proposes designs on all branches, but each is off by the width of the density. A solver is exact, but
finds the solution next to where it started. ``RefinedInverter`` puts one after the other. How many steps does it
take, and do the branches survive?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.frozen import FrozenEstimator

from skinverse import DesignSpace, ForwardRegressor, MDNInverter, PriorInverter, RefinedInverter
from skinverse.datasets import make_sine_wave
from skinverse.display import ConvergenceDisplay
from skinverse.metrics import resimulation_error
from skinverse.simulators import SineWave

# %%
# Two proposal methods. One surrogate serves both, frozen.

simulator = SineWave()
space = DesignSpace.from_simulator(simulator)
X, y = make_sine_wave(1500, random_state=0)
density = MDNInverter(hidden_layer_sizes=(64, 64), max_epochs=100, space=space)
surrogate = FrozenEstimator(ForwardRegressor(n_members=2, random_state=0).fit(X, y))
refined = {
    "MDN, refined": RefinedInverter(density, surrogate, random_state=0).fit(X, y),
    "prior, refined": RefinedInverter(PriorInverter(space=space), surrogate, random_state=0).fit(X, y),
}

# %%
# Before and after: ``proposal`` in the info bunch is where each design came from.

y_star = 1.2
grid = np.linspace(-1, 1, 301)
truth = simulator(np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)).reshape(301, 301)
figure, axes = plt.subplots(1, 2, figsize=(10, 4.8), layout="constrained")
for ax, (name, inverter) in zip(axes, refined.items(), strict=True):
    designs, info = inverter.inverse(y_star, n=40, return_info=True)
    ax.contour(grid, grid, truth, levels=[y_star], colors="#E69F00", linewidths=3, alpha=0.5)
    for start, end in zip(info.proposal[0], designs[0], strict=True):
        ax.plot(*np.stack([start, end]).T, color="0.6", linewidth=1, zorder=1)
    ax.scatter(*info.proposal[0].T, color="0.6", s=10, label="proposed", zorder=2)
    ax.scatter(*designs[0].T, color="#0072B2", s=18, label="refined", zorder=3)
    before, after = (resimulation_error(D, y_star, simulator).error.mean() for D in (info.proposal, designs))
    ax.set(title=f"{name}: {before:.0e} to {after:.0e}", xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
plt.show()

# %%
# Steps of the solver, from the density and from the prior. The residual is in training standard deviations.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
targets = simulator(simulator.sample_prior(100, random_state=1))
for (name, inverter), color in zip(refined.items(), ("#0072B2", "#D55E00"), strict=True):
    ConvergenceDisplay.from_estimator(inverter, targets, n=5, ax=axes, label=name, line_kw={"color": color})
plt.show()

# %%
# Where it fails
# --------------
#
# The solver believes the surrogate. A surrogate that is wrong gives designs which it thinks far better than the judge
# does: here one that was stopped early, without the correction at the training rows. As the proposals were
# worse still, the solver has helped; what it says of its own success is what not to trust.

poor = ForwardRegressor((6,), max_epochs=15)
inverter = RefinedInverter(density, poor, anchor=False, random_state=0).fit(X, y)
designs, info = inverter.inverse(targets, n=5, return_info=True)
error = resimulation_error(designs, targets, simulator).error
print(
    f"mean squared error: {np.nanmean(info.misfit):.1e} by the poor surrogate, {error.mean():.1e} by the simulator"
)
print(
    f"of the proposals themselves: {resimulation_error(info.proposal, targets, simulator).error.mean():.1e}"
)
