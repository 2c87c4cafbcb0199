"""How well incidents are answered: what recurs, who is woken for nothing, what runs by itself, and the trend. Pure.

What the incidents do not show is None, and never 0: without a single answer of a person (an acknowledgement, an owner,
a note, an end declared by hand, feedback) nobody can say whether an escalation was right or an alarm was noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from types import MappingProxyType

from classifiers.accounting.slo_report import Proportion, StageTargets, escalated, recurrence_key
from classifiers.accounting.stage_timeline import CARRIED_OUT, IncidentStage, remedies
from classifiers.model import ActionRecord, Incident, Severity

WEEK_S = 604_800.0
MONDAY_S = 345_600.0
"""The first Monday after the epoch."""
WRONG_TARGET = 0.10
AUTOMATION_TARGET = 0.80


@dataclass(frozen=True, slots=True)
class CauseCount:
    """A cause by category and place, and how many incidents it had in the period, two or more. last_s: the last one."""

    cause: str
    count: int
    last_s: float


@dataclass(frozen=True, slots=True)
class RuleNoise:
    """What one rule (detector and metric of the strongest evidence) led to.

    noise: the share of its ended incidents that a person called a false alarm, or that no person and no remedy
    answered; None where no person answers any.
    """

    rule: str
    incidents: int
    noise: float | None


@dataclass(frozen=True, slots=True)
class WeekTrend:
    """The incidents that opened in a week from Monday, UTC. Medians in seconds; shares of those with a target."""

    week_s: float
    incidents: int
    detect_median_s: float | None
    resolve_median_s: float | None
    detect_met: float | None
    resolve_met: float | None


@dataclass(frozen=True, slots=True)
class ResponseReport:
    """The figures of a period.

    wrong_escalations: of those that a person answered, those called a false alarm or a planned change.
    pages_per_person_week: None where nothing holds who was paged."""

    causes: tuple[CauseCount, ...]
    wrong_escalations: float | None
    wrong_escalations_target: float
    automation: float | None
    automation_target: float
    pages_per_person_week: Mapping[str, float] | None
    rules: tuple[RuleNoise, ...]
    weeks: tuple[WeekTrend, ...]


def compute_response(
    incidents: Iterable[Incident], targets: Mapping[Severity, StageTargets], since_s: float | None = None,
    until_s: float | None = None, pages: Iterable[tuple[str, float]] | None = None,
    faults: Mapping[str, bool] = MappingProxyType({}),
) -> ResponseReport:
    """The figures of the incidents that opened in the period, and of the pages in it.

    pages: who was paged and when, seconds since the epoch; None where nothing says so. faults: by the id of
    an incident, whether a person said by feedback that it was a fault.
    """
    def is_in(at_s: float) -> bool:
        return (since_s is None or at_s >= since_s) and (until_s is None or at_s < until_s)

    chosen = [one for one in sorted(incidents, key=lambda one: (one.opened_at_s, one.id)) if is_in(one.opened_at_s)]
    raised = [one for one in chosen if escalated(one) and answered(one, faults)]
    firsts = [decided[0] for decided in map(remedies, chosen) if decided]
    automated = sum(_ran_unasked(first) for first in firsts)
    return ResponseReport(
        tuple(_causes(chosen)), Proportion(sum(_was_no_fault(one, faults) for one in raised), len(raised)).ratio,
        WRONG_TARGET, Proportion(automated, len(firsts)).ratio, AUTOMATION_TARGET,
        None if pages is None else _pages(page for page in pages if is_in(page[1])), tuple(_rules(chosen, faults)),
        tuple(_weeks(chosen, targets)),
    )


def answered(incident: Incident, faults: Mapping[str, bool]) -> bool:
    """Whether a person did or said anything about it."""
    return (
        incident.id in faults or incident.acknowledged is not None or incident.assigned_to is not None
        or bool(incident.notes) or incident.resolution in ("expected", "manual")
    )


def _ran_unasked(first: ActionRecord) -> bool:
    """Also what people approved has the mode `auto` once it is released."""
    return first.mode == "auto" and not first.approved_by and first.status in CARRIED_OUT


def _was_no_fault(incident: Incident, faults: Mapping[str, bool]) -> bool:
    return incident.resolution == "expected" or faults.get(incident.id) is False


def week_of(at_s: float) -> float:
    """The Monday 00:00 UTC at or before a time, in seconds since the epoch."""
    return (at_s - MONDAY_S) // WEEK_S * WEEK_S + MONDAY_S


def _causes(chosen: Sequence[Incident]) -> Iterable[CauseCount]:
    found: dict[str, list[float]] = {}
    for one in chosen:
        category, *place = recurrence_key(one)
        name = f"{category} at {'/'.join(part for part in place if part is not None)}"
        found.setdefault(name, []).append(one.opened_at_s)
    counts = [CauseCount(name, len(times), times[-1]) for name, times in found.items() if len(times) > 1]
    return sorted(counts, key=lambda one: (-one.count, one.cause))


def _rules(chosen: Sequence[Incident], faults: Mapping[str, bool]) -> Iterable[RuleNoise]:
    def is_noise(one: Incident) -> bool:
        was_treated = any(act.status in CARRIED_OUT for act in remedies(one))
        was_denied = faults.get(one.id) is False and one.resolution != "expected"
        return was_denied or not (was_treated or answered(one, faults))

    is_known = any(answered(one, faults) for one in chosen)
    groups: dict[str, list[Incident]] = {}
    for one in chosen:
        strongest = max(one.evidence, key=lambda each: each.level or 0.0, default=None)
        if strongest is not None:
            groups.setdefault(f"{strongest.detector} on {strongest.metric}", []).append(one)
    for rule, group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        ended = [one for one in group if one.resolved_at_s is not None]
        noise = Proportion(sum(map(is_noise, ended)), len(ended)).ratio
        yield RuleNoise(rule, len(group), noise if is_known else None)


def _weeks(chosen: Sequence[Incident], targets: Mapping[Severity, StageTargets]) -> Iterable[WeekTrend]:
    groups: dict[float, list[Incident]] = {}
    for one in chosen:
        groups.setdefault(week_of(one.opened_at_s), []).append(one)
    for week_s, group in sorted(groups.items()):
        yield WeekTrend(
            week_s, len(group), _median(group, "detect"), _median(group, "resolve"),
            _met(group, "detect", targets), _met(group, "resolve", targets),
        )


def _median(group: Sequence[Incident], stage: IncidentStage) -> float | None:
    took = [one.stage_times[stage].value_s for one in group if stage in one.stage_times]
    known = [value for value in took if value is not None]
    return median(known) if known else None


def _met(group: Sequence[Incident], stage: IncidentStage, targets: Mapping[Severity, StageTargets]) -> float | None:
    """The share of the recorded times that met the target of their severity; what is pending does not count."""
    met = whole = 0
    for one in group:
        target_s = targets[one.peak_severity].of(stage) if one.peak_severity in targets else None
        took_s = one.stage_times[stage].value_s if stage in one.stage_times else None
        if target_s is not None and took_s is not None:
            whole += 1
            met += took_s <= target_s
    return Proportion(met, whole).ratio


def _pages(pages: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Pages of each person in a week, over the weeks from the first page to the last of anybody."""
    known = list(pages)
    weeks = [week_of(at_s) for _, at_s in known]
    spanned = (max(weeks) - min(weeks)) / WEEK_S + 1.0 if weeks else 1.0
    people = sorted({person for person, _ in known})
    return {name: sum(person == name for person, _ in known) / spanned for name in people}
