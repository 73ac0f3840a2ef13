"""Networks trained through skorch on tensors that already lie on the device."""

import math

import numpy as np
import torch
from skorch.callbacks import GradientNormClipping

from skinverse.training.batches import HoldOut, TensorBatches
from skinverse.training.callbacks import (
    BestWeights,
    CosineSchedule,
    RememberBest,
    ReportProgress,
    RisingRate,
    StopOnNonFiniteLoss,
)
from skinverse.training.distributed import DistributedNet, DistributedSecondOrderNet, check_accelerator
from skinverse.training.interruption import InterruptibleNet
from skinverse.training.second_order import LevenbergMarquardt, SecondOrderNet, StopOnStall
from skinverse.training.soap import SOAP

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
