from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skinverse import DesignSpace, LevenbergMarquardtSolver, NearestDesignInverter, NeuralAdjoint
from skinverse.display import ConvergenceDisplay
from skinverse.simulators import SineWave
from skinverse.targets import Targets


@pytest.fixture
def result():
    """Four candidates, three of which converge, after one, two and three steps."""
    trace = np.array(
        [[1.0, 2.0, 3.0, 4.0], [1e-7, 1.0, 2.0, 4.0], [1e-7, 1e-8, 1.0, 4.0], [1e-7, 1e-8, 0.0, 4.0]]
    )
    return SimpleNamespace(trace=trace.astype(np.float32))


def test_numbers(result):
    display = ConvergenceDisplay.from_result(result, 1e-6)
    assert_allclose(display.converged, [0, 0.25, 0.5, 0.75])
    assert_allclose(display.residual[2], np.median(result.trace, axis=1))
    assert display.residual.shape == (5, 4)
    assert display.n_candidates == 4


def test_a_residual_at_the_tolerance_counts_in_single_precision():
    at_tol = SimpleNamespace(trace=np.full((2, 1), 1e-6, dtype=np.float32))
    assert ConvergenceDisplay.from_result(at_tol, tol=1e-6).converged[-1] == 1


def test_two_panels_with_labels(result):
    display = ConvergenceDisplay.from_result(result, 1e-6, label="LM")
    residual, share = display.ax_
    assert residual.get_yscale() == "log"
    assert residual.get_xlabel() == share.get_xlabel() == "step"
    assert "standard deviations" in residual.get_ylabel()
    assert share.get_ylabel() == "candidates converged [%]"
    assert_allclose(share.lines[0].get_ydata(), [0, 25, 50, 75])
    assert "LM: 75 % of 4 converged" in [text.get_text() for text in residual.get_legend().get_texts()]


def test_two_solvers_on_the_same_panels(result):
    display = ConvergenceDisplay.from_result(result, 1e-6, label="first")
    other = ConvergenceDisplay.from_result(result, 1e-6, label="second", ax=display.ax_)
    assert (other.ax_ == display.ax_).all()
    assert len(display.ax_[1].lines) == 2
    assert len({line.get_color() for line in display.ax_[1].lines}) == 2


def test_a_single_axes_shows_the_residuals_alone(result):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    assert ConvergenceDisplay.from_result(result, 1e-6, ax=ax).ax_ is ax


def test_three_axes_are_one_too_many(result):
    import matplotlib.pyplot as plt

    with pytest.raises(ValueError, match="draws 2 panels here, got 3 axes"):
        ConvergenceDisplay.from_result(result, 1e-6, ax=plt.subplots(1, 3)[1])


@pytest.fixture
def adjoint(exact_sine):
    """Thirty starts drawn from the space, each solved once."""
    space = DesignSpace([[-1, 1], [-1, 1]])
    X = space.sample(200, random_state=0)
    inverter = NeuralAdjoint(
        exact_sine,
        solver=LevenbergMarquardtSolver(5, tol=1e-3),
        start="sampler",
        n_starts=30,
        max_redraws=0,
        anchor=False,
        space=space,
        random_state=0,
    )
    return inverter.fit(X, SineWave()(X)[:, 0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_estimator_is_watched(adjoint):
    display = ConvergenceDisplay.from_estimator(adjoint, [0.5, 1.2], n=30, random_state=3)
    _, info = adjoint.inverse([0.5, 1.2], 30, random_state=3, return_info=True)
    starts, y_star = info.proposal.reshape(-1, 2), np.repeat([[0.5], [1.2]], 30, axis=0)
    result = adjoint.solver.solve(
        adjoint.forward_model_.module_,
        Targets(y_star, y_star),
        starts,
        adjoint.space_,
        y_scale=adjoint.y_scale_,
    )
    assert_allclose(display.residual, np.quantile(result.trace, (0.05, 0.25, 0.5, 0.75, 0.95), axis=1))
    assert display.n_candidates == 60
    assert display.tol == 1e-3
    assert isinstance(adjoint.solver, LevenbergMarquardtSolver)  # as it was


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_through_a_pipeline(adjoint):
    plain = ConvergenceDisplay.from_estimator(adjoint, [0.5])
    pipe = make_pipeline(FunctionTransformer(), adjoint)
    assert_allclose(ConvergenceDisplay.from_estimator(pipe, [0.5]).residual, plain.residual)


def test_an_estimator_without_a_solver():
    with pytest.raises(TypeError, match="NearestDesignInverter has no solver"):
        ConvergenceDisplay.from_estimator(NearestDesignInverter(), [0.5])
