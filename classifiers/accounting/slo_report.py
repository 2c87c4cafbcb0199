"""Report over many incidents: how long their stages took, which recurred, and whether the targets were met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import isfinite
from typing import Literal

import numpy as np

from classifiers.accounting.stage_timeline import CARRIED_OUT, STAGES, IncidentStage, remedies
from classifiers.model import NOTIFICATIONS, Incident, Severity, StageStatus
from classifiers.verdict.hysteresis import SEVERITY_ORDER

Grouping = Literal["severity", "category", "service"]
RecurrenceKey = tuple[str | None, ...]
TargetStatus = Literal["met", "missed", "open", "undecided"]

GROUPINGS: Mapping[Grouping, Callable[[Incident], str]] = {
    "severity": lambda incident: incident.peak_severity,
    "category": lambda incident: incident.category,
    "service": lambda incident: incident.service,
}


@dataclass(frozen=True, slots=True)
class StageTargets:
    """How long each stage may take, in seconds from the onset; None for no target. Raises `ValueError`."""

    detect_s: float | None = None
    classify_s: float | None = None
    act_s: float | None = None
    recover_s: float | None = None
    resolve_s: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not (isfinite(value) and value > 0):
                raise ValueError(f"{field.name} is {value}, expected more than 0")

    def of(self, stage: IncidentStage) -> float | None:
        """The seconds allowed for a stage."""
        value: float | None = getattr(self, f"{stage}_s")
        return value


@dataclass(frozen=True, slots=True)
class StageStatistics:
    """One stage over many incidents: seconds over those recorded, None when there are none; counts of the others."""

    stage: IncidentStage
    count: int
    median_s: float | None
    mean_s: float | None
    p90_s: float | None
    pending: int
    not_applicable: int
    invalid: int


@dataclass(frozen=True, slots=True)
class Proportion:
    """`part` of `whole` incidents."""

    part: int
    whole: int

    @property
    def ratio(self) -> float | None:
        """0 to 1; None of nothing."""
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class Attainment:
    """A target and how often it was met, missed (a pending stage that is overdue is missed too), or is open."""

    severity: Severity
    stage: IncidentStage
    target_s: float
    met: int
    missed: int
    open: int

    @property
    def ratio(self) -> float | None:
        """The share met of those decided, None while none is."""
        return Proportion(self.met, self.met + self.missed).ratio


@dataclass(frozen=True, slots=True)
class GroupStatistics:
    """Statistics of one group of incidents.

    recurred: it reopened an earlier one, or has the recurrence key of one within the given time. automated: of the
    incidents with a remedy, those whose first one ran (or was rehearsed) without a human. escalated: the severity rose
    after the opening, or somebody was notified after a remedy had been decided.
    """

    name: str
    incidents: int
    open: int
    stages: tuple[StageStatistics, ...]
    recurred: Proportion
    automated: Proportion
    escalated: Proportion


@dataclass(frozen=True, slots=True)
class SloReport:
    """The report of a period.

    since_s, until_s: requested bounds of the opening time, until_s excluded; None for no bound. first_s, last_s: the
    first and last opening in the period, None when there is none.
    """

    since_s: float | None
    until_s: float | None
    first_s: float | None
    last_s: float | None
    by: Grouping | None
    total: GroupStatistics
    groups: tuple[GroupStatistics, ...]
    targets: tuple[Attainment, ...]


def compute_report(
    incidents: Iterable[Incident], targets: Mapping[Severity, StageTargets], now_s: float, recurs_within_s: float,
    since_s: float | None = None, until_s: float | None = None, by: Grouping | None = None,
) -> SloReport:
    """Compute the report.

    now_s: the time at which a pending stage may be overdue. Incidents before since_s only serve to find recurrences.
    Cost: sorts the incidents, about 10 us each.
    """
    ordered = sorted(incidents, key=lambda incident: (incident.opened_at_s, incident.id))
    recurring = _recurring(ordered, recurs_within_s)
    chosen = [
        one for one in ordered
        if (since_s is None or one.opened_at_s >= since_s) and (until_s is None or one.opened_at_s < until_s)
    ]
    groups: dict[str, list[Incident]] = {}
    if by is not None:
        for one in chosen:
            groups.setdefault(GROUPINGS[by](one), []).append(one)
    return SloReport(
        since_s, until_s, chosen[0].opened_at_s if chosen else None, chosen[-1].opened_at_s if chosen else None, by,
        _statistics("all", chosen, recurring),
        tuple(_statistics(name, groups[name], recurring) for name in sorted(groups)),
        tuple(_attainments(chosen, targets, now_s)),
    )


def recurrence_key(incident: Incident) -> RecurrenceKey:
    """The category and the scope that was hit: two incidents with the same key are a recurrence."""
    return incident.category, incident.service, incident.model, incident.version, incident.replica, incident.tenant


def escalated(incident: Incident) -> bool:
    """Whether the severity rose after the opening, or a human was notified after a remedy had been decided."""
    opened = incident.opened_severity
    rose = opened is not None and SEVERITY_ORDER.index(incident.peak_severity) < SEVERITY_ORDER.index(opened)
    decided = remedies(incident)
    paged = bool(decided) and any(
        action.kind in NOTIFICATIONS and action.decided_at_s > decided[0].decided_at_s for action in incident.actions
    )
    return rose or paged


def _statistics(name: str, incidents: Sequence[Incident], recurring: frozenset[str]) -> GroupStatistics:
    firsts = [decided[0] for decided in map(remedies, incidents) if decided]
    automated = sum(first.mode == "auto" and first.status in CARRIED_OUT for first in firsts)
    whole = len(incidents)
    return GroupStatistics(
        name, whole, sum(one.resolved_at_s is None for one in incidents),
        tuple(_stage(stage, incidents) for stage in STAGES),
        recurred=Proportion(sum(one.id in recurring for one in incidents), whole),
        automated=Proportion(automated, len(firsts)),
        escalated=Proportion(sum(map(escalated, incidents)), whole),
    )


def _stage(stage: IncidentStage, incidents: Sequence[Incident]) -> StageStatistics:
    times = [one.stage_times[stage] for one in incidents if stage in one.stage_times]
    statuses: Counter[StageStatus] = Counter(time.status for time in times)
    took = [time.value_s for time in times if time.value_s is not None]
    median_s, p90_s = (float(value) for value in np.quantile(took, (0.5, 0.9))) if took else (None, None)
    mean_s = float(np.mean(took)) if took else None
    return StageStatistics(
        stage, len(took), median_s, mean_s, p90_s,
        statuses["pending"], statuses["not_applicable"], statuses["invalid"],
    )


def _recurring(ordered: Sequence[Incident], within_s: float) -> frozenset[str]:
    """Ids of the incidents that recurred: another one with the same key had ended at most `within_s` before."""
    last_s: dict[RecurrenceKey, float] = {}
    found = set()
    for one in ordered:
        before_s = last_s.get(recurrence_key(one))
        reopens = any(related.relation == "reopens" for related in one.related)
        if reopens or (before_s is not None and one.opened_at_s - before_s <= within_s):
            found.add(one.id)
        last_s[recurrence_key(one)] = one.opened_at_s if one.resolved_at_s is None else one.resolved_at_s
    return frozenset(found)


def _attainments(
    incidents: Sequence[Incident], targets: Mapping[Severity, StageTargets], now_s: float,
) -> Iterable[Attainment]:
    """By peak severity, in order of severity and stage. Stages that do not apply or are invalid are not counted."""
    for severity in SEVERITY_ORDER:
        for stage in STAGES:
            target_s = targets[severity].of(stage) if severity in targets else None
            if target_s is None:
                continue
            own = [one for one in incidents if one.peak_severity == severity]
            statuses = Counter(_target_status(one, stage, target_s, now_s) for one in own)
            yield Attainment(severity, stage, target_s, statuses["met"], statuses["missed"], statuses["open"])


def _target_status(incident: Incident, stage: IncidentStage, target_s: float, now_s: float) -> TargetStatus:
    time = incident.stage_times.get(stage)
    if time is None or time.status in ("not_applicable", "invalid"):
        return "undecided"
    if time.value_s is None:
        return "missed" if now_s - incident.onset_at_s > target_s else "open"
    return "met" if time.value_s <= target_s else "missed"
