"""A forward model anchored to a table: where its error is interpolated, and the variance that is expected."""

import numpy as np
import pytest
import torch
from exact_models import ExactModule, ExactRegressor, sine
from numpy.testing import assert_allclose, assert_array_equal

from skinverse import DesignSpace
from skinverse.datasets import make_sine_wave
from skinverse.nets.ensemble import Ensemble
from skinverse.simulators import SineWave
from skinverse.solvers import LevenbergMarquardtSolver
from skinverse.solvers.anchored import AnchoredModel
from skinverse.solvers.localizer import Localizer, Proposals
from skinverse.solvers.residuals import ResidualInterpolator
from skinverse.targets import Targets

SPACE = DesignSpace([[-1, 1], [-1, 1]])


def anchored(X, y, errors, **attributes):
    """The model of members that are wrong by functions of the design."""
    regressor = ExactRegressor(sine).fit(X, y)
    regressor.module_ = Ensemble([ExactModule(lambda x, e=e: sine(x) + e(x)) for e in errors])
    vars(regressor).update(attributes)
    return AnchoredModel(regressor, X, y[:, None], SPACE, y_scale=np.array([2.0]), anchor=True)


def waves(*frequencies):
    return [lambda x, k=k: 0.1 * (k * x[:, :1] + x[:, 1:]).sin() for k in frequencies]


@pytest.fixture(scope="module")
def model():
    """Three members, wrong by waves of their own."""
    return anchored(*make_sine_wave(400, random_state=0), waves(1.0, 2.0, 4.0))


def test_exact_at_the_rows_and_not_interpolated_far_from_all(model):
    rows = model.X[:20]
    response, variance = model.interpolated(rows)
    assert_allclose(response, model.y[:20], atol=1e-8)
    assert_allclose(variance, 0, atol=1e-12)
    assert model.interpolates(rows).all()
    assert not model.interpolates(np.array([[5.0, 5.0]])).any()


def test_variance_is_that_of_corrected_members_and_one_deviation_more(model):
    X = np.random.RandomState(1).uniform(-0.9, 0.9, size=(50, 2))
    unit, rows = SPACE.to_unit(X), SPACE.to_unit(model.X)
    answers = [member(torch.tensor(X)).numpy() for member in model.module.members]
    of_rows = [member(torch.tensor(model.X)).numpy() for member in model.module.members]
    corrected = np.array(
        [
            answer + ResidualInterpolator(rows, (model.y - at_rows)[None])(unit)
            for answer, at_rows in zip(answers, of_rows, strict=True)
        ]
    )
    distance = np.linalg.norm(unit[:, None] - rows, axis=2).min(axis=1)
    squares = ((corrected - corrected.mean(axis=0)) ** 2).sum(axis=0)
    expected = (squares + model.growth * distance[:, None] ** 2) / 3 / 2.0**2
    none = np.full(50, -1)
    assert_allclose(model.variance(X, X, none, model.interpolates(X)), expected, rtol=1e-6, atol=1e-18)


def test_a_row_at_the_floor_is_no_anchor(model):
    """Next to such a row nothing more is known than anywhere else: its latent response may be any below."""
    X, y = model.X, np.maximum(model.y, 0.0)
    regressor = ExactRegressor(sine).fit(X, y)
    regressor.module_, regressor.response_floor_ = model.module, np.array([0.0])
    censored = AnchoredModel(regressor, X, y, SPACE, y_scale=np.array([2.0]), anchor=True)
    floored = np.flatnonzero(y[:, 0] == 0)
    assert_array_equal(censored.is_anchor, y[:, 0] > 0)
    targets = Targets(np.full((len(floored), 1), 0.3), np.full((len(floored), 1), 0.3))

    def refined(row):
        proposals = Proposals(np.arange(len(floored)), X[floored], row)
        return Localizer(censored).refine(targets, proposals, space=SPACE, solver=LevenbergMarquardtSolver())

    from_rows, from_anywhere = refined(floored), refined(None)
    assert_allclose(from_rows["expected_error"], from_anywhere["expected_error"])


@pytest.mark.parametrize(("n", "frequency"), [(200, 9), (200, 30), (1000, 30)])
def test_errors_are_expected_as_large_as_they_are_at_rows_held_out(n, frequency):
    """Members that agree on what is wrong: their disagreement alone says far too little of fresh designs."""
    X, y = make_sine_wave(n, random_state=0)

    def error(k):
        def of(x):
            wrong = (frequency * x[:, :1]).sin() * (frequency * x[:, 1:]).sin()
            return wrong * (1 + 0.01 * (k * frequency * x[:, :1]).sin())

        return of

    errors = [error(k) for k in (1.0, 2.0, 3.0)]
    held_out = np.random.RandomState(0).uniform(size=(3, n)) < 0.1
    trusting, doubting = (anchored(X, y, errors, **a) for a in ({}, {"held_out_": held_out}))
    assert trusting.doubt == 1

    Z = np.random.RandomState(1).uniform(-1, 1, size=(2000, 2))
    response, variance = doubting.interpolated(Z)
    found = np.mean((response - SineWave()(Z)) ** 2) / 4
    assert found > 10 * variance.mean()
    assert 0.3 < found / (doubting.doubt * variance.mean()) < 3


def test_without_interpolation_held_out_rows_are_compared_with_their_neighbours():
    """More than twelve variables, and an error of all members that grows alike from row to row."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, size=(500, 14))
    slope = rng.normal(size=(14, 1))

    def member(k):
        return ExactModule(lambda x: x @ torch.tensor(slope * (1 + 0.1 * (k - 1))))

    regressor = ExactRegressor(None).fit(X, np.zeros(500))
    regressor.module_ = Ensemble([member(k) for k in range(3)])
    regressor.held_out_ = rng.uniform(size=(3, 500)) < 0.1
    space = DesignSpace(np.tile([-1.0, 1.0], (14, 1)))
    model = AnchoredModel(regressor, X, np.zeros((500, 1)), space, y_scale=np.array([2.0]), anchor=True)
    assert model.interpolator is None
    # Over a step of d the error is d, times a slope, and the variance 0.01 d² (2 / 3 of it, and growth's third).
    assert_allclose(model.doubt, 100, rtol=0.25)


@pytest.mark.parametrize("held_out", [np.zeros((3, 400), dtype=bool), np.ones((3, 90), dtype=bool)])
def test_nothing_held_out_of_this_table_no_doubt(held_out):
    assert anchored(*make_sine_wave(400, random_state=0), waves(1.0, 2.0, 4.0), held_out_=held_out).doubt == 1
