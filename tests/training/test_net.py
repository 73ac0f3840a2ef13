"""The skorch nets: batches, hold-out, schedule, stopping."""

import pickle
from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch.utils.data import TensorDataset

from skinverse.nets.mlp import MLP
from skinverse.training.batches import HoldOut, TensorBatches
from skinverse.training.losses import CensoredSquaredError, SquaredError
from skinverse.training.net import make_net, one_pass
from skinverse.utils.devices import resolve_device


@pytest.fixture
def dataset():
    X = torch.randn(210, 3, generator=torch.Generator().manual_seed(0))
    return TensorDataset(X, X.sum(dim=1, keepdim=True).sin())


def make(dataset, **kwargs):
    core = MLP(3, 1, (8,), "tanh", generator=torch.Generator().manual_seed(0))
    core.to(dataset.tensors[0].dtype)
    return make_net(core, SquaredError(), **{"max_epochs": 5, "batch_size": 50, **kwargs}).fit(dataset)


def test_batches_hold_every_row_once_and_pairs_stay_together(dataset):
    batches = TensorBatches(dataset, 50, generator=torch.Generator().manual_seed(1))
    X, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert [len(b[0]) for b in batches] == [53, 53, 52, 52]
    assert len(batches) == 4
    assert not torch.equal(X, dataset.tensors[0])
    torch.testing.assert_close(X.sum(dim=1, keepdim=True).sin(), y)
    assert torch.equal(X.sort(dim=0)[0], dataset.tensors[0].sort(dim=0)[0])


def test_hold_out_is_a_partition_and_repeats(dataset):
    train, valid = HoldOut(0.1, seed=3)(dataset)
    again = HoldOut(0.1, seed=3)(dataset)[1]
    assert (len(train), len(valid)) == (189, 21)
    assert torch.equal(valid.tensors[0], again.tensors[0])
    both = torch.cat([train.tensors[0], valid.tensors[0]])
    assert torch.equal(both.sort(dim=0)[0], dataset.tensors[0].sort(dim=0)[0])


def test_appended_rows_leave_the_others_held_out_or_not():
    def held_out(n_rows, n_first=None):
        rows = torch.arange(n_rows)
        train, valid = HoldOut(0.1, seed=3, n_first=n_first)(TensorDataset(rows))
        assert sorted(torch.cat([train.tensors[0], valid.tensors[0]]).tolist()) == rows.tolist()
        return set(valid.tensors[0].tolist())

    first = held_out(200)
    assert held_out(200, n_first=200) == first
    grown = held_out(201, 200), held_out(400, 200), held_out(3000, 200)
    for fewer, more in pairwise((first, *grown)):
        assert fewer <= more
        assert {row for row in more if row < 200} == first
    assert 0.07 < len(grown[-1]) / 3000 < 0.13
    assert len(held_out(150, 200)) == 15


