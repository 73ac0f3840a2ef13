"""Rows survive what may happen to a run."""

import numpy as np

from skinverse.benchmark import store


def row(seed, **more):
    return {"task": "sine", "method": "prior", "n_train": 10, "seed": seed, "size": "full", **more}


def test_rows_come_back_in_order(tmp_path):
    for seed in range(3):
        store.append(tmp_path / "new", row(seed, value=seed / 3))
    rows, n_torn = store.read(tmp_path / "new")
    assert [r["seed"] for r in rows] == [0, 1, 2]
    assert rows[1]["value"] == 0.3333333
    assert n_torn == 0


def test_no_file_is_no_rows(tmp_path):
    assert store.read(tmp_path) == ([], 0)


def test_a_torn_last_line_costs_no_other_row(tmp_path):
    store.append(tmp_path, row(0))
    store.append(tmp_path, row(1))
    path = tmp_path / store.FILE
    path.write_bytes(path.read_bytes()[:-9])
    assert [r["seed"] for r in store.read(tmp_path)[0]] == [0]
    store.append(tmp_path, row(2))
    rows, n_torn = store.read(tmp_path)
    assert [r["seed"] for r in rows] == [0, 2]
    assert n_torn == 1


def test_only_the_end_of_the_file_is_touched(tmp_path):
    store.append(tmp_path, row(0))
    before = (tmp_path / store.FILE).read_bytes()
    store.append(tmp_path, row(0, value=2))
    assert (tmp_path / store.FILE).read_bytes().startswith(before)


def test_numbers_that_json_does_not_know(tmp_path):
    store.append(tmp_path, row(0, value=[np.nan, np.inf, np.float32(0.5), np.arange(2)], n=np.int64(3)))
    (read,), _ = store.read(tmp_path)
    assert read["value"] == [None, None, 0.5, [0, 1]]
    assert read["n"] == 3


def test_the_last_row_of_a_run_counts(tmp_path):
    rows = [row(0, status="failed"), row(1, status="ok"), row(0, status="ok")]
    assert [(r["seed"], r["status"]) for r in store.latest(rows)] == [(0, "ok"), (1, "ok")]
