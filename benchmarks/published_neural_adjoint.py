"""Neural Adjoint exactly as published, network, training and search, against the default.

    python benchmarks/published_neural_adjoint.py [--task sine] [--targets 20] [--epochs 500]

The network of the paper's code (three or four hidden layers of 500, ReLU, batch normalisation), Adam with weight decay,
batches of 1,024, a learning rate that falls on plateaus of the training loss, the best epoch by 20 % held-out
rows; then 2,048 starts for each target, 300 Adam steps with one plateau schedule, ranking by misfit. About
four CPU minutes to train and 40 s a target on one thread. Deviations: inputs are scaled to the unit box of
the space for the search (the code does so for the sine task), rows are shuffled once.
"""

import argparse
import time
import warnings

import numpy as np
from _common import TASKS, print_header, print_row, table

from skinverse import DesignSpace, NearestDesignInverter, NeuralAdjoint
from skinverse.benchmark.published_methods import NA
from skinverse.benchmark.published_networks import PublishedSurrogate
from skinverse.metrics import resimulation_error


def published_inverter(task, *, epochs=500, seed=0):
    """Unfitted Neural Adjoint with the paper's network, training and search."""
    widths, lr, factor, decay = NA[task]
    surrogate = PublishedSurrogate(
        widths, lr=lr, factor=factor, weight_decay=decay, max_epochs=epochs, random_state=seed
    )
    space = DesignSpace.from_simulator(TASKS[task])
    return NeuralAdjoint.as_published(surrogate, space=space, random_state=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=TASKS, default="sine")
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
        "as published": published_inverter(args.task, epochs=args.epochs, seed=args.seed),
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
