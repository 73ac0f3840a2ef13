"""Tables of tasks: all methods of a task side by side, and those of the iPage and GAN-MDN papers."""

from collections import defaultdict

import numpy as np

from skinverse.benchmark import published
from skinverse.benchmark.cells import NOTHING, number, title
from skinverse.benchmark.claims import best_table, middle, value
from skinverse.benchmark.figures import curves
from skinverse.benchmark.methods import METHODS
from skinverse.benchmark.store import OK
from skinverse.benchmark.tasks import TASKS

# Column, and what of a row it shows.
_COLUMNS = {
    "r_1": lambda row: value(row, "r_1"),
    "r_1 median": lambda row: row["r"]["q50"][0],
    "r_T": lambda row: value(row, "r_200"),
    "r_T median": lambda row: row["r"]["q50"][-1],
    "all designs": lambda row: value(row, "all designs"),
    "one target": lambda row: value(row, "one target"),
    "failed %": lambda row: 100 * row["failure_rate"],
    "novelty": lambda row: row["novelty_first"],
    "modes": lambda row: value(row, "modes"),
    "MMD²": lambda row: (row["posterior"] or {}).get("mmd2"),
    "MMD score": lambda row: value(row, "mmd"),
    "fit s": lambda row: row["fit_wall"],
    "s / 1000": lambda row: row["single"]["wall_1000"],
    "parameters": lambda row: row["n_parameters"] / 1e6,
}
_ERRORS = ("r_1", "r_1 median", "r_T", "r_T median", "all designs", "one target")
_SPREAD = ("r_1", "r_T")


def by_task(rows, reduce):
    out = [
        ("h2", "All methods"),
        (
            "p",
            "r_T: best of the first T designs, mean over targets; medians over seeds and, in brackets, the worst seed. "
            f"Squared errors, over several outputs their {reduce}. All designs: mean over targets and designs; one "
            "target: mean over many designs for one. Novelty: distance of the first design to a training row, in "
            "median distances between neighbouring rows. Modes: share of the solution branches that 25 designs reach. "
            "MMD²: against a reference posterior, unbiased; MMD score: biased, as the paper's. Wall seconds, of "
            "training with shared parts and of 1,000 designs for one target. Parameters in millions. Published "
            "figures, in italics, are theirs, on their targets and machines.",
        ),
    ]
    for task in dict.fromkeys(row["task"] for row in rows):
        done = [row for row in rows if row["task"] == task and row["status"] == OK]
        out.append(("h3", task))
        if task in TASKS and TASKS[task].note:
            out.append(("p", TASKS[task].note))
        if not done:
            reason = next(row["reason"] for row in rows if row["task"] == task)
            out.append(("p", f"No run. {reason}"))
            continue
        used = [name for name, get in _COLUMNS.items() if any(get(row) is not None for row in done)]
        header = ["method", "rows", "seeds", "targets × T", *used]
        groups = defaultdict(list)
        for row in done:
            groups[row["n_train"], row["method"]].append(row)
        order = {name: k for k, name in enumerate(METHODS)}
        body = []
        for (n_train, method), members in sorted(
            groups.items(), key=lambda item: (-item[0][0], order.get(item[0][1], 99))
        ):
            first = members[0]
            cells = [
                title(method),
                f"{n_train:,}",
                str(len(members)),
                f"{first['n_targets']} × {first['n_designs']}",
            ]
            body.append(cells + [_spread(name, members, reduce) for name in used])
        body += _published_rows(task, used)
        out.append(("table", header, body))
        best = {method: members for (name, method), members in best_table(rows).items() if name == task}
        ordered = {title(name): best[name] for name in sorted(best, key=lambda name: order.get(name, 99))}
        points = {
            method: (figure, published.R_200[task][method])
            for method, figure in published.R_1.get(task, {}).items()
        }
        most = max(row["n_train"] for row in done)
        drawing = curves(ordered, points, f"{task}, {most:,} rows")
        if drawing is not None:
            out.append(("svg", drawing))
        out += _physics(done)
    return out


def _spread(name, members, reduce):
    """Median over seeds, and the worst where that is shown."""
    figures = [_COLUMNS[name](row) for row in members]
    figures = [figure for figure in figures if figure is not None]
    if not figures:
        return NOTHING
    factor = members[0]["n_outputs"] if reduce == "sum" and name in _ERRORS else 1
    text = number(factor * float(np.median(figures)))
    return f"{text} ({number(factor * max(figures))})" if name in _SPREAD and len(figures) > 1 else text


def _published_rows(task, used):
    told = {
        "r_1": published.R_1,
        "r_T": published.R_200,
        "MMD score": published.MMD,
        "fit s": published.TRAINING,
        "s / 1000": published.SECONDS,
        "parameters": published.PARAMETERS,
    }
    return [
        [
            (f"{method}, published",),
            ("10,000" if task != "metamaterial" else "",),
            ("",),
            ("– × 200",),
            *((number(told.get(name, {}).get(task, {}).get(method)),) for name in used),
        ]
        for method in published.R_1.get(task, {})
    ]


