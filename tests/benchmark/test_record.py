"""The report in the documentation is that of the rows beside it."""

import shutil
from pathlib import Path

import pytest

import skinverse
from skinverse.benchmark import report, store

RECORD = Path(skinverse.__file__).resolve().parents[1] / "docs" / "benchmark"
if not RECORD.is_dir():
    pytest.skip("the documentation is not part of an installation", allow_module_level=True)


def test_every_row_can_be_read_and_says_where_it_comes_from():
    rows, n_torn = store.read(RECORD)
    assert rows
    assert n_torn == 0
    for row in rows:
        assert row["commit"]
        assert not row["commit"].endswith("+")
        assert row["versions"]["torch"]
        assert row["device"]
        assert row["cpu"] > 0


def test_the_report_is_that_of_the_rows(tmp_path):
    shutil.copy(RECORD / store.FILE, tmp_path)
    report.write(tmp_path)
    assert (tmp_path / "report.md").read_text() == (RECORD / "report.md").read_text()
