"""Training shared by processes: they end with the same network, which is that of one process on whole batches."""

import os
import pickle
import re
import socket
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import shared_training
import torch
from numpy.testing import assert_allclose, assert_array_equal
from shared_training import ESTIMATORS, estimator, misfit, net_in_order, numbers, table

from skinverse import ForwardRegressor, GANDesignEncoder, load

accelerate = pytest.importorskip("accelerate", reason="shared training needs accelerate")


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """What each of two processes has trained."""
    path = tmp_path_factory.mktemp("processes") / "rank"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = {
        "ACCELERATE_USE_CPU": "true",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "WORLD_SIZE": "2",
    }
    running = [
        subprocess.Popen(
            [sys.executable, shared_training.__file__, path],
            env={**os.environ, **launch, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        for process in running:
            _, complaint = process.communicate(timeout=120)
            assert process.returncode == 0, complaint
    finally:
        for process in running:
            process.kill()
    return [dict(np.load(f"{path}{rank}.npz")) for rank in range(2)]


def test_processes_end_with_the_same_network_to_the_last_bit(processes):
    first, second = processes
    assert first.keys() == second.keys()
    for name in first:
        assert_array_equal(first[name], second[name], err_msg=name)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "lm"])
def test_shares_add_up_to_the_batch(processes, optimizer):
    net = net_in_order(optimizer)  # SOAP has the same gradients, and bases that rounding turns
    for name, value in numbers(net, net.module_).items():
        assert_allclose(processes[0][f"{optimizer}/{name}"], value, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_are_as_good_as_those_of_one_process(processes, name):
    fitted = estimator(name)
    alone = {"misfit": misfit(fitted), **numbers(fitted.net_, fitted.module_)}
    shared = {key: processes[0][f"{name}/{key}"] for key in alone}
    assert shared["misfit"] < 1.3 * alone["misfit"]
    assert shared["valid_loss"].min() == pytest.approx(alone["valid_loss"].min(), rel=0.3)
    assert len(shared["train_loss"]) <= ESTIMATORS[name].max_epochs


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("other seed", "ValueError: The processes .* same number as random_state"),
        ("other rows", "ValueError: The processes .* same table"),
        ("small batch", "ValueError: A batch of 1 rows cannot be shared by 2 processes"),
        ("interrupt", "RuntimeError: Training was interrupted. .* nothing is kept"),
    ],
)
def test_all_processes_hear_of_a_mistake(processes, mistake, message):
    for told in processes:
        assert re.match(message, str(told[f"error/{mistake}"]))


def alone(**settings):
    """What an accelerator tells of a process of its own, but for some `settings`."""
    told = {
        "device": torch.device("cpu"),
        "distributed_type": "NO",
        "gradient_accumulation_steps": 1,
        "is_main_process": True,
        "mixed_precision": "no",
        "num_processes": 1,
        "process_index": 0,
        "gather": lambda tensor: tensor,
        "reduce": lambda tensor, reduction: tensor.clone(),
    }
    return SimpleNamespace(**told | settings)


@pytest.mark.parametrize(
    ("accelerator", "error", "message"),
    [
        (True, TypeError, "accelerate.Accelerator, got True"),
        (alone(mixed_precision="fp16"), ValueError, "mixed_precision='no'.*got 'fp16'"),
        (alone(gradient_accumulation_steps=4), ValueError, "batch_size counts the rows"),
        (alone(distributed_type="FSDP"), ValueError, "got FSDP"),
        (alone(device=torch.device("cuda:1")), ValueError, "device is 'cpu'.*'cuda'"),
    ],
)
def test_accelerators_that_cannot_share_are_named(accelerator, error, message):
    model = ForwardRegressor((4,), max_epochs=1, device="cpu", net_params={"accelerator": accelerator})
    with pytest.raises(error, match=message):
        model.fit(*table(40))


def test_a_gan_is_not_shared():
    encoder = GANDesignEncoder(1, max_epochs=1, net_params={"accelerator": alone()})
    with pytest.raises(ValueError, match="GAN cannot be trained by several processes"):
        encoder.fit(np.zeros((4, 32 * 32)))


def test_one_process_is_one_process(tmp_path):
    """The same script runs without a launcher, with the same answer, and what it fits can be kept."""
    accelerator = accelerate.Accelerator(cpu=True)
    X, y = table()
    models = [
        ForwardRegressor(
            (8,), optimizer="soap", max_epochs=3, random_state=0, device="cpu", net_params=net_params
        )
        for net_params in (None, {"accelerator": None}, {"accelerator": accelerator})
    ]
    plain, without, shared = (model.fit(X, y).predict(X) for model in models)
    assert_array_equal(without, plain)
    assert_array_equal(shared, plain)
    assert_array_equal(pickle.loads(pickle.dumps(models[2])).predict(X), plain)
    models[2].set_params(net_params=None).save(tmp_path / "model")
    assert_array_equal(load(tmp_path / "model").predict(X), plain)
