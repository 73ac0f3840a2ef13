"""Verdicts: what the papers claim beside what came out here."""

import math
from collections import defaultdict

import numpy as np

from skinverse.benchmark.methods import BASELINES, DEFAULTS, METHODS
from skinverse.benchmark.published import COUNTERPARTS, R_1, R_200, RATIOS, TABLES
from skinverse.benchmark.store import OK
from skinverse.benchmark.tasks import TASKS

BETTER, REPRODUCED, NOT_REPRODUCED, NOT_RUN = "better", "reproduced", "not reproduced", "not run"
# In the place of a verdict where the simulator is not the paper's.
OTHER_LAW = "another law"
# Two trainings of one method differ by so much; a figure within this factor is the same figure.
TOLERANCE = 2.0


def value(row, quantity, reduce="mean", T=None):
    """A quantity of a row, errors as a mean or a sum over outputs; None where the row has no such thing.

    r_200 is that of as many designs as there are if they are fewer, and of at most `T`.
    """
    factor = row.get("n_outputs", 1) if reduce == "sum" else 1
    if row.get("status") != OK:
        return None
    if quantity in ("r_1", "r_200"):
        last = -1 if T is None else int(np.searchsorted(row["r"]["T"], T, side="right")) - 1
        found = row["r"]["mean"][0 if quantity == "r_1" else last]
    elif quantity == "all designs":
        found = row["error"].get("mean")
    elif quantity == "one target":
        found = row["single"].get("mean")
    elif quantity == "mmd":
        found, factor = (row["posterior"] or {}).get("mmd2_biased"), 1
    elif quantity == "modes":
        found, factor = row["modes"]["recall"][0] if row["modes"] else None, 1
    else:
        raise ValueError(f"There is no quantity {quantity!r}.")
    return None if found is None else factor * found


def best_table(rows):
    """Rows by task and method, of the largest table of each task alone.

    Parameters
    ----------
    rows : list of dict
        Of one size.

    Returns
    -------
    groups : dict {(task, method): list of rows}
        One row a seed; a method that has no run on that table is not there.
    """
    worked = [row for row in rows if row["status"] == OK]
    most = defaultdict(int)
    for row in worked:
        most[row["task"]] = max(most[row["task"]], row["n_train"])
    groups = defaultdict(list)
    for row in worked:
        if row["n_train"] == most[row["task"]]:
            groups[row["task"], row["method"]].append(row)
    return dict(groups)


def n_asked(rows, quantity):
    """Targets that a quantity of rows is of, the least over seeds; None without rows."""

    def of_row(row):
        if quantity == "mmd":
            return (row["posterior"] or {}).get("n_targets")
        return row.get("n_targets") if quantity in ("r_1", "r_200", "all designs") else 1

    return min((n for n in map(of_row, rows) if n is not None), default=None)


def middle(rows, quantity, reduce="mean", T=None):
    """Median over seeds, None where nothing is known."""
    values = [value(row, quantity, reduce, T) for row in rows]
    values = [v for v in values if v is not None and math.isfinite(v)]
    return float(np.median(values)) if values else None


def verdict(ours, theirs, *, more_is_better=False):
    """How a figure stands to a published one.

    Parameters
    ----------
    ours : float or None
    theirs : float
    more_is_better : bool, default=False

    Returns
    -------
    verdict : {"better", "reproduced", "not reproduced", "not run"}
        "reproduced" within a factor of :data:`TOLERANCE`; of shares, which cannot be exceeded, 1 is "reproduced".

    Examples
    --------
    >>> from skinverse.benchmark.claims import verdict
    >>> verdict(1e-9, 1e-3), verdict(1.5e-3, 1e-3), verdict(1e-2, 1e-3), verdict(None, 1e-3)
    ('better', 'reproduced', 'not reproduced', 'not run')
    """
    if ours is None:
        return NOT_RUN
    if more_is_better:
        return REPRODUCED if ours >= theirs else NOT_REPRODUCED
    if ours * TOLERANCE < theirs:
        return BETTER
    return REPRODUCED if ours <= TOLERANCE * theirs else NOT_REPRODUCED


