"""Tables that need not fit in memory, read in chunks, and estimators trained on them."""

from pathlib import Path

import numpy as np
from sklearn.exceptions import NotFittedError

from skinverse.utils.progress import progress_bar
from skinverse.utils.validation import check_is_fitted, check_positive_int, check_random_state

# Rows of a chunk of an array that does not say how it is stored.
_CHUNK_SIZE = 4096


class ChunkedTable:
    """Designs and responses that are read in chunks, from files larger than memory.

    :meth:`from_arrays` is for arrays on disk: memory maps, Zarr, HDF5. :meth:`from_parquet` is for Parquet files.
    Anything else needs a function that reads a chunk.

    Parameters
    ----------
    read : callable ``read(k) -> (X, y)``
        Designs (n, n_features) and responses (n,) or (n, n_outputs) of chunk `k`.
    n_rows : sequence of int
        Rows of each chunk.
    feature_names, output_names : sequence of str, default=None
        Names of the columns, for estimators to know them by; pandas hands them on.
    places : sequence of str, default=None
        Where each chunk lies, for messages. None tells by rows.

    Attributes
    ----------
    n_rows : ndarray of int of shape (n_chunks,)

    Examples
    --------
    >>> import numpy as np
    >>> from skinverse.datasets import ChunkedTable
    >>> X = np.arange(20.0).reshape(10, 2)
    >>> table = ChunkedTable.from_arrays(X, X.sum(axis=1), chunk_size=4)
    >>> [len(table.chunk(k)[0]) for k in range(3)]
    [4, 4, 2]
    >>> [len(y) for X, y in table.blocks(5, random_state=0)]
    [6, 4]
    """

    def __init__(self, read, n_rows, *, feature_names=None, output_names=None, places=None):
        self.n_rows = np.asarray(n_rows, dtype=np.int64)
        if self.n_rows.ndim != 1 or not self.n_rows.sum() or self.n_rows.min() < 0:
            raise ValueError(
                f"n_rows must hold the number of rows of each chunk, some at least, got {n_rows!r}."
            )
        self.feature_names, self.output_names = feature_names, output_names
        self._read, self._places, self._form = read, places, None

    @classmethod
    def from_arrays(cls, X, y, *, chunk_size=None):
        """A table in arrays of which slices are read: :class:`numpy.memmap`, Zarr, HDF5.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        y : array of shape (n_samples,) or (n_samples, n_outputs)
        chunk_size : int, default=None
            Rows read at once. None is what `X` is stored in, if it has ``chunks``, and 4,096 otherwise. Where rows are
            sorted, small chunks mix them better.

        Returns
        -------
        table : ChunkedTable
        """
        for name, array in (("X", X), ("y", y)):
            if not hasattr(array, "shape"):
                raise TypeError(
                    f"{name} must be an array with a shape, of which slices can be read, got {type(array).__name__}: "
                    "numpy.memmap, a Zarr array, an HDF5 dataset."
                )
        n = X.shape[0]
        if y.shape[0] != n:
            raise ValueError(f"X and y must have one row a sample, got {n} and {y.shape[0]} rows.")
        if chunk_size is None:
            chunk_size = (getattr(X, "chunks", None) or (_CHUNK_SIZE,))[0]
        chunk_size = check_positive_int(chunk_size, "chunk_size")
        starts = np.arange(0, n, chunk_size)

        def read(k):
            rows = slice(int(starts[k]), int(min(starts[k] + chunk_size, n)))
            return X[rows], y[rows]

        return cls(read, np.minimum(chunk_size, n - starts))

    @classmethod
    def from_parquet(cls, path, features, outputs):
        """A table in Parquet files, of which a row group is a chunk; needs pyarrow and pandas.

        Parameters
        ----------
        path : str, Path or list of them
            A file, several, or a folder of files that end in .parquet.
        features : sequence of str
            Columns of the designs.
        outputs : str or sequence of str
            Column of the response, `y` then having one dimension, or columns of the responses.

        Returns
        -------
        table : ChunkedTable
        """
        try:
            from pyarrow.parquet import ParquetFile
        except ImportError as error:
            raise ImportError(
                "Parquet files need pyarrow, which is not installed: pip install 'skinverse[parquet]'."
            ) from error
        files = [Path(p) for p in (path if isinstance(path, list | tuple) else [path])]
        files = [f for file in files for f in (sorted(file.glob("*.parquet")) if file.is_dir() else [file])]
        columns = [*features, *([outputs] if isinstance(outputs, str) else outputs)]
        groups, n_rows = [], []
        for file in files:
            with ParquetFile(file) as parquet:
                missing = [name for name in columns if name not in parquet.schema_arrow.names]
                if missing:
                    raise ValueError(f"{file} has no columns {missing}; it has {parquet.schema_arrow.names}.")
                for group in range(parquet.num_row_groups):
                    groups.append((file, group))
                    n_rows.append(parquet.metadata.row_group(group).num_rows)

        if not sum(n_rows):
            raise ValueError(
                f"{path} holds no rows in Parquet files, which are those whose names end in .parquet."
            )

        def read(k):
            file, group = groups[k]
            with ParquetFile(file) as parquet:
                table = parquet.read_row_group(group, columns=list(dict.fromkeys(columns)))
            X = np.stack([table[name].to_numpy() for name in features], axis=1)
            if isinstance(outputs, str):
                return X, table[outputs].to_numpy()
            return X, np.stack([table[name].to_numpy() for name in outputs], axis=1)

        places = [f"{file}, row group {group}" for file, group in groups]
        return cls(read, n_rows, feature_names=list(features), output_names=outputs, places=places)

    def chunk(self, k):
        """Chunk `k`, checked.

        Returns
        -------
        X : ndarray of shape (n, n_features)
        y : ndarray of shape (n,) or (n, n_outputs)

        Raises
        ------
        ValueError
            If it has not the rows and columns that it should, or holds what is no finite number.
        """
        given = self._read(k)
        try:
            X, y = (np.array(part, dtype=np.float64) for part in given)
        except (TypeError, ValueError) as error:
            raise self._refusal(k, f"cannot be read as numbers: {error}") from error
        if X.ndim != 2 or y.ndim not in (1, 2) or len(X) != len(y) or len(X) != self.n_rows[k]:
            raise self._refusal(
                k,
                f"must have X of shape ({self.n_rows[k]}, n_features) and y of as many rows, got shapes {X.shape} and "
                f"{y.shape}.",
            )
        form = X.shape[1:], y.shape[1:]
        self._form = self._form or form
        if form != self._form:
            raise self._refusal(
                k,
                f"must have the columns of the others, rows of X and y of shapes {self._form[0]} and {self._form[1]}, "
                f"got {form[0]} and {form[1]}.",
            )
        for name, part in (("X", X), ("y", y)):
            bad = np.argwhere(~np.isfinite(part))
            if len(bad):
                column = f", column {bad[0][1]}" if part.ndim == 2 else ""
                value = part[tuple(bad[0])]
                raise self._refusal(
                    k, f"must hold finite numbers, got {value} in {name}, row {bad[0][0]}{column}."
                )
        return X, y

    def _refusal(self, k, what):
        start = self.n_rows[:k].sum()
        place = f"rows {start} to {start + self.n_rows[k] - 1}" if self._places is None else self._places[k]
        return ValueError(f"Chunk {k} of the table ({place}) {what}")

    def sample(self, n, random_state=None):
        """Rows drawn from all of the table without repetition, in one pass over it.

        Parameters
        ----------
        n : int
            Fewer are returned if there are no more.
        random_state : int, RandomState or None, default=None

        Returns
        -------
        X, y : ndarray
        """
        n = check_positive_int(n, "n")
        random_state = check_random_state(random_state)
        kept = None
        for k in range(len(self.n_rows)):
            X, y = self.chunk(k)
            new = random_state.uniform(size=len(X)), X, y
            kept = (
                new if kept is None else tuple(np.concatenate(pair) for pair in zip(kept, new, strict=True))
            )
            least = np.argsort(kept[0])[:n]
            kept = tuple(part[least] for part in kept)
        return kept[1:]

    def blocks(self, n, random_state=None):
        """The whole table in shuffled blocks: chunks in random order, and the rows of those that share a block.

        Parameters
        ----------
        n : int
            Rows of a block, about: blocks are as equal as chunks allow, and hold one chunk at least.
        random_state : int, RandomState or None, default=None

        Yields
        ------
        X, y : ndarray
        """
        n = check_positive_int(n, "n")
        random_state = check_random_state(random_state)
        order = random_state.permutation(len(self.n_rows))
        n_rows = self.n_rows[order]
        middle = np.cumsum(n_rows) - n_rows / 2
        block = middle * max(1, round(n_rows.sum() / n)) // n_rows.sum()
        for number in np.unique(block[n_rows > 0]):
            members = order[(block == number) & (n_rows > 0)]
            place = random_state.permutation(self.n_rows[members].sum())
            X = y = None
            for k in members:
                part_X, part_y = self.chunk(k)
                if X is None:
                    X = np.empty((len(place), *part_X.shape[1:]))
                    y = np.empty((len(place), *part_y.shape[1:]))
                mine, place = place[: len(part_X)], place[len(part_X) :]
                X[mine], y[mine] = part_X, part_y
            yield X, y

    def _named(self, X, y):
        """The arrays as data frames, where the columns have names."""
        if self.feature_names is not None:
            from pandas import DataFrame

            X = DataFrame(X, columns=list(self.feature_names))
        if self.output_names is not None:
            from pandas import DataFrame, Series

            single = y.ndim == 1
            y = Series(y, name=self.output_names) if single else DataFrame(y, columns=list(self.output_names))
        return X, y


