"""
Which strained cells have the band gap I want?
==============================================

A tight-binding model of strontium titanate stands for the laboratory: three lattice constants and three angles in, the
band gap in eV out. From a pandas table of 1,500 cells we ask for cells with gaps of our choice, hold
two of the variables as a substrate would, and read the answer as a table again.
"""

import warnings

import matplotlib.pyplot as plt
import pandas as pd

from skinverse import DesignSpace, ForwardRegressor, NearestDesignInverter, NeuralAdjoint, candidates_to_frame
from skinverse.datasets import make_strontium_titanate
from skinverse.display import CandidatesDisplay, ResimulationDisplay
from skinverse.metrics import resimulation_error
from skinverse.simulators import SrTiO3TightBinding

# %%
# Columns have names, and the space knows bounds and units.

simulator = SrTiO3TightBinding()
space = DesignSpace.from_simulator(simulator)
X, y = make_strontium_titanate(1500, random_state=0, as_frame=True)
print(X.describe().loc[["mean", "min", "max"]].round(3).to_string())
print(f"{y.name}: {y.min():.2f} to {y.max():.2f} eV")

# %%
# The search, and lookup in the table beside it.

surrogate = ForwardRegressor(n_members=2, max_epochs=100)
inverter = NeuralAdjoint(surrogate, select="diverse", space=space, random_state=0).fit(X, y)
lookup = NearestDesignInverter(space=space).fit(X, y)

# %%
# Five gaps, six cells each. The judge is the simulator, which the search never asked.

wanted = [1.2, 1.5, 1.8, 2.1, 2.4]
figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
for ax, (name, estimator) in zip(
    axes, {"NeuralAdjoint": inverter, "nearest rows": lookup}.items(), strict=True
):
    ResimulationDisplay.from_estimator(
        estimator, wanted, simulator, n=6, output_names=["band gap"], output_units=["eV"], ax=ax
    )
    error = resimulation_error(estimator.inverse(wanted, n=6), wanted, simulator).error
    ax.set_title(f"{name}: rms error {error.mean() ** 0.5:.3f} eV")
plt.show()

# %%
# Where a table is dense in the response, lookup is hard to beat: its cells have been simulated, those of the search,
# spread as they are, are off by the surrogate's error. What the search is for are cells that are in no table.
#
# A substrate fixes two lattice constants. The answer as a table, a row a cell, with units and the judge's verdict:

substrate = {X.columns[0]: 3.95, X.columns[1]: 3.95}
designs, info = inverter.inverse(wanted, n=3, fixed=substrate, return_info=True)
table = candidates_to_frame(designs, info, y_star=wanted, estimator=inverter, units=True)
table["simulated [eV]"] = simulator(designs.reshape(-1, 6)).ravel()
with pd.option_context("display.width", 110, "display.max_columns", 20):
    print(table.iloc[:, :6].round(3))
    print(table[["target_band_gap", "predicted_band_gap", "converged", "simulated [eV]"]].round(3))

# %%
# No row lies on the substrate, so that lookup has to move its rows there, whatever their gap then is.

for name, estimator in {"NeuralAdjoint": inverter, "nearest rows": lookup}.items():
    error = resimulation_error(estimator.inverse(wanted, n=3, fixed=substrate), wanted, simulator).error
    print(f"{name:13s} on the substrate: rms error {error.mean() ** 0.5:.3f} eV")

# %%
# How the cells differ: parallel coordinates over the table, free of the substrate.

CandidatesDisplay.from_estimator(inverter, [1.5], n=12, X_train=X)
plt.show()

# %%
# Where it fails
# --------------
#
# The error of the designs is that of the surrogate, and the rows about a design decide how large it is. Where rows
# end, so does knowledge: asked for more than any row has, the inverter says so, and what it returns is not to be
# believed without another simulation. Above all, the model is not the material: its own error against
# density-functional theory is on the page of the simulator.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    beyond, info = inverter.inverse([y.max() + 0.3], n=3, return_info=True)
print(f"converged: {info.converged[0]}, simulated: {simulator(beyond[0]).ravel().round(2)} eV")
for warning in caught:
    print(str(warning.message)[:300])
