import subprocess
import sys

import numpy as np
import pytest

from skinverse import DesignSpace
from skinverse.display import (
    CandidatesDisplay,
    ConvergenceDisplay,
    CoverageDisplay,
    ImageGridDisplay,
    RCurveDisplay,
    ResimulationDisplay,
    SpectrumDisplay,
)

ONES = np.ones(3)
DISPLAYS = [
    ResimulationDisplay(
        y_star=ONES[:, None], response=ONES[:, None, None], status=np.full((3, 1), "ok"), judge="simulator"
    ),
    RCurveDisplay(mean=ONES, lower=ONES, upper=ONES, judge="simulator"),
    CandidatesDisplay(
        X=np.ones((1, 3, 2)), space=DesignSpace([[0, 1], [0, 1]]), feasible=np.ones((1, 3), dtype=bool)
    ),
    ConvergenceDisplay(quantiles=(0.5,), residual=ONES[None], converged=ONES, tol=1e-6, n_candidates=3),
    CoverageDisplay(
        levels=ONES, coverage=ONES, lower=ONES, upper=ONES, n_samples=9, p_value=0.5, method="hpd"
    ),
    ImageGridDisplay(images=np.ones((1, 3, 2, 2)), feasible=np.ones((1, 3), dtype=bool)),
    SpectrumDisplay(
        grid=ONES,
        y_star=ONES[None],
        response=ONES[None, None],
        judge="simulator",
        grid_label="",
        output_label="",
    ),
]


@pytest.mark.parametrize("display", DISPLAYS, ids=lambda display: type(display).__name__)
def test_without_matplotlib_plot_says_how_to_get_it(display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "skinverse\[plots\]"') as caught:
        display.plot()
    assert type(display).__name__ in str(caught.value)


def test_every_display_is_among_them():
    import skinverse.display

    assert sorted(type(display).__name__ for display in DISPLAYS) == skinverse.display.__all__


def test_importing_the_displays_imports_no_matplotlib_and_no_torch():
    code = "import sys, skinverse.display; print({'matplotlib', 'torch'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
