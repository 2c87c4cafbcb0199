"""What an episode has seen so far, per metric and scope: the ledger that scope, category and severity are read from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from classifiers.evidence.families import Family, family_of, least_of
from classifiers.model import Anomaly, Direction, Scope

ABSENCE = "absence"
"""The pseudo metric under which silence of a scope is tallied, and the name of the detector that reports it."""
GAP = "gap"
"""The pseudo metric for a metric that stopped while its scope reports others."""

LOUD = 8.0
FADE = 0.12
"""Least weight of the newest window in a deviation: what was counts less and less."""
HEAT = 0.35
"""Weight of the newest window in a line's heat."""
SILENT_HEAT = 1.0 - (1.0 - HEAT) ** 2
Signal = Family | str
"""A family, `ABSENCE` or `GAP`."""


@dataclass(slots=True)
class SeriesEvidence:
    """One series within an episode.

    windows: readings taken while the episode alarmed; alarms: those at level 1 or more. samples: behind all windows.
    deviation: mean relative deviation from the expected value, signed, of late; 0 when no reading had an expectation.
    peak: the reading with the highest level. last_s: end of the last reading. onset_s, onset_error_s: of the alarm that
    is surest of it, None before the first. heat: how much it alarms of late, 0..1.
    """

    windows: int
    alarms: int
    samples: int
    deviation: float
    peak: Anomaly
    last_s: float
    onset_s: float | None = None
    onset_error_s: float | None = None
    heat: float = 0.0

    def date(self, onset_s: float, error_s: float) -> None:
        """Take an onset that is surer than the one known."""
        if self.onset_error_s is None or error_s < self.onset_error_s:
            self.onset_s, self.onset_error_s = onset_s, error_s


def deviation_of(reading: Anomaly) -> float:
    """Relative deviation of one reading; silence counts as -1, an unknown expectation as 0.

    A hard limit has no expectation; its alarm then carries weight through `alarms`, not through the size.
    """
    if reading.detector == ABSENCE:
        return -1.0
    if reading.value is None or reading.expected is None:
        return 0.0
    return (reading.value - reading.expected) / max(abs(reading.expected), least_of(reading.metric))


def loudness(reading: Anomaly) -> float:
    """The level for ordering: an unknown level is quieter than any known one."""
    return -1.0 if reading.level is None else reading.level


def heated(heat: float, reading: Anomaly) -> float:
    """A line's heat after one more reading; silence is of several windows when it alarms, and counts for two."""
    weight = SILENT_HEAT if reading.detector == ABSENCE else HEAT
    return heat + weight * (float(reading.alarming) - heat)


def metric_of(reading: Anomaly, heard: Mapping[Scope, float]) -> str:
    """The metric that a reading is kept under. heard: when each scope last reported anything.

    What was heard in the later half of the silence says that the scope is not silent.
    """
    if reading.detector != ABSENCE:
        return reading.metric
    heard_s = heard.get(reading.scope)
    silent = heard_s is None or 2.0 * (reading.end_s - heard_s) >= reading.end_s - reading.start_s
    return ABSENCE if silent else GAP


def loudest_silences(
    missed: Iterable[Anomaly], heard: Mapping[Scope, float],
) -> dict[tuple[str, Scope], Anomaly]:
    """By line, one reading of silence an instant: however many metrics a scope has, it is silent once."""
    found: dict[tuple[str, Scope], Anomaly] = {}
    for reading in missed:
        key = metric_of(reading, heard), reading.scope
        if key not in found or loudness(reading) > loudness(found[key]):
            found[key] = reading
    return found


def signal_of(metric: str) -> Signal:
    """What a line's metric speaks of."""
    return metric if metric in (ABSENCE, GAP) else family_of(metric)


