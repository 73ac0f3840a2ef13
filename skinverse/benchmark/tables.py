"""Rows as tables: what the report shows, in blocks that know neither HTML nor Markdown.

A block is a tuple: ("h2", text), ("h3", text), ("p", text), ("svg", text), ("table", header, rows of cells), or
("details", summary, header, rows of cells). A cell is a string, or a tuple of one for a published figure.
"""

from collections import Counter, defaultdict

from skinverse.benchmark import published
from skinverse.benchmark.cells import NOTHING, number, title
from skinverse.benchmark.claims import is_below, number_claims, ratio_claims, standings
from skinverse.benchmark.methods import METHODS
from skinverse.benchmark.store import OK
from skinverse.benchmark.task_tables import by_task, ipage, percentages
from skinverse.benchmark.tasks import TASKS

# Columns of the list of runs, and what of a row they show.
_RUN = {
    "task": lambda row: row["task"],
    "method": lambda row: row["method"],
    "rows": lambda row: f"{row['n_train']:,}",
    "seed": lambda row: str(row["seed"]),
    "size": lambda row: row["size"],
    "status": lambda row: row["status"],
    "reason": lambda row: row.get("reason", "")[:200],
    "wall s": lambda row: number(row["wall"]),
    "CPU s": lambda row: number(row["cpu"]),
    "device": lambda row: str(row["device"]),
    "commit": lambda row: str(row["commit"]),
    "finished": lambda row: row["finished"],
}


def blocks(rows, reduce="paper"):
    """All sections for rows of one size."""
    return [
        *_losses(rows),
        *_claims(rows, reduce),
        *by_task(rows, "mean" if reduce == "paper" else reduce),
        *ipage(rows, "sum" if reduce == "paper" else reduce),
        *percentages(rows),
    ]


def _losses(rows):
    lines = standings(rows)
    compared = [line for line in lines if None not in (line["ours"][0], line["theirs"][0])]
    out = [("h2", "Where our best default does not beat the best published r_1 or r_200")]
    if compared:
        compared.sort(key=lambda line: is_below(line["ours"], line["theirs"]))
        lost = sum(not is_below(line["ours"], line["theirs"]) for line in compared)
        held = (
            f"In {lost} of {len(compared)} comparisons" if lost else f"Nowhere in {len(compared)} comparisons"
        )
        header = [
            "task",
            "",
            "best published",
            "its method",
            "our best default",
            "its method",
            "",
            "best baseline",
        ]
        body = [
            [
                line["task"],
                line["quantity"],
                (number(line["theirs"][0]),),
                (line["theirs"][1],),
                number(line["ours"][0]),
                title(line["ours"][1]),
                "below" if is_below(line["ours"], line["theirs"]) else "not below",
                _with_method(line["baseline"]),
            ]
            for line in compared
        ]
        out += [("p", f"{held}; medians over seeds."), ("table", header, body), *_physics(compared)]
    else:
        out.append(("p", "There is no run on a task with published figures."))
    told = [_told(line, "theirs") for line in lines if is_below(line["baseline"], line["theirs"])]
    if told:
        text = "A baseline, lookup or random rows, is below the best published figure"
        out.append(("p", f"{text}: {'; '.join(told)}."))
    told = [
        f"{_told(line, 'ours')}, {n:,} rows"
        for n in sorted({row["n_train"] for row in rows}, reverse=True)
        for line in standings([row for row in rows if row["n_train"] == n])
        if is_below(line["baseline"], line["ours"])
    ]
    if told:
        out.append(("p", f"A baseline is below the best of our defaults: {'; '.join(told)}."))
    return out


def _physics(lines):
    """What the simulator says where a network has the last word above."""
    for line in lines:
        judged = line["physics"]
        if judged and line["quantity"] == "r_1":
            n, last = judged["n_targets"], f"r_{judged['n']}"
            yield (
                "p",
                f"On {line['task']} a network judges, as in the paper, and figures below its own error say nothing. "
                f"The simulator that it learnt from gives the same designs, for {n} targets of its own, an r_1 of "
                f"{number(judged['r_1'])} and an {last} of {number(judged[last])}.",
            )


def _told(line, rival):
    return (
        f"r_{line['T']} on {line['task']}, {_with_method(line['baseline'])} against {number(line[rival][0])}"
    )


def _with_method(pair):
    figure, method = pair
    return NOTHING if figure is None else f"{number(figure)} ({title(method)})"


