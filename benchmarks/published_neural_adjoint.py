"""Neural Adjoint exactly as published, network, training and search, against the default.

    python benchmarks/published_neural_adjoint.py [--task sine] [--targets 20] [--epochs 500]

The network of the paper's code (four hidden layers of 500, ReLU, batch normalisation), Adam with weight decay,
batches of 1,024, the learning rate halved on a plateau of the training loss, the best epoch by 20 % held-out
rows; then 2,048 starts for each target, 300 Adam steps with one plateau schedule, ranking by misfit. About
four CPU minutes to train and 40 s a target on one thread. Deviations: inputs are scaled to the unit box of
the space for the search (the code does so for the sine task), rows are shuffled once.
"""

import argparse
import time
import warnings
from itertools import pairwise

import numpy as np
import torch
from _common import TASKS, print_header, print_row, table
from skorch import NeuralNetRegressor
from skorch.callbacks import Callback, LRScheduler
from skorch.dataset import ValidSplit
from torch import nn

from skinverse import DesignSpace, NearestDesignInverter, NeuralAdjoint
from skinverse.metrics import resimulation_error

SETTINGS = {
    "sine": (5e-4, 5e-4, 4),
    "arm": (1e-3, 2e-2, 4),
    "ballistics": (1e-2, 5e-3, 3),
}  # lr, decay, depth


class PublishedNet(nn.Module):
    """Linear, batch normalisation and ReLU, `depth` times 500 wide; raw units in and out."""

    def __init__(self, n_inputs, n_outputs, depth):
        super().__init__()
        widths = [n_inputs, *[500] * depth]
        blocks = [(nn.Linear(i, o), nn.BatchNorm1d(o), nn.ReLU()) for i, o in pairwise(widths)]
        self.layers = nn.Sequential(
            *(layer for block in blocks for layer in block), nn.Linear(500, n_outputs)
        )

    def forward(self, x):
        return self.layers(x.float()).double()


class BestWeights(Callback):
    """Keeps the weights of the epoch with the least validation loss."""

    def on_train_begin(self, net, **kwargs):
        self.best_ = np.inf

    def on_epoch_end(self, net, **kwargs):
        if net.history[-1, "valid_loss"] < self.best_:
            self.best_ = net.history[-1, "valid_loss"]
            self.weights_ = {name: value.clone() for name, value in net.module_.state_dict().items()}

    def on_train_end(self, net, **kwargs):
        net.module_.load_state_dict(self.weights_)


class PublishedSurrogate(NeuralNetRegressor):
    """skorch's regressor, with `y` made two-dimensional."""

    def fit(self, X, y):
        return super().fit(X, y.reshape(len(y), -1))


def published_inverter(task, X, y, *, epochs=500, seed=0):
    """Unfitted Neural Adjoint with the paper's network, training and search."""
    lr, decay, depth = SETTINGS[task]
    torch.manual_seed(seed)  # skorch draws from torch's global generator
    surrogate = PublishedSurrogate(
        PublishedNet,
        module__n_inputs=X.shape[1],
        module__n_outputs=1 if y.ndim == 1 else y.shape[1],
        module__depth=depth,
        optimizer=torch.optim.Adam,
        optimizer__weight_decay=decay,
        lr=lr,
        max_epochs=epochs,
        batch_size=1024,
        train_split=ValidSplit(5),
        callbacks=[
            ("best", BestWeights()),
            (
                "schedule",
                LRScheduler(
                    torch.optim.lr_scheduler.ReduceLROnPlateau, monitor="train_loss", factor=0.5, patience=10
                ),
            ),
        ],
        verbose=0,
    )
    space = DesignSpace.from_simulator(TASKS[task])
    return NeuralAdjoint.as_published(surrogate, space=space, random_state=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=SETTINGS, default="sine")
    parser.add_argument("--targets", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print_header(f"Neural Adjoint as published, {args.task}, {args.targets} targets, {args.epochs} epochs")
    simulator = TASKS[args.task]
    X, y = table(simulator, 10_000, seed=1000 + args.seed)
    targets = table(simulator, args.targets, seed=2000 + args.seed)[1]
    fresh, y_fresh = table(simulator, 10_000, seed=3000 + args.seed)
    rivals = {
        "as published": published_inverter(args.task, X, y, epochs=args.epochs, seed=args.seed),
        "default": NeuralAdjoint(random_state=args.seed),
        "nearest row": NearestDesignInverter(),
    }
    widths = (14, 10, 10, 10, 10, 12, 10, 14)
    print_row(
        "method", "r_1", "r_1 med", "r_200", "r_200 med", "test MSE", "fit s", "s / 1000", widths=widths
    )
    for name, inverter in rivals.items():
        started = time.process_time()
        inverter.fit(X, y)
        fit_seconds = time.process_time() - started
        started = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            designs = inverter.inverse(targets, 200, random_state=0)
        seconds = time.process_time() - started
        candidates = args.targets * (2048 if name == "as published" else 200)
        curve = resimulation_error(designs, targets, simulator).r_curve()
        model = getattr(inverter, "forward_model_", None)
        mse = (
            float("nan")
            if model is None
            else np.mean((model.predict(fresh).reshape(y_fresh.shape) - y_fresh) ** 2)
        )
        print_row(
            name,
            float(curve.mean[0]),
            float(curve.quantile(0.5)[0]),
            float(curve.mean[-1]),
            float(curve.quantile(0.5)[-1]),
            float(mse),
            fit_seconds,
            1000 * seconds / candidates,
            widths=widths,
        )


if __name__ == "__main__":
    main()
