"""What tests/training/test_distributed.py trains, in one process and in several: ``python shared_training.py PATH``."""

import sys

import numpy as np
import torch
from sklearn.base import clone
from skorch.callbacks import Callback
from torch.utils.data import TensorDataset

from skinverse import CVAEInverter, ForwardRegressor, MDNInverter
from skinverse.metrics import resimulation_error
from skinverse.nets.mlp import MLP
from skinverse.training.losses import SquaredError
from skinverse.training.net import make_net

OPTIMIZERS = {
    "sgd": {"optimizer": "adam", "lr": 0.1, "net_params": {"optimizer": torch.optim.SGD}},
    "adam": {"optimizer": "adam"},
    "soap": {"optimizer": "soap"},
    "lm": {"optimizer": "lm"},
}
ESTIMATORS = {
    "surrogate": ForwardRegressor(
        (32,), optimizer="soap", n_members=2, max_epochs=30, lr=0.03, random_state=0
    ),
    "second order": ForwardRegressor(max_epochs=30, random_state=0),
    "density": MDNInverter(3, hidden_layer_sizes=(16,), max_epochs=20, lr=2e-2, random_state=0),
    "autoencoder": CVAEInverter(hidden_layer_sizes=(16,), max_epochs=20, lr=2e-2, random_state=0),
}


class Interrupt(Callback):
    def on_epoch_end(self, net, **kwargs):
        raise KeyboardInterrupt


def response(X):
    return np.sin(3 * X[:, 0]) + X[:, 1] ** 2


def table(n_rows=300):
    X = np.random.RandomState(0).uniform(-1, 1, (n_rows, 2))
    return X, response(X)


def net_in_order(name, **net_params):
    """Net trained in double precision on batches of 51 rows, in the order of the table."""
    settings = {"net_params": {}, **OPTIMIZERS[name]}
    settings["net_params"] = {"iterator_train__generator": None, **settings["net_params"], **net_params}
    X, y = (torch.tensor(a) for a in table(204))
    module = MLP(2, 1, (8,), "tanh", generator=torch.Generator().manual_seed(0)).double()
    net = make_net(
        module,
        SquaredError(),
        max_epochs=20,
        batch_size=51,
        validation_fraction=0,
        gradient_clip=1.0,
        **settings,
    )
    return net.fit(TensorDataset(X, y[:, None]))


def estimator(name, **net_params):
    return clone(ESTIMATORS[name]).set_params(net_params=net_params).fit(*table())


def numbers(net, module):
    """Parameters and losses of a net, as arrays by name."""
    told = {
        name: np.array(net.history[:, name])
        for name in ("train_loss", "valid_loss")
        if name in net.history[0]
    }
    return told | {f"parameter {k}": p.detach().numpy() for k, p in enumerate(module.parameters())}


def misfit(fitted):
    """Mean squared error of a surrogate, or of designs of an inverter, on fresh rows."""
    X, y = table(500)
    X, y = X[300:], y[300:]
    if hasattr(fitted, "predict"):
        return np.mean((fitted.predict(X) - y) ** 2)
    return resimulation_error(fitted.inverse(y, n=5, random_state=0), y, response).error.mean()


def mistakes(accelerator):
    """What must be an error in every process."""
    (X, y), rank = table(40), accelerator.process_index

    def fit(X=X, random_state=0, batch_size=256, **net_params):
        net_params["accelerator"] = accelerator
        settings = {"random_state": random_state, "batch_size": batch_size, "net_params": net_params}
        ForwardRegressor((4,), optimizer="adam", max_epochs=2, **settings).fit(X, y)

    return {
        "other seed": lambda: fit(random_state=rank),
        "other rows": lambda: fit(np.roll(X, rank, axis=0)),
        "small batch": lambda: fit(batch_size=1),
        "interrupt": lambda: fit(callbacks=[Interrupt()]),
    }


def error(call):
    try:
        call()
    except Exception as problem:
        return f"{type(problem).__name__}: {problem}"
    return "none"


def main(path):
    from accelerate import Accelerator

    accelerator = Accelerator()
    rank = accelerator.process_index
    told = {}
    for name in OPTIMIZERS:
        net = net_in_order(name, accelerator=accelerator)
        told |= {f"{name}/{key}": value for key, value in numbers(net, net.module_).items()}
    for name in ESTIMATORS:
        fitted = estimator(name, accelerator=accelerator)
        told |= {f"{name}/{key}": value for key, value in numbers(fitted.net_, fitted.module_).items()}
        told[f"{name}/misfit"] = misfit(fitted)
    told |= {f"error/{name}": error(call) for name, call in mistakes(accelerator).items()}
    np.savez(f"{path}{rank}.npz", **told)


if __name__ == "__main__":
    main(sys.argv[1])
