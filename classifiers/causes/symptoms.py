"""What the metrics of a service show just now: which alarm, and not only once, and which part stands out on each.

A view over what all episodes of the service have seen, and this instant's readings, so that a cause is found also where
its first alarms were taken for another's. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from classifiers.causes.paths import EFFECTS, Sign
from classifiers.evidence.attribution import WHOLE, Attribution, Dimension, dimension_of
from classifiers.evidence.evidence_table import ABSENCE, GAP, EvidenceTable, signal_of
from classifiers.evidence.part_attribution import Sizes, blames_of, sizes_of, tops_of
from classifiers.evidence.series_snapshot import SURE, UNSEEN, SeriesSnapshot, marks_of
from classifiers.model import Anomaly, Direction, Scope

HOT = 0.5
"""Heat of a line that alarmed in two of its last three windows."""
OFTEN = 5
"""Alarms that are enough too, when they are not on end."""
ADDITIVE = frozenset({"quality", "context", "tokens_in", "tokens_out", "inputs", "attack", "breach"})
"""Signals that siblings show alike when the cause is common: what one has more of than the others is its own."""
LEADS = 0.4
"""How far ahead of its siblings a part is when it leads."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """A metric that alarms, and what it is a sign of.

    weight: alarming series and how loud they are. heat, alarms: of the line that alarmed most of late. past: it does no
    longer alarm, but did so lately, and may be the reason of what does. twin: another part stands out on the same
    metric for another reason. others: siblings of the part that report the metric too.
    """

    metric: str
    sign: Sign
    weight: float
    onset_s: float
    onset_error_s: float
    ahead: Mapping[tuple[Dimension, str], float]
    heat: float = 0.0
    alarms: int = 0
    past: bool = False
    twin: bool = False
    others: frozenset[str] = frozenset()

    @property
    def sure(self) -> bool:
        """Whether it alarmed long or often enough to be no accident."""
        return not self.past and (self.heat >= SURE or self.alarms >= OFTEN)

    def leads(self, blame: Attribution) -> bool:
        """Whether this part is the foremost on this metric, if not so far that it alone stands out."""
        if blame.dimension is None or blame.value is None:
            return False
        return self.ahead.get((blame.dimension, blame.value), 0.0) >= LEADS


def see(
    readings: Sequence[Anomaly], tallies: Sequence[EvidenceTable], now_s: float, concentration_min: float,
) -> list[Symptom]:
    """The signs of this instant, in order of metric; two of one metric where two parts stand out.

    Cost: about 1 us a series that the episodes know, and as much again for metrics that alarm.
    """
    marks = marks_of(readings, tallies, now_s)
    values = _values(readings, tallies)
    found: list[Symptom] = []
    for metric in sorted(marks):
        lines = marks[metric]
        hot = [mark for mark in lines.values() if mark.heat >= HOT]
        past = [mark for mark in lines.values() if mark.alarms >= 2] if not hot else []
        if hot or past:
            found += _seen(metric, lines, hot or past, values, concentration_min, not hot)
    return [part for seen in found for part in _split(seen, found, marks[seen.metric], concentration_min)]


def _split(
    seen: Symptom, others: Sequence[Symptom], lines: Mapping[Scope, SeriesSnapshot], concentration_min: float,
) -> list[Symptom]:
    """A sign of the whole in two, where one part has its reason upstream and but one other part is off besides it."""
    if seen.sign.blame.dimension is not None or seen.twin or seen.past or seen.sign.node not in ADDITIVE:
        return [seen]
    sizes = sizes_of(lines, -1.0 if seen.sign.direction == "down" else 1.0, {})
    for other in others:
        blame = other.sign.blame
        if blame.dimension is None or blame.value is None or seen.sign.node not in EFFECTS.get(other.sign.node, ()):
            continue
        known = sizes.get(blame.dimension, {})
        rest = {blame.dimension: {value: part for value, part in known.items() if value != blame.value}}
        top, lead = tops_of(rest).get(blame.dimension, ("", 0.0))
        if lead >= concentration_min and known[top][1].heat >= SURE:
            parts = blame, Attribution(blame.dimension, top, lead)
            return [replace(seen, sign=replace(seen.sign, blame=part), twin=True) for part in parts]
    return [seen]


def _values(readings: Sequence[Anomaly], tallies: Sequence[EvidenceTable]) -> dict[Dimension, set[str]]:
    """The parts of the service that are known, whichever metric they show."""
    scopes = {reading.scope for reading in readings}.union(*(tally.heard for tally in tallies))
    found: dict[Dimension, set[str]] = {}
    for scope in scopes:
        dimension = dimension_of(scope)
        if dimension is not None:
            found.setdefault(dimension, set()).add(getattr(scope, dimension))
    return found


def _seen(
    metric: str, lines: Mapping[Scope, SeriesSnapshot], telling: Sequence[SeriesSnapshot],
    values: Mapping[Dimension, set[str]], concentration_min: float, past: bool,
) -> list[Symptom]:
    hottest = max(telling, key=lambda mark: (mark.heat, mark.alarms))
    loudest = max(telling, key=lambda mark: (mark.level, mark.samples))
    silent = metric in (ABSENCE, GAP)
    direction: Direction = "down" if silent else loudest.direction
    weight = sum(min(mark.level, 8.0) for mark in telling)
    sizes = sizes_of(lines, -1.0 if direction == "down" else 1.0, values if silent else {})
    tops = tops_of(sizes)
    ahead = {(dimension, top): lead for dimension, (top, lead) in tops.items()}
    signal = signal_of(metric)
    base = next((mark for scope, mark in lines.items() if dimension_of(scope) is None), UNSEEN)
    blames = blames_of(lines, sizes, tops, base, direction, concentration_min, signal in ADDITIVE)
    found = []
    for blame in blames:
        beside = blames[0] if blame == WHOLE and len(blames) > 1 else None
        surest = min(_clear_of(beside, lines) or telling, key=_unsure_s)
        found.append(Symptom(
            metric, Sign(signal, direction, blame, _size(blame, sizes, base)), weight, surest.onset_s or 0.0,
            surest.onset_error_s or 0.0, ahead, hottest.heat, hottest.alarms, past, len(blames) > 1,
            _others(blame, sizes),
        ))
    return found


def _clear_of(part: Attribution | None, lines: Mapping[Scope, SeriesSnapshot]) -> list[SeriesSnapshot]:
    """Siblings that alarmed of a part: they say when it began what hits all, showing nothing of what hits the part."""
    if part is None or part.dimension is None:
        return []
    return [
        mark for scope, mark in lines.items()
        if mark.onset_s is not None and getattr(scope, part.dimension) not in (None, part.value)
    ]


def _unsure_s(mark: SeriesSnapshot) -> float:
    return float("inf") if mark.onset_error_s is None else mark.onset_error_s


def _size(blame: Attribution, sizes: Sizes, base: SeriesSnapshot) -> float:
    if blame.dimension is None or blame.value is None:
        return abs(base.deviation)
    return sizes[blame.dimension][blame.value][0]


def _others(blame: Attribution, sizes: Sizes) -> frozenset[str]:
    if blame.dimension is None:
        return frozenset()
    known = sizes[blame.dimension]
    return frozenset(value for value, (_, mark) in known.items() if mark.samples and value != blame.value)
