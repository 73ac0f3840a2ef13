"""Ctrl-C during training keeps the best parameters so far."""

import os
import signal
import warnings

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping
from torch.utils.data import TensorDataset

from skinverse import (
    AutoregressiveInverter,
    ForwardRegressor,
    INNInverter,
    MDNInverter,
    NeuralAdjoint,
    TandemInverter,
)
from skinverse.datasets import make_sine_wave
from skinverse.nets.gan import Discriminator, Generator
from skinverse.nets.mlp import MLP
from skinverse.training.adversarial import train_gan
from skinverse.training.losses import SquaredError
from skinverse.training.net import make_net
from skinverse.training.second_order import LeastSquares, LevenbergMarquardt


class CtrlC(Callback):
    """Interrupts at a moment of an epoch, in the first network or in those of which the numbers are given."""

    def __init__(self, epoch, moment="on_batch_end", networks=(1,)):
        self.epoch, self.moment, self.networks = epoch, moment, networks
        self.n_networks_ = 0

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.n_networks_ += 1

    def _interrupt(self, net, moment):
        if moment == self.moment and self.n_networks_ in self.networks and len(net.history) == self.epoch:
            raise KeyboardInterrupt

    def on_epoch_begin(self, net, **kwargs):
        self._interrupt(net, "on_epoch_begin")

    def on_batch_end(self, net, **kwargs):
        self._interrupt(net, "on_batch_end")

    def on_epoch_end(self, net, **kwargs):
        self._interrupt(net, "on_epoch_end")


@pytest.fixture
def dataset():
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(210, 3, generator=generator, dtype=torch.float64)
    return TensorDataset(X, X.sum(dim=1, keepdim=True).sin() + torch.randn(210, 1, generator=generator))


def make(optimizer, *callbacks, **kwargs):
    core = MLP(3, 1, (8,), "tanh", generator=torch.Generator().manual_seed(0)).double()
    settings = {"max_epochs": 40, "batch_size": 50, "lr": 0.05, **kwargs}
    return make_net(core, SquaredError(), optimizer=optimizer, callbacks=callbacks, **settings)


@pytest.mark.parametrize("optimizer", ["adam", "soap", "lm"])
@pytest.mark.parametrize("moment", ["on_epoch_begin", "on_batch_end", "on_epoch_end"])
def test_best_parameters_so_far_are_kept(dataset, optimizer, moment):
    net = make(optimizer, CtrlC(20, moment))
    with pytest.warns(UserWarning, match="Training was interrupted after"):
        net.fit(dataset)
    n_whole = 20 if moment == "on_epoch_end" else 19
    losses = net.history[:, "valid_loss"]
    assert net.interrupted_
    assert len(net.history) == len(losses) == n_whole
    X, y = net.train_split(dataset)[1].tensors
    with torch.no_grad():
        kept = float(SquaredError().eval()(net.module_.eval()(X), y))
    assert kept == pytest.approx(min(losses), rel=1e-9)
    assert min(losses) < losses[-1]  # else the last parameters would do as well


@pytest.mark.parametrize("optimizer", ["adam", "lm"])
@pytest.mark.parametrize("moment", ["on_epoch_begin", "on_batch_end"])
def test_in_the_first_epoch_an_interrupt_goes_on_to_the_caller(dataset, optimizer, moment):
    with pytest.raises(KeyboardInterrupt, match="nothing to keep"):
        make(optimizer, CtrlC(1, moment)).fit(dataset)


def test_before_the_first_epoch_too(dataset):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="nothing to keep"):
        make("soap", net_params={"train_split": interrupt}).fit(dataset)


