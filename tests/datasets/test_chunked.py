"""Tables in chunks: every row once, bounded memory, clear errors, and what is learnt of them."""

import subprocess
import sys

import numpy as np
import pytest
from linear_gaussian import linear_gaussian
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, SGDRegressor

from skinverse import ForwardRegressor, MDNInverter, NearestDesignInverter, NeuralAdjoint
from skinverse.datasets import ChunkedTable, fit_in_batches


def by_row(n, n_features=2):
    """A table whose entries tell their row."""
    X = np.arange(n, dtype=float)[:, None] * 10 + np.arange(n_features)
    return X, X.sum(axis=1)


@pytest.fixture(params=["memmap", "zarr", "parquet"])
def stored(request, tmp_path):
    """Designs and responses of 1,000 rows, and a function that opens them as a table."""
    X, y = by_row(1000, 3)
    if request.param == "memmap":
        X.tofile(tmp_path / "X.bin")
        y.tofile(tmp_path / "y.bin")
        X_there = np.memmap(tmp_path / "X.bin", dtype=float, mode="r", shape=(1000, 3))
        y_there = np.memmap(tmp_path / "y.bin", dtype=float, mode="r")
        return X, y, ChunkedTable.from_arrays(X_there, y_there, chunk_size=64)
    if request.param == "zarr":
        zarr = pytest.importorskip("zarr", reason="zarr is not installed")
        X_there = zarr.create_array(tmp_path / "X.zarr", data=X, chunks=(64, 3))
        y_there = zarr.create_array(tmp_path / "y.zarr", data=y, chunks=(100,))
        return X, y, ChunkedTable.from_arrays(X_there, y_there)
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    write_parquet(tmp_path / "a.parquet", X[:500], y[:500])
    write_parquet(tmp_path / "b.parquet", X[500:], y[500:])
    return X, y, ChunkedTable.from_parquet(tmp_path, ["x2", "x1", "x0"][::-1], "y")


def write_parquet(path, X, y, row_group_size=64, **others):
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {**{f"x{j}": column for j, column in enumerate(X.T)}, "y": y, **others}
    pq.write_table(pa.table(columns), path, row_group_size=row_group_size)


def test_stored_tables_are_read_as_they_are(stored):
    X, y, table = stored
    parts = [table.chunk(k) for k in range(len(table.n_rows))]
    assert_array_equal(np.concatenate([part[0] for part in parts]), X)
    assert_array_equal(np.concatenate([part[1] for part in parts]), y)
    assert max(table.n_rows) == 64


def test_blocks_hold_every_row_once_shuffled_and_about_as_many(stored):
    _, y, table = stored
    blocks = list(table.blocks(250, random_state=0))
    rows = [block[1] for block in blocks]
    assert_array_equal(np.sort(np.concatenate(rows)), y)
    for part_X, part_y in blocks:
        assert_array_equal(part_X.sum(axis=1), part_y)
        assert 250 - 64 <= len(part_y) <= 250 + 64
        assert np.mean(np.diff(part_y) > 0) < 0.6
    again = list(table.blocks(250, random_state=0))
    assert_array_equal(again[0][0], blocks[0][0])
    other = list(table.blocks(250, random_state=1))
    assert set(other[0][1]) != set(blocks[0][1])


def test_a_sample_is_drawn_from_all_rows_alike():
    X, y = by_row(200)
    table = ChunkedTable.from_arrays(X, y, chunk_size=30)
    counts = np.zeros(200)
    for seed in range(400):
        part_X, part_y = table.sample(50, random_state=seed)
        assert_array_equal(part_X.sum(axis=1), part_y)
        rows = ((part_y - 1) / 20).astype(int)
        assert len(set(rows)) == 50
        counts[rows] += 1
    assert_allclose(counts, 100, atol=5 * np.sqrt(400 * 0.25 * 0.75))
    assert len(table.sample(1000)[0]) == 200


def test_chunks_larger_than_a_block_and_empty_ones():
    X, y = by_row(100)
    pieces = [slice(0, 60), slice(60, 60), slice(60, 100)]
    table = ChunkedTable(lambda k: (X[pieces[k]], y[pieces[k]]), [60, 0, 40])
    assert sorted(len(part) for part, _ in table.blocks(5, random_state=0)) == [40, 60]
    assert [len(part) for part, _ in table.blocks(1000, random_state=0)] == [100]


