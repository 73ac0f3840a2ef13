"""
Can a lattice cell be drawn to order?
=====================================

A cell of 16 x 16 pixels, solid or void, mirrored along four axes and repeated to a lattice: which cells have the
stiffness asked for? Here the variables are whole numbers, and a design must come out symmetric. Does a search through a
convolutional surrogate find new cells, and do they keep what was promised once the simulator is asked?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.frozen import FrozenEstimator

from skinverse import (
    DecodedRegressor,
    DesignSpace,
    ImageRegressor,
    NearestDesignInverter,
    NeuralAdjoint,
    SymmetricImageEncoder,
    TransformedDesignInverter,
)
from skinverse.datasets import make_architected_cells
from skinverse.display import ImageGridDisplay
from skinverse.metrics import resimulation_error
from skinverse.metrics.images import image_quality
from skinverse.simulators import ArchitectedCell

# %%
# Mirrors leave 36 of the 256 pixels to choose. The surrogate sees the whole cell: its convolutions wrap around the
# edges, as the lattice does. The search starts from random rows, whose modulus is known, and flips pixels until the
# target is met.

cell = ArchitectedCell(16)
X, y = make_architected_cells(1500, n_pixels=16, random_state=0)
mirrors = FrozenEstimator(SymmetricImageEncoder().fit(X))
surrogate = DecodedRegressor(ImageRegressor((8, 16, 16), symmetric=True, max_epochs=40), mirrors)
solid_or_void = DesignSpace([[0, 1]] * 36, integer=True)
search = TransformedDesignInverter(
    NeuralAdjoint(surrogate, start="data", anchor=True, space=solid_or_void, max_redraws=0, n_starts=200),
    mirrors,
    space=[[0, 1]] * 256,
    random_state=0,
).fit(X, y)
rows = NearestDesignInverter(space=[[0, 1]] * 256).fit(X, y)

# %%
# Three moduli, in units of the solid's. What is new is counted in pixels that differ from the nearest row.

y_star = np.quantile(y, [0.25, 0.5, 0.75])
for name, inverter in {"search": search, "nearest rows": rows}.items():
    designs = inverter.inverse(y_star, 20)
    answers = resimulation_error(designs, y_star, cell).response[..., 0]
    off = np.median(np.abs(answers - y_star[:, None]) / y_star[:, None])
    new = np.median(image_quality(designs.reshape(-1, 256), X).novelty)
    print(f"{name:13s} off by {100 * off:.1f} % (median), {100 * new:.0f} % of the pixels new")

ImageGridDisplay.from_estimator(search, y_star, cell, n=6)
plt.show()

# %%
# Where it fails: rows that happen to have the modulus are exact, and a search cannot be better than its surrogate.
# Nothing keeps a cell in one piece either; ``skinverse.simulators.random_fields.percolates`` tells which ones are.
