"""Verdicts on known figures."""

import pytest

from skinverse.benchmark import claims, published, tables


def row(
    task="sine", method="neural-adjoint", seed=0, r_1=1e-9, r_200=1e-12, n_train=10_000, n_outputs=1, **more
):
    return {
        "task": task,
        "method": method,
        "n_train": n_train,
        "seed": seed,
        "size": "full",
        "status": "ok",
        "n_outputs": n_outputs,
        "r": {"T": [1, 200], "mean": [r_1, r_200]},
        "error": {"mean": r_1},
        "single": {"mean": r_1},
        "posterior": None,
        "modes": None,
        "rep": None,
        "n_targets": 1000,
        **more,
    }


def line_of(lines, **wanted):
    (line,) = [line for line in lines if all(line[name] == value for name, value in wanted.items())]
    return line


@pytest.mark.parametrize(
    ("ours", "outcome"),
    [(0.0, "better"), (0.49, "better"), (0.51, "reproduced"), (1.99, "reproduced"), (2.01, "not reproduced")],
)
def test_within_a_factor_of_two_is_the_same(ours, outcome):
    assert claims.verdict(ours, 1.0) == outcome


def test_shares_cannot_be_exceeded():
    assert claims.verdict(1.0, 1.0, more_is_better=True) == "reproduced"
    assert claims.verdict(0.99, 1.0, more_is_better=True) == "not reproduced"


def test_a_known_published_number_gets_the_right_verdict(monkeypatch):
    monkeypatch.setitem(published.R_1["sine"], "NA", 1e-3)
    rows = [row(r_1=r_1, seed=seed) for seed, r_1 in enumerate((1e-9, 1e-8, 1.0))]
    rows += [row(method="na-published", r_1=1.5e-3), row(method="mdn", r_1=10.0)]
    lines = claims.number_claims(rows)
    line = line_of(lines, source="NA, table 7", task="sine", method="NA")
    assert line["default"] == (1e-8, "better", 1000)  # the median of the seeds
    assert line["published"] == (1.5e-3, "reproduced", 1000)
    assert line_of(lines, source="NA, table 7", task="sine", method="MDN")["default"][1] == "not reproduced"
    assert line_of(lines, source="NA, table 7", task="sine", method="cVAE")["default"] == (
        None,
        "not run",
        None,
    )


def test_only_the_largest_table_counts_and_only_runs_that_worked():
    rows = [
        row(r_1=1.0, n_train=100),
        row(r_1=1e-9, n_train=1000),
        row(n_train=10_000) | {"status": "failed"},
        row(method="mdn", r_1=1.0, n_train=100),
    ]
    assert set(claims.best_table(rows)) == {("sine", "neural-adjoint")}
    line = line_of(claims.number_claims(rows), source="NA, table 7", task="sine", method="NA")
    assert line["default"][0] == 1e-9


def test_each_paper_has_its_convention():
    rows = [row(task="arm", r_1=0.5, n_outputs=2)]

    def figures(reduce):
        lines = claims.number_claims(rows, reduce)
        sources = ("NA, table 7", "iPage, table 2")
        return tuple(line_of(lines, source=s, task="arm", method="NA")["default"][0] for s in sources)

    assert figures("paper") == (0.5, 1.0)
    assert figures("mean") == (0.5, 0.5)
    assert figures("sum") == (1.0, 1.0)


def test_losses_come_with_their_figures():
    rows = [
        row(task="sine", r_1=1e-2, r_200=1e-9),
        row(task="sine", method="cvae", r_1=5e-3, r_200=1.0),
        row(task="sine", method="nearest", r_1=1e-8, r_200=1e-8),
        row(task="sine", method="na-published", r_1=0.0, r_200=0.0),
    ]
    r_1, r_200 = claims.standings(rows)
    assert r_1["ours"] == (5e-3, "cvae")
    assert r_1["theirs"] == (1.18e-3, "NA")
    assert r_1["baseline"] == (1e-8, "nearest")
    assert not claims.is_below(r_1["ours"], r_1["theirs"])
    assert claims.is_below(r_1["baseline"], r_1["ours"])
    assert r_200["ours"] == (1e-9, "neural-adjoint")
    assert claims.is_below(r_200["ours"], r_200["theirs"])
    assert not claims.is_below(r_200["ours"], (None, None))


