"""Cost of a training step through skorch against a hand-written torch loop on the same tensors.

python benchmarks/training_step.py

Adam on 10,000 rows. Both train the same network for the same batches, in turn; the ratio is the median over the pairs.
"""

import statistics
import time

import torch
from _common import print_header, print_row
from torch.utils.data import TensorDataset

from skinverse.nets.mlp import MLP
from skinverse.training.losses import SquaredError
from skinverse.training.net import make_net

N_ROWS, N_EPOCHS, N_PAIRS = 10_000, 10, 11
WIDTHS = (16, 7, 12, 12, 8, 16)


def hand_loop(module, X, y, batch_size):
    """Adam as one would write it in a notebook, one gather a batch."""
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, fused=True)
    criterion = torch.nn.MSELoss()
    generator = torch.Generator().manual_seed(0)
    n_batches = round(len(X) / batch_size)
    for _ in range(N_EPOCHS):
        for rows in torch.randperm(len(X), generator=generator).tensor_split(n_batches):
            optimizer.zero_grad()
            loss = criterion(module(X[rows]), y[rows])
            loss.backward()
            optimizer.step()
            loss.item()


def through_skorch(module, X, y, batch_size):
    net = make_net(
        module,
        SquaredError(),
        optimizer="adam",
        max_epochs=N_EPOCHS,
        batch_size=batch_size,
        validation_fraction=0,
    )
    net.fit(TensorDataset(X, y))


def seconds(train, module, X, y, batch_size):
    start = time.process_time()
    train(module, X, y, batch_size)
    return time.process_time() - start


def main():
    print_header("One training step: skorch over hand-written loop, process CPU time")
    print_row("hidden layers", "batch", "hand ms", "skorch ms", "ratio", "range", widths=WIDTHS)
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(N_ROWS, 4, generator=generator)
    y = torch.sin(X.sum(dim=1, keepdim=True))
    for hidden in ((128, 128, 128), (256, 256, 256), (32, 32)):
        for batch_size in (256, 1024):
            pairs = []
            for k in range(N_PAIRS):
                order = (hand_loop, through_skorch) if k % 2 else (through_skorch, hand_loop)
                times = {train: seconds(train, MLP(4, 1, hidden), X, y, batch_size) for train in order}
                pairs.append((times[hand_loop], times[through_skorch]))
            n_steps = N_EPOCHS * round(N_ROWS / batch_size)
            hand, skorch = (1e3 * statistics.median(column) / n_steps for column in zip(*pairs, strict=True))
            ratios = sorted(s / h for h, s in pairs)
            shown = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
            print_row(str(hidden), batch_size, hand, skorch, statistics.median(ratios), shown, widths=WIDTHS)


if __name__ == "__main__":
    main()
