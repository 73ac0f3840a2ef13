"""
Which stack of films has this spectrum?
=======================================

Five films of silicon nitride between sheets of graphene: five thicknesses in nm decide the absorptance at forty
wavelengths. Given the spectrum of a stack that nobody remembers, which thicknesses made it? And which stacks come
nearest to a spectrum that no stack has?
"""

import matplotlib.pyplot as plt
import numpy as np

from skinverse import DesignSpace, ForwardRegressor, NearestDesignInverter, NeuralAdjoint
from skinverse.display import SpectrumDisplay
from skinverse.metrics import resimulation_error
from skinverse.simulators import ThinFilmStack
from skinverse.solvers import LevenbergMarquardtSolver

# %%
# With so many outputs the surrogate is trained by first-order steps; the network is small here, so that the page
# takes some ten seconds. Five thicknesses do not meet forty numbers to five digits through a surrogate, so the
# solver is told what is near enough: 3 % of a training standard deviation at each wavelength.

simulator = ThinFilmStack(grid=np.geomspace(240, 2000, 40))
space = DesignSpace.from_simulator(simulator)
X = simulator.sample_prior(2000, random_state=0)
y = simulator(X)
surrogate = ForwardRegressor((64, 64, 64), optimizer="soap", max_epochs=400)
inverter = NeuralAdjoint(
    surrogate, solver=LevenbergMarquardtSolver(tol=0.03), space=space, random_state=0
).fit(X, y)
lookup = NearestDesignInverter(space=space).fit(X, y)

# %%
# Three spectra of stacks outside the table, ten designs each.

hidden = simulator.sample_prior(3, random_state=1)
y_star = simulator(hidden)
SpectrumDisplay.from_estimator(inverter, y_star, simulator, n=10)
plt.show()

designs = inverter.inverse(y_star, n=10)
for k in range(3):
    print(f"made of {hidden[k].round(1)} nm, found {designs[k, 0].round(1)} nm")

# %%
# Over more targets, judged by the simulator, with the nearest row of the table beside it:

many = simulator(simulator.sample_prior(100, random_state=2))
for name, estimator in {"NeuralAdjoint": inverter, "nearest row": lookup}.items():
    error = resimulation_error(estimator.inverse(many, n=1), many, simulator).error
    rms = np.sqrt(error)
    print(f"{name:14s} rms error of absorptance: median {np.median(rms):.1e}, worst {rms.max():.1e}")

# %%
# Where it fails
# --------------
#
# A wish is not a spectrum. A step from 0.3 to 0.09 is made by no such stack; the search returns what comes near, flags
# it as not converged, and a designer had better ask for less: NaN where any value will do.

wavelengths = simulator.wavelengths
wish = np.where(wavelengths < 500, 0.3, 0.09)[None]
part = np.where((wavelengths > 280) & (wavelengths < 1900), np.nan, wish)
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
for ax, target, title in zip(axes, (wish, part), ("all wavelengths", "the ends only"), strict=True):
    SpectrumDisplay.from_estimator(inverter, target, simulator, n=5, ax=ax)
    _, info = inverter.inverse(target, n=5, return_info=True)
    ax.set_title(f"{title}: {info.converged.sum()} of 5 converged")
plt.show()
