"""The figures as tables on a terminal and as the published page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table

from benchmarks.broker.rig import ROOT
from benchmarks.markdown import markdown
from benchmarks.triage.figures import BARS, NOTHING, Confusion, Figures
from benchmarks.triage.generator import labels
from benchmarks.triage.generator.scenario import CATEGORIES, Part

PAGE = ROOT / "docs" / "triage.md"
Judged = Mapping[str, tuple[Figures, Figures]]
"""By part, our figures and those of the naive baseline."""


def tables(judged: Judged) -> Iterator[Table]:
    """All figures side by side, then the matrices of ours."""
    head, *rows = _summary(judged)
    yield _table("incidents against injected faults", head, rows)
    for part, (ours, _) in judged.items():
        for name, confusion, order in _matrices(ours):
            head, *rows = _matrix(confusion, order)
            yield _table(f"{name}, {part}: truth in rows, answer in columns", head, rows)


def page(judged: Judged, runs: Mapping[Part, int]) -> str:
    """The page in Markdown. runs: how many were judged, by part."""
    parts = [
        "# Accuracy of triage",
        "Written by `python -m benchmarks.triage.confusion --publish`; do not edit.",
        f"Synthetic runs ({', '.join(f'{count} {part}' for part, count in runs.items())}), each four services over six "
        "minutes, from a causal model of a serving stack (`benchmarks/triage/generator/stack.py`). "
        "Development seeds were inspected while building; of the held-out seeds only these figures were seen. The "
        "naive baseline has the same alarms, names an incident by its strongest alarm, and always says P2.",
        markdown(*_summary(judged)),
        f"Bars missed: {missed(judged)}.",
        "`nothing` is a missed fault (column) or a false incident (row). Flapping faults count only in the row "
        "*flapping reported as one*. A pair is kept apart when each of its two faults has an incident of its own, with "
        "the right category or the right scope. Pairs in which one fault lost half of all requests are left out, "
        "because too few requests are left to find the other one. A flapping fault is reported as one when each "
        "further incident names the one that it reopens. A cascade is reported as one when every incident of a caller "
        "is published as an effect.",
    ]
    for part, (ours, _) in judged.items():
        for name, confusion, order in _matrices(ours):
            parts += [f"## {name}, {part}", "Truth in rows, answer in columns.", markdown(*_matrix(confusion, order))]
    definitions = (labels.__doc__ or "").partition("The definitions:")[2].strip()
    parts += ["## What the labels mean", f"```text\n{definitions}\n```"]
    return "\n\n".join(parts) + "\n"


def missed(judged: Judged) -> str:
    """Every bar that ours does not reach, by part; `none` where all are reached."""
    return "; ".join(f"{part}: {name}" for part, (ours, _) in judged.items() for name in ours.misses()) or "none"


def _summary(judged: Judged) -> list[list[str]]:
    rows = [["figure", *(f"{part}{side}" for part in judged for side in ("", ", naive")), "bar"]]
    names = next(iter(judged.values()))[0].shares
    for name in names:
        bar, more = BARS.get(name, (None, True))
        values = [_number(side.shares[name]) for sides in judged.values() for side in sides]
        rows.append([name, *values, "" if bar is None else f"{'at least' if more else 'at most'} {bar:.2f}"])
    return rows


def _matrices(ours: Figures) -> tuple[tuple[str, Confusion, Sequence[str]], ...]:
    return ("Category", ours.category, CATEGORIES), ("Severity", ours.severity, labels.SEVERITIES)


def _matrix(confusion: Confusion, order: Sequence[str]) -> list[list[str]]:
    names = [*order, NOTHING]
    rows = [["", *names]]
    for truth in names:
        counts = [confusion.get((truth, answer), 0) for answer in names]
        rows.append([truth, *(str(count) if count else "" for count in counts)])
    return rows


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for at, name in enumerate(head):
        table.add_column(name, justify="right" if at else "left")
    for row in rows:
        table.add_row(*row)
    return table
