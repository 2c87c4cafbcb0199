"""The state of each series of a service at one instant: the evidence of all its episodes and the newest reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from classifiers.evidence.evidence_table import (
    SILENCE_DETECTORS,
    EvidenceTable,
    Onset,
    SeriesEvidence,
    alarm_level,
    counts_of,
    deviation_of,
    metric_of,
    next_alarm_ewma,
    onset_of,
    relative,
)
from classifiers.evidence.share_counts import ShareCounts
from classifiers.model import Anomaly, Direction, Scope

STALE_S = 6.0
"""Evidence without a reading for so long is stale, unless its windows are longer. Sparse series report every 5 s."""
PAST_S = 20.0
"""For so long a symptom that is over may still explain others: queues drain and delayed requests come in late."""
SUSTAINED_EWMA = 0.8
"""Alarm EWMA of a series that alarmed in four windows in a row: enough to attribute an alarm to two parts at once."""


@dataclass(slots=True)
class SeriesSnapshot:
    """One series at one instant. The fields are those of `SeriesEvidence`, with the newest reading added.

    level, direction: of the reading with the highest level. expected: of the newest reading, else of the peak.
    sure_deviation: of a share, the part of the deviation that its trials prove; None of any other series.
    """

    alarm_ewma: float
    alarms: int
    deviation: float
    samples: int
    level: float
    direction: Direction
    onset: Onset | None
    expected: float | None = None
    sure_deviation: float | None = None


UNOBSERVED = SeriesSnapshot(0.0, 0, 0.0, 0, -1.0, "none", None)


def series_snapshots(
    readings: Sequence[Anomaly], tables: Sequence[EvidenceTable], now_s: float,
) -> dict[str, dict[Scope, SeriesSnapshot]]:
    """By metric and scope, the state of every metric that alarms now or did so lately. About 1 us a series.

    readings: of this instant. tables: the evidence of every episode; of a series in several, the one that alarmed most
    of late counts.
    """
    known, recent = _recent_evidence(tables, now_s)
    fresh: dict[str, dict[Scope, Anomaly]] = {}
    last_reported_s = last_reported(readings, tables)
    for reading in readings:
        metric = metric_of(reading, last_reported_s)
        fresh.setdefault(metric, {})[reading.scope] = reading
        if reading.alarming:
            recent.add(metric)
    return {
        metric: {
            scope: _snapshot(known.get(metric, {}).get(scope), fresh.get(metric, {}).get(scope), now_s)
            for scope in {**known.get(metric, {}), **fresh.get(metric, {})}
        }
        for metric in sorted(recent)
    }


def _recent_evidence(
    tables: Sequence[EvidenceTable], now_s: float,
) -> tuple[dict[str, dict[Scope, SeriesEvidence]], set[str]]:
    """By metric and scope, the evidence that is not too old; and the metrics that alarmed in it."""
    known: dict[str, dict[Scope, SeriesEvidence]] = {}
    alarmed: set[str] = set()
    for table in tables:
        for (metric, scope), series in table.series.items():
            if (not series.alarms and stale(series, now_s)) or now_s - series.last_s > PAST_S + 2.0 * _span_s(series):
                continue
            if series.alarms:
                alarmed.add(metric)
            by_scope = known.setdefault(metric, {})
            other = by_scope.get(scope)
            if other is None or (series.alarm_ewma, series.windows) > (other.alarm_ewma, other.windows):
                by_scope[scope] = series
    return known, alarmed


def stale(series: SeriesEvidence, now_s: float) -> bool:
    """Whether the evidence of a series is too old to describe this instant: twice its window, at least `STALE_S`."""
    return now_s - series.last_s > max(STALE_S, 2.0 * _span_s(series))


def _span_s(series: SeriesEvidence) -> float:
    return 0.0 if series.peak.detector in SILENCE_DETECTORS else series.peak.end_s - series.peak.start_s


def last_reported(readings: Iterable[Anomaly], tables: Sequence[EvidenceTable]) -> dict[Scope, float]:
    """When each scope last reported anything, this instant included."""
    found: dict[Scope, float] = {}
    for table in tables:
        for scope, at_s in table.last_reported_s.items():
            found[scope] = max(at_s, found.get(scope, at_s))
    for reading in readings:
        if reading.detector not in SILENCE_DETECTORS:
            found[reading.scope] = reading.end_s
    return found


def _snapshot(series: SeriesEvidence | None, reading: Anomaly | None, now_s: float) -> SeriesSnapshot:
    if series is None:
        assert reading is not None
        return SeriesSnapshot(
            next_alarm_ewma(0.0, reading), int(reading.alarming), deviation_of(reading), reading.samples,
            alarm_level(reading), reading.direction, onset_of(reading), reading.expected,
            _sure_deviation(_shares_with(None, reading), reading.metric),
        )
    if reading is None:
        alarm_ewma = 0.0 if stale(series, now_s) else series.alarm_ewma
        return SeriesSnapshot(
            alarm_ewma, series.alarms, series.deviation, series.samples, alarm_level(series.peak),
            series.peak.direction, series.onset, series.peak.expected,
            None if series.shares is None else series.sure_deviation,
        )
    peak = max(reading, series.peak, key=alarm_level)
    weight = 1.0 / (min(series.windows, 7) + 1.0)
    deviation = series.deviation + weight * (deviation_of(reading) - series.deviation)
    shares = _shares_with(series.shares, reading)
    if shares is not None and series.shares is not None:
        deviation = relative(shares.recent.deviation, reading.metric, shares.recent)
    return SeriesSnapshot(
        next_alarm_ewma(series.alarm_ewma, reading), series.alarms + int(reading.alarming), deviation,
        series.samples + reading.samples, alarm_level(peak), peak.direction,
        series.onset or Onset(reading.onset_s, reading.onset_error_s), reading.expected,
        _sure_deviation(shares, reading.metric),
    )


def _shares_with(known: ShareCounts | None, reading: Anomaly) -> ShareCounts | None:
    """The counts of a series with those of a reading; None where the reading has none."""
    counts = counts_of(reading)
    return None if counts is None else (known or ShareCounts()).plus(counts)


def _sure_deviation(shares: ShareCounts | None, metric: str) -> float | None:
    """The part of a deviation that the counts prove."""
    return None if shares is None else relative(shares.sure_deviation, metric, shares.recent)
