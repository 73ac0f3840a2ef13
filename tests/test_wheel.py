"""What is installed: the whole package and nothing else, with the dependencies that it imports."""

import ast
import email
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUILT_FROM = ("pyproject.toml", "setup.cfg", "README.md", "LICENSE")
SOURCES = sorted((ROOT / "skinverse").rglob("*.py"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of a copy of the sources, so that nothing is left in the checkout."""
    setuptools = pytest.importorskip("setuptools", minversion="77", reason="the wheel needs setuptools >= 77")
    if not all((ROOT / name).is_file() for name in BUILT_FROM):
        pytest.skip("the tests run without the checkout that the wheel is built from")
    folder = tmp_path_factory.mktemp("wheel")
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "skinverse", folder / "skinverse", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        ".",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        "dist",
    ]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert built.returncode == 0, f"setuptools {setuptools.__version__}: {built.stderr}"
    (path,) = (folder / "dist").glob("skinverse-*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def third_party(nodes, *, in_functions):
    """Names of the foreign packages imported when a module is loaded, and also when its functions run."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names.add(node.module)
        elif in_functions or not isinstance(node, _FUNCTIONS):
            names |= third_party(ast.iter_child_nodes(node), in_functions=in_functions)
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"skinverse"}


def imported(paths, *, in_functions=False):
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in paths)
    return set().union(*(third_party(tree.body, in_functions=in_functions) for tree in trees))


def test_scan_of_imports(tmp_path):
    code = """
import os, numpy as np
import sklearn.base
from skinverse import utils
try:
    from torch.nn import Module
except ImportError:
    pass
class Model:
    from scipy import stats
    def fit(self):
        import pandas
def plot():
    import matplotlib
"""
    (tmp_path / "module.py").write_text(code)
    assert imported([tmp_path / "module.py"]) == {"numpy", "sklearn", "torch", "scipy"}
    both = imported([tmp_path / "module.py"], in_functions=True)
    assert both == {"numpy", "sklearn", "torch", "scipy", "pandas", "matplotlib"}


@pytest.mark.slow
def test_wheel_holds_the_package_and_nothing_else(wheel):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert "skinverse/py.typed" in names
    assert {str(path.relative_to(ROOT).as_posix()) for path in SOURCES} <= names
    assert {name.partition("/")[0] for name in names} == {"skinverse"}
    assert not [name for name in names if "__pycache__" in name or "test_" in Path(name).name]
    assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())


@pytest.mark.slow
def test_dependencies_are_what_is_imported(metadata):
    """Every foreign import outside of functions is declared, and nothing is declared that is never imported."""
    requirements = pytest.importorskip("packaging.requirements")
    declared = [requirements.Requirement(line) for line in metadata.get_all("Requires-Dist")]
    required = {r.name.lower() for r in declared if r.marker is None or r.marker.evaluate({"extra": ""})}
    homes = packages_distributions()
    on_loading, ever = (
        {home.lower() for name in imported(SOURCES, in_functions=within) for home in homes.get(name, [name])}
        for within in (False, True)
    )
    assert on_loading <= required, f"add to `dependencies` in pyproject.toml: {sorted(on_loading - required)}"
    assert required <= ever, f"declared in pyproject.toml but never imported: {sorted(required - ever)}"


@pytest.mark.slow
def test_every_python_named_is_allowed_and_has_one_package_for_latin_hypercubes(metadata):
    specifiers, requirements = (
        pytest.importorskip(f"packaging.{name}") for name in ("specifiers", "requirements")
    )
    named = re.findall(r"Python :: (3\.\d+)$", "\n".join(metadata.get_all("Classifier")), re.M)
    assert named == ["3.11", "3.12", "3.13"]
    allowed = specifiers.SpecifierSet(metadata["Requires-Python"])
    assert all(version in allowed for version in named)
    assert "3.10" not in allowed
    declared = [requirements.Requirement(line) for line in metadata.get_all("Requires-Dist")]
    homes = {
        version: [
            r.name
            for r in declared
            if "doe" in r.name.lower() and r.marker.evaluate({"python_version": version, "extra": ""})
        ]
        for version in named
    }
    assert homes == {"3.11": ["pyDOE2"], "3.12": ["pydoe"], "3.13": ["pydoe"]}


@pytest.mark.slow
def test_metadata_tell_the_version(metadata):
    import skinverse

    assert metadata["Name"] == "skinverse"
    assert metadata["Version"] == skinverse.__version__
