"""Networks trained through skorch on tensors that already lie on the device."""

import math
from copy import deepcopy

import numpy as np
import torch
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping
from torch.utils.data import TensorDataset

from skinverse.training.distributed import DistributedNet, DistributedSecondOrderNet, check_accelerator
from skinverse.training.interruption import InterruptibleNet
from skinverse.training.second_order import LevenbergMarquardt, SecondOrderNet, StopOnStall
from skinverse.training.soap import SOAP


class TensorBatches:
    """Iterator over slices of the tensors of a `TensorDataset`, shuffled once an epoch.

    Rows are never collated one by one, which is most of the cost of a `DataLoader` on tensors in memory.
    Batches differ in length by one row at most, so that no short last batch adds its noise.

    Parameters
    ----------
    dataset : TensorDataset
    batch_size : int
        Wanted rows in a batch.
    generator : torch.Generator, optional
        Source of the permutation; None keeps the order of the rows.
    least : int, default=1
        Batches wanted at least, if that leaves four rows for each.
    """

    def __init__(self, dataset, batch_size, generator=None, least=1):
        self.tensors = dataset.tensors
        self.generator = generator
        n = len(dataset)
        self.n_batches = max(1, round(n / batch_size), min(least, n // 4))

    def __len__(self):
        return self.n_batches

    def __iter__(self):
        tensors = self.tensors
        if self.generator is not None:
            order = torch.randperm(len(tensors[0]), generator=self.generator).to(tensors[0].device)
            tensors = [t[order] for t in tensors]
        return zip(*(t.tensor_split(self.n_batches) for t in tensors), strict=True)


class HoldOut:
    """Split of a `TensorDataset` into training and validation rows, the same one for the same `seed`.

    Rows that were appended to the first `n_first` change nothing about those: a network that goes on from an earlier
    fit is not judged by rows that it was trained on.
    """

    def __init__(self, fraction, seed, n_first=None):
        self.fraction = fraction
        self.seed = seed
        self.n_first = n_first

    def rows(self, n):
        """Indices of the training and of the validation rows of `n`."""
        generator = torch.Generator().manual_seed(self.seed)
        n_first = n if self.n_first is None else min(self.n_first, n)
        n_valid = math.ceil(self.fraction * n_first)
        order = torch.randperm(n_first, generator=generator)
        chosen = torch.rand(n - n_first, generator=generator) < self.fraction
        appended = n_first + torch.arange(len(chosen))
        return torch.cat((order[n_valid:], appended[~chosen])), torch.cat((order[:n_valid], appended[chosen]))

    def __call__(self, dataset, y=None):
        device = dataset.tensors[0].device
        rows = [part.to(device) for part in self.rows(len(dataset))]
        return tuple(TensorDataset(*(t[part] for t in dataset.tensors)) for part in rows)


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


# What each optimizer wants beside the common settings.
_RECIPES = {
    "adam": dict(optimizer=torch.optim.AdamW, optimizer__fused=True, lr=1e-3),
    "soap": dict(optimizer=SOAP, lr=3e-3),
    "lm": dict(optimizer=LevenbergMarquardt, batch_size=-1, lr=1.0),
}


# Longest gradient of a training that nobody watches.
GRADIENT_CLIP = 100.0


def unattended(n_samples, batch_size, max_epochs, n_steps=10_000):
    """Settings of :func:`make_net` with which training can be left alone, for 200 rows as for 100,000.

    Batches are at most a tenth of the rows; None epochs are as many as make `n_steps` steps, between 20 and 500; a
    tenth of the rows decides when to stop, a fifth of the epochs after the last improvement.
    """
    batch_size = min(batch_size, max(16, n_samples // 10))
    if max_epochs is None:
        max_epochs = min(max(n_steps * batch_size // n_samples, 20), 500)
    return dict(
        batch_size=batch_size,
        max_epochs=max_epochs,
        validation_fraction=0.1 if n_samples >= 20 else 0,
        patience=max(10, max_epochs // 5),
        gradient_clip=GRADIENT_CLIP,
    )


def make_net(
    module,
    criterion,
    *,
    optimizer="soap",
    lr=None,
    weight_decay=0.0,
    max_epochs=100,
    batch_size=256,
    validation_fraction=0.1,
    patience=None,
    restore_best=True,
    gradient_clip=None,
    n_first=None,
    streaming=False,
    seed=0,
    device="cpu",
    verbose=0,
    callbacks=(),
    net_params=None,
):
    """skorch net ready for ``fit(TensorDataset(X, y))``, X and y being on `device` and of the module's dtype.

    Parameters
    ----------
    module, criterion : Module
        Instances, initialised; the criterion maps ``(module(X), y)`` to a scalar.
    optimizer : {"soap", "adam", "lm"}, default="soap"
        "lm" takes one full-batch Levenberg-Marquardt step an epoch: the module then has
        ``value_and_parameter_jacobian`` and the criterion ``residuals``.
    lr : float, optional
        Peak learning rate; it falls to zero over `max_epochs` as a cosine. None takes 3e-3 for "soap" and
        1e-3 for "adam". "lm" takes whole steps and controls their length by its damping.
    weight_decay : float, default=0
        Decoupled decay of the parameters (first-order optimizers).
    max_epochs, batch_size : int
    validation_fraction : float, default=0.1
        Share of the rows held out; the parameters with the lowest loss there are kept. 0 holds out none.
    patience : int, optional
        Epochs without a better validation loss after which training stops; None runs to `max_epochs`.
    restore_best : bool, default=True
        Whether the parameters with the lowest validation loss are what the net ends with. If not, training runs to
        `max_epochs`, ends with what it has then, and the callback "best" remembers those.
    gradient_clip : float, optional
        Largest norm of a gradient (first-order optimizers); a longer one is shortened.
    n_first : int, optional
        Of a module that goes on from an earlier fit, the rows of the first one: those stay held out or not. Its
        parameters are the best so far, and second-order training sees all rows from the beginning.
    streaming : bool, default=False
        Whether the net is for :func:`one_pass`: an epoch at a constant rate, nothing held out.
    seed : int, default=0
        Determines the rows held out and the order of the batches.
    device : str or torch.device, default="cpu"
    verbose : int, default=0
        1 shows a bar of the epochs on standard error, 2 leaves it there.
    callbacks : sequence of Callback
        Added to those of this function.
    net_params : dict, optional
        Passed to skorch last, above everything else; its "callbacks" are added, not put in place. An "accelerator",
        an instance of `accelerate.Accelerator`, shares each batch among its processes.

    Returns
    -------
    net : InterruptibleNet
        Ctrl-C ends its training, and it keeps the best parameters so far.
    """
    second_order = optimizer == "lm"
    net_params = dict(net_params or {})
    accelerator = net_params.pop("accelerator", None)
    net_class = SecondOrderNet if second_order else InterruptibleNet
    if accelerator is not None:
        check_accelerator(accelerator, device)
        net_class = DistributedSecondOrderNet if second_order else DistributedNet
        net_params["accelerator"] = accelerator
        verbose = verbose if accelerator.is_main_process else 0
    if streaming:
        max_epochs, validation_fraction, gradient_clip = 1, 0, GRADIENT_CLIP
    patience = -1 if patience is None else patience
    best = BestWeights(patience, from_start=n_first is not None) if restore_best else RememberBest()
    if second_order:
        schedule = None if streaming else StopOnStall()
    else:
        schedule = RisingRate() if streaming else CosineSchedule()
    tells = []
    if hasattr(criterion, "progress"):
        criterion.progress = float(streaming)
        tells = [] if streaming else [("progress", ReportProgress())]
    params = dict(
        module=module,
        criterion=criterion,
        max_epochs=max_epochs,
        batch_size=batch_size,
        iterator_train=TensorBatches,
        iterator_valid=TensorBatches,
        iterator_valid__batch_size=8192,
        train_split=HoldOut(validation_fraction, seed, n_first) if validation_fraction else None,
        device=str(device),
        verbose=0,  # skorch's own lines come by net_params
        bars=verbose,
    )
    params.update(_RECIPES[optimizer])
    if not second_order:
        params["lr"] = params["lr"] if lr is None else lr
        params["iterator_train__generator"] = torch.Generator().manual_seed(seed)
        params["optimizer__weight_decay"] = weight_decay
    if streaming:
        params["iterator_train__least"] = 1 if second_order else 10
    if second_order and (streaming or n_first is not None):
        params["warm_up"] = 0
    params["callbacks"] = [
        ("finite", StopOnNonFiniteLoss()),
        *([("schedule", schedule)] if schedule else []),
        *tells,
        *([("clip", GradientNormClipping(gradient_clip))] if gradient_clip and not second_order else []),
        *([("best", best)] if validation_fraction else []),
        *callbacks,
        *net_params.pop("callbacks", ()),
    ]
    return net_class(**{**params, **net_params})


def lowest_loss(net):
    """Lowest loss of a fitted net on the rows held out, infinite where none were."""
    if "valid_loss" not in net.history[-1]:
        return math.inf
    return float(np.nanmin(net.history[:, "valid_loss"]))


def one_pass(net, fresh, dataset):
    """One pass over the rows by a net that has seen others before; its history is that of the last pass.

    Parameters
    ----------
    net : skorch net or None
        What this function returned last, whose optimizer goes on. None, or one that was loaded from a file, is not
        there.
    fresh : skorch net
        Of :func:`make_net` with ``streaming=True``; takes the place of `net`, or tells its present settings.
    dataset : TensorDataset

    Returns
    -------
    net : skorch net
    """
    if not hasattr(net, "partial_fit"):
        return fresh.partial_fit(dataset)
    for name in ("lr", "batch_size", "bars"):
        setattr(net, name, getattr(fresh, name))
    net.history.clear()  # or it would grow with the rows seen
    return net.partial_fit(dataset)