def _physics(rows):
    rows = [row for row in rows if row["physics"]]
    if not rows:
        return []
    first = rows[0]["physics"]
    last = f"r_{first['n']}"
    body = [
        [title(row["method"]), f"{row['n_train']:,}", str(row["seed"]), number(row["physics"]["r_1"])]
        + [number(row["physics"][last])]
        for row in rows
    ]
    text = f"Targets and verdicts of the simulator itself, {first['n_targets']} of them:"
    return [("p", text), ("table", ["method", "rows", "seed", "r_1", last], body)]


def ipage(rows, reduce):
    groups = best_table(rows)
    out = []
    for quantity, number_of, table in (
        ("all designs", "2, many targets", published.MANY_TARGETS),
        ("one target", "3, many designs for one target", published.ONE_TARGET),
    ):
        tasks = [task for task in table if any(name == task for name, _ in groups)]
        methods = [
            name for name in METHODS if any(method == name for task, method in groups if task in tasks)
        ]
        if not tasks:
            continue
        body = [
            [
                title(name),
                *(number(middle(groups.get((task, name), []), quantity, reduce)) for task in tasks),
            ]
            for name in methods
        ]
        body += [
            [(f"{method}, published",), *((number(table[task][method]),) for task in tasks)]
            for method in table[tasks[0]]
        ]
        out.append(("h3", f"iPage's table {number_of}"))
        out.append(("table", ["method", *tasks], body))
    if out:
        text = (
            f"Mean squared error, {reduce} over outputs, medians over seeds, the largest table of each task."
        )
        out = [("h2", "Tables of the iPage paper"), ("p", text), *out]
    return out + _branches(groups)


def _branches(groups):
    """Shares of branches by numbers of designs: figures 4 and 5 of the iPage paper show the points."""
    out = []
    for task in dict.fromkeys(task for task, _ in groups):
        found = {method: [row["modes"] for row in groups.get((task, method), [])] for method in METHODS}
        found = {method: modes for method, modes in found.items() if modes and None not in modes}
        if not found:
            continue
        numbers = sorted({n for modes in found.values() for m in modes for n in m["n"]})
        body = []
        for method, modes in found.items():
            shares = [dict(zip(m["n"], m["recall"], strict=True)) for m in modes]
            cells = [[share[n] for share in shares if n in share] for n in numbers]
            body.append([title(method), *(number(float(np.median(c))) if c else NOTHING for c in cells)])
        n_branches = next(iter(found.values()))[0]["n_branches"]
        body += [
            [(f"{method}, published",), (number(share),), *[""] * (len(numbers) - 1)]
            for method, share in published.RINGS.get(task, {}).items()
        ]
        out.append(("h3", f"{task}, share of {n_branches} branches reached"))
        out.append(("table", ["designs", *map(str, numbers)], body))
    if not out:
        return []
    text = (
        "Of all branches of the solutions of one target, those that so many designs reach; a design that misses the "
        "target reaches none. Means over ten calls, one of slow methods; medians over seeds."
    )
    return [("h2", "Branches, as in figures 4 and 5 of the iPage paper"), ("p", text), *out]


def percentages(rows):
    rows = [row for row in rows if row["status"] == OK and row["rep"]]
    if not rows:
        return []
    out = [
        ("h2", "Tables of the GAN-MDN paper"),
        (
            "p",
            "Residual error |ŷ - y*| / y* in per cent over 30 designs, and seconds. Medians over seeds, the largest "
            "table of each task. The optics behind the published figures are not known and ours are others, so that "
            "the two are no equals: random rows are the scale of ours. The outer targets lie outside the published "
            "range.",
        ),
    ]
    for task in dict.fromkeys(row["task"] for row in rows):
        groups = {method: group for (name, method), group in best_table(rows).items() if name == task}
        header = ["y*, published", "y*, here", "method", "min", "mean", "sd", "q25", "median", "q75", "s"]
        body = []
        for y in rows[0]["rep"]:
            for method, group in groups.items():
                answers = [row["rep"][y] for row in group]
                figures = [
                    [a[name] for a in answers if a.get(name) is not None]
                    for name in ("min", "mean", "sd", "q25", "median", "q75", "seconds")
                ]
                cells = [number(float(np.median(f))) if f else NOTHING for f in figures]
                body.append([y, number(answers[0]["y_star"]), title(method), *cells])
            for method, table in published.REP.get(task, {}).items():
                least, mean, sd, seconds = table.get(float(y), (None,) * 4)
                if least is not None:
                    cells = [least, mean, sd, None, None, None, seconds]
                    body.append([y, NOTHING, (f"{method}, published",), *((number(cell),) for cell in cells)])
        out += [("h3", task), ("table", header, body)]
    return out