def _claims(rows, reduce):
    header = [
        "task",
        "",
        "method",
        "published",
        "settings like theirs",
        "verdict",
        "our default",
        "verdict",
        "targets",
        "where",
    ]
    body, counts = [], [Counter(), Counter()]
    for line in number_claims(rows, reduce):
        (figure, first, n), (ours, second, m) = line["published"], line["default"]
        counts[0][first] += 1
        counts[1][second] += 1
        if (figure, ours) != (None, None):
            body.append(
                [
                    line["task"],
                    line["quantity"],
                    line["method"],
                    (number(line["theirs"]),),
                    number(figure),
                    first,
                    number(ours),
                    second,
                    " / ".join(NOTHING if k is None else f"{k:,}" for k in (n, m)),
                    line["source"],
                ]
            )
    text = (
        "A figure within a factor of two of the published one reproduces it, a smaller one is better. Theirs are on "
        "their targets, simulators and machines. Medians over seeds, the largest table of each task. Where another law "
        "stands in for theirs, errors stand side by side without a verdict. What was run with neither is counted, but "
        "not shown."
    )
    if reduce == "paper":
        text += (
            " Errors over several outputs are means beside the Neural-Adjoint paper and sums beside iPage's."
        )
    else:
        text += f" Errors over several outputs are {reduce}s throughout."
    out = [("h2", "Verdicts"), ("p", text)]
    for name, count in zip(("Settings like theirs", "Our defaults"), counts, strict=True):
        if count:
            told = ", ".join(
                f"{count[v]} {v}"
                for v in ("better", "reproduced", "not reproduced", "not run", "another law")
                if count[v]
            )
            out.append(("p", f"{name}: {told}."))
    if body:
        out.append(("table", header, body))
    ratios = [line for line in ratio_claims(rows) if line["ours"] is not None]
    if ratios:
        out.append(("h3", "How many times one method is better than another"))
        out.append(
            (
                "p",
                "Reproduced: by half of the published orders of magnitude at least; better: by all of them.",
            )
        )
        header = ["task", "", "the better", "the worse", "published", "ours", "verdict", "where"]
        body = [
            [
                line["task"],
                line["quantity"],
                title(line["better"]),
                title(line["worse"]),
                (number(line["theirs"]),),
                number(line["ours"]),
                line["verdict"],
                line["source"],
            ]
            for line in ratios
        ]
        out.append(("table", header, body))
    return out


def runs(rows, n_torn):
    """What runs there are and what they ran on; those that worked in a table that only the page of HTML shows."""
    out = [("h2", "Runs"), *(("p", text) for text in _machines(rows)), *_coverage(rows)]
    if n_torn:
        out.append(("p", f"{n_torn} lines could not be read, of runs that were killed."))
    failed, worked = (
        [[show(row) for show in _RUN.values()] for row in rows if (row["status"] == OK) == ok]
        for ok in (False, True)
    )
    if failed:
        out.append(("table", list(_RUN), failed))
    if worked:
        out.append(("details", f"{len(worked)} runs that worked", list(_RUN), worked))
    out.append(
        ("p", "Published: " + "; ".join(f"[{name}] {text}" for name, text in published.SOURCES.items()) + ".")
    )
    return out


def _machines(rows):
    """A line for each set of versions, machine and device."""
    groups = defaultdict(list)
    for row in rows:
        versions = ", ".join(f"{name} {text}" for name, text in row["versions"].items())
        groups[f"{versions}; {row['machine']}, {row['device']}"].append(row)
    for told, members in sorted(groups.items()):
        days = sorted({row["finished"][:10] for row in members})
        commits = ", ".join(dict.fromkeys(str(row["commit"]) for row in members))
        hours = sum(row["cpu"] for row in members) / 3600
        failed = sum(row["status"] != OK for row in members)
        yield (
            f"{len(members)} runs, {failed} of them without a result, {number(hours)} CPU hours, "
            f"{' to '.join(dict.fromkeys((days[0], days[-1])))}: {told}; commits {commits}."
        )


def _coverage(rows):
    """How many runs there are of each method on each task."""
    count = Counter((row["method"], row["task"]) for row in rows if row["status"] == OK)
    tasks = [task for task in TASKS if any(task == name for _, name in count)]
    body = [
        [title(method), *(str(count[method, task] or NOTHING) for task in tasks)]
        for method in METHODS
        if any(method == name for name, _ in count)
    ]
    if body:
        yield "p", "Runs that worked, over numbers of rows and seeds:"
        yield "table", ["method", *tasks], body
