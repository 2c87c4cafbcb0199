"""Triage state to plain JSON values and back, for the snapshot. Nothing in it is code; wrong shapes are refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from classifiers.episode import Episode
from classifiers.lifecycle import Phase
from classifiers.model import ActionRecord, Anomaly, Incident, Related, Scope, Severity
from classifiers.stages import Account
from classifiers.tally import Line, Tally
from classifiers.triage import Triage


@dataclass(frozen=True, slots=True)
class _Line:
    metric: str
    scope: Scope
    windows: int
    alarms: int
    deviation_sum: float
    peak: Anomaly


@dataclass(frozen=True, slots=True)
class _Episode:
    service: str
    model: str | None
    started_at_s: float
    phase: Phase
    id: str
    opened_at_s: float | None
    onset_at_s: float | None
    onset_error_s: float | None
    last_alarm_s: float
    last_data_s: float
    alarm_instants: list[tuple[float, tuple[str, ...]]]
    peak_severity: Severity | None
    published: Incident | None
    actions: list[ActionRecord]
    related: tuple[Related, ...]
    lines: list[_Line]
    account: Account = field(default_factory=Account)


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


_MEMORY = TypeAdapter(_Memory)


def dump(triage: Triage) -> dict[str, Any]:
    """The triage state as JSON values."""
    versions = [
        _Version(service, model, version, since_s)
        for (service, model), known in triage.versions.items()
        for version, since_s in known.items()
    ]
    return asdict(_Memory([_freeze(episode) for episode in triage.episodes.values()], versions))


def load(triage: Triage, data: dict[str, Any]) -> None:
    """Put a dump back into a fresh triage; raises `ValueError` when it is not one."""
    try:
        memory = _MEMORY.validate_python(data)
    except ValidationError as error:
        raise ValueError(f"triage state: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None
    for frozen in memory.episodes:
        triage.episodes[frozen.service, frozen.model] = _thaw(frozen)
    for known in memory.versions:
        triage.note_version((known.service, known.model), known.version, known.since_s)


def _freeze(episode: Episode) -> _Episode:
    lines = [
        _Line(metric, scope, line.windows, line.alarms, line.deviation_sum, line.peak)
        for (metric, scope), line in episode.tally.lines.items()
    ]
    return _Episode(
        episode.service, episode.model, episode.started_at_s, episode.phase, episode.id, episode.opened_at_s,
        episode.onset_at_s, episode.onset_error_s, episode.last_alarm_s, episode.last_data_s,
        list(episode.alarm_instants), episode.peak_severity, episode.published, list(episode.actions),
        episode.related, lines, episode.account,
    )


def _thaw(frozen: _Episode) -> Episode:
    tally = Tally()
    for line in frozen.lines:
        tally.lines[line.metric, line.scope] = Line(line.windows, line.alarms, line.deviation_sum, line.peak)
    return Episode(
        service=frozen.service, model=frozen.model, started_at_s=frozen.started_at_s, phase=frozen.phase, id=frozen.id,
        opened_at_s=frozen.opened_at_s, onset_at_s=frozen.onset_at_s, onset_error_s=frozen.onset_error_s,
        last_alarm_s=frozen.last_alarm_s, last_data_s=frozen.last_data_s,
        alarm_instants=frozen.alarm_instants, peak_severity=frozen.peak_severity, published=frozen.published,
        actions=frozen.actions, related=frozen.related, tally=tally,
        account=frozen.account,
    )
