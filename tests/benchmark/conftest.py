"""Inverters whose results are known, and specs of runs."""

import numpy as np
import pytest

from skinverse.base import BaseInverter
from skinverse.benchmark.methods import DEFAULTS, METHODS, Method


class ExactSine(BaseInverter):
    """Solves the sine wave: sin(3 pi x1) = y/2 and cos(3 pi x2) = y/2."""

    _parameter_constraints = {"space": "no_validation", "random_state": ["random_state"]}

    def __init__(self, *, space=None, random_state=None):
        self.space = space
        self.random_state = random_state

    def _fit(self, X, y, random_state):
        pass

    def _inverse(self, targets, n, space, random_state):
        half = targets.lower[:, 0] / 2
        x = np.stack([np.arcsin(half), np.arccos(half)], axis=1) / (3 * np.pi)
        return np.repeat(x[:, None], n, axis=1), {}


class Failing(ExactSine):
    """Raises in `inverse`."""

    def _inverse(self, targets, n, space, random_state):
        raise RuntimeError("out of order")


@pytest.fixture
def known_methods(monkeypatch):
    """Adds "exact" and "failing" to the registry."""
    for name, cls in {"exact": ExactSine, "failing": Failing}.items():
        method = Method(name, DEFAULTS, lambda s, cls=cls: cls(space=s.space), name)
        monkeypatch.setitem(METHODS, name, method)


@pytest.fixture
def make_spec(tmp_path):
    def make(task="sine", method="prior", n_train=50, seed=0, size="quick", **more):
        settings = {"device": "cpu", "cache": None, "generator": None, "about": {"versions": {}}}
        return {
            "task": task,
            "method": method,
            "n_train": n_train,
            "seed": seed,
            "size": size,
            **settings,
            **more,
        }

    return make