def test_few_rows_make_several_batches_where_that_is_wanted():
    for n_rows, n_batches in ((3, 1), (8, 2), (40, 10), (210, 10), (1000, 20)):
        rows = TensorDataset(torch.arange(n_rows))
        assert len(TensorBatches(rows, 50, least=10)) == n_batches
        assert len(TensorBatches(rows, 50)) == max(1, n_rows // 50)


def test_weights_at_the_start_count_if_wanted(dataset):
    """Training at an absurd rate makes them worse, and is taken back."""
    net = make(dataset, max_epochs=20, optimizer="adam", lr=1e-2)
    again = make_net(
        deepcopy(net.module_), SquaredError(), optimizer="adam", max_epochs=3, lr=1.0, n_first=210
    )
    again.fit(dataset)
    assert min(again.history[:, "valid_loss"]) > min(net.history[:, "valid_loss"])
    for a, b in zip(net.module_.parameters(), again.module_.parameters(), strict=True):
        assert torch.equal(a, b)
    cold = make_net(deepcopy(net.module_), SquaredError(), optimizer="adam", max_epochs=3, lr=1.0).fit(
        dataset
    )
    assert not torch.equal(cold.module_.layers[0].weight, net.module_.layers[0].weight)


@pytest.mark.parametrize("optimizer", ["adam", "soap", "lm"])
def test_passes_add_up(dataset, optimizer):
    """The optimizer goes on from pass to pass, its rate rises and stays, and nothing grows."""
    data = TensorDataset(*(t.double() for t in dataset.tensors))
    core = MLP(3, 1, (8,), "tanh", generator=torch.Generator().manual_seed(0)).double()

    def fresh(lr=1e-2):
        settings = {"optimizer": optimizer, "batch_size": 50, "lr": lr, "streaming": True}
        return make_net(core, SquaredError(), **settings)

    net, losses, rates = None, [], []
    for _ in range(30):
        net = one_pass(net, fresh(), data)
        losses.append(net.history[-1, "train_loss"])
        rates.append(net.optimizer_.param_groups[0]["lr"])
    assert len(net.history) == 1
    assert losses[-1] < 0.1 * losses[0]
    if optimizer == "lm":
        assert net.optimizer_.param_groups[0]["damping"] < 1e-2
        return
    assert len(net.history[0, "batches"]) == 10
    assert rates[0] == pytest.approx(1e-2 * 10 / 50)
    assert rates[4:] == [1e-2] * 26
    net = one_pass(net, fresh(lr=1e-3), data)
    assert net.optimizer_.param_groups[0]["lr"] == 1e-3
    assert pickle.loads(pickle.dumps(net)).optimizer_.state_dict()["state"]


@pytest.mark.parametrize("optimizer", ["adam", "soap"])
def test_learning_rate_rises_then_falls_to_zero(dataset, optimizer):
    rates = []

    class Recorder(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            if training:
                rates.append(net.optimizer_.param_groups[0]["lr"])

    make(dataset, optimizer=optimizer, max_epochs=50, lr=1e-2, callbacks=[Recorder()])
    assert max(rates) == pytest.approx(1e-2, rel=0.01)
    assert rates[0] < 1e-3
    assert rates[-1] < 1e-4
    assert np.argmax(rates) < 0.1 * len(rates)


@pytest.mark.parametrize("optimizer", ["adam", "soap", "lm"])
def test_keeps_the_weights_of_the_best_epoch(dataset, optimizer):
    noisy = TensorDataset(*(t.double() for t in dataset.tensors))
    noisy.tensors[1].add_(torch.randn(210, 1, generator=torch.Generator().manual_seed(2)))
    net = make(noisy, optimizer=optimizer, max_epochs=30, lr=0.05)
    X, y = net.train_split(noisy)[1].tensors
    with torch.no_grad():
        loss = float(SquaredError()(net.module_(X), y))
    assert loss == pytest.approx(min(net.history[:, "valid_loss"]), rel=1e-6)


def test_patience_ends_training_early(dataset):
    noise = torch.randn(210, 1, generator=torch.Generator().manual_seed(2))
    net = make(TensorDataset(dataset.tensors[0], noise), max_epochs=200, patience=5, lr=0.1)
    assert len(net.history) < 200


@pytest.mark.parametrize("optimizer", ["adam", "soap", "lm"])
def test_diverging_loss_is_an_error_that_names_the_rate(optimizer):
    X = torch.randn(40, 3, dtype=torch.float64)
    dataset = TensorDataset(X, torch.full((40, 1), float("nan"), dtype=torch.float64))
    with pytest.raises(FloatingPointError, match="training loss became nan in epoch 1"):
        make(dataset, optimizer=optimizer)


def test_net_params_come_last_and_callbacks_are_added(dataset):
    net = make(dataset, net_params={"max_epochs": 2, "optimizer__betas": (0.8, 0.9), "callbacks": []})
    assert len(net.history) == 2
    assert net.optimizer_.param_groups[0]["betas"] == (0.8, 0.9)
    assert "best" in dict(net.callbacks_)


def test_pickled_net_carries_no_data(dataset):
    small, large = (
        len(pickle.dumps(make(TensorDataset(*(t.repeat(k, 1) for t in dataset.tensors)), max_epochs=1)))
        for k in (1, 50)
    )
    assert large < small + 20_000


def test_censored_residuals():
    loss = CensoredSquaredError(torch.tensor([0.0, -torch.inf]))
    y = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    prediction = torch.tensor([[-1.0, -1.0], [2.0, 2.0], [0.0, 0.0]])
    expected = torch.tensor([[0.0, -1.0], [2.0, 2.0], [-1.0, -1.0]])
    assert torch.equal(loss.residuals(prediction, y), expected)
    assert loss(prediction, y) == expected.square().mean()
    assert torch.equal(loss.active(prediction, y), torch.tensor([[False, True], [True, True], [True, True]]))


def test_one_held_out_row_does_not_decide():
    loss = SquaredError()
    prediction, y = torch.zeros(200, 1), torch.ones(200, 1)
    y[7] = 1e3
    assert loss(prediction, y) > 5000
    assert loss.eval()(prediction, y) == 1


def test_auto_device_is_a_gpu_where_there_is_one():
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("fraction", [0.95, 0.999])
def test_a_row_is_left_to_train_on(fraction):
    train, valid = HoldOut(fraction, 0).rows(10)
    assert (len(train), len(valid)) == (1, 9)