def test_names_of_columns_reach_the_estimator(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    X, y = by_row(300)
    write_parquet(tmp_path / "t.parquet", X, y, mass=2 * y)
    table = ChunkedTable.from_parquet(tmp_path / "t.parquet", ["x1", "x0"], ["mass", "y"])
    inverter = MDNInverter(1, hidden_layer_sizes=(4,))
    fit_in_batches(inverter, table, n_epochs=1, buffer_size=100, random_state=0)
    assert list(inverter.feature_names_in_) == ["x1", "x0"]
    assert list(inverter.output_names_in_) == ["mass", "y"]
    assert_array_equal(inverter.space_.bounds, [[1, 2991], [0, 2990]])
    single = ChunkedTable.from_parquet(str(tmp_path / "t.parquet"), ["x0"], "mass")
    inverter = fit_in_batches(clone(inverter), single, n_epochs=1, buffer_size=100)
    assert list(inverter.output_names_in_) == ["mass"]
    assert inverter.inverse([100.0]).shape == (1, 1, 1)


def broken(how):
    X, y = by_row(100)
    if how == "nan":
        X[57, 1] = np.nan
    elif how == "infinity":
        y[57] = np.inf
    elif how == "text":
        X = X.astype(object)
        X[57, 0] = "wide"

    def read(k):
        rows = slice(10 * k, 10 * k + 10)
        bad = k == 5
        if bad and how == "columns":
            return X[rows, :1], y[rows]
        if bad and how == "rows":
            return X[rows][:-1], y[rows][:-1]
        if bad and how == "outputs":
            return X[rows], y[rows, None]
        return X[rows], y[rows]

    return ChunkedTable(read, [10] * 10)


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("nan", "must hold finite numbers, got nan in X, row 7, column 1"),
        ("infinity", "must hold finite numbers, got inf in y, row 7"),
        ("text", "cannot be read as numbers: could not convert string to float: 'wide'"),
        ("columns", r"must have the columns of the others.*got \(1,\) and \(\)"),
        ("rows", r"must have X of shape \(10, n_features\).*got shapes \(9, 2\)"),
        ("outputs", r"must have the columns of the others.*\(2,\) and \(\), got \(2,\) and \(1,\)"),
    ],
)
def test_a_bad_chunk_is_named_before_training_begins(how, what):
    surrogate = ForwardRegressor((4,))
    with pytest.raises(ValueError, match=rf"Chunk 5 of the table \(rows 50 to 59\) {what}"):
        fit_in_batches(surrogate, broken(how), buffer_size=30)
    assert not hasattr(surrogate, "module_")


