"""The symptoms of a service at one instant: which metrics alarm repeatedly, and which part stands out on each.

Read from the evidence of all episodes of the service together with this instant's readings. So a cause is found also
where its first alarms were assigned to another episode. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from classifiers.causes.causal_rules import EFFECTS, Shift
from classifiers.evidence.attribution import WHOLE, Attribution, Dimension, covers, dimension_of
from classifiers.evidence.evidence_table import (
    LEVEL_CAP,
    UNREPORTED,
    EvidenceTable,
    Onset,
    best_dated,
    signal_of,
)
from classifiers.evidence.metric_attribution import (
    LeadingParts,
    PartDeviations,
    attribute_metric,
    leading_parts,
    part_deviations,
)
from classifiers.evidence.series_snapshot import SUSTAINED_EWMA, UNOBSERVED, SeriesSnapshot, series_snapshots
from classifiers.model import Anomaly, Direction, Scope

ALARMING_EWMA = 0.5
"""Alarm EWMA of a series that alarmed in two of its last three windows."""
PAST_ALARMS = 2
"""A series that no longer alarms is a past symptom if it had so many alarms."""
FREQUENT_ALARMS = 5
"""So many alarms are enough too, when they are not in a row."""
ADDITIVE = frozenset({"quality", "context", "tokens_in", "tokens_out", "inputs", "attack", "breach"})
"""Signals that show alike in siblings when the cause is common: the excess of one part is its own."""
NEW_ALARMS_MAX = 6
"""Of a series with more alarms it is settled which episode they are assigned to."""
LEAD_MIN = 0.4
"""A part leads when it is at least so far ahead of its siblings, 0..1."""


@dataclass(frozen=True, slots=True)
class AlarmActivity:
    """How much a metric alarms: alarm_ewma and alarms of its series that alarmed most of late.

    past: it alarms no longer, but did so lately, and may explain what still alarms.
    """

    alarm_ewma: float = 0.0
    alarms: int = 0
    past: bool = False

    @property
    def sustained(self) -> bool:
        """Whether it alarms, and has done so long or often enough to be no accident."""
        return not self.past and (self.alarm_ewma >= SUSTAINED_EWMA or self.alarms >= FREQUENT_ALARMS)


@dataclass(frozen=True, slots=True)
class Symptom:
    """A metric that alarms, with one part that stands out on it.

    weight: sum of the levels of the alarming series. onset: the best dated one, at 0 where none is known.
    lead_by_part: by leading part, how far it is ahead of its siblings. co_located: another part stands out on the same
    metric for another reason. siblings: other values of the dimension that report the metric. owner: the place of the
    episode that most of its alarms were assigned to, None while those are few.
    """

    metric: str
    shift: Shift
    weight: float
    onset: Onset
    activity: AlarmActivity = AlarmActivity()
    lead_by_part: Mapping[tuple[Dimension, str], float] = field(default_factory=dict)
    siblings: frozenset[str] = frozenset()
    co_located: bool = False
    owner: int | None = None

    @property
    def past(self) -> bool:
        """Whether it alarms no longer, but did so lately."""
        return self.activity.past

    @property
    def sustained(self) -> bool:
        """Whether it alarms, and has done so long or often enough to be no accident."""
        return self.activity.sustained

    def leads(self, attribution: Attribution) -> bool:
        """Whether this part leads on this metric; it need not be so far ahead that it stands out alone."""
        if attribution.dimension is None or attribution.value is None:
            return False
        return self.lead_by_part.get((attribution.dimension, attribution.value), 0.0) >= LEAD_MIN


def find_symptoms(
    readings: Sequence[Anomaly], tables: Sequence[EvidenceTable], now_s: float, concentration_min: float,
) -> list[Symptom]:
    """The symptoms of this instant, in order of metric. A metric on which two parts stand out has two.

    readings: of this instant. tables: the evidence of the episodes. concentration_min: how far ahead (0..1) a part must
    be to stand out. Cost: about 1 us a series of the episodes, and as much again for metrics that alarm.
    """
    snapshots = series_snapshots(readings, tables, now_s)
    values = _known_values(readings, tables)
    found: list[Symptom] = []
    for metric in sorted(snapshots):
        by_scope = snapshots[metric]
        alarming = [series for series in by_scope.values() if series.alarm_ewma >= ALARMING_EWMA]
        past = [series for series in by_scope.values() if series.alarms >= PAST_ALARMS] if not alarming else []
        if alarming or past:
            found += _symptoms_of(metric, by_scope, alarming or past, values, concentration_min, past=not alarming)
    settled = _settled_alarms(tables)
    return [
        replace(one, owner=_owner(one, settled.get(one.metric, ()))) for symptom in found
        for one in _split_by_cause(symptom, found, snapshots[symptom.metric], concentration_min)
    ]


def _settled_alarms(tables: Sequence[EvidenceTable]) -> dict[str, list[tuple[int, int, Scope]]]:
    """By metric, each series of which it is settled which episode has its alarms: their number, the negative place of
    the episode, and the scope."""
    found: dict[str, list[tuple[int, int, Scope]]] = {}
    for place, table in enumerate(tables):
        for (metric, scope), series in table.series.items():
            if series.alarms > NEW_ALARMS_MAX:
                found.setdefault(metric, []).append((series.alarms, -place, scope))
    return found


def _owner(symptom: Symptom, settled: Sequence[tuple[int, int, Scope]]) -> int | None:
    """The place of the episode that has most alarms of one series of a symptom, the first of equal ones."""
    own = [(alarms, place) for alarms, place, scope in settled if covers(symptom.shift.attribution, scope)]
    return -max(own)[1] if own else None


def _split_by_cause(
    symptom: Symptom, others: Sequence[Symptom], snapshots: Mapping[Scope, SeriesSnapshot], concentration_min: float,
) -> list[Symptom]:
    """Splits a symptom of the whole in two where an upstream symptom explains one part of it.

    The other part must stand out among the siblings once the explained part is left out, and alarm sustainedly.
    """
    whole = symptom.shift.attribution.dimension is None
    if not whole or symptom.co_located or symptom.past or symptom.shift.node not in ADDITIVE:
        return [symptom]
    deviations = part_deviations(snapshots, -1.0 if symptom.shift.direction == "down" else 1.0, {})
    for other in others:
        explained = other.shift.attribution
        may_cause = symptom.shift.node in EFFECTS.get(other.shift.node, ())
        if explained.dimension is None or explained.value is None or not may_cause:
            continue
        parts = deviations.get(explained.dimension, {})
        rest = {explained.dimension: {value: part for value, part in parts.items() if value != explained.value}}
        value, lead = leading_parts(rest).get(explained.dimension, ("", 0.0))
        if lead >= concentration_min and parts[value][1].alarm_ewma >= SUSTAINED_EWMA:
            both = explained, Attribution(explained.dimension, value, lead)
            return [replace(symptom, shift=replace(symptom.shift, attribution=one), co_located=True) for one in both]
    return [symptom]


def _known_values(readings: Sequence[Anomaly], tables: Sequence[EvidenceTable]) -> dict[Dimension, set[str]]:
    """By dimension, the values that reported any metric."""
    scopes = {reading.scope for reading in readings}.union(*(table.last_reported_s for table in tables))
    found: dict[Dimension, set[str]] = {}
    for scope in scopes:
        dimension = dimension_of(scope)
        if dimension is not None:
            found.setdefault(dimension, set()).add(getattr(scope, dimension))
    return found


def _symptoms_of(
    metric: str, snapshots: Mapping[Scope, SeriesSnapshot], alarming: Sequence[SeriesSnapshot],
    values: Mapping[Dimension, set[str]], concentration_min: float, past: bool,
) -> list[Symptom]:
    """The symptoms of one metric: one, or two. alarming: its series that alarm, or did so lately where `past`."""
    most_alarming = max(alarming, key=lambda series: (series.alarm_ewma, series.alarms))
    highest = max(alarming, key=lambda series: (series.level, series.samples))
    silent = metric in UNREPORTED
    direction: Direction = "down" if silent else highest.direction
    deviations = part_deviations(snapshots, -1.0 if direction == "down" else 1.0, values if silent else {})
    leading = leading_parts(deviations)
    signal = signal_of(metric)
    whole = next((series for scope, series in snapshots.items() if dimension_of(scope) is None), UNOBSERVED)
    attributions = attribute_metric(
        snapshots, deviations, leading, whole, direction, concentration_min, signal in ADDITIVE,
        len(values.get("version", ())) > 1,
    )
    found = []
    for attribution in attributions:
        part = attributions[0] if attribution == WHOLE and len(attributions) > 1 else None
        onset = best_dated(
            _sibling_onsets(part, snapshots) or _own_onsets(attribution, snapshots) or [one.onset for one in alarming]
        )
        found.append(Symptom(
            metric=metric,
            shift=Shift(signal, direction, attribution, _size(attribution, deviations, whole)),
            weight=sum(min(series.level, LEVEL_CAP) for series in alarming),
            onset=Onset(0.0, 0.0) if onset is None else onset,
            activity=AlarmActivity(most_alarming.alarm_ewma, most_alarming.alarms, past),
            lead_by_part=_leads(leading),
            siblings=_siblings(attribution, deviations),
            co_located=len(attributions) > 1,
        ))
    return found


def _leads(leading: LeadingParts) -> dict[tuple[Dimension, str], float]:
    return {(dimension, value): lead for dimension, (value, lead) in leading.items()}


def _sibling_onsets(part: Attribution | None, snapshots: Mapping[Scope, SeriesSnapshot]) -> list[Onset | None]:
    """Onsets of the siblings of a part. They date what hits the whole: siblings show nothing of what hits the part."""
    if part is None or part.dimension is None:
        return []
    return [
        series.onset for scope, series in snapshots.items()
        if series.onset is not None and getattr(scope, part.dimension) not in (None, part.value)
    ]


def _own_onsets(part: Attribution, snapshots: Mapping[Scope, SeriesSnapshot]) -> list[Onset | None]:
    """Onsets of the part itself: a fault shows there undiluted."""
    return [] if part.dimension is None else [
        series.onset for scope, series in snapshots.items()
        if series.alarms and series.onset is not None and covers(part, scope)
    ]


def _size(attribution: Attribution, deviations: PartDeviations, whole: SeriesSnapshot) -> float:
    if attribution.dimension is None or attribution.value is None:
        return abs(whole.deviation)
    return deviations[attribution.dimension][attribution.value][0]


def _siblings(attribution: Attribution, deviations: PartDeviations) -> frozenset[str]:
    if attribution.dimension is None:
        return frozenset()
    parts = deviations[attribution.dimension]
    return frozenset(value for value, (_, series) in parts.items() if series.samples and value != attribution.value)
