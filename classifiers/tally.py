"""What an episode has seen so far, per metric and scope: the ledger that scope, category and severity are read from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from classifiers.model import Anomaly, Direction, Scope

ABSENCE = "absence"
"""The pseudo metric under which silence of a scope is tallied, and the name of the detector that reports it."""

LOUD = 8.0


@dataclass(slots=True)
class Line:
    """One series within an episode.

    windows: readings taken while the episode alarmed; alarms: those at level 1 or more. deviation_sum: sum of relative
    deviations from the expected value, signed. peak: the reading with the highest level.
    """

    windows: int
    alarms: int
    deviation_sum: float
    peak: Anomaly

    @property
    def deviation(self) -> float:
        """Mean relative deviation, signed; 0 when no reading had an expectation."""
        return self.deviation_sum / self.windows


def deviation_of(reading: Anomaly) -> float:
    """Relative deviation of one reading; silence counts as -1, an unknown expectation as 0.

    A hard limit has no expectation; its alarm then carries weight through `alarms`, not through the size.
    """
    if reading.detector == ABSENCE:
        return -1.0
    if reading.value is None or reading.expected is None:
        return 0.0
    return (reading.value - reading.expected) / max(abs(reading.expected), 1e-9)


def loudness(reading: Anomaly) -> float:
    """The level for ordering: an unknown level is quieter than any known one."""
    return -1.0 if reading.level is None else reading.level


class Tally:
    """Lines by (metric, scope); silence is kept under the metric `absence`, whichever metric went silent."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, Scope], Line] = {}

    def add(self, readings: Iterable[Anomaly]) -> None:
        """Take the readings of one instant, alarming or not. Cost about 1 us a reading."""
        for reading in readings:
            key = (ABSENCE if reading.detector == ABSENCE else reading.metric, reading.scope)
            alarms = int(reading.alarming)
            line = self.lines.get(key)
            if line is None:
                self.lines[key] = Line(1, alarms, deviation_of(reading), reading)
                continue
            line.windows += 1
            line.alarms += alarms
            line.deviation_sum += deviation_of(reading)
            if loudness(reading) > loudness(line.peak):
                line.peak = reading

    def take_over(self, other: Tally) -> None:
        """Add the lines of another tally; a series in both has been seen by each, and the louder peak stays."""
        for key, more in other.lines.items():
            line = self.lines.get(key)
            if line is None:
                self.lines[key] = more
                continue
            line.windows += more.windows
            line.alarms += more.alarms
            line.deviation_sum += more.deviation_sum
            if loudness(more.peak) > loudness(line.peak):
                line.peak = more.peak

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
