"""One kind of day judged: the healthy day and the same day with faults, by the pipeline and by the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.ordinary.draw import Cell, draw_day
from benchmarks.ordinary.figures import Found, Healthy
from benchmarks.ordinary.generator.day import Day
from benchmarks.ordinary.generator.faults import Fault
from benchmarks.ordinary.placement import with_faults
from benchmarks.ordinary.rules import Alert, alerts
from benchmarks.ordinary.run import Lived, live
from benchmarks.ordinary.score import SETTLE_S, Finding, findings, reported
from streams.shard.plan import Plan


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a cell. lines: each incident of the healthy day, and each fault, in words."""

    healthy: Healthy
    found: tuple[Found, ...]
    lines: tuple[str, ...]


def judge(plan: Plan, cell: Cell) -> Judged:
    """Run a cell. About 25 s of one core for the healthy day of most kinds, and as much for the faulty one."""
    day = draw_day(cell)
    lived = live(plan, day, cell.seed)
    fired = alerts(day, lived.served)
    healthy = _healthy(lived, fired)
    lines = list(_titles(lived))
    found: list[Found] = []
    if cell.faulty:
        hit = live(plan, with_faults(cell.kind, day, cell.seed), cell.seed)
        rung = alerts(hit.day, hit.served)
        for finding in findings(hit.day, hit.incidents, lived.incidents):
            one = _found(cell, finding, rung, fired)
            found.append(one)
            lines.append(_line(one, finding))
    return Judged(healthy, tuple(found), tuple(lines))


def _healthy(lived: Lived, fired: Sequence[Alert]) -> Healthy:
    day = lived.day
    seen = reported(day, lived.incidents)
    return Healthy(
        day.kind, day.form, day.hours, len(seen.pages), len(seen.right), len(seen.notes), len(fired),
    )


def _found(cell: Cell, finding: Finding, rung: Sequence[Alert], fired: Sequence[Alert]) -> Found:
    fault = finding.fault
    return Found(
        cell.kind.name, cell.form, fault, finding.page, finding.first is not None, finding.delay_s,
        finding.scope_right, finding.category_right, alert_delay_s(fault, rung, fired),
    )


def alert_delay_s(fault: Fault, rung: Sequence[Alert], fired: Sequence[Alert]) -> float | None:
    """How long after the onset the first rule fired; None where none did that was quiet on the healthy day.

    An alert about a pod counts only where that pod was hit.
    """
    usual = {(one.rule, one.service, one.part, one.start_s) for one in fired}
    delays = [
        one.start_s - fault.start_s for one in rung
        if one.service == fault.service and fault.start_s <= one.start_s <= fault.end_s + SETTLE_S
        and one.part in (None, fault.value) and (one.rule, one.service, one.part, one.start_s) not in usual
    ]
    return min(delays, default=None)


def _titles(lived: Lived) -> list[str]:
    day: Day = lived.day
    found = []
    for one in lived.incidents:
        lasted = "open" if one.resolved_at_s is None else f"{one.resolved_at_s - one.opened_at_s:.0f} s"
        found.append(
            f"  {one.opened_at_s - day.origin_s:8.0f} s {lasted:>7s} {one.peak_severity} {one.category}: {one.title}"
        )
    return found


def _line(found: Found, finding: Finding) -> str:
    fault, first = found.fault, finding.first
    words = "MISSED" if first is None else f"{first.peak_severity} after {finding.delay_s:.0f} s: {first.title}"
    rule = "no rule" if found.alert_delay_s is None else f"rule after {found.alert_delay_s:.0f} s"
    part = "all" if fault.value is None else fault.value
    return f"  FAULT {fault.start_s:.0f} s {fault.kind} {fault.service} {part}: {words} ({rule})"