def fit_in_batches(estimator, table, *, n_epochs=10, buffer_size=65_536, random_state=None, verbose=0):
    """Train an estimator on a table that need not fit in memory, by its ``partial_fit``.

    One pass over the table checks it and draws a fair sample, by which the estimator settles scales and box. Each epoch
    is a pass in shuffled blocks. Memory is that of one block and of what the estimator makes of it.

    Parameters
    ----------
    estimator : estimator with ``partial_fit``
        :class:`~skinverse.ForwardRegressor`, an inverter that fits a density or decoder, or one of another library. It
        is trained in place; a fitted one goes on from what it knows.
    table : ChunkedTable
    n_epochs : int, default=10
        Passes of training. Held-out error tells whether more are worth it; nothing stops early.
    buffer_size : int, default=65536
        Rows of the sample and, about, of a block, of which there is one chunk at least.
    random_state : int, RandomState or None, default=None
        Governs the sample and the order of the rows.
    verbose : int, default=0
        1 shows a bar of the rows on standard error, 2 leaves it there.

    Returns
    -------
    estimator : estimator

    Raises
    ------
    TypeError
        If the estimator has no `partial_fit`, or keeps all rows in memory.
    ValueError
        If a chunk is not what it should be, which the message names.

    Examples
    --------
    >>> from skinverse import ForwardRegressor
    >>> from skinverse.datasets import ChunkedTable, fit_in_batches, make_robotic_arm
    >>> X, y = make_robotic_arm(2000, random_state=0)
    >>> table = ChunkedTable.from_arrays(X, y, chunk_size=100)       # X and y may be numpy.memmap
    >>> surrogate = ForwardRegressor((32, 32), random_state=0)
    >>> surrogate = fit_in_batches(surrogate, table, buffer_size=500, random_state=0)
    >>> surrogate.score(X, y) > 0.98
    True
    """
    if not hasattr(estimator, "partial_fit"):
        raise TypeError(
            f"{type(estimator).__name__} has no method partial_fit, by which rows could be learnt block by block."
        )
    if getattr(estimator, "keeps_table", False):
        raise TypeError(
            f"{type(estimator).__name__} keeps all rows, so that they have to fit in memory. Fit a surrogate in "
            "batches, and the inverter with it on a sample: NeuralAdjoint(FrozenEstimator(surrogate))"
            ".fit(*table.sample(10_000))."
        )
    if not isinstance(table, ChunkedTable):
        raise TypeError(
            f"table must be a ChunkedTable, got {type(table).__name__}. Arrays, in memory or on disk, become one by "
            "ChunkedTable.from_arrays(X, y)."
        )
    n_epochs = check_positive_int(n_epochs, "n_epochs")
    buffer_size = check_positive_int(buffer_size, "buffer_size")
    random_state = check_random_state(random_state)
    total = int(table.n_rows.sum())
    with progress_bar(n_epochs * total, "row", verbose=verbose) as bar:
        sample = table.sample(buffer_size, random_state)
        try:
            check_is_fitted(estimator)
        except NotFittedError:
            estimator.partial_fit(*table._named(*sample))
        del sample
        for _ in range(n_epochs):
            for X, y in table.blocks(buffer_size, random_state):
                estimator.partial_fit(*table._named(X, y))
                bar.update(len(X))
    if hasattr(estimator, "n_samples_fit_"):
        estimator.n_samples_fit_ = total
    return estimator
