"""Callbacks of the nets: schedules of the learning rate, and which parameters are kept."""

import math
from copy import deepcopy

import numpy as np
from skorch.callbacks import Callback, EarlyStopping


class CosineSchedule(Callback):
    """Learning rate that rises over the first `warm_up` share of the batches, then falls to zero as a cosine."""

    def __init__(self, warm_up=0.02):
        self.warm_up = warm_up

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.step_ = 0
        self.rates_ = [group["lr"] for group in net.optimizer_.param_groups]

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        self.n_steps_ = net.max_epochs * len(net.get_iterator(dataset_train, training=True))

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        if training:
            progress = min(1.0, self.step_ / self.n_steps_)
            factor = 0.5 * (1 + math.cos(math.pi * progress)) * min(1.0, (progress + 1e-3) / self.warm_up)
            for group, rate in zip(net.optimizer_.param_groups, self.rates_, strict=True):
                group["lr"] = factor * rate
            self.step_ += 1


class RisingRate(Callback):
    """Learning rate that rises over the first `n_steps` batches that the net ever sees, and then stays."""

    def __init__(self, n_steps=50):
        self.n_steps = n_steps

    def initialize(self):
        self.step_ = 0
        return self

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        if training:
            self.step_ += 1
            for group in net.optimizer_.param_groups:
                group["lr"] = net.lr * min(1.0, self.step_ / self.n_steps)


class ReportProgress(Callback):
    """Tells the criterion, as its ``progress``, the share of the epochs that is done."""

    def on_epoch_begin(self, net, **kwargs):
        net.criterion_.progress = len(net.history) / net.max_epochs


class StopOnNonFiniteLoss(Callback):
    """Error, rather than a useless net, when the loss is no longer finite."""

    def on_epoch_end(self, net, **kwargs):
        loss = net.history[-1, "train_loss"]
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"The training loss became {loss} in epoch {len(net.history)} (lr={net.lr:g}, "
                f"{type(net.optimizer_).__name__}). Take a smaller lr, or look for extreme values in the data."
            )


class BestWeights(EarlyStopping):
    """Parameters of the epoch with the lowest validation loss; stops after `patience` epochs without a new one.

    With `from_start` those that training begins with count as well.
    """

    def __init__(self, patience=-1, threshold=0.0, from_start=False):
        super().__init__(patience=patience, threshold=threshold, load_best=True)
        self.from_start = from_start

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        super().on_train_begin(net, X=X, y=y, **kwargs)
        if self.from_start:
            batches = list(net.get_iterator(net.get_split_datasets(X, y)[1]))
            losses = [float(net.validation_step(batch)["loss"]) for batch in batches]
            self.dynamic_threshold_ = np.average(losses, weights=[len(batch[0]) for batch in batches])
            self.best_model_weights_ = deepcopy(net.module_.state_dict())

    def on_epoch_end(self, net, **kwargs):
        # Second-order nets begin on a part of the rows, and some losses without a part of theirs: the validation loss
        # then says nothing about the end.
        if getattr(net, "warming_up", False) or getattr(net.criterion_, "warming_up", False):
            self.misses_ = 0
        super().on_epoch_end(net, **kwargs)

    def on_train_end(self, net, **kwargs):
        if net.history:  # it is empty if training was interrupted before it began
            super().on_train_end(net, **kwargs)


class RememberBest(Callback):
    """Keeps the parameters of the epoch with the lowest validation loss in ``weights_``, and goes on training."""

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.loss_ = math.inf

    def on_epoch_end(self, net, **kwargs):
        loss = net.history[-1, "valid_loss"]
        if loss < self.loss_:
            self.loss_, self.weights_ = loss, deepcopy(net.module_.state_dict())
