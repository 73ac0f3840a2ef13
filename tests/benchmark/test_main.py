"""The command: it resumes, reports all runs, and loses nothing."""

import json
import re
import subprocess
import sys

import pytest

from skinverse.benchmark import __main__ as command
from skinverse.benchmark import store

SMALL = ["--quick", "--tasks", "ballistics", "crystal", "--methods", "prior", "nearest", "--n-train", "40"]


@pytest.fixture
def ran(monkeypatch):
    """Keys of the runs that take place."""
    keys = []
    real = command.run

    def counting(spec):
        keys.append(store.key(spec))
        return real(spec)

    monkeypatch.setattr(command, "run", counting)
    return keys


def test_quick_run_end_to_end(tmp_path):
    """In a process of its own, two at a time, with methods that train."""
    options = ["--quick", "--jobs", "2", "--out", str(tmp_path), "--tasks", "ballistics", "crystal", "mos2"]
    options += ["--methods", "nearest", "neural-adjoint", "mdn"]
    answer = subprocess.run(
        [sys.executable, "-m", "skinverse.benchmark", *options],
        capture_output=True,
        text=True,
        timeout=900,
        env={"HOME": str(tmp_path), "PATH": "", "SKINVERSE_DATA": str(tmp_path)},
    )
    assert answer.returncode == 0, answer.stderr
    rows, n_torn = store.read(tmp_path)
    assert n_torn == 0
    assert len(rows) == 9
    status = {(row["task"], row["method"]): row["status"] for row in rows}
    assert {status[task, method] for task, method in status if task != "mos2"} == {"ok"}
    assert {status["mos2", method] for method in ("nearest", "neural-adjoint", "mdn")} == {"unavailable"}
    html = (tmp_path / "report.html").read_text()
    assert "<svg" in html
    assert not re.search(r'(src|href)="', html.replace('xlink:href="#', ""))
    assert "<td>ballistics</td><td>mdn</td><td>200</td><td>0</td><td>quick</td><td>ok</td>" in html


def test_what_is_done_is_not_done_again(tmp_path, ran):
    assert command.main([*SMALL, "--out", str(tmp_path)]) == 0
    assert len(ran) == 4
    # Killed in the middle of the third row: two are whole, one is torn.
    path = tmp_path / store.FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1] + lines[2][:50])
    whole = [store.key(json.loads(line)) for line in lines[:2]]
    ran.clear()
    assert command.main([*SMALL, "--out", str(tmp_path)]) == 0
    assert len(ran) == 2
    assert not set(ran) & set(whole)
    rows, n_torn = store.read(tmp_path)
    assert len({store.key(row) for row in rows}) == 4
    assert n_torn == 1
    ran.clear()
    assert command.main([*SMALL, "--out", str(tmp_path)]) == 0
    assert ran == []


def test_interruption_keeps_what_is_finished(tmp_path, monkeypatch, capsys):
    real = command.run
    finished = []

    def impatient(spec):
        if len(finished) == 2:
            raise KeyboardInterrupt
        finished.append(spec)
        return real(spec)

    monkeypatch.setattr(command, "run", impatient)
    assert command.main([*SMALL, "--out", str(tmp_path)]) == 130
    assert len(store.read(tmp_path)[0]) == 2
    assert "goes on" in capsys.readouterr().err
    assert (tmp_path / "report.md").exists()


def test_failed_runs_are_repeated_on_request(tmp_path, ran, known_methods):
    options = ["--quick", "--tasks", "sine", "--methods", "failing", "exact", "--out", str(tmp_path)]
    command.main(options)
    assert [row["status"] for row in store.read(tmp_path)[0]] == ["failed", "ok"]
    ran.clear()
    command.main(options)
    assert ran == []
    command.main([*options, "--retry"])
    assert [key[1] for key in ran] == ["failing"]
    ran.clear()
    command.main([*options, "--again"])
    assert [key[1] for key in ran] == ["failing", "exact"]


def test_report_holds_each_run_and_its_failure(tmp_path, known_methods):
    options = ["--quick", "--tasks", "sine", "--seeds", "0", "1", "--out", str(tmp_path)]
    command.main([*options, "--methods", "failing", "exact"])
    (tmp_path / "report.md").unlink()
    command.main([*options, "--report-only"])
    markdown, html = ((tmp_path / name).read_text() for name in ("report.md", "report.html"))
    for text in (markdown, html):
        assert text.count("RuntimeError: out of order") == 2
        assert "Where our best default does not beat" in text
    for method in ("failing", "exact"):
        for seed in (0, 1):
            run = rf"<td>sine</td><td>{method}</td><td>200</td><td>{seed}</td><td>quick</td>"
            assert len(re.findall(run, html)) == 1
    # The exact inverter is better than anything published.
    assert re.search(r"\| sine \| r_1 \| \*1\.2e-03\* \| \*NA\* \| \d\.\de-\d\d \| exact \|", markdown)


def test_report_without_matplotlib(tmp_path, known_methods, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    options = ["--quick", "--tasks", "sine", "--methods", "exact", "--out", str(tmp_path)]
    assert command.main(options) == 0
    html = (tmp_path / "report.html").read_text()
    assert "<svg" not in html
    assert "<table>" in html


def test_the_same_rows_make_the_same_report(tmp_path, known_methods):
    pytest.importorskip("matplotlib")
    command.main(["--quick", "--tasks", "sine", "--methods", "exact", "--out", str(tmp_path)])
    first = (tmp_path / "report.html").read_bytes()
    assert b"<svg" in first
    command.main(["--report-only", "--out", str(tmp_path)])
    assert (tmp_path / "report.html").read_bytes() == first


def test_report_needs_a_folder(tmp_path, capsys):
    with pytest.raises(SystemExit):
        command.main(["--report-only", "--out", str(tmp_path / "misspelt")])
    assert "there is no" in capsys.readouterr().err
    assert not (tmp_path / "misspelt").exists()


def test_report_of_nothing(tmp_path):
    assert command.main(["--report-only", "--out", str(tmp_path)]) == 0
    assert "There are no rows yet." in (tmp_path / "report.md").read_text()


def test_dask_names_the_missing_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(SystemExit, match=r"pip install 'dask\[distributed\]'"):
        command.main([*SMALL, "--dask", "tcp://127.0.0.1:8786", "--out", str(tmp_path)])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--tasks", "cosine"], "there is no task 'cosine'"),
        (["--methods", "magic"], "there is no method 'magic'"),
        (["--seeds", "-1"], "--seeds must be at least 0"),
        (["--n-train", "3"], "--n-train must be at least 10"),
        (["--quick", "--n-targets", "5"], "leave out --n-targets"),
    ],
)
def test_wrong_options(option, message, capsys):
    with pytest.raises(SystemExit):
        command.parse(option)
    assert message in capsys.readouterr().err


def test_groups_and_sizes():
    args = command.parse(["--methods", "baselines", "cinn", "--tasks", "mos2", "sine", "--seeds", "0"])
    assert args.methods == ["prior", "nearest", "nearest-step", "cinn"]
    specs = command.specs(args)
    assert {s["n_train"] for s in specs if s["task"] == "mos2"} == {100, 1000, 4693}
    assert {s["n_train"] for s in specs if s["task"] == "sine"} == {100, 1000, 10_000}
    assert len({store.key(s) for s in specs}) == len(specs) == 24
    # Methods that are for some tasks only are left out elsewhere.
    assert command.specs(command.parse(["--methods", "ablation", "--tasks", "sine"])) == []
