"""What the metrics of a service show just now: which alarm, and not only once, and which part stands out on each.

A view over what all episodes of the service have seen, and this instant's readings, so that a cause is found also where
its first alarms were taken for another's. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from classifiers.localise import DIMENSIONS, WHOLE, Blame, Dimension, dimension_of
from classifiers.mixture import Part, two_parts
from classifiers.model import Anomaly, Direction, Scope
from classifiers.paths import EFFECTS, Sign
from classifiers.tally import ABSENCE, GAP, Line, Tally, deviation_of, heated, loudness, metric_of, signal_of

HOT = 0.5
"""Heat of a line that alarmed in two of its last three windows."""
STALE_S = 6.0
"""A line without a reading for so long says nothing of now, unless its windows are longer; sparse series have 5 s."""
PAST_S = 20.0
"""For so long a sign that is over may be the reason of others: queues drain, requests that waited come in late."""
SURE = 0.8
"""Heat of a line that alarmed in four windows on end: enough to believe in two parts at once."""
OFTEN = 5
"""Alarms that are enough too, when they are not on end."""
MOST = 0.6
"""Share of the traffic from which on a part is nearly the whole, as a version in the midst of a deployment."""
ALONE_S = 6.0
"""For so long at least a part must have been off before the others, errors aside."""
ADDITIVE = frozenset({"quality", "context", "tokens_in", "tokens_out", "inputs", "attack", "breach"})
"""Signals that siblings show alike when the cause is common: what one has more of than the others is its own."""
LEADS = 0.4
"""How far ahead of its siblings a part is when it leads."""


@dataclass(slots=True)
class Mark:
    """One series now: as in `Line`, this instant included."""

    heat: float
    alarms: int
    deviation: float
    samples: int
    level: float
    direction: Direction
    onset_s: float | None
    onset_error_s: float | None
    expected: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
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

    def leads(self, blame: Blame) -> bool:
        """Whether this part is the foremost on this metric, if not so far that it alone stands out."""
        if blame.dimension is None or blame.value is None:
            return False
        return self.ahead.get((blame.dimension, blame.value), 0.0) >= LEADS


def see(
    readings: Sequence[Anomaly], tallies: Sequence[Tally], now_s: float, concentration_min: float,
) -> list[Seen]:
    """The signs of this instant, in order of metric; two of one metric where two parts stand out.

    Cost: about 1 us a series that the episodes know, and as much again for metrics that alarm.
    """
    marks = _marks(readings, tallies, now_s)
    values = _values(readings, tallies)
    found: list[Seen] = []
    for metric in sorted(marks):
        lines = marks[metric]
        hot = [mark for mark in lines.values() if mark.heat >= HOT]
        past = [mark for mark in lines.values() if mark.alarms >= 2] if not hot else []
        if hot or past:
            found += _seen(metric, lines, hot or past, values, concentration_min, not hot)
    return [part for seen in found for part in _split(seen, found, marks[seen.metric], concentration_min)]


def _split(seen: Seen, others: Sequence[Seen], lines: Mapping[Scope, Mark], concentration_min: float) -> list[Seen]:
    """A sign of the whole in two, where one part has its reason upstream and but one other part is off besides it."""
    if seen.sign.blame.dimension is not None or seen.twin or seen.past or seen.sign.node not in ADDITIVE:
        return [seen]
    sizes = _sizes(lines, -1.0 if seen.sign.direction == "down" else 1.0, {})
    for other in others:
        blame = other.sign.blame
        if blame.dimension is None or blame.value is None or seen.sign.node not in EFFECTS.get(other.sign.node, ()):
            continue
        known = sizes.get(blame.dimension, {})
        rest = {blame.dimension: {value: part for value, part in known.items() if value != blame.value}}
        top, lead = _tops(rest).get(blame.dimension, ("", 0.0))
        if lead >= concentration_min and known[top][1].heat >= SURE:
            parts = blame, Blame(blame.dimension, top, lead)
            return [replace(seen, sign=replace(seen.sign, blame=part), twin=True) for part in parts]
    return [seen]


def _values(readings: Sequence[Anomaly], tallies: Sequence[Tally]) -> dict[Dimension, set[str]]:
    """The parts of the service that are known, whichever metric they show."""
    scopes = {reading.scope for reading in readings}.union(*(tally.heard for tally in tallies))
    found: dict[Dimension, set[str]] = {}
    for scope in scopes:
        dimension = dimension_of(scope)
        if dimension is not None:
            found.setdefault(dimension, set()).add(getattr(scope, dimension))
    return found


def _marks(
    readings: Sequence[Anomaly], tallies: Sequence[Tally], now_s: float,
) -> dict[str, dict[Scope, Mark]]:
    """By metric and scope, what is known of the metrics that alarm now or did so lately."""
    known: dict[str, dict[Scope, Line]] = {}
    warm: set[str] = set()
    for tally in tallies:
        for (metric, scope), line in tally.lines.items():
            if (not line.alarms and stale(line, now_s)) or now_s - line.last_s > PAST_S + 2.0 * _span_s(line):
                continue
            if line.alarms:
                warm.add(metric)
            lines = known.setdefault(metric, {})
            other = lines.get(scope)
            if other is None or (line.heat, line.windows) > (other.heat, other.windows):
                lines[scope] = line
    fresh: dict[str, dict[Scope, Anomaly]] = {}
    heard = heard_of(readings, tallies)
    for reading in readings:
        metric = metric_of(reading, heard)
        fresh.setdefault(metric, {})[reading.scope] = reading
        if reading.alarming:
            warm.add(metric)
    return {
        metric: {
            scope: _mark(known.get(metric, {}).get(scope), fresh.get(metric, {}).get(scope), now_s)
            for scope in {**known.get(metric, {}), **fresh.get(metric, {})}
        }
        for metric in sorted(warm)
    }


def stale(line: Line, now_s: float) -> bool:
    """Whether a line says nothing of now: it had no reading for longer than its windows are apart."""
    return now_s - line.last_s > max(STALE_S, 2.0 * _span_s(line))


def _span_s(line: Line) -> float:
    return 0.0 if line.peak.detector == ABSENCE else line.peak.end_s - line.peak.start_s


def heard_of(readings: Iterable[Anomaly], tallies: Sequence[Tally]) -> dict[Scope, float]:
    """When each scope last reported anything, this instant included."""
    heard: dict[Scope, float] = {}
    for tally in tallies:
        for scope, at_s in tally.heard.items():
            heard[scope] = max(at_s, heard.get(scope, at_s))
    for reading in readings:
        if reading.detector != ABSENCE:
            heard[reading.scope] = reading.end_s
    return heard


def _mark(line: Line | None, reading: Anomaly | None, now_s: float) -> Mark:
    if line is None:
        assert reading is not None
        span_s = reading.end_s - reading.start_s
        return Mark(
            heated(0.0, reading), int(reading.alarming), deviation_of(reading), reading.count,
            loudness(reading), reading.direction, reading.onset_s,
            span_s if reading.onset_error_s is None else reading.onset_error_s, reading.expected,
        )
    if reading is None:
        heat = 0.0 if stale(line, now_s) else line.heat
        return Mark(
            heat, line.alarms, line.deviation, line.samples, loudness(line.peak), line.peak.direction, line.onset_s,
            line.onset_error_s, line.peak.expected,
        )
    loudest = max(reading, line.peak, key=loudness)
    weight = 1.0 / (min(line.windows, 7) + 1.0)
    return Mark(
        heated(line.heat, reading), line.alarms + int(reading.alarming),
        line.deviation + weight * (deviation_of(reading) - line.deviation), line.samples + reading.count,
        loudness(loudest), loudest.direction, reading.onset_s if line.onset_s is None else line.onset_s,
        reading.onset_error_s if line.onset_error_s is None else line.onset_error_s, reading.expected,
    )


def _seen(
    metric: str, lines: Mapping[Scope, Mark], telling: Sequence[Mark], values: Mapping[Dimension, set[str]],
    concentration_min: float, past: bool,
) -> list[Seen]:
    hottest = max(telling, key=lambda mark: (mark.heat, mark.alarms))
    loudest = max(telling, key=lambda mark: (mark.level, mark.samples))
    silent = metric in (ABSENCE, GAP)
    direction: Direction = "down" if silent else loudest.direction
    weight = sum(min(mark.level, 8.0) for mark in telling)
    sizes = _sizes(lines, -1.0 if direction == "down" else 1.0, values if silent else {})
    ahead = {(dimension, top): lead for dimension, (top, lead) in _tops(sizes).items()}
    signal = signal_of(metric)
    base = next((mark for scope, mark in lines.items() if dimension_of(scope) is None), _UNSEEN)
    whole = base.samples
    blames = _mixed(lines, direction, whole, signal in ADDITIVE) or _blames(sizes, whole, ahead, concentration_min)
    found = []
    for blame in blames:
        beside = blames[0] if blame == WHOLE and len(blames) > 1 else None
        surest = min(_clear_of(beside, lines) or telling, key=_unsure_s)
        found.append(Seen(
            metric, Sign(signal, direction, blame, _size(blame, sizes, base)), weight, surest.onset_s or 0.0,
            surest.onset_error_s or 0.0, ahead, hottest.heat, hottest.alarms, past, len(blames) > 1,
            _others(blame, sizes),
        ))
    return found


def _clear_of(part: Blame | None, lines: Mapping[Scope, Mark]) -> list[Mark]:
    """Siblings that alarmed of a part: they say when it began what hits all, showing nothing of what hits the part."""
    if part is None or part.dimension is None:
        return []
    return [
        mark for scope, mark in lines.items()
        if mark.onset_s is not None and getattr(scope, part.dimension) not in (None, part.value)
    ]


def _unsure_s(mark: Mark) -> float:
    return float("inf") if mark.onset_error_s is None else mark.onset_error_s


def _mixed(lines: Mapping[Scope, Mark], direction: Direction, whole: int, additive: bool) -> list[Blame]:
    """Two parts that are hit at once, where what all parts show asks for two."""
    if sum(mark.heat >= SURE for mark in lines.values()) < 2:
        return []
    base = next((mark.expected for scope, mark in lines.items() if dimension_of(scope) is None), None)
    sign = -1.0 if direction == "down" else 1.0
    parts = [
        Part(
            dimension, getattr(scope, dimension), sign * mark.deviation * _unit(mark.expected, base), mark.samples,
            mark.heat >= SURE,
        )
        for scope, mark in lines.items() if (dimension := dimension_of(scope)) is not None
    ]
    return list(two_parts(parts, whole, MOST, additive) or ())


def _unit(expected: float | None, base: float | None) -> float:
    """What makes deviations alike where a common cause does: of log-probabilities, the difference and not the share."""
    return expected / base if expected is not None and base is not None and max(expected, base) < 0.0 else 1.0


def _size(blame: Blame, sizes: Sizes, base: Mark) -> float:
    if blame.dimension is None or blame.value is None:
        return abs(base.deviation)
    return sizes[blame.dimension][blame.value][0]


def _others(blame: Blame, sizes: Sizes) -> frozenset[str]:
    if blame.dimension is None:
        return frozenset()
    known = sizes[blame.dimension]
    return frozenset(value for value, (_, mark) in known.items() if mark.samples and value != blame.value)


Sizes = dict[Dimension, dict[str, tuple[float, Mark]]]
_UNSEEN = Mark(0.0, 0, 0.0, 0, -1.0, "none", None, None)


def _sizes(lines: Mapping[Scope, Mark], sign: float, values: Mapping[Dimension, set[str]]) -> Sizes:
    """By part, its deviation in the metric's direction. values: parts that count as not deviating when not seen."""
    found: Sizes = {
        dimension: dict.fromkeys(sorted(known), (0.0, _UNSEEN)) for dimension, known in values.items()
    }
    for scope, mark in lines.items():
        dimension = dimension_of(scope)
        if dimension is not None:
            found.setdefault(dimension, {})[getattr(scope, dimension)] = max(0.0, sign * mark.deviation), mark
    return found


