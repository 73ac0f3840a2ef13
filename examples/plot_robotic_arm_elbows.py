"""
Elbow up or elbow down: do I get both?
======================================

A planar arm on a slide reaches almost every point in infinitely many poses, and every pose that has its elbow up has
a twin with its elbow down. An engineer wants to choose between them, so both have to be proposed. Which
inverters do that?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.frozen import FrozenEstimator

from skinverse import DesignSpace, ForwardRegressor, IPageInverter, MDNInverter, NeuralAdjoint, TandemInverter
from skinverse.datasets import make_robotic_arm
from skinverse.display import CandidatesDisplay
from skinverse.metrics import resimulation_error
from skinverse.simulators import RoboticArm

# %%
# Networks are small here, so that the page takes half a minute. One surrogate serves all, frozen.

simulator = RoboticArm()
space = DesignSpace.from_simulator(simulator)
X, y = make_robotic_arm(2000, random_state=0)
common = {"space": space, "random_state": 0}
small = {"hidden_layer_sizes": (64, 64), "max_epochs": 50}
surrogate = FrozenEstimator(ForwardRegressor((12, 12), n_members=2, max_epochs=60, random_state=0).fit(X, y))
inverters = {
    "TandemInverter": TandemInverter(surrogate, **small, **common),
    "MDNInverter": MDNInverter(**small, **common),
    "NeuralAdjoint": NeuralAdjoint(surrogate, select="diverse", **common),
    "IPageInverter": IPageInverter(forward_model=surrogate, select="diverse", **small, **common),
}
for inverter in inverters.values():
    inverter.fit(X, y)

# %%
# The sign of :math:`\theta_2 - \theta_1`, the directions of the two lower segments, tells which way the elbow points.
# Ten designs for each of a hundred targets:


def directions(designs):
    """Angles of the three segments to the horizontal, in the arm's "absolute" convention."""
    x2, x3, x4 = designs[..., 1], designs[..., 2], designs[..., 3]
    return np.stack([x2, x3 - x2, x4 - x3 - x2], axis=-1)


def elbow_up(designs):
    theta = directions(designs)
    return theta[..., 1] < theta[..., 0]


y_star = simulator(simulator.sample_prior(100, random_state=1))
for name, inverter in inverters.items():
    designs = inverter.inverse(y_star, n=10)
    up = elbow_up(designs)
    both = np.mean(up.any(axis=1) & ~up.all(axis=1))
    error = resimulation_error(designs, y_star, simulator).error
    print(
        f"{name:15s} both elbows for {both:4.0%} of the targets, median squared error {np.median(error):.1e}"
    )

# %%
# The poses for one target, drawn as arms.

target = [1.5, 0.2]
figure, axes = plt.subplots(1, 4, figsize=(13, 4.6), layout="constrained", sharex=True, sharey=True)
for ax, (name, inverter) in zip(axes, inverters.items(), strict=True):
    designs = inverter.inverse(target, n=10)[0]
    theta, lengths = directions(designs), np.array([0.5, 0.5, 1.0])
    steps = lengths[:, None] * np.stack([np.cos(theta), np.sin(theta)], axis=-1)
    base = np.stack([np.zeros(len(designs)), designs[:, 0]], axis=-1)
    joints = np.concatenate([base[:, None], base[:, None] + np.cumsum(steps, axis=1)], axis=1)
    for arm, up in zip(joints, elbow_up(designs), strict=True):
        ax.plot(*arm.T, "o-", markersize=3, linewidth=1, color="#0072B2" if up else "#D55E00")
    ax.plot(*target, "k*", markersize=12)
    ax.set(title=name, xlabel="across", aspect="equal")
axes[0].set_ylabel("up")
axes[0].plot([], [], color="#0072B2", label="elbow up")
axes[0].plot([], [], color="#D55E00", label="elbow down")
axes[0].legend(loc="lower left", fontsize=8)
plt.show()

# %%
# The designs themselves, one line each, over the table.

CandidatesDisplay.from_estimator(inverters["IPageInverter"], target, n=10, X_train=X)
plt.show()

# %%
# Where it fails
# --------------
#
# The Tandem network has one answer and repeats it. Draws of the density are of both kinds, but miss the target by more
# than those that a solver has moved. And no method can show an elbow that the space forbids: with the first joint
# held, one of the two branches may be out of reach, and all designs are then of one kind.

held = inverters["IPageInverter"].inverse(target, n=10, fixed={1: 0.8})
print(f"first joint held at 0.8 rad: {elbow_up(held).sum()} of 10 designs have the elbow up")
