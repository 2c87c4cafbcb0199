"""What was injected against what was found: incidents matched to the events of a recording's ground truth.

An incident belongs to a scored event when it opened between the event's start and its end plus settle time and its
scope does not contradict the event's; where several events fit, to the one that started last. The first such incident
detects the event. One that opened outside every event, or in a benign one, is false; cold starts are not held against
anyone, nor is what opens after the end, when the player has really fallen silent. Pure.
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
class Fault:
    """One event of the ground truth; times in seconds from the start of the recording. breadth: how far it reached."""

    kind: str
    start_s: float
    end_s: float
    scored: bool
    benign: bool
    replica: str | None
    tenant: str | None
    categories: tuple[str, ...]
    severities: tuple[str, ...]
    remedies: tuple[str, ...]
    breadth: str

    @property
    def scope(self) -> str:
        """The replica or tenant it hit; where it hit none alone, its breadth in words."""
        named = [f"{name} {value}" for name, value in (("replica", self.replica), ("tenant", self.tenant)) if value]
        return ", ".join(named) or self.breadth


@dataclass(frozen=True, slots=True)
class Truth:
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
    """A scored fault and the incidents that belong to it, in order of opening; empty when nobody noticed."""

    fault: Fault
    incidents: tuple[Incident, ...]
    delay_s: float | None

    @property
    def first(self) -> Incident | None:
        return self.incidents[0] if self.incidents else None

    @property
    def category_right(self) -> bool:
        return self.first is not None and self.first.category in self.fault.categories

    @property
    def severity_right(self) -> bool:
        return self.first is not None and self.first.peak_severity in self.fault.severities

    @property
    def scope_right(self) -> bool:
        return self.first is not None and (self.first.replica, self.first.tenant) == (
            self.fault.replica, self.fault.tenant
        )


@dataclass(frozen=True, slots=True)
class Score:
    """Every scored fault with what was found, and the incidents that nothing injected explains."""

    findings: tuple[Finding, ...]
    false: tuple[Incident, ...]

    @property
    def found(self) -> int:
        return sum(finding.first is not None for finding in self.findings)

    @property
    def found_share(self) -> float | None:
        """None where nothing was to be found."""
        return self.found / len(self.findings) if self.findings else None


def score(truth: Truth, incidents: Iterable[Incident], origin_s: float) -> Score:
    """Match incidents to faults; `origin_s` is where second 0 of the recording lies on the incidents' clock."""
    scored = truth.scored
    quiet = [fault for fault in truth.faults if not fault.scored and not fault.benign]
    belongs: dict[int, list[Incident]] = {}
    false = []
    for incident in sorted(incidents, key=lambda seen: (seen.opened_at_s, seen.id)):
        at_s = incident.opened_at_s - origin_s
        fits = [
            index for index, fault in enumerate(scored)
            if fault.start_s <= at_s <= fault.end_s + truth.settle_s and not _contradicts(incident, fault)
        ]
        if fits:
            belongs.setdefault(fits[-1], []).append(incident)
        elif at_s <= truth.duration_s and not any(fault.start_s <= at_s <= fault.end_s for fault in quiet):
            false.append(incident)
    return Score(
        tuple(_finding(fault, belongs.get(index, []), origin_s) for index, fault in enumerate(scored)), tuple(false),
    )


def read_truth(folder: Path) -> Truth:
    """The `truth.json` of a recording; raises `RecordingError` when it is missing or of another shape."""
    path = folder / "truth.json"
    try:
        data = orjson.loads(path.read_bytes())
        return Truth(
            data["recording"], data["start_epoch_s"], data["duration_s"], data["settle_s"], data["requests"],
            tuple(sorted((_fault(event) for event in data["events"]), key=lambda fault: fault.start_s)),
        )
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        seen = f"{type(error).__name__} {error}"
        raise RecordingError(path, None, seen, "the ground truth of a recording") from error


def _fault(event: dict[str, object]) -> Fault:
    expected = cast("dict[str, list[str]]", event.get("expected", {}))
    breadth = cast("str", expected.get("scope", "all"))
    return Fault(
        cast("str", event["kind"]), cast("float", event["start_s"]), cast("float", event["end_s"]),
        event["scored"] is True, event.get("benign") is True, cast("str | None", event.get("replica")),
        cast("str | None", event.get("tenant")), tuple(expected.get("category", ())),
        tuple(expected.get("severity", ())), tuple(expected.get("remedy", ())), breadth,
    )


def _finding(fault: Fault, incidents: list[Incident], origin_s: float) -> Finding:
    delay_s = incidents[0].opened_at_s - origin_s - fault.start_s if incidents else None
    return Finding(fault, tuple(incidents), delay_s)


def _contradicts(incident: Incident, fault: Fault) -> bool:
    pairs = ((incident.replica, fault.replica), (incident.tenant, fault.tenant))
    return any(seen is not None and hit is not None and seen != hit for seen, hit in pairs)