def test_losses_stand_first_in_the_report():
    rows = [row(r_1=1e-2, r_200=1e-9), row(method="nearest", r_1=1e-8, r_200=1e-8)]
    rows += [row(r_1=0.1, r_200=0.3, n_train=100), row(method="nearest", r_1=0.3, r_200=0.2, n_train=100)]
    rows = [
        {
            **r,
            "novelty_first": 0,
            "failure_rate": 0,
            "fit_wall": 1,
            "n_parameters": 0,
            "n_targets": 1,
            "n_designs": 200,
        }
        for r in rows
    ]
    for r in rows:
        r["r"]["q50"] = r["r"]["mean"]
        r["single"]["wall_1000"] = 1.0
        r["physics"] = None
    heading, told, table, *more = tables.blocks(rows)
    assert heading[1].startswith("Where our best default does not beat")
    assert told[1].startswith("In 1 of 2 comparisons")
    assert table[2][0][:2] == ["sine", "r_1"]
    assert table[2][0][6:] == ["not below", "1.0e-08 (nearest row)"]
    assert table[2][1][6] == "below"
    # Every size of a table is told, the largest first.
    assert more[1][1] == (
        "A baseline is below the best of our defaults: r_1 on sine, 1.0e-08 (nearest row) against 0.01, 10,000 rows; "
        "r_200 on sine, 0.2 (nearest row) against 0.3, 100 rows."
    )


@pytest.mark.parametrize(
    ("without", "outcome"), [(1e3, "better"), (20.0, "reproduced"), (10.0, "not reproduced")]
)
def test_ratios_by_orders_of_magnitude(without, outcome):
    """Figure 8: without boundary loss Tandem is worse by 2.5 orders of magnitude; half of them is a factor of 17.8."""
    rows = [
        row(task="arm", method="tandem-published", r_1=1.0),
        row(task="arm", method="tandem-unbounded", r_1=without),
    ]
    line = line_of(claims.ratio_claims(rows), source="NA, figure 8", task="arm")
    assert line["ours"] == without
    assert line["verdict"] == outcome


def test_published_ratios_are_those_of_the_tables():
    ratios = {(source, task, worse): factor for source, task, _, worse, better, factor in published.RATIOS}
    assert ratios["NA, table 5", "ballistics", "na-neither"] == pytest.approx(4.78 / 3.54e-6)
    assert all(factor > 1 for factor in ratios.values())


def test_every_published_method_has_a_counterpart():
    from skinverse.benchmark.methods import METHODS

    for _, _, table, _, _ in published.TABLES:
        for figures in table.values():
            for method in figures:
                assert all(ours in METHODS for ours in published.COUNTERPARTS[method] if ours is not None)


def test_another_law_gets_no_verdict():
    lines = claims.number_claims([row(task="crystal", r_1=1e-9)])
    assert line_of(lines, source="iPage, table 2", task="crystal", method="NA")["default"][:2] == (
        1e-9,
        "another law",
    )
    assert (
        line_of(lines, source="iPage, table 2", task="crystal", method="MDN")["default"][1] == "another law"
    )


def test_baselines_are_compared_on_the_seeds_of_ours_and_with_as_many_designs():
    rows = [row(r_1=1.0), row(method="nearest", r_1=2.0), row(method="nearest", seed=1, r_1=0.1)]
    for r in rows:
        r["r"] = {"T": [1, 100, 200], "mean": [r["r"]["mean"][0], 0.5, 0.1]}
    rows.append(row(method="prior", r_1=9.0) | {"r": {"T": [1, 100], "mean": [9.0, 7.0]}})
    r_1, r_T = claims.standings(rows)
    assert r_1["baseline"] == (2.0, "nearest")
    assert r_T["T"] == 100
    assert r_T["ours"][0] == r_T["baseline"][0] == 0.5


def test_small_factors_are_no_claims():
    assert all(factor > 4 for *_, factor in published.RATIOS)
