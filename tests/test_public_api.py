"""The public names: what users may import, and what therefore changes only on purpose."""

import importlib

import pytest

import skinverse

PUBLIC = {
    "skinverse": [
        "AutoregressiveInverter",
        "BaseInverter",
        "BayesOptInverter",
        "CINNInverter",
        "CVAEInverter",
        "DecodedRegressor",
        "DesignSpace",
        "FlowMatchingInverter",
        "ForwardGaussianProcess",
        "ForwardRegressor",
        "GANDesignEncoder",
        "GradientSolver",
        "INNInverter",
        "IPageInverter",
        "ImageBinarizer",
        "ImageRegressor",
        "InverterMixin",
        "LHSSampler",
        "LevenbergMarquardtSolver",
        "MDNInverter",
        "NearestDesignInverter",
        "NeuralAdjoint",
        "PriorInverter",
        "RefinedInverter",
        "SymmetricImageEncoder",
        "TandemInverter",
        "TargetRange",
        "TransformedDesignInverter",
        "__version__",
        "candidates_to_frame",
        "choose_inverter",
        "compose",
        "datasets",
        "display",
        "inverse",
        "inverters",
        "load",
        "make_resimulation_scorer",
        "metrics",
        "model_selection",
        "read_card",
        "resimulation_error",
        "resimulation_score",
        "samplers",
        "save",
        "search_space",
        "simulators",
        "solvers",
        "testing",
    ],
    "skinverse.compose": [
        "RefinedInverter",
        "TransformedDesignInverter",
    ],
    "skinverse.datasets": [
        "ChunkedTable",
        "fetch_mos2_band_gap",
        "fit_in_batches",
        "make_architected_cells",
        "make_ballistics",
        "make_cylinder_metamaterial",
        "make_microstructures",
        "make_multilayer_sphere",
        "make_robotic_arm",
        "make_sine_wave",
        "make_strontium_titanate",
        "make_thin_film_stack",
    ],
    "skinverse.display": [
        "CandidatesDisplay",
        "ConvergenceDisplay",
        "CoverageDisplay",
        "ImageGridDisplay",
        "RCurveDisplay",
        "ResimulationDisplay",
        "SpectrumDisplay",
    ],
    "skinverse.inverters": [
        "AutoregressiveInverter",
        "BayesOptInverter",
        "CINNInverter",
        "CVAEInverter",
        "FlowMatchingInverter",
        "INNInverter",
        "IPageInverter",
        "MDNInverter",
        "NearestDesignInverter",
        "NeuralAdjoint",
        "PriorInverter",
        "TandemInverter",
    ],
    "skinverse.metrics": [
        "RCurve",
        "Resimulation",
        "classifier_two_sample_test",
        "diversity",
        "expected_coverage",
        "image_quality",
        "make_resimulation_scorer",
        "mode_recall",
        "novelty",
        "posterior_mmd",
        "r_curve",
        "reference_posterior",
        "resimulation_error",
        "resimulation_score",
        "simulation_based_calibration",
        "solution_components",
        "spacing",
        "two_point_correlation",
    ],
    "skinverse.model_selection": [
        "choose_inverter",
        "search_space",
    ],
    "skinverse.persistence": [
        "ResultCard",
        "SaveMixin",
        "SavedNet",
        "load",
        "read_card",
        "save",
    ],
    "skinverse.samplers": [
        "BaseSampler",
        "HaltonSampler",
        "LHSSampler",
        "RandomSampler",
        "SobolSampler",
        "cube_to_box",
        "cube_to_normal",
    ],
    "skinverse.simulators": [
        "ArchitectedCell",
        "Ballistics",
        "CylinderMetamaterial",
        "DifferentiableSimulator",
        "MicrostructureAbsorber",
        "MultilayerSphere",
        "NeuralSimulator",
        "RoboticArm",
        "Simulator",
        "SineWave",
        "SrTiO3TightBinding",
        "ThinFilmStack",
    ],
    "skinverse.solvers": [
        "GradientSolver",
        "LevenbergMarquardtSolver",
        "SolverResult",
        "best_of",
        "diverse_best_of",
    ],
    "skinverse.testing": [
        "all_inverters",
        "check_inverter",
        "expected_failed_checks",
        "inverter_checks",
    ],
}


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_change_only_on_purpose(module):
    listed, found = set(PUBLIC[module]), set(importlib.import_module(module).__all__)
    assert found == listed, (
        f"The public names of {module} have changed: new {sorted(found - listed)}, gone {sorted(listed - found)}. "
        "If that is meant, change PUBLIC in tests/test_public_api.py and add a line to CHANGELOG.md; a name that has "
        "been released is not dropped but kept for one release, with a FutureWarning that says what to use. If it is "
        "not, look at the __all__ of the module."
    )


@pytest.mark.parametrize("module", PUBLIC)
def test_every_name_can_be_had_and_is_listed_once(module):
    names = importlib.import_module(module).__all__
    assert len(names) == len(set(names))
    assert PUBLIC[module] == sorted(PUBLIC[module])
    for name in names:
        assert getattr(importlib.import_module(module), name) is not None


def test_every_subpackage_is_listed():
    assert {f"skinverse.{name}" for name in skinverse._SUBPACKAGES} < set(PUBLIC)


def test_short_names_mean_the_same_object():
    """What can be had from ``skinverse`` itself is what its home gives."""
    for name, home in skinverse._HOME.items():
        assert getattr(skinverse, name) is getattr(importlib.import_module(f"skinverse.{home}"), name)
