"""The pages of the documentation, without building it: links lead somewhere, snippets run, nothing is left out."""

import re
import sys
from importlib import import_module
from inspect import isabstract, isclass
from pathlib import Path
from types import ModuleType

import pytest
from sklearn.base import BaseEstimator

import skinverse
from skinverse.utils.doc_links import SITE

ROOT = Path(skinverse.__file__).resolve().parents[1]
DOCS = ROOT / "docs"
if not DOCS.is_dir():
    pytest.skip("the documentation is not part of an installation", allow_module_level=True)

PAGES = sorted(
    path for path in DOCS.rglob("*.md") if not {"_build", "auto_examples"} & set(path.relative_to(DOCS).parts)
)
SUBPACKAGES = ("datasets", "display", "metrics", "samplers", "simulators", "solvers", "testing")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


def prose(path):
    """Text of a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(path):
    """Names of the headings of a page, as Markdown links spell them."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def written(path):
    """The page that stands in the sources for one in the built documentation."""
    if path.parent.name == "auto_examples":
        return ROOT / "examples" / ("GALLERY_HEADER.rst" if path.stem == "index" else f"{path.stem}.py")
    return path


def ids(path):
    return str(path.relative_to(DOCS))


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_relative_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if link.startswith(("http:", "https:")):
            continue
        name, _, anchor = link.partition("#")
        there = written((page.parent / name).resolve()) if name else page
        assert there.exists(), f"{link} leads to {there}, which does not exist"
        if anchor:
            assert anchor in anchors(there), f"{link}: {there.name} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_pages_of_a_table_of_contents_exist(page):
    for block in re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
        for entry in re.findall(r"^(\w\S*)$", block, re.M):
            there = written(page.parent / f"{entry}.rst")
            assert there.exists() or (page.parent / f"{entry}.md").exists(), entry


def runnable():
    """Pages whose Python is whole and quick; others show fragments."""
    pages = [DOCS / "contributing.md", *sorted((DOCS / "guide").glob("*.md"))]
    return [page for page in pages if BLOCK.search(page.read_text(encoding="utf-8"))]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("page", runnable(), ids=ids)
def test_the_snippets_of_a_page_run_one_after_another(page, monkeypatch):
    module = ModuleType("__main__")  # as in a script, so that classes defined on the page can be pickled
    monkeypatch.setitem(sys.modules, "__main__", module)
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        exec(compile(block, str(page), "exec"), vars(module))


def test_the_quick_start_is_that_of_the_readme():
    def code(path):
        return BLOCK.findall(path.read_text(encoding="utf-8"))

    assert code(DOCS / "quickstart.md") == code(ROOT / "README.md")


def listed():
    """Names on the pages of the API."""
    names = []
    for page in sorted((DOCS / "api").glob("*.md")):
        for block in re.findall(r"autosummary::\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
            names += re.findall(r"^   (\w[\w.]*)$", block, re.M)
    return names


def look_up(name):
    module, _, attribute = f"skinverse.{name}".rpartition(".")
    return getattr(import_module(module), attribute)


def test_the_api_lists_every_public_name_once():
    top = {
        name for name in skinverse.__all__ if not name.startswith("_") and name not in skinverse._SUBPACKAGES
    }
    at_top = [look_up(name) for name in top]
    public = set(top)
    for subpackage in (*SUBPACKAGES, "inverters", "compose"):
        for name in import_module(f"skinverse.{subpackage}").__all__:
            if not any(look_up(f"{subpackage}.{name}") is other for other in at_top):
                public.add(f"{subpackage}.{name}")
    names = listed()
    assert sorted(names) == sorted(public)


def test_estimators_link_to_the_pages_of_the_api():
    pages = {f"skinverse.{name}" for name in listed()}
    classes = filter(isclass, map(look_up, listed()))
    estimators = [cls for cls in classes if issubclass(cls, BaseEstimator) and not isabstract(cls)]
    assert len(estimators) >= 30
    for cls in estimators:
        link = cls._get_doc_link(cls.__new__(cls))
        assert link.removeprefix(f"{SITE}api/generated/").removesuffix(".html") in pages, cls.__name__


def test_examples_ask_and_say_where_they_fail():
    for path in sorted((ROOT / "examples").glob("plot_*.py")):
        text = path.read_text(encoding="utf-8")
        assert re.match(r'"""\n(.+)\n=+\n\n', text), f"{path.name} has no title"
        title, rule = text.splitlines()[1:3]
        assert len(rule) >= len(title), path.name
