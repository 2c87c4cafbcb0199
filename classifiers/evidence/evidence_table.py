"""The evidence of one episode, by metric and scope. Attribution, category and severity are read from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from classifiers.evidence.families import Family, deviation_floor, family_of
from classifiers.evidence.share_counts import Counts, ShareCounts
from classifiers.model import Anomaly, Direction, Scope, SeriesKey

ABSENCE = "absence"
"""The pseudo metric of a scope that reports nothing, and the name of the detector that reports it."""
GAP = "gap"
"""The pseudo metric of a metric that stopped while its scope still reports others."""
MONITORING = "monitoring"
"""The pseudo metric of a scope that nobody reports of any more, and the name of the detector that reports it."""
SOURCE = "source"
"""The pseudo metric of a source that brings nothing of any service any more; `MONITORING` reports it."""
DEPARTURE = "departure"
"""The pseudo metric of a replica that perhaps has not left, but hangs; `MONITORING` reports it."""
UNREPORTED = frozenset({ABSENCE, GAP, MONITORING, SOURCE, DEPARTURE})
"""Pseudo metrics: nothing is measured, since nothing came."""
SILENCE_DETECTORS = frozenset({ABSENCE, MONITORING})
"""Detectors of pseudo metrics: their readings report that a scope reported nothing."""

LEVEL_CAP = 8.0
"""A level above this weighs no more than this."""
DEVIATION_WEIGHT_MIN = 0.12
"""Least weight of the newest window in the mean deviation, which forgets older windows exponentially."""
ALARM_EWMA_WEIGHT = 0.35
"""Weight of the newest window in `SeriesEvidence.alarm_ewma`."""
SILENCE_EWMA_WEIGHT = 1.0 - (1.0 - ALARM_EWMA_WEIGHT) ** 2
"""The same for a reading of silence, which counts as two windows."""
Signal = Family | str
"""A metric family, or one of `UNREPORTED`."""


@dataclass(frozen=True, slots=True)
class Onset:
    """When a change is estimated to have begun, within error_s nine times in ten; None where the error is unknown."""

    at_s: float
    error_s: float | None


COMPARABLE_ERROR = 1.5
"""Errors of onsets within this factor say nothing of which one is better."""


@dataclass(slots=True)
class SeriesEvidence:
    """The evidence of one series within an episode.

    windows: readings taken while the episode alarmed. alarms: those at level 1 or more. samples: behind all windows.
    deviation: exponentially weighted mean of the signed relative deviation from the expected value; 0 when no reading
    had an expected value. peak: the reading with the highest level. last_s: end of the last reading. onset: of the
    alarm with the smallest onset error, None before the first one. alarm_ewma: exponentially weighted share of alarming
    windows, 0..1. shares: the counts of a series that is judged as a share; its deviation is that of the recent ones.
    """

    windows: int
    alarms: int
    samples: int
    deviation: float
    peak: Anomaly
    last_s: float
    onset: Onset | None = None
    alarm_ewma: float = 0.0
    shares: ShareCounts | None = None

    @property
    def sure_deviation(self) -> float:
        """The deviation; of a share, the part of it that its number of trials proves."""
        if self.shares is None:
            return self.deviation
        return relative(self.shares.sure_deviation, self.peak.metric, self.shares.recent)

    def refine_onset(self, onset: Onset) -> None:
        """Replace the onset by one with a smaller error, unless that is certainly later: the onset of a new run."""
        if self.onset is None:
            self.onset = onset
            return
        error_s, known_s = onset_uncertainty_s(onset), onset_uncertainty_s(self.onset)
        if error_s < known_s and onset.at_s - error_s <= self.onset.at_s + known_s:
            self.onset = onset


def onset_uncertainty_s(onset: Onset | None) -> float:
    """The error for comparisons: an unknown one is infinite."""
    return inf if onset is None or onset.error_s is None else onset.error_s


def best_dated(onsets: Sequence[Onset | None]) -> Onset | None:
    """The earliest of the onsets whose error is not much above the smallest."""
    least_s = min(map(onset_uncertainty_s, onsets))
    known = [one for one in onsets if one is not None and onset_uncertainty_s(one) <= COMPARABLE_ERROR * least_s]
    return min(known, key=lambda one: one.at_s) if known else None


def onset_of(reading: Anomaly) -> Onset:
    """The onset of an alarm. Where its error is unknown, it began within the window."""
    span_s = reading.end_s - reading.start_s
    return Onset(reading.onset_s, span_s if reading.onset_error_s is None else reading.onset_error_s)


def deviation_of(reading: Anomaly) -> float:
    """Signed relative deviation of one reading. Silence that alarms counts as -1, an unknown expected value as 0.

    A static limit has no expected value: its alarms count in `alarms` and not in the deviation.
    """
    if reading.detector in SILENCE_DETECTORS:
        return -1.0 if reading.alarming else 0.0
    if reading.value is None or reading.expected is None:
        return 0.0
    return (reading.value - reading.expected) / max(abs(reading.expected), deviation_floor(reading.metric))


def counts_of(reading: Anomaly) -> Counts | None:
    """The counts of one reading; None where it is not judged as a share."""
    if reading.trials is None or reading.value is None or reading.expected is None:
        return None
    return Counts(reading.value * reading.trials, reading.trials, reading.expected * reading.trials)


def relative(deviation: float, metric: str, counts: Counts) -> float:
    """The relative deviation of a share, as `deviation_of` has it."""
    expected = counts.expected / counts.trials if counts.trials > 0.0 else 0.0
    return deviation / max(expected, deviation_floor(metric))


def alarm_level(reading: Anomaly) -> float:
    """The level for comparisons. An unknown level is -1, below every known one."""
    return -1.0 if reading.level is None else reading.level


def next_alarm_ewma(alarm_ewma: float, reading: Anomaly) -> float:
    """The alarm EWMA of a series after one more reading. Silence lasts several windows and counts for two."""
    weight = SILENCE_EWMA_WEIGHT if reading.detector == ABSENCE else ALARM_EWMA_WEIGHT
    return alarm_ewma + weight * (float(reading.alarming) - alarm_ewma)


def metric_of(reading: Anomaly, last_reported_s: Mapping[Scope, float]) -> str:
    """The metric under which a reading is kept. last_reported_s: when each scope last reported anything.

    A scope that reported something in the later half of the silence is not silent: only one of its metrics is missing.
    """
    if reading.detector != ABSENCE:
        return reading.metric
    reported_s = last_reported_s.get(reading.scope)
    silent = reported_s is None or 2.0 * (reading.end_s - reported_s) >= reading.end_s - reading.start_s
    return ABSENCE if silent else GAP


def strongest_silences(
    missed: Iterable[Anomaly], last_reported_s: Mapping[Scope, float],
) -> dict[SeriesKey, Anomaly]:
    """By series, one reading of silence per instant: a scope is silent once, however many metrics it has."""
    found: dict[SeriesKey, Anomaly] = {}
    for reading in missed:
        key = metric_of(reading, last_reported_s), reading.scope
        if key not in found or alarm_level(reading) > alarm_level(found[key]):
            found[key] = reading
    return found


def signal_of(metric: str) -> Signal:
    """The signal of a metric, pseudo metrics included."""
    return metric if metric in UNREPORTED else family_of(metric)


class EvidenceTable:
    """Series evidence by metric and scope.

    A scope that reports nothing is kept under `absence`, whichever metric was missed. A scope that stopped reporting
    some of its metrics is kept under `gap`.
    """

    def __init__(self) -> None:
        self.series: dict[SeriesKey, SeriesEvidence] = {}
        self.last_reported_s: dict[Scope, float] = {}
        """When a scope last reported anything."""

    def add(self, readings: Iterable[Anomaly]) -> None:
        """Add the readings of one instant, alarming or not. Cost about 1.5 us a reading."""
        missed = []
        for reading in readings:
            if reading.detector == ABSENCE:
                missed.append(reading)
                continue
            if reading.detector != MONITORING:
                self.last_reported_s[reading.scope] = reading.end_s
            self._add_reading(reading.metric, reading)
        for (metric, _), reading in strongest_silences(missed, self.last_reported_s).items():
            self._add_reading(metric, reading)

    def _add_reading(self, metric: str, reading: Anomaly) -> None:
        alarms = int(reading.alarming)
        series = self.series.get((metric, reading.scope))
        if series is None:
            series = SeriesEvidence(0, 0, 0, 0.0, reading, reading.end_s)
            self.series[metric, reading.scope] = series
        series.windows += 1
        series.alarms += alarms
        series.samples += reading.samples
        counts = counts_of(reading)
        if counts is None:
            weight = max(DEVIATION_WEIGHT_MIN, 1.0 / series.windows)
            series.deviation += weight * (deviation_of(reading) - series.deviation)
        else:
            series.shares = (series.shares or ShareCounts()).plus(counts)
            series.deviation = relative(series.shares.recent.deviation, metric, series.shares.recent)
        series.last_s = reading.end_s
        series.alarm_ewma = next_alarm_ewma(series.alarm_ewma, reading)
        if alarms:
            series.refine_onset(onset_of(reading))
        if alarm_level(reading) > alarm_level(series.peak):
            series.peak = reading

    def merge(self, other: EvidenceTable) -> None:
        """Add the evidence of another table."""
        for scope, reported_s in other.last_reported_s.items():
            self.last_reported_s[scope] = max(reported_s, self.last_reported_s.get(scope, reported_s))
        self.merge_series(other.series)

    def merge_series(self, series: Mapping[SeriesKey, SeriesEvidence]) -> None:
        """Add series of another table. For a series in both, counts are added and the higher peak stays."""
        for key, more in series.items():
            known = self.series.get(key)
            if known is None:
                self.series[key] = more
                continue
            windows = known.windows + more.windows
            known.deviation += (more.deviation - known.deviation) * more.windows / windows
            known.windows = windows
            known.alarms += more.alarms
            known.samples += more.samples
            if more.shares is not None:
                known.shares = more.shares if known.shares is None else known.shares.merged(more.shares)
            known.last_s = max(known.last_s, more.last_s)
            known.alarm_ewma = max(known.alarm_ewma, more.alarm_ewma)
            if more.onset is not None:
                known.refine_onset(more.onset)
            if alarm_level(more.peak) > alarm_level(known.peak):
                known.peak = more.peak

    def pop_series(self, keys: Iterable[SeriesKey]) -> dict[SeriesKey, SeriesEvidence]:
        """Remove and return these series, as far as they are in the table."""
        return {key: self.series.pop(key) for key in keys if key in self.series}

    def restore_series(self, metric: str, scope: Scope, series: SeriesEvidence) -> None:
        """Put back a series of a snapshot."""
        self.series[metric, scope] = series
        if metric not in UNREPORTED:
            self.last_reported_s[scope] = max(series.last_s, self.last_reported_s.get(scope, series.last_s))

    def alarms_by_metric(self) -> dict[str, int]:
        """By metric that alarmed, the alarms of the scope with the most alarms."""
        found: dict[str, int] = {}
        for (metric, _), series in self.series.items():
            if series.alarms:
                found[metric] = max(found.get(metric, 0), series.alarms)
        return found

    def metric_weights(self) -> dict[str, float]:
        """The weight of each dominant metric: one with at least a third of the alarms of the metric with the most.

        The weight is the number of alarms times the peak level, capped at `LEVEL_CAP`.
        """
        alarms = self.alarms_by_metric()
        bar = max(alarms.values(), default=0) / 3.0
        peaks: dict[str, float] = {}
        for (metric, _), series in self.series.items():
            peaks[metric] = max(peaks.get(metric, 0.0), min(alarm_level(series.peak), LEVEL_CAP))
        return {metric: count * peaks[metric] for metric, count in alarms.items() if count >= bar}

    def direction(self, metric: str) -> Direction:
        """Direction of the highest peak among the alarming series of a metric."""
        peaks = [series.peak for (name, _), series in self.series.items() if name == metric and series.alarms]
        return max(peaks, key=alarm_level).direction if peaks else "none"

    def peaks(self, limit: int) -> list[Anomaly]:
        """The peak of each alarming series, highest level first, at most `limit`."""
        peaks = [series.peak for series in self.series.values() if series.alarms]
        peaks.sort(key=lambda peak: (-alarm_level(peak), peak.metric, _scope_order(peak.scope)))
        return peaks[:limit]


def _scope_order(scope: Scope) -> tuple[str, ...]:
    return (scope.service, scope.model or "", scope.version or "", scope.replica or "", scope.tenant or "")
