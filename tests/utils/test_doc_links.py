import re

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsRegressor
from sklearn.utils import estimator_html_repr

from skinverse import (
    ForwardRegressor,
    GANDesignEncoder,
    ImageBinarizer,
    LevenbergMarquardtSolver,
    MDNInverter,
    NearestDesignInverter,
    NeuralAdjoint,
    TransformedDesignInverter,
)
from skinverse.inverters.density import ConditionalDensityInverter
from skinverse.samplers import SobolSampler
from skinverse.simulators import SineWave
from skinverse.testing import all_inverters
from skinverse.utils.doc_links import SITE


def page(name):
    return f'href="{SITE}api/generated/{name}.html"'


def test_the_picture_of_an_inverter_links_to_its_page_and_shows_its_parameters():
    html = estimator_html_repr(MDNInverter(7, max_epochs=33))
    assert page("skinverse.MDNInverter") in html
    assert "Documentation for MDNInverter" in html
    for name, value in (("n_components", 7), ("max_epochs", 33)):
        row = re.search(
            rf'data-param-prefix.*?Copy {name} to clipboard.*?class="value">(.*?)</td>', html, re.S
        )
        assert row.group(1) == str(value)


def test_nested_parts_are_pictures_of_their_own():
    inverter = TransformedDesignInverter(MDNInverter(), PCA(3))
    html = estimator_html_repr(inverter)
    assert page("skinverse.TransformedDesignInverter") in html
    assert page("skinverse.MDNInverter") in html
    assert "sklearn.decomposition.PCA.html" in html
    labels = re.findall(r"<div><div>(.*?)</div></div>", html)
    assert labels[0] == "TransformedDesignInverter"
    parts = {"inverter: MDNInverter", "MDNInverter", "design_transformer: PCA", "PCA"}
    assert set(labels[1:]) == parts


@pytest.mark.parametrize("inverter", all_inverters(), ids=lambda inverter: type(inverter).__name__)
def test_pages_are_named_as_classes_are_imported(inverter):
    name = type(inverter).__name__
    assert inverter._get_doc_link() == f"{SITE}api/generated/skinverse.{name}.html"


def test_a_class_that_is_offered_nowhere_above_is_named_by_its_module():
    link = ConditionalDensityInverter._get_doc_link
    inner = type("Inner", (MDNInverter,), {"__module__": "skinverse.inverters.mdn"})()
    assert link(inner) == f"{SITE}api/generated/skinverse.inverters.mdn.Inner.html"


def test_a_class_of_another_package_has_no_page():
    class Mine(NearestDesignInverter):
        """Not ours."""

    assert Mine()._get_doc_link() == ""
    assert SITE not in estimator_html_repr(Mine())


def test_a_fitted_inverter_says_so_without_its_table():
    X = np.random.default_rng(0).uniform(size=(5000, 3))
    fitted = NearestDesignInverter().fit(X, X[:, 0])
    html, plain = estimator_html_repr(fitted), estimator_html_repr(NearestDesignInverter())
    assert "<span>Fitted</span>" in html
    assert len(html) < 2 * len(plain) + 20_000


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (ForwardRegressor(3), "skinverse.ForwardRegressor"),
        (GANDesignEncoder(3), "skinverse.GANDesignEncoder"),
        (ImageBinarizer(), "skinverse.ImageBinarizer"),
        (LevenbergMarquardtSolver(7), "skinverse.LevenbergMarquardtSolver"),
        (SobolSampler(), "skinverse.samplers.SobolSampler"),
        (SineWave(), "skinverse.simulators.SineWave"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_parts_link_to_their_pages(part, name):
    assert page(name) in estimator_html_repr(part)


def test_a_forward_model_within_is_shown():
    html = estimator_html_repr(NeuralAdjoint(KNeighborsRegressor(4)))
    assert "forward_model: KNeighborsRegressor" in html
    assert page("skinverse.ForwardRegressor") in estimator_html_repr(NeuralAdjoint(ForwardRegressor()))
