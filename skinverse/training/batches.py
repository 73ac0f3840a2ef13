"""Rows on the device: batches without collating, and the split into training and validation."""

import math

import torch
from torch.utils.data import TensorDataset


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
        n_valid = min(math.ceil(self.fraction * n_first), n_first - 1)
        order = torch.randperm(n_first, generator=generator)
        chosen = torch.rand(n - n_first, generator=generator) < self.fraction
        appended = n_first + torch.arange(len(chosen))
        return torch.cat((order[n_valid:], appended[~chosen])), torch.cat((order[:n_valid], appended[chosen]))

    def __call__(self, dataset, y=None):
        device = dataset.tensors[0].device
        rows = [part.to(device) for part in self.rows(len(dataset))]
        return tuple(TensorDataset(*(t[part] for t in dataset.tensors)) for part in rows)
