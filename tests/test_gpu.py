"""Every inverter on a GPU: fitted there, asked there, and taken back to the CPU."""

import io
import pickle
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone

from skinverse.simulators import (
    ArchitectedCell,
    CylinderMetamaterial,
    MicrostructureAbsorber,
    MultilayerSphere,
    SrTiO3TightBinding,
    ThinFilmStack,
)
from skinverse.testing import all_inverters

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def _on_the_gpu(estimator):
    """A clone in which every `device` is "cuda"."""
    names = [name for name in estimator.get_params() if name.split("__")[-1] == "device"]
    return clone(estimator).set_params(**dict.fromkeys(names, "cuda"))


def _ask(inverter, y_star):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return inverter.inverse(y_star, 4, random_state=0)


def _cpu_copy(inverter):
    buffer = io.BytesIO()
    torch.save(inverter, buffer)
    buffer.seek(0)
    return torch.load(buffer, map_location="cpu", weights_only=False)


@pytest.mark.parametrize("inverter", all_inverters(), ids=repr)
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_fitted_on_a_gpu_and_asked_anywhere(inverter, n_outputs):
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, (60, 3))
    y = np.stack([X[:, 0] ** 2 + 0.2 * X[:, 1], X[:, 1] - 0.5 * X[:, 2]], axis=1)[:, :n_outputs]
    fitted = _on_the_gpu(inverter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted.fit(X, y)
    module = getattr(fitted, "module_", None)
    assert module is None or next(module.parameters()).is_cuda

    designs = _ask(fitted, y[:3])
    assert designs.shape == (3, 4, 3)
    assert np.isfinite(designs).all()
    assert_allclose(_ask(pickle.loads(pickle.dumps(fitted)), y[:3]), designs, rtol=1e-6, atol=1e-9)

    brought_back = _cpu_copy(fitted)
    module = getattr(brought_back, "module_", None)
    assert module is None or not next(module.parameters()).is_cuda
    again = _ask(brought_back, y[:3])
    assert again.shape == designs.shape
    assert np.isfinite(again).all()


@pytest.mark.parametrize(
    "inverter", [inverter for inverter in all_inverters() if hasattr(inverter, "partial_fit")], ids=repr
)
def test_learns_in_parts_on_a_gpu(inverter):
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, (120, 3))
    y = X[:, 0] ** 2 + 0.2 * X[:, 1]
    begun = _on_the_gpu(inverter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        begun.partial_fit(X[:60], y[:60])
        for again in (begun, pickle.loads(pickle.dumps(begun))):
            designs = _ask(again.partial_fit(X[60:], y[60:]), y[:3])
            assert np.isfinite(designs).all()
            module = getattr(again, "module_", None)
            assert module is None or next(module.parameters()).is_cuda
        if "warm_start" in begun.get_params():
            begun.set_params(warm_start=True).fit(X, y)
            assert np.isfinite(_ask(begun, y[:3])).all()


@pytest.mark.parametrize(
    "simulator",
    [
        ArchitectedCell(8),
        ArchitectedCell(8, symmetry="p1", output="stiffness"),
        CylinderMetamaterial(3, order=2),
        MicrostructureAbsorber(32, order=2),
        MultilayerSphere(grid=[450, 600]),
        SrTiO3TightBinding(),
        ThinFilmStack(grid=[700, 1500]),
    ],
    ids=repr,
)
def test_simulators_agree_with_the_cpu(simulator):
    X = simulator.sample_prior(3, random_state=0)
    answers, slopes = {}, {}
    for device in ("cpu", "cuda"):
        answers[device] = clone(simulator).set_params(device=device)(X)
        x = torch.tensor(X, device=device, requires_grad=True)
        clone(simulator).set_params(device=device).torch_forward(x).sum().backward()
        slopes[device] = x.grad.cpu().numpy()
    assert_allclose(answers["cuda"], answers["cpu"], rtol=1e-8, atol=1e-10)
    assert_allclose(slopes["cuda"], slopes["cpu"], rtol=1e-6, atol=1e-8)
