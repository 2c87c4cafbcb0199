"""Incidents matched to the injected faults of the ground truth of a recording.

An incident belongs to a scored event when it opened between the start of the event and its end plus settle time, and
its scope does not contradict that of the event. Where several events match, it belongs to the one that started last.
The first incident of an event detects it. An incident that opened outside every event, or in a benign one, is false.
Cold starts do not count as false. Neither do incidents after the end of the recording, when the traffic really stopped.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import orjson

from classifiers.model import Incident
from streams.replay.recordings import RecordingError


@dataclass(frozen=True, slots=True)
class Expected:
    """The correct results of triage; each tuple lists alternatives. breadth: how far the fault reached, in words."""

    categories: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    breadth: str = "all"


@dataclass(frozen=True, slots=True)
class Fault:
    """One event of the ground truth; times in seconds from the start of the recording."""

    kind: str
    start_s: float
    end_s: float
    scored: bool
    benign: bool
    replica: str | None
    tenant: str | None
    expected: Expected

    @property
    def scope(self) -> str:
        """The replica or tenant that it hit; where it hit none alone, its breadth in words."""
        named = [f"{name} {value}" for name, value in (("replica", self.replica), ("tenant", self.tenant)) if value]
        return ", ".join(named) or self.expected.breadth


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """The ground truth of a recording: `start_epoch_s` is second 0 of its faults."""

    recording: str
    start_epoch_s: float
    duration_s: float
    settle_s: float
    requests: int
    faults: tuple[Fault, ...]

    @property
    def scored(self) -> tuple[Fault, ...]:
        return tuple(fault for fault in self.faults if fault.scored)


@dataclass(frozen=True, slots=True)
class Finding:
    """A scored fault and its incidents, in order of opening; empty for a missed fault."""

    fault: Fault
    incidents: tuple[Incident, ...]
    delay_s: float | None

    @property
    def first(self) -> Incident | None:
        return self.incidents[0] if self.incidents else None

    @property
    def category_right(self) -> bool:
        return self.first is not None and self.first.category in self.fault.expected.categories

    @property
    def severity_right(self) -> bool:
        return self.first is not None and self.first.peak_severity in self.fault.expected.severities

    @property
    def scope_right(self) -> bool:
        return self.first is not None and (self.first.replica, self.first.tenant) == (
            self.fault.replica, self.fault.tenant
        )


@dataclass(frozen=True, slots=True)
class Score:
    """Every scored fault with its incidents, and the incidents of no fault."""

    findings: tuple[Finding, ...]
    false_incidents: tuple[Incident, ...]

    @property
    def found(self) -> int:
        return sum(finding.first is not None for finding in self.findings)

    @property
    def found_share(self) -> float | None:
        """None where nothing was to be found."""
        return self.found / len(self.findings) if self.findings else None


def score(truth: GroundTruth, incidents: Iterable[Incident], origin_s: float) -> Score:
    """Match incidents to faults; `origin_s` is where second 0 of the recording lies on the incidents' clock."""
    scored = truth.scored
    quiet = [fault for fault in truth.faults if not fault.scored and not fault.benign]
    belongs: dict[int, list[Incident]] = {}
    false_incidents = []
    for incident in sorted(incidents, key=lambda seen: (seen.opened_at_s, seen.id)):
        at_s = incident.opened_at_s - origin_s
        fits = [
            index for index, fault in enumerate(scored)
            if fault.start_s <= at_s <= fault.end_s + truth.settle_s and not _contradicts(incident, fault)
        ]
        if fits:
            belongs.setdefault(fits[-1], []).append(incident)
        elif at_s <= truth.duration_s and not any(fault.start_s <= at_s <= fault.end_s for fault in quiet):
            false_incidents.append(incident)
    findings = tuple(_finding(fault, belongs.get(index, []), origin_s) for index, fault in enumerate(scored))
    return Score(findings, tuple(false_incidents))


def read_truth(folder: Path) -> GroundTruth:
    """The `truth.json` of a recording; raises `RecordingError` when it is missing or of another shape."""
    path = folder / "truth.json"
    try:
        data = orjson.loads(path.read_bytes())
        return GroundTruth(
            data["recording"], data["start_epoch_s"], data["duration_s"], data["settle_s"], data["requests"],
            tuple(sorted((_fault(event) for event in data["events"]), key=lambda fault: fault.start_s)),
        )
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        seen = f"{type(error).__name__} {error}"
        raise RecordingError(path, None, seen, "the ground truth of a recording") from error


def _fault(event: dict[str, object]) -> Fault:
    given = cast("dict[str, list[str]]", event.get("expected", {}))
    expected = Expected(
        tuple(given.get("category", ())), tuple(given.get("severity", ())), tuple(given.get("remedy", ())),
        cast("str", given.get("scope", "all")),
    )
    return Fault(
        cast("str", event["kind"]), cast("float", event["start_s"]), cast("float", event["end_s"]),
        event["scored"] is True, event.get("benign") is True, cast("str | None", event.get("replica")),
        cast("str | None", event.get("tenant")), expected,
    )


def _finding(fault: Fault, incidents: list[Incident], origin_s: float) -> Finding:
    delay_s = incidents[0].opened_at_s - origin_s - fault.start_s if incidents else None
    return Finding(fault, tuple(incidents), delay_s)


def _contradicts(incident: Incident, fault: Fault) -> bool:
    pairs = ((incident.replica, fault.replica), (incident.tenant, fault.tenant))
    return any(seen is not None and hit is not None and seen != hit for seen, hit in pairs)