def number_claims(rows, reduce="paper"):
    """A line for each published number that ours can be set beside.

    Parameters
    ----------
    rows : list of dict
        Of one size.
    reduce : {"paper", "mean", "sum"}, default="paper"
        Over outputs; "paper" does as each paper does.

    Returns
    -------
    lines : list of dict
        `source`, `quantity`, `task`, `method` (theirs), `theirs`, and twice ours, `published` with settings like theirs
        and `default`, each figure, verdict and the number of targets that it is of.
    """
    groups = best_table(rows)
    lines = []
    for quantity, source, table, convention, more in TABLES:
        how = (convention or "mean") if reduce == "paper" else reduce
        for task, figures in table.items():
            for method, theirs in figures.items():
                pair = []
                for ours in COUNTERPARTS[method]:
                    members = groups.get((task, ours), [])
                    figure = middle(members, quantity, how)
                    outcome = verdict(figure, theirs, more_is_better=more)
                    if TASKS[task].stands_in:
                        outcome = OTHER_LAW
                    pair.append((figure, outcome, n_asked(members, quantity)))
                lines.append(
                    {
                        "source": source,
                        "quantity": quantity,
                        "task": task,
                        "method": method,
                        "theirs": theirs,
                        "published": pair[0],
                        "default": pair[1],
                    }
                )
    return lines


def ratio_claims(rows):
    """A line for each claim that one method is so many times better than another.

    "reproduced" if the better one is better here by at least half of the published orders of magnitude, "better" if by
    all of them.
    """
    groups = best_table(rows)
    lines = []
    for source, task, quantity, worse, better, theirs in RATIOS:
        pair = [middle(groups.get((task, method), []), quantity) for method in (worse, better)]
        ours = None if None in pair else pair[0] / max(pair[1], 1e-300)
        if ours is None:
            outcome = NOT_RUN
        elif ours >= theirs:
            outcome = BETTER
        else:
            outcome = REPRODUCED if ours >= math.sqrt(theirs) else NOT_REPRODUCED
        lines.append(
            {
                "source": source,
                "task": task,
                "quantity": quantity,
                "worse": worse,
                "better": better,
                "theirs": theirs,
                "ours": ours,
                "verdict": outcome,
            }
        )
    return lines


def standings(rows):
    """The best of our defaults beside the best published r_1 and r_200, and beside the best baseline.

    Parameters
    ----------
    rows : list of dict
        Of one size.

    Returns
    -------
    lines : list of dict
        For each task and quantity: `ours`, `baseline` (lookups and random rows, on the seeds of ours) and `theirs`,
        pairs of figure and method, (None, None) where there is none; `T`, the most designs that all these
        methods were asked for; and `physics`, what the simulator says of ours where a network judged.
    """
    groups = best_table(rows)

    def of_group(task, *names):
        return {
            method: members
            for (name, method), members in groups.items()
            if name == task and method in METHODS and METHODS[method].group in names
        }

    def best(task, group, quantity, T, seeds=None):
        found = [
            (middle([row for row in members if seeds is None or row["seed"] in seeds], quantity, T=T), method)
            for method, members in of_group(task, group).items()
        ]
        return min((pair for pair in found if pair[0] is not None), default=(None, None))

    lines = []
    for quantity, table in (("r_1", R_1), ("r_200", R_200)):
        for task in dict.fromkeys(name for name, _ in groups):
            compared = of_group(task, DEFAULTS, BASELINES).values()
            most = min((row["r"]["T"][-1] for members in compared for row in members), default=1)
            T = 1 if quantity == "r_1" else most
            ours = best(task, DEFAULTS, quantity, T)
            members = groups.get((task, ours[1]), [])
            judged = [row["physics"] for row in members if row.get("physics")]
            lines.append(
                {
                    "task": task,
                    "quantity": quantity,
                    "T": T,
                    "ours": ours,
                    "baseline": best(task, BASELINES, quantity, T, {row["seed"] for row in members} or None),
                    "theirs": min(
                        ((v, method) for method, v in table.get(task, {}).items()), default=(None, None)
                    ),
                    "physics": judged[0] if judged else None,
                }
            )
    return lines


def is_below(first, second):
    """Whether a figure of :func:`standings` is below another; False where one is missing."""
    return first[0] is not None and second[0] is not None and first[0] < second[0]