class EvidenceTable:
    """Lines by (metric, scope). A scope that reports nothing any more is kept under `absence`, whichever metric was
    missed; one that stopped reporting a metric but not all of them, under `gap`."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, Scope], SeriesEvidence] = {}
        self.heard: dict[Scope, float] = {}
        """When a scope last reported anything."""

    def add(self, readings: Iterable[Anomaly]) -> None:
        """Take the readings of one instant, alarming or not. Cost about 1.5 us a reading."""
        missed = []
        for reading in readings:
            if reading.detector == ABSENCE:
                missed.append(reading)
                continue
            self.heard[reading.scope] = reading.end_s
            self._enter(reading.metric, reading)
        for (metric, _), reading in loudest_silences(missed, self.heard).items():
            self._enter(metric, reading)

    def _enter(self, metric: str, reading: Anomaly) -> None:
        alarms = int(reading.alarming)
        line = self.lines.get((metric, reading.scope))
        if line is None:
            line = SeriesEvidence(0, 0, 0, 0.0, reading, reading.end_s)
            self.lines[metric, reading.scope] = line
        line.windows += 1
        line.alarms += alarms
        line.samples += reading.count
        line.deviation += max(FADE, 1.0 / line.windows) * (deviation_of(reading) - line.deviation)
        line.last_s = reading.end_s
        line.heat = heated(line.heat, reading)
        if alarms:
            span_s = reading.end_s - reading.start_s
            line.date(reading.onset_s, span_s if reading.onset_error_s is None else reading.onset_error_s)
        if loudness(reading) > loudness(line.peak):
            line.peak = reading

    def take_over(self, other: EvidenceTable) -> None:
        """Add the lines of another tally; a series in both has been seen by each, and the louder peak stays."""
        for scope, heard_s in other.heard.items():
            self.heard[scope] = max(heard_s, self.heard.get(scope, heard_s))
        self.receive(other.lines)

    def receive(self, lines: Mapping[tuple[str, Scope], SeriesEvidence]) -> None:
        """Add lines that another tally had."""
        for key, more in lines.items():
            line = self.lines.get(key)
            if line is None:
                self.lines[key] = more
                continue
            windows = line.windows + more.windows
            line.deviation += (more.deviation - line.deviation) * more.windows / windows
            line.windows = windows
            line.alarms += more.alarms
            line.samples += more.samples
            line.last_s = max(line.last_s, more.last_s)
            line.heat = max(line.heat, more.heat)
            if more.onset_s is not None and more.onset_error_s is not None:
                line.date(more.onset_s, more.onset_error_s)
            if loudness(more.peak) > loudness(line.peak):
                line.peak = more.peak

    def release(self, lines: Iterable[tuple[str, Scope]]) -> dict[tuple[str, Scope], SeriesEvidence]:
        """Let go of lines that turned out to be another's."""
        return {key: self.lines.pop(key) for key in lines if key in self.lines}

    def put_back(self, metric: str, scope: Scope, line: SeriesEvidence) -> None:
        """Enter a line as it was."""
        self.lines[metric, scope] = line
        if metric not in (ABSENCE, GAP):
            self.heard[scope] = max(line.last_s, self.heard.get(scope, line.last_s))

    def alarms_by_metric(self) -> dict[str, int]:
        """Alarms of the loudest scope of each metric that alarmed at all."""
        found: dict[str, int] = {}
        for (metric, _), line in self.lines.items():
            if line.alarms:
                found[metric] = max(found.get(metric, 0), line.alarms)
        return found

    def drivers(self) -> dict[str, float]:
        """Metrics that carry the episode: at least a third of the loudest metric's alarms.

        The weight is their alarms times their peak level, which is held at `LOUD`: beyond it louder says no more.
        """
        alarms = self.alarms_by_metric()
        bar = max(alarms.values(), default=0) / 3.0
        peaks: dict[str, float] = {}
        for (metric, _), line in self.lines.items():
            peaks[metric] = max(peaks.get(metric, 0.0), min(loudness(line.peak), LOUD))
        return {metric: count * peaks[metric] for metric, count in alarms.items() if count >= bar}

    def direction(self, metric: str) -> Direction:
        """Direction of the loudest alarming line of a metric."""
        peaks = [line.peak for (name, _), line in self.lines.items() if name == metric and line.alarms]
        return max(peaks, key=loudness).direction if peaks else "none"

    def peaks(self, limit: int) -> list[Anomaly]:
        """The loudest reading of each alarming line, loudest first."""
        loud = [line.peak for line in self.lines.values() if line.alarms]
        loud.sort(key=lambda peak: (-loudness(peak), peak.metric, _scope_order(peak.scope)))
        return loud[:limit]


def _scope_order(scope: Scope) -> tuple[str, ...]:
    return (scope.service, scope.model or "", scope.version or "", scope.replica or "", scope.tenant or "")
