"""Shared fixtures: where real data lie, and exact forward models."""

import os
from pathlib import Path

import pytest
import torch
from exact_models import ExactRegressor, arm, sine

_LOCAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def data_folder():
    """Point SKINVERSE_DATA at the local copy of the real tables, when there is one."""
    if "SKINVERSE_DATA" in os.environ or not _LOCAL_DATA.is_dir():
        yield
        return
    os.environ["SKINVERSE_DATA"] = str(_LOCAL_DATA)
    yield
    del os.environ["SKINVERSE_DATA"]


@pytest.fixture(autouse=True)
def torch_seed():
    """Tests that draw from torch's global generator draw the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def exact_sine():
    return ExactRegressor(sine)


@pytest.fixture
def exact_arm():
    return ExactRegressor(arm)
