"""The books over many incidents: how long their stages took, which came back, and whether the targets were kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import isfinite
from typing import Literal

import numpy as np

from classifiers.accounting.stage_timeline import DONE, STAGES, Stage, remedies
from classifiers.model import TELLS, Incident, Severity, StageStatus
from classifiers.verdict.hysteresis import ORDER

Grouping = Literal["severity", "category", "service"]
Fingerprint = tuple[str | None, ...]
Kept = Literal["met", "missed", "open", "undecided"]

GROUPINGS: Mapping[Grouping, Callable[[Incident], str]] = {
    "severity": lambda incident: incident.peak_severity,
    "category": lambda incident: incident.category,
    "service": lambda incident: incident.service,
}


@dataclass(frozen=True, slots=True)
class Target:
    """How long each stage may take, in seconds from the onset; None where nothing is asked. Raises `ValueError`."""

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

    def of(self, stage: Stage) -> float | None:
        """The seconds allowed for a stage."""
        value: float | None = getattr(self, f"{stage}_s")
        return value


@dataclass(frozen=True, slots=True)
class StageFigures:
    """One stage over many incidents. Seconds, over those recorded; None when there are none. Counts for the rest."""

    stage: Stage
    count: int
    median_s: float | None
    mean_s: float | None
    p90_s: float | None
    pending: int
    not_applicable: int
    invalid: int


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole` incidents."""

    part: int
    whole: int

    @property
    def ratio(self) -> float | None:
        """0 to 1; None of nothing."""
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class Attainment:
    """A target and how often it was kept: met, missed (also by a stage still pending that is overdue), or open."""

    severity: Severity
    stage: Stage
    target_s: float
    met: int
    missed: int
    open: int

    @property
    def ratio(self) -> float | None:
        """The share met of those decided, None while none is."""
        return Share(self.met, self.met + self.missed).ratio


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything about one group of incidents.

    recurred: reopened an earlier one, or has its fingerprint within the time given. automated: of the incidents with a
    remedy, those whose first one ran (or was rehearsed) without a human. escalated: beyond plan, that is the severity
    rose after the opening, or somebody was told after remedies had been tried.
    """

    name: str
    incidents: int
    open: int
    stages: tuple[StageFigures, ...]
    recurred: Share
    automated: Share
    escalated: Share


@dataclass(frozen=True, slots=True)
class Report:
    """The books of a period. since_s, until_s: bounds asked for on the time of opening, until excluded; None for no
    bound. first_s, last_s: the first and last opening there was."""

    since_s: float | None
    until_s: float | None
    first_s: float | None
    last_s: float | None
    by: Grouping | None
    total: Figures
    groups: tuple[Figures, ...]
    targets: tuple[Attainment, ...]


def report(
    incidents: Iterable[Incident], targets: Mapping[Severity, Target], now_s: float, recurs_within_s: float,
    since_s: float | None = None, until_s: float | None = None, by: Grouping | None = None,
) -> Report:
    """Draw the books up. now_s: by when a pending stage may be overdue. Earlier incidents than `since_s` only say what
    came back. Cost: sorts the incidents, about 10 us each."""
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
    return Report(
        since_s, until_s, chosen[0].opened_at_s if chosen else None, chosen[-1].opened_at_s if chosen else None, by,
        _figures("all", chosen, recurring),
        tuple(_figures(name, groups[name], recurring) for name in sorted(groups)),
        tuple(_attainments(chosen, targets, now_s)),
    )


def fingerprint(incident: Incident) -> Fingerprint:
    """What makes two incidents the same trouble again: the category, and the scope that was hit."""
    return incident.category, incident.service, incident.model, incident.version, incident.replica, incident.tenant


def escalated(incident: Incident) -> bool:
    """Whether it went beyond plan: grew worse than it opened, or a human was told after a remedy had been decided."""
    opened = incident.opened_severity
    rose = opened is not None and ORDER.index(incident.peak_severity) < ORDER.index(opened)
    tried = remedies(incident)
    paged = bool(tried) and any(
        action.kind in TELLS and action.decided_at_s > tried[0].decided_at_s for action in incident.actions
    )
    return rose or paged


def _figures(name: str, incidents: Sequence[Incident], recurring: frozenset[str]) -> Figures:
    firsts = [tried[0] for tried in map(remedies, incidents) if tried]
    whole = len(incidents)
    return Figures(
        name, whole, sum(one.resolved_at_s is None for one in incidents),
        tuple(_stage(stage, incidents) for stage in STAGES),
        recurred=Share(sum(one.id in recurring for one in incidents), whole),
        automated=Share(sum(first.mode == "auto" and first.status in DONE for first in firsts), len(firsts)),
        escalated=Share(sum(map(escalated, incidents)), whole),
    )


def _stage(stage: Stage, incidents: Sequence[Incident]) -> StageFigures:
    times = [one.stage_times[stage] for one in incidents if stage in one.stage_times]
    statuses: Counter[StageStatus] = Counter(time.status for time in times)
    took = [time.value_s for time in times if time.value_s is not None]
    median_s, p90_s = (float(value) for value in np.quantile(took, (0.5, 0.9))) if took else (None, None)
    mean_s = float(np.mean(took)) if took else None
    return StageFigures(
        stage, len(took), median_s, mean_s, p90_s,
        statuses["pending"], statuses["not_applicable"], statuses["invalid"],
    )


def _recurring(ordered: Sequence[Incident], within_s: float) -> frozenset[str]:
    """Ids of the incidents that came back. An incident is back when one like it had been there at most so long ago."""
    last_s: dict[Fingerprint, float] = {}
    found = set()
    for one in ordered:
        before_s = last_s.get(fingerprint(one))
        reopens = any(related.relation == "reopens" for related in one.related)
        if reopens or (before_s is not None and one.opened_at_s - before_s <= within_s):
            found.add(one.id)
        last_s[fingerprint(one)] = one.opened_at_s if one.resolved_at_s is None else one.resolved_at_s
    return frozenset(found)


def _attainments(
    incidents: Sequence[Incident], targets: Mapping[Severity, Target], now_s: float,
) -> Iterable[Attainment]:
    """By peak severity, in order of severity and stage; stages that do not apply or are invalid decide nothing."""
    for severity in ORDER:
        for stage in STAGES:
            target_s = targets[severity].of(stage) if severity in targets else None
            if target_s is None:
                continue
            own = [one for one in incidents if one.peak_severity == severity]
            kept = Counter(_kept(one, stage, target_s, now_s) for one in own)
            yield Attainment(severity, stage, target_s, kept["met"], kept["missed"], kept["open"])


def _kept(incident: Incident, stage: Stage, target_s: float, now_s: float) -> Kept:
    time = incident.stage_times.get(stage)
    if time is None or time.status in ("not_applicable", "invalid"):
        return "undecided"
    if time.value_s is None:
        return "missed" if now_s - incident.onset_at_s > target_s else "open"
    return "met" if time.value_s <= target_s else "missed"
