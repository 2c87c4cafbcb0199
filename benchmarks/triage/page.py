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
"""By part, ours and the naive baseline's figures."""


def tables(judged: Judged) -> Iterator[Table]:
    """All figures side by side, then the matrices of ours."""
    head, *lines = _summary(judged)
    yield _table("triage against what was injected", head, lines)
    for part, (ours, _) in judged.items():
        for name, confusion, order in _matrices(ours):
            head, *lines = _matrix(confusion, order)
            yield _table(f"{name}, {part}: truth by line, told by column", head, lines)


def page(judged: Judged, runs: Mapping[Part, int]) -> str:
    """The page in Markdown. runs: how many were judged, by part."""
    parts = [
        "# How right triage is",
        "Written by `python -m benchmarks.triage.confusion --publish`; do not edit.",
        f"Synthetic runs ({', '.join(f'{count} {part}' for part, count in runs.items())}), each four services over six "
        "minutes, from a causal model of a serving stack (`benchmarks/triage/generator/stack.py`). "
        "Development seeds were looked at while building; of held-out ones only these figures. The naive baseline has "
        "the same alarms, names an incident by its loudest metric, and always says P2.",
        markdown(*_summary(judged)),
        f"Bars missed: {missed(judged)}.",
        "`nothing` is a missed fault (column) or a false incident (line). Flapping faults are counted only in their "
        "own line. A pair is kept apart when each of its two faults has an incident of its own, with the right "
        "category or the right scope; pairs of which one fault lost half of all requests are left out, since little is "
        "left to see the other by. Flapping is one story when each further incident names the one that it is again; "
        "a cascade is told as one when no caller has an incident that is not said to be an effect.",
    ]
    for part, (ours, _) in judged.items():
        for name, confusion, order in _matrices(ours):
            parts += [f"## {name}, {part}", "Truth by line, told by column.", markdown(*_matrix(confusion, order))]
    definitions = (labels.__doc__ or "").partition("The definitions:")[2].strip()
    parts += ["## What the labels mean", f"```text\n{definitions}\n```"]
    return "\n\n".join(parts) + "\n"


def missed(judged: Judged) -> str:
    """Every bar that ours does not reach, by part; `none` where all are reached."""
    return "; ".join(f"{part}: {name}" for part, (ours, _) in judged.items() for name in ours.misses()) or "none"


def _summary(judged: Judged) -> list[list[str]]:
    lines = [["figure", *(f"{part}{side}" for part in judged for side in ("", ", naive")), "bar"]]
    names = next(iter(judged.values()))[0].shares
    for name in names:
        bar, more = BARS.get(name, (None, True))
        told = [_number(side.shares[name]) for sides in judged.values() for side in sides]
        lines.append([name, *told, "" if bar is None else f"{'at least' if more else 'at most'} {bar:.2f}"])
    return lines


def _matrices(ours: Figures) -> tuple[tuple[str, Confusion, Sequence[str]], ...]:
    return ("Category", ours.category, CATEGORIES), ("Severity", ours.severity, labels.SEVERITIES)


def _matrix(confusion: Confusion, order: Sequence[str]) -> list[list[str]]:
    names = [*order, NOTHING]
    lines = [["", *names]]
    for truth in names:
        counts = [confusion.get((truth, told), 0) for told in names]
        lines.append([truth, *(str(count) if count else "" for count in counts)])
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _table(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for at, name in enumerate(head):
        table.add_column(name, justify="right" if at else "left")
    for line in lines:
        table.add_row(*line)
    return table