def test_bad_parquet_files_are_named(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    X, y = by_row(100)
    write_parquet(tmp_path / "a.parquet", X, y)
    write_parquet(tmp_path / "b.parquet", X[:, :1], y)
    with pytest.raises(ValueError, match=r"b\.parquet has no columns \['x1'\]; it has \['x0', 'y'\]"):
        ChunkedTable.from_parquet(tmp_path, ["x0", "x1"], "y")
    X[90, 0] = np.nan
    write_parquet(tmp_path / "b.parquet", X, y)
    table = ChunkedTable.from_parquet(tmp_path, ["x0", "x1"], "y")
    with pytest.raises(
        ValueError, match=r"Chunk 3 .*b\.parquet, row group 1\) must hold finite numbers, got nan"
    ):
        table.sample(10)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty holds no rows in Parquet files"):
        ChunkedTable.from_parquet(tmp_path / "empty", ["x0"], "y")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ChunkedTable.from_parquet(tmp_path / "nowhere.parquet", ["x0"], "y")


def test_wrong_calls():
    X, y = by_row(20)
    table = ChunkedTable.from_arrays(X, y)
    with pytest.raises(ValueError, match="got 20 and 19 rows"):
        ChunkedTable.from_arrays(X, y[1:])
    with pytest.raises(ValueError, match="at least 1, got 0"):
        ChunkedTable.from_arrays(X, y, chunk_size=0)
    with pytest.raises(ValueError, match="n_rows must hold"):
        ChunkedTable(lambda k: None, [])
    with pytest.raises(TypeError, match="LinearRegression has no method partial_fit"):
        fit_in_batches(LinearRegression(), table)
    for inverter in (NearestDesignInverter(), NeuralAdjoint()):
        with pytest.raises(TypeError, match=r"keeps all rows.*FrozenEstimator"):
            fit_in_batches(inverter, table)
    with pytest.raises(TypeError, match=r"table must be a ChunkedTable, got tuple.*from_arrays"):
        fit_in_batches(ForwardRegressor(), (X, y))
    with pytest.raises(TypeError, match=r"X must be an array with a shape.*got list"):
        ChunkedTable.from_arrays(X.tolist(), y)
    with pytest.raises(ValueError, match="buffer_size must be"):
        fit_in_batches(ForwardRegressor(), table, buffer_size=0)
    with pytest.raises(ValueError, match="n_epochs must be"):
        fit_in_batches(ForwardRegressor(), table, n_epochs=0)


def sorted_waves(n, seed):
    """Rows in the order of a sweep, which is what a table must not be read in."""
    X = np.random.default_rng(seed).uniform(-1, 1, (n, 3))
    X = X[np.argsort(X[:, 0])]
    return X, np.column_stack([np.sin(3 * X[:, 0]) * X[:, 1], X[:, 2] + X[:, 0] ** 2])


@pytest.mark.parametrize(
    "surrogate",
    [
        ForwardRegressor((32, 32), optimizer="soap", batch_size=64, max_epochs=12, random_state=0),
        ForwardRegressor((32, 32), optimizer="adam", batch_size=64, max_epochs=12, lr=3e-3, random_state=0),
        ForwardRegressor((10, 10), optimizer="lm", max_epochs=40, random_state=0),
    ],
    ids=lambda surrogate: surrogate.optimizer,
)
def test_a_surrogate_learns_what_it_does_in_memory(surrogate):
    X, y = sorted_waves(4000, 0)
    fresh = sorted_waves(2000, 1)
    in_memory = 1 - clone(surrogate).fit(X, y).score(*fresh)
    table = ChunkedTable.from_arrays(X, y, chunk_size=50)
    in_chunks = fit_in_batches(clone(surrogate), table, n_epochs=12, buffer_size=400, random_state=0)
    # Levenberg-Marquardt steps are those of their block, and leave what blocks differ by.
    assert 1 - in_chunks.score(*fresh) < max(4 * in_memory, 1e-3)
    assert in_chunks.n_samples_fit_ == 4000
    assert in_chunks.n_iter_ == 1 + 12 * 10


def test_a_density_learns_what_it_does_in_memory():
    problem, fresh = linear_gaussian(4000), linear_gaussian(1000, seed=1)
    order = np.argsort(problem.y)
    X, y = problem.X[order], problem.y[order]
    inverter = MDNInverter(1, hidden_layer_sizes=(16,), lr=3e-3, max_epochs=10, random_state=0)
    table = ChunkedTable.from_arrays(X, y, chunk_size=50)
    in_chunks = fit_in_batches(clone(inverter), table, n_epochs=10, buffer_size=400, random_state=0)
    best = fresh.logpdf(fresh.X, fresh.y).mean()
    gaps = [
        best - fitted.score_samples(fresh.X, fresh.y).mean() for fitted in (inverter.fit(X, y), in_chunks)
    ]
    assert gaps[1] < gaps[0] + 0.02
    assert_array_equal(in_chunks.space_.bounds, inverter.space_.bounds)
    assert_array_equal(in_chunks.y_range_, inverter.y_range_)


def test_estimators_of_other_libraries_and_fitted_ones():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 2))
    table = ChunkedTable.from_arrays(X, X @ [1.0, -2.0], chunk_size=100)
    line = fit_in_batches(SGDRegressor(random_state=0), table, n_epochs=5, buffer_size=500, random_state=0)
    assert_allclose(line.coef_, [1, -2], atol=0.01)
    before = line.t_
    fit_in_batches(line, table, n_epochs=1, buffer_size=500)
    assert line.t_ == before + 3000


def test_verbose_shows_a_bar_of_rows(capfd):
    X, y = sorted_waves(300, 0)
    table = ChunkedTable.from_arrays(X, y, chunk_size=50)
    fit_in_batches(ForwardRegressor((4,)), table, n_epochs=2, buffer_size=100)
    assert capfd.readouterr() == ("", "")
    fit_in_batches(ForwardRegressor((4,)), table, n_epochs=2, buffer_size=100, verbose=2)
    out, err = capfd.readouterr()
    assert out == ""
    assert "600/600" in err


PEAK = """
import resource, sys
import numpy as np
from skinverse import ForwardRegressor, MDNInverter
from skinverse.datasets import ChunkedTable, fit_in_batches

n_chunks = int(sys.argv[1])

def read(k):
    X = np.random.default_rng(k).normal(size=(2_500, 40))
    return X, X[:, :2] ** 2

table = ChunkedTable(read, [2_500] * n_chunks)
for estimator in (
    ForwardRegressor((8,), optimizer="soap", batch_size=2_500, random_state=0),
    MDNInverter(1, covariance_type="diag", hidden_layer_sizes=(8,), batch_size=2_500, random_state=0),
):
    fit_in_batches(estimator, table, n_epochs=1, buffer_size=10_000, random_state=0)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is told in kilobytes on Linux only")
def test_memory_is_that_of_a_buffer_however_long_the_table():
    """Ten buffers of rows, 32 MB, leave the peak where one leaves it."""

    def peak(n_chunks):
        command = [sys.executable, "-c", PEAK, str(n_chunks)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1024

    one, ten = peak(4), peak(40)
    assert ten < one + 12
