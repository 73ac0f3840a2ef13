"""Problems: rows, targets and judge of a run, alike for every method."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from joblib import Memory

from skinverse.datasets import fetch_mos2_band_gap, make_architected_cells
from skinverse.metrics import reference_posterior, solution_components
from skinverse.simulators import NeuralSimulator
from skinverse.spaces import DesignSpace
from skinverse.surrogate import ForwardRegressor

# Seeds, to which that of the run is added: training rows, targets, targets with a reference, the references. The
# network in the place of a simulator is one for all runs.
ROWS, TARGETS, FEW, REFERENCE, PROXY, NOISE = 1000, 2000, 3000, 4000, 5000, 6000


class Unavailable(Exception):
    """A task or a method cannot be run here, and why."""


@dataclass(frozen=True)
class Problem:
    """One table and what is asked of it; the same for every method.

    Attributes
    ----------
    X, y : ndarray of shape (n_rows, n_features), (n_rows,) or (n_rows, n_outputs)
        Training rows.
    targets : ndarray of shape (n_targets,) or (n_targets, n_outputs)
        Responses of designs that nobody has trained, selected or tuned on.
    y_star : ndarray
        One target, in the form of `targets`.
    simulate : callable
        The judge, designs to responses.
    judge : {"simulator", "neural simulator", "held-out surrogate"}
    space : DesignSpace or None
        Allowed designs; None is the box of the rows.
    few, reference : ndarray or None
        Targets with draws of their true posterior (n_few, n_draws, n_features), and these.
    branches : tuple or None
        Points on the solutions of `y_star`, their branch, and how near counts as reached.
    rep : dict of float to float
        Targets of the percentage tables, by the published value in whose place they stand.
    physics : callable or None
        The simulator behind a judge that only stands in for it.
    """

    task: object
    X: np.ndarray
    y: np.ndarray
    targets: np.ndarray
    y_star: np.ndarray
    simulate: Callable
    judge: str = "simulator"
    space: DesignSpace | None = None
    few: np.ndarray | None = None
    reference: np.ndarray | None = None
    branches: tuple | None = None
    rep: dict = field(default_factory=dict)
    physics: Callable | None = None

    @property
    def n_outputs(self):
        """Number of responses."""
        return 1 if self.y.ndim == 1 else self.y.shape[1]


def _draw(simulator, n, seed):
    """Prior designs and responses; those without a response are left out."""
    X = simulator.sample_prior(n, random_state=seed)
    y = simulator(X)
    answered = np.isfinite(y).all(axis=1)
    return X[answered], y[answered]


def _draw_cells(simulator, n, seed):
    X, y = make_architected_cells(n, n_pixels=simulator.n_pixels, random_state=seed)
    return X, y[:, None]


def _refer(simulator, targets, n, n_simulations, seed):
    return reference_posterior(simulator, targets, n, n_simulations=n_simulations, random_state=seed).X


def _proxy(simulator, n_samples, n_members):
    regressor = ForwardRegressor(n_members=n_members)
    return NeuralSimulator(simulator, regressor, n_samples=n_samples, random_state=PROXY).fit()


def _fit_judge(X, y, n_members, seed):
    return ForwardRegressor(n_members=n_members, random_state=seed).fit(X, y)


def _shaped(y):
    """One response is one-dimensional, as users have it."""
    y = np.asarray(y, dtype=np.float64)
    return y[:, 0] if y.shape[1] == 1 else y


def from_simulator(task, n_train, seed, quick, memory, draw=_draw, **more):
    """Rows, targets and verdicts of a simulator; `more` are fields of the problem."""
    simulator = task.simulator()
    draw = memory.cache(draw)
    X, y = draw(simulator, n_train, ROWS + seed)
    if task.noise:
        y = y + task.noise * y.std(axis=0) * np.random.RandomState(NOISE + seed).standard_normal(y.shape)
    targets = draw(simulator, task.n_targets, TARGETS + seed)[1]
    y_star = targets[:1] if task.y_star is None else np.array([task.y_star])
    few = reference = branches = None
    n_draws, n_simulations = (100, 20_000) if quick else (1000, 2_000_000)
    if task.n_few:
        few = draw(simulator, task.n_few, FEW + seed)[1]
        reference = memory.cache(_refer)(simulator, few, n_draws, n_simulations, REFERENCE + seed)
    if task.branches is not None:
        points = memory.cache(_refer)(simulator, y_star, 4000, 300_000 if quick else 1_000_000, REFERENCE)
        branches = *task.branches(points[0]), task.branch_radius
    fields = dict(
        task=task,
        X=X,
        y=_shaped(y),
        targets=_shaped(targets),
        y_star=_shaped(y_star),
        simulate=simulator,
        few=None if few is None else _shaped(few),
        reference=reference,
        branches=branches,
        rep=dict(task.rep),
    )
    return Problem(**{**fields, **more})


def metamaterial(task, n_train, seed, quick, memory, n_samples=5_000, n_members=3):
    """Rows, targets and verdicts of a network trained on other spectra, as in the paper."""
    simulator = task.simulator()
    n_samples, n_members = (200, 1) if quick else (n_samples, n_members)
    proxy = memory.cache(_proxy)(simulator, n_samples, n_members)
    # Not through `memory`: a fitted network is no key.
    learnt = replace(task, simulator=lambda: proxy)
    return from_simulator(
        learnt, n_train, seed, quick, Memory(None), judge="neural simulator", physics=simulator
    )


def architecture(task, n_train, seed, quick, memory):
    """Moduli in standard deviations of the training rows, above their mean."""
    bare = from_simulator(task, n_train, seed, quick, memory, draw=_draw_cells)
    mean, sd = bare.y.mean(), bare.y.std()
    cell = bare.simulate
    return replace(
        bare,
        y=(bare.y - mean) / sd,
        targets=(bare.targets - mean) / sd,
        simulate=lambda X: (cell(X) - mean) / sd,
        space=DesignSpace(cell.bounds),
    )


def microstructure(task, n_train, seed, quick, memory):
    """Images of zeros and ones, and no others."""
    problem = from_simulator(task, n_train, seed, quick, memory)
    return replace(problem, space=DesignSpace(problem.simulate.bounds, integer=True))


def mos2(task, n_train, seed, quick, memory):
    """Computed band gaps; disjoint rows for the inverters, for the judge, and for the targets."""
    try:
        gaps = fetch_mos2_band_gap(drop_duplicates=True, download_if_missing=False)
    except OSError as error:
        raise Unavailable(
            f"{error} skinverse.datasets.fetch_mos2_band_gap() downloads the table once."
        ) from error
    rows = np.random.RandomState(ROWS + seed).permutation(len(gaps.data))
    own, other, fresh = np.split(rows, (np.array([0.45, 0.9]) * len(rows)).astype(int))
    own, other = own[:n_train], other[: 300 if quick else None]
    judge = memory.cache(_fit_judge)(gaps.data[other], gaps.target[other], 1 if quick else 3, TARGETS + seed)
    gapped = fresh[gaps.target[fresh] > 0]
    return Problem(
        task=task,
        X=gaps.data[own],
        y=gaps.target[own],
        targets=gaps.target[gapped[: task.n_targets]],
        y_star=np.array(task.y_star),
        simulate=judge,
        judge="held-out surrogate",
    )


def rings(points):
    """Points on the large components of the sine wave's solutions, and which."""
    labels = solution_components(points, radius=0.03)
    large = np.isin(labels, np.flatnonzero(np.bincount(labels) > 100))
    return points[large], labels[large]


def elbows(points):
    """The two ways in which the arm bends: the sign of the second joint."""
    return points, (points[:, 2] > 2 * points[:, 1]).astype(int)
