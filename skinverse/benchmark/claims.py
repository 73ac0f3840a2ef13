"""Verdicts: what the papers claim beside what came out here."""

import math
from collections import defaultdict

import numpy as np

from skinverse.benchmark.methods import BASELINES, DEFAULTS, METHODS
from skinverse.benchmark.published import COUNTERPARTS, R_1, R_200, RATIOS, TABLES
from skinverse.benchmark.store import OK

BETTER, REPRODUCED, NOT_REPRODUCED, NOT_RUN = "better", "reproduced", "not reproduced", "not run"
# Two trainings of one method differ by so much; a figure within this factor is the same figure.
TOLERANCE = 2.0
_INNER = ("0.55", "0.6", "0.65", "0.7", "0.75")  # published targets inside the range of the rows


def value(row, quantity, reduce="mean"):
    """A quantity of a row, errors as a mean or a sum over outputs; None where the row has no such thing."""
    factor = row.get("n_outputs", 1) if reduce == "sum" else 1
    if row.get("status") != OK:
        return None
    if quantity in ("r_1", "r_200"):
        found = row["r"]["mean"][0 if quantity == "r_1" else -1]
    elif quantity == "all designs":
        found = row["error"].get("mean")
    elif quantity == "one target":
        found = row["single"].get("mean")
    elif quantity == "mmd":
        found, factor = (row["posterior"] or {}).get("mmd2_biased"), 1
    elif quantity == "modes":
        found, factor = row["modes"]["recall"][0] if row["modes"] else None, 1
    elif quantity == "rep":
        answers = [(row["rep"] or {}).get(y, {}).get("min") for y in _INNER]
        found, factor = (None if None in answers else float(np.mean(answers))), 1
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


def middle(rows, quantity, reduce="mean"):
    """Median over seeds, None where nothing is known."""
    values = [value(row, quantity, reduce) for row in rows]
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
        and `default`, each a pair of figure and verdict.
    """
    groups = best_table(rows)
    lines = []
    for quantity, source, table, convention, more in TABLES:
        how = (convention or "mean") if reduce == "paper" else reduce
        for task, figures in table.items():
            for method, theirs in figures.items():
                pair = []
                for ours in COUNTERPARTS[method]:
                    figure = middle(groups.get((task, ours), []), quantity, how)
                    pair.append((figure, verdict(figure, theirs, more_is_better=more)))
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
        For each task and quantity: `ours`, `baseline` (lookups and random rows) and `theirs`, pairs of figure and
        method, (None, None) where there is none.
    """
    groups = best_table(rows)

    def best(task, group, quantity):
        found = [
            (middle(members, quantity), method)
            for (name, method), members in groups.items()
            if name == task and method in METHODS and METHODS[method].group == group
        ]
        return min((pair for pair in found if pair[0] is not None), default=(None, None))

    return [
        {
            "task": task,
            "quantity": quantity,
            "ours": best(task, DEFAULTS, quantity),
            "baseline": best(task, BASELINES, quantity),
            "theirs": min(((v, method) for method, v in table.get(task, {}).items()), default=(None, None)),
        }
        for quantity, table in (("r_1", R_1), ("r_200", R_200))
        for task in dict.fromkeys(name for name, _ in groups)
    ]


def is_below(first, second):
    """Whether a figure of :func:`standings` is below another; False where one is missing."""
    return first[0] is not None and second[0] is not None and first[0] < second[0]
