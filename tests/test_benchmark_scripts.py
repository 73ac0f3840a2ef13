"""The scripts in benchmarks/ find all that they import; their figures are another matter."""

import subprocess
import sys
from pathlib import Path

import pytest

import skinverse

SCRIPTS = Path(skinverse.__file__).resolve().parents[1] / "benchmarks"
if not SCRIPTS.is_dir():
    pytest.skip("the benchmarks are not part of an installation", allow_module_level=True)


def test_every_script_can_be_imported():
    """In a process of its own, as scripts set the number of threads."""
    names = sorted(path.stem for path in SCRIPTS.glob("*.py"))
    assert "gpu" in names
    code = f"import importlib\nfor name in {names}:\n    importlib.import_module(name)"
    answer = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
