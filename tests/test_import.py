"""Importing the package is cheap, and the layers hold."""

import subprocess
import sys

import pytest

import skinverse


def test_import_loads_neither_torch_nor_sklearn():
    code = "import sys, skinverse; print(sorted({'torch', 'sklearn', 'scipy', 'numpy'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_using_the_package_initialises_no_gpu():
    code = (
        "import skinverse, torch; skinverse.NeuralAdjoint(); skinverse.ForwardRegressor(); "
        "print(torch.cuda.is_initialized())"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_every_public_name_can_be_had():
    for name in skinverse.__all__:
        assert getattr(skinverse, name) is not None
    assert set(skinverse.__all__) <= set(dir(skinverse))


def test_unknown_name():
    with pytest.raises(AttributeError, match="no_such_thing"):
        skinverse.no_such_thing  # noqa: B018
