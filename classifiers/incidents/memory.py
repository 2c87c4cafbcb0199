"""Triage state to plain JSON values and back, for the snapshot. Nothing in it is code; wrong shapes are refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from classifiers.accounting.stage_timeline import StageTimeline
from classifiers.evidence.attribution import Attribution
from classifiers.evidence.evidence_table import EvidenceTable, SeriesEvidence
from classifiers.incidents.episode import AlarmInstant, Episode
from classifiers.incidents.history import Ended
from classifiers.incidents.lifecycle import Phase
from classifiers.incidents.relations import Foreign
from classifiers.incidents.triage import Triage
from classifiers.learning.advisor import Advised
from classifiers.model import ActionRecord, Incident, Scope
from classifiers.verdict.hysteresis import SeverityHysteresis


@dataclass(frozen=True, slots=True)
class _Line:
    metric: str
    scope: Scope
    line: SeriesEvidence


@dataclass(frozen=True, slots=True)
class _Episode:
    service: str
    model: str | None
    key: str
    started_at_s: float
    phase: Phase
    id: str
    opened_at_s: float | None
    onset_at_s: float | None
    onset_error_s: float | None
    last_alarm_s: float
    last_data_s: float
    cadence_s: float
    glimpses: list[AlarmInstant]
    steadiness: SeverityHysteresis
    part: Attribution | None
    advised: Advised | None
    published: Incident | None
    actions: list[ActionRecord]
    prints: tuple[str, ...]
    reopens: str | None
    causes: dict[str, float]
    one_with: tuple[str, ...]
    effects: tuple[str, ...]
    account: StageTimeline
    lines: list[_Line]


@dataclass(frozen=True, slots=True)
class _Version:
    service: str
    model: str | None
    version: str
    since_s: float


@dataclass(frozen=True, slots=True)
class _Memory:
    episodes: list[_Episode]
    versions: list[_Version]
    ended: list[Ended]
    foreign: list[Foreign]


_MEMORY = TypeAdapter(_Memory)
_PLAIN = tuple(field.name for field in fields(_Episode) if field.name != "lines")


def dump(triage: Triage) -> dict[str, Any]:
    """The triage state as JSON values."""
    versions = [
        _Version(service, model, version, since_s)
        for (service, model), known in triage.teller.versions.items()
        for version, since_s in known.items()
    ]
    episodes = [_freeze(episode) for live in triage.episodes.values() for episode in live.values()]
    foreign = list(triage.inhibition.foreigners.open.values())
    known = _Memory(episodes, versions, list(triage.history.ended), foreign)
    return {**asdict(known), "experience": triage.experience.dump()}


def load(triage: Triage, data: dict[str, Any]) -> None:
    """Put a dump back into a fresh triage; raises `ValueError` when it is not one."""
    try:
        memory = _MEMORY.validate_python(data)
    except ValidationError as error:
        raise ValueError(f"triage state: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None
    for frozen in memory.episodes:
        triage.restore(_thaw(frozen))
    for known in memory.versions:
        triage.note_version((known.service, known.model), known.version, known.since_s)
    for ended in memory.ended:
        triage.history.note(ended)
    for foreign in memory.foreign:
        triage.inhibition.foreigners.open[foreign.id] = foreign
    triage.experience.load(data.get("experience"))


def _freeze(episode: Episode) -> _Episode:
    lines = [_Line(metric, scope, line) for (metric, scope), line in episode.tally.lines.items()]
    return _Episode(**{name: getattr(episode, name) for name in _PLAIN}, lines=lines)


def _thaw(frozen: _Episode) -> Episode:
    tally = EvidenceTable()
    for line in frozen.lines:
        tally.put_back(line.metric, line.scope, line.line)
    return Episode(**{name: getattr(frozen, name) for name in _PLAIN}, tally=tally)