@pytest.mark.parametrize("optimizer", ["soap", "lm"])
def test_planned_ends_are_no_interrupts(dataset, optimizer):
    stoppers = [EarlyStopping(patience=3)], []
    for callbacks, settings in zip(stoppers, ({}, {"patience": 3}), strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            net = make(optimizer, *callbacks, max_epochs=300, **settings).fit(dataset)
        assert not net.interrupted_
        assert len(net.history) < 300


def test_a_stall_is_no_interrupt():
    X = torch.linspace(-1, 1, 50, dtype=torch.float64)[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = make_net(MLP(1, 1, (), "tanh").double(), SquaredError(), optimizer="lm", validation_fraction=0)
        net.fit(TensorDataset(X, 2 * X))
    assert not net.interrupted_
    assert len(net.history) < net.max_epochs


def test_an_interrupted_trial_of_a_step_is_taken_back(dataset):
    class Interrupted(SquaredError):
        calls = 0

        def residuals(self, prediction, y):
            self.calls += 1
            if self.calls == 3:  # amid the second differences along the step
                raise KeyboardInterrupt
            return super().residuals(prediction, y)

    core = MLP(3, 1, (4,), "tanh", generator=torch.Generator().manual_seed(0)).double()
    before = [p.detach().clone() for p in core.parameters()]
    with pytest.raises(KeyboardInterrupt):
        LevenbergMarquardt(core.parameters()).step(LeastSquares(core, Interrupted(), *dataset.tensors))
    for old, new in zip(before, core.parameters(), strict=True):
        torch.testing.assert_close(old, new.detach(), rtol=0, atol=0)


def test_a_real_signal(dataset):
    """As the terminal sends it."""

    class Press(Callback):
        def on_batch_end(self, net, **kwargs):
            if len(net.history) == 5:
                os.kill(os.getpid(), signal.SIGINT)

    # Python started in the background of a shell ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.warns(UserWarning, match="Training was interrupted after 4 of at most 40 epochs"):
            net = make("adam", Press()).fit(dataset)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(net.history) == 4


def settings(callback):
    return {"net_params": {"callbacks": [callback]}, "random_state": 0, "max_epochs": 30}


@pytest.mark.parametrize("optimizer", ["lm", "soap"])
@pytest.mark.parametrize("network", [1, 2])
def test_ensemble_ends_with_the_members_there_are(optimizer, network):
    X, y = make_sine_wave(100, random_state=0)
    surrogate = ForwardRegressor(
        (8,), optimizer=optimizer, n_members=3, **settings(CtrlC(20, networks=(network,)))
    )
    with (
        pytest.warns(UserWarning, match="Training was interrupted after 19 of at most 30 epochs"),
        pytest.warns(UserWarning, match=f"the ensemble has {network} of 3 members"),
    ):
        surrogate.fit(X, y)
    assert len(surrogate.nets_) == network
    assert np.isfinite(surrogate.predict(X)).all()
    if network == 1:
        with pytest.raises(ValueError, match="has one member"):
            surrogate.predict(X, return_std=True)
    else:
        assert np.isfinite(surrogate.predict(X, return_std=True)[1]).all()


def test_no_further_optimizer_is_tried():
    X, y = make_sine_wave(1000, random_state=0)
    rough = np.sign(np.sin(20 * X[:, 0])) + y
    counter = CtrlC(10)
    with pytest.warns(UserWarning, match="Training was interrupted after 9"):
        surrogate = ForwardRegressor(**settings(counter)).fit(X, rough)
    assert (surrogate.optimizer_, counter.n_networks_) == ("lm", 1)
    counter = CtrlC(10, networks=(2,))
    with (
        pytest.warns(UserWarning, match="Training was interrupted after 9"),
        pytest.warns(UserWarning, match="the ensemble has 1 of 2 members"),
    ):
        ForwardRegressor(n_members=2, **settings(counter)).fit(X, rough)
    assert counter.n_networks_ == 2


@pytest.mark.filterwarnings("ignore:Interrupted, the ensemble")
@pytest.mark.parametrize(
    "make_inverter",
    [
        lambda net: MDNInverter(3, hidden_layer_sizes=(8,), **net),
        lambda net: INNInverter(n_blocks=2, hidden_layer_sizes=(8,), **net),
        lambda net: INNInverter("bidirectional", n_blocks=2, hidden_layer_sizes=(8,), **net),
        lambda net: AutoregressiveInverter(8, hidden_layer_sizes=(8,), **net),
        lambda net: TandemInverter(ForwardRegressor((8,), max_epochs=10), hidden_layer_sizes=(8,), **net),
        lambda net: NeuralAdjoint(
            ForwardRegressor((8,), n_members=2, **net), n_starts=8, max_redraws=1, random_state=0
        ),
    ],
    ids=["mdn", "inn", "inn-bidirectional", "autoregressive", "tandem", "neural-adjoint"],
)
def test_inverters_answer_after_an_interrupt(make_inverter):
    X, y = make_sine_wave(200, random_state=0)
    inverter = make_inverter(settings(CtrlC(8)))
    with pytest.warns(UserWarning, match="Training was interrupted after 7 of at most 30 epochs"):
        inverter.fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isfinite(inverter.inverse([0.5, 1.0], 3)).all()


def test_gan_too():
    """Nothing is held out: what the networks are at the interrupt is kept."""
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(20, 1, 32, 32, generator=draw).round()
    networks = Generator(2, generator=draw), Discriminator(1, 2, generator=draw)
    net_params = {"callbacks": [CtrlC(3)]}
    with pytest.warns(UserWarning, match="Training was interrupted after 2 of at most 5 epochs"):
        net = train_gan(*networks, images, latent_size=1, max_epochs=5, batch_size=10, net_params=net_params)
    assert np.isfinite(net.history[:, ("train_loss", "discriminator_loss")]).all()
    assert all(torch.isfinite(p).all() for p in net.module_.parameters())
