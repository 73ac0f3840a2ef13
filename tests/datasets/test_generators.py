"""Data drawn from the simulators."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skinverse.datasets import (
    make_ballistics,
    make_cylinder_metamaterial,
    make_microstructures,
    make_multilayer_sphere,
    make_robotic_arm,
    make_sine_wave,
    make_strontium_titanate,
    make_thin_film_stack,
)
from skinverse.simulators import (
    Ballistics,
    CylinderMetamaterial,
    MicrostructureAbsorber,
    MultilayerSphere,
    RoboticArm,
    SineWave,
    SrTiO3TightBinding,
    ThinFilmStack,
)
from skinverse.utils.validation import InvalidParameterError

TASKS = [
    (make_sine_wave, SineWave()),
    (make_robotic_arm, RoboticArm()),
    (make_ballistics, Ballistics()),
    (make_strontium_titanate, SrTiO3TightBinding()),
]
pytestmark = pytest.mark.parametrize(
    ("make", "simulator"), TASKS, ids=lambda value: getattr(value, "__name__", "")
)


def test_responses_are_those_of_the_simulator(make, simulator):
    X, y = make(200, random_state=0)
    expected = simulator(X)
    assert X.shape == (200, simulator.n_inputs)
    assert_array_equal(y, expected[:, 0] if simulator.n_outputs == 1 else expected)


def test_rows_by_default_are_those_of_the_published_tables(make, simulator):
    X, y = make(random_state=0)
    assert len(X) == len(y) == (5_000 if make is make_strontium_titanate else 10_000)


def test_seed_governs_everything(make, simulator):
    first, again, other = (make(30, noise=0.1, random_state=seed) for seed in (0, 0, 1))
    for a, b, c in zip(first, again, other, strict=True):
        assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_noise_has_the_asked_spread_and_leaves_the_designs(make, simulator):
    n = 3_000 if make is make_strontium_titanate else 20_000
    X, y = make(n, random_state=0)
    X_noisy, y_noisy = make(n, noise=0.3, random_state=0)
    assert_array_equal(X, X_noisy)
    assert_allclose((y_noisy - y).std(axis=0), 0.3, rtol=4 / np.sqrt(2 * n))
    assert_allclose((y_noisy - y).mean(axis=0), 0, atol=4 * 0.3 / np.sqrt(n))


def test_frames_carry_the_names(make, simulator):
    X, y = make(20, random_state=0)
    X_frame, y_frame = make(20, random_state=0, as_frame=True)
    assert list(X_frame.columns) == list(simulator.input_names)
    assert_array_equal(X_frame.to_numpy(), X)
    assert_array_equal(y_frame.to_numpy(), y)
    if simulator.n_outputs == 1:
        assert isinstance(y_frame, pd.Series)
        assert y_frame.name == simulator.output_names[0]
    else:
        assert list(y_frame.columns) == list(simulator.output_names)


@pytest.mark.parametrize("noise", [-0.1, np.nan, "loud", None])
def test_wrong_noise_raises(make, simulator, noise):
    with pytest.raises(InvalidParameterError, match=f"The 'noise' parameter of {make.__name__}"):
        make(5, noise=noise)


@pytest.mark.parametrize("n_samples", [0, 2.5, "many"])
def test_wrong_number_of_rows_raises(make, simulator, n_samples):
    with pytest.raises((TypeError, ValueError), match="n_samples must be an integer of at least 1"):
        make(n_samples)


def test_variants_reach_the_simulator(make, simulator):
    if make is make_robotic_arm:
        X, y = make(50, random_state=0, convention="relative")
        assert_array_equal(y, RoboticArm("relative")(X))
    if make is make_ballistics:
        X, _ = make(5000, random_state=0, angle_interval="paper")
        assert X[:, 2].max() < np.deg2rad(72) < make(5000, random_state=0)[0][:, 2].max()


def test_costly_generators_ask_their_simulators(make, simulator):
    if make is not make_sine_wave:
        pytest.skip("once is enough")
    for costly, costly_simulator, params in (
        (make_cylinder_metamaterial, CylinderMetamaterial(3, order=1), {"n_frequencies": 3, "order": 1}),
        (make_microstructures, MicrostructureAbsorber(4, order=1), {"n_pixels": 4, "order": 1}),
        (make_thin_film_stack, ThinFilmStack(output="reflectance"), {"output": "reflectance"}),
        (make_multilayer_sphere, MultilayerSphere(output="extinction"), {"output": "extinction"}),
    ):
        X, y = costly(4, random_state=0, **params)
        assert_array_equal(X, costly_simulator.sample_prior(4, random_state=0))
        assert_allclose(y.reshape(4, -1), costly_simulator(X), rtol=1e-12)