def _tops(sizes: Sizes) -> dict[Dimension, tuple[str, float]]:
    """By dimension with several values, the one that deviates most and how far it is ahead of the next, 0..1."""
    found: dict[Dimension, tuple[str, float]] = {}
    for dimension in DIMENSIONS:
        ranked = sorted(sizes.get(dimension, {}).items(), key=lambda item: (-item[1][0], item[0]))
        if len(ranked) >= 2 and ranked[0][1][0] > 0.0:
            found[dimension] = ranked[0][0], 1.0 - ranked[1][1][0] / ranked[0][1][0]
    return found


def _blames(
    sizes: Sizes, whole: int, ahead: Mapping[tuple[Dimension, str], float], concentration_min: float,
) -> list[Blame]:
    """The part that stands out, or the whole, and the part before it that was off on its own for a while."""
    alone = [
        Blame(dimension, value, lead) for (dimension, value), lead in ahead.items()
        if lead >= concentration_min and sizes[dimension][value][1].alarms
        and not (dimension == "version" and sizes[dimension][value][1].samples > MOST * whole)
    ]
    if alone:
        return [max(alone, key=lambda blame: blame.concentration)]
    return [*_earlier(sizes), WHOLE]


def _earlier(sizes: Sizes) -> list[Blame]:
    """The part that was off on its own for a while before all others were: it has a cause of its own."""
    for dimension in ("replica", "tenant"):
        known = sizes.get(dimension, {})
        marks = [mark for _, mark in known.values()]
        if len(marks) < 2 or any(mark.heat < SURE or mark.onset_s is None for mark in marks):
            continue
        ranked = sorted(known, key=lambda value: (_onset_s(known[value][1], 1.0), value))
        if _onset_s(known[ranked[0]][1], 1.0) + ALONE_S < _onset_s(known[ranked[1]][1], -1.0):
            return [Blame(dimension, ranked[0], 1.0)]
    return []


def _onset_s(mark: Mark, side: float) -> float:
    """The latest (side 1) or earliest (-1) that it may have begun."""
    assert mark.onset_s is not None
    return mark.onset_s + side * min(mark.onset_error_s or 0.0, 3.0)
