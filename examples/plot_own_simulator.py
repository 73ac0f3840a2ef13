"""
How do I bring my own simulator?
================================

Any function from designs to responses serves, to make a table and to judge designs. With names, units, bounds and a law
of the designs it is a ``Simulator``, and tables, spaces and displays know how to label it. Here: a
cantilever that should bend by a wanted deflection at a wanted mass, with a steel bar that comes in whole millimetres.
"""

import matplotlib.pyplot as plt
import numpy as np

from skinverse import DesignSpace, ForwardRegressor, NeuralAdjoint, TargetRange, candidates_to_frame
from skinverse.display import CandidatesDisplay, ResimulationDisplay
from skinverse.metrics import resimulation_error
from skinverse.simulators import Simulator
from skinverse.solvers import LevenbergMarquardtSolver

# %%
# Names, units, bounds, the law, and from where designs are drawn. What the physics cannot answer is declared in
# ``_obstacles``, and gets NaN in its row: here a bar that yields under the load.


class Cantilever(Simulator):
    """Steel bar of rectangular section, clamped at one end, with a load at the other."""

    input_names, input_units = ("length", "width", "height"), ("mm", "mm", "mm")
    output_names, output_units = ("deflection", "mass"), ("mm", "kg")

    def __init__(self, load=200.0):
        self.load = load  # N

    @property
    def bounds(self):
        return np.array([[200.0, 800.0], [10.0, 40.0], [5.0, 30.0]])

    def _simulate(self, X):
        length, width, height = X.T
        inertia = width * height**3 / 12  # mm^4
        return np.stack(
            [self.load * length**3 / (3 * 210e3 * inertia), 7.85e-6 * length * width * height], axis=1
        )

    def _obstacles(self, X):
        length, width, height = X.T
        stress = 6 * self.load * length / (width * height**2)  # MPa
        yield "bending stress beyond 355 MPa", stress > 355

    def _sample_prior(self, n, rng):
        return rng.uniform(*self.bounds.T, size=(n, 3))


simulator = Cantilever()
X = simulator.sample_prior(1000, random_state=0)
y = simulator(X)
held = np.isfinite(y).all(axis=1)
reasons = {str(reason) for reason in simulator.failures(X) if reason}
print(f"{held.sum()} of {len(X)} bars hold; {', '.join(reasons)}")

# %%
# Fit on the bars that hold. Sections come in whole millimetres, so that is what the space says. On that grid few
# targets are met exactly, and the solver is told what is near enough: 2 % of a training standard deviation.

space = DesignSpace(
    simulator.bounds, names=simulator.input_names, units=simulator.input_units, integer=["width", "height"]
)
inverter = NeuralAdjoint(
    ForwardRegressor(n_members=2, max_epochs=100),
    solver=LevenbergMarquardtSolver(tol=0.02),
    select="diverse",
    space=space,
    random_state=0,
).fit(X[held], y[held])

y_star = [[2.0, 1.5], [10.0, 0.5]]
designs, info = inverter.inverse(y_star, n=5, return_info=True)
verdict = resimulation_error(designs, y_star, simulator)
frame = candidates_to_frame(designs, info, y_star=y_star, space=space, units=True)
print(frame.iloc[:, :7].round(3).to_string())
print("simulated:", verdict.response.round(3).tolist()[0])

# %%
# A range in place of a number: any bar that bends by 2 to 3 mm and weighs less than 1.2 kg.

few = TargetRange(lower=[[2.0, -np.inf]], upper=[[3.0, 1.2]])
bars = inverter.inverse(few, n=200)
response = simulator(bars[0])
inside = (response[:, 0] >= 2) & (response[:, 0] <= 3) & (response[:, 1] <= 1.2)
excess = np.max([2 - response[:, 0], response[:, 0] - 3])
print(f"{inside.sum()} of {len(inside)} bars obey; none bends by more than {excess:.2f} mm outside the range")
print(f"{len(np.unique(bars[0, :, 1:], axis=0))} different sections")
CandidatesDisplay.from_designs(bars, space=space, X_train=X[held])
plt.show()

# %%
# Wanted and simulated, for bars nobody has made.

fresh = simulator(simulator.sample_prior(60, random_state=1))
fresh = fresh[np.isfinite(fresh).all(axis=1)]
ResimulationDisplay.from_estimator(
    inverter, fresh, simulator, output_names=simulator.output_names, output_units=simulator.output_units
)
plt.show()

# %%
# Where it fails
# --------------
#
# The surrogate has never seen a bar that yields, and does not know that there are any. It is asked here for much
# deflection at little mass, which only bars reach that the physics refuses: the surrogate extrapolates to them and
# believes itself. The judge counts them as failed, never as a number. Ask it before the workshop.

soft = [[20.0, 0.19]]
designs, info = inverter.inverse(soft, n=20, return_info=True)
verdict = resimulation_error(designs, soft, simulator)
failed = (verdict.status == "failed").sum()
print(f"converged, says the search: {info.converged.sum()} of 20; failed, says the judge: {failed}")
