"""The report: one page of HTML and one of Markdown from the same blocks."""

import html
from pathlib import Path

from skinverse.benchmark import store, tables
from skinverse.benchmark.methods import METHODS
from skinverse.benchmark.tasks import FULL, QUICK, TASKS

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: .8rem 0; font-size: 13px; display: block; overflow-x: auto }
th, td { padding: .15rem .6rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
td.theirs { color: #777; font-style: italic }
td.not { color: #b00020; font-weight: 600 } td.good { color: #00695c }
h1, h2, h3 { line-height: 1.2 } svg { max-width: 100%; height: auto }
"""
_GOOD, _NOT = ("better", "reproduced", "below"), ("not reproduced", "failed", "not below")


def write(folder, *, reduce="paper"):
    """Write ``report.html`` and ``report.md`` from the rows in a folder.

    Parameters
    ----------
    folder : str or path-like
    reduce : {"paper", "mean", "sum"}, default="paper"
        Of errors over several outputs: "paper" is the mean beside the tables of the Neural-Adjoint paper and the sum
        beside those of iPage's, as they do.

    Returns
    -------
    paths : list of Path
    """
    rows, n_torn = store.read(folder)
    rows = sorted(store.latest(rows), key=_place)
    blocks = [("h1", "Benchmark of inverse design")]
    sizes = sorted({row["size"] for row in rows}, key=lambda size: (size != FULL, size))
    if not rows:
        blocks.append(("p", "There are no rows yet."))
    for size in sizes:
        if len(sizes) > 1 or size != FULL:
            blocks.append(("h2", f"Rows of size “{size}”"))
        if size == QUICK:
            blocks.append(
                (
                    "p",
                    "A rehearsal: networks were hardly trained, and no figure or verdict here means anything.",
                )
            )
        blocks += tables.blocks([row for row in rows if row["size"] == size], reduce)
    blocks += tables.runs(rows, n_torn)
    folder = Path(folder)
    paths = [folder / "report.html", folder / "report.md"]
    for path, text in zip(paths, (to_html(blocks), to_markdown(blocks)), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def _place(row):
    """Tasks and methods in the order of their registries, whatever was run first."""
    places = [
        list(registry).index(row[name]) if row[name] in registry else len(registry)
        for name, registry in (("task", TASKS), ("method", METHODS))
    ]
    return *places, row["n_train"], row["seed"]


def to_markdown(blocks):
    """Headings, paragraphs and tables; figures and details are left to the other page."""
    parts = []
    for kind, *content in blocks:
        if kind in ("h1", "h2", "h3"):
            parts.append("#" * int(kind[1]) + " " + content[0])
        elif kind == "p":
            parts.append(content[0])
        elif kind == "table":
            header, rows = content
            lines = [
                header,
                ["---", *["---:"] * (len(header) - 1)],
                *([_text(c) for c in row] for row in rows),
            ]
            parts.append("\n".join("| " + " | ".join(_escaped(c) for c in line) + " |" for line in lines))
    return "\n\n".join(parts) + "\n"


def to_html(blocks):
    """One page that needs no other file."""
    parts = []
    for kind, *content in blocks:
        if kind == "svg":
            parts.append(content[0])
        elif kind == "table":
            parts.append(_html_table(*content))
        elif kind == "details":
            summary, *table = content
            parts.append(
                f"<details><summary>{html.escape(summary)}</summary>\n{_html_table(*table)}\n</details>"
            )
        else:
            parts.append(f"<{kind}>{html.escape(content[0])}</{kind}>")
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Benchmark of inverse design</title>\n'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _html_table(header, rows):
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "\n".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _text(cell):
    """Theirs in italics."""
    return (
        f"*{cell[0]}*"
        if isinstance(cell, tuple) and cell[0]
        else cell[0]
        if isinstance(cell, tuple)
        else cell
    )


def _escaped(text):
    return text.replace("|", "\\|").replace("\n", " ")


def _cell(cell):
    if isinstance(cell, tuple):
        return f'<td class="theirs">{html.escape(cell[0])}</td>'
    kind = ' class="not"' if cell in _NOT else ' class="good"' if cell in _GOOD else ""
    return f"<td{kind}>{html.escape(cell)}</td>"
