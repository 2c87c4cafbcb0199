"""What each series of a service shows now: what all its episodes have seen of it, and this instant's reading. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from classifiers.evidence.evidence_table import (
    ABSENCE,
    EvidenceTable,
    SeriesEvidence,
    deviation_of,
    heated,
    loudness,
    metric_of,
)
from classifiers.model import Anomaly, Direction, Scope

STALE_S = 6.0
"""A line without a reading for so long says nothing of now, unless its windows are longer; sparse series have 5 s."""
PAST_S = 20.0
"""For so long a sign that is over may be the reason of others: queues drain, requests that waited come in late."""
SURE = 0.8
"""Heat of a line that alarmed in four windows on end: enough to believe in two parts at once."""


@dataclass(slots=True)
class SeriesSnapshot:
    """One series now: as in `SeriesEvidence`, this instant included."""

    heat: float
    alarms: int
    deviation: float
    samples: int
    level: float
    direction: Direction
    onset_s: float | None
    onset_error_s: float | None
    expected: float | None = None


UNSEEN = SeriesSnapshot(0.0, 0, 0.0, 0, -1.0, "none", None, None)


def marks_of(
    readings: Sequence[Anomaly], tallies: Sequence[EvidenceTable], now_s: float,
) -> dict[str, dict[Scope, SeriesSnapshot]]:
    """By metric and scope, what is known of the metrics that alarm now or did so lately. About 1 us a series."""
    known: dict[str, dict[Scope, SeriesEvidence]] = {}
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


def stale(line: SeriesEvidence, now_s: float) -> bool:
    """Whether a line says nothing of now: it had no reading for longer than its windows are apart."""
    return now_s - line.last_s > max(STALE_S, 2.0 * _span_s(line))


def _span_s(line: SeriesEvidence) -> float:
    return 0.0 if line.peak.detector == ABSENCE else line.peak.end_s - line.peak.start_s


def heard_of(readings: Iterable[Anomaly], tallies: Sequence[EvidenceTable]) -> dict[Scope, float]:
    """When each scope last reported anything, this instant included."""
    heard: dict[Scope, float] = {}
    for tally in tallies:
        for scope, at_s in tally.heard.items():
            heard[scope] = max(at_s, heard.get(scope, at_s))
    for reading in readings:
        if reading.detector != ABSENCE:
            heard[reading.scope] = reading.end_s
    return heard


def _mark(line: SeriesEvidence | None, reading: Anomaly | None, now_s: float) -> SeriesSnapshot:
    if line is None:
        assert reading is not None
        span_s = reading.end_s - reading.start_s
        return SeriesSnapshot(
            heated(0.0, reading), int(reading.alarming), deviation_of(reading), reading.count,
            loudness(reading), reading.direction, reading.onset_s,
            span_s if reading.onset_error_s is None else reading.onset_error_s, reading.expected,
        )
    if reading is None:
        heat = 0.0 if stale(line, now_s) else line.heat
        return SeriesSnapshot(
            heat, line.alarms, line.deviation, line.samples, loudness(line.peak), line.peak.direction, line.onset_s,
            line.onset_error_s, line.peak.expected,
        )
    loudest = max(reading, line.peak, key=loudness)
    weight = 1.0 / (min(line.windows, 7) + 1.0)
    return SeriesSnapshot(
        heated(line.heat, reading), line.alarms + int(reading.alarming),
        line.deviation + weight * (deviation_of(reading) - line.deviation), line.samples + reading.count,
        loudness(loudest), loudest.direction, reading.onset_s if line.onset_s is None else line.onset_s,
        reading.onset_error_s if line.onset_error_s is None else line.onset_error_s, reading.expected,
    )
