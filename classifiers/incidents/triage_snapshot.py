"""The state of triage as plain JSON values and back, for the snapshot. Values of another shape are refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from classifiers.evidence.evidence_table import EvidenceTable, SeriesEvidence
from classifiers.incidents.episode import Episode, EpisodeState
from classifiers.incidents.history import ResolvedIncident
from classifiers.incidents.relations import RemoteIncident
from classifiers.incidents.triage import Triage
from classifiers.model import Scope
from classifiers.recurrence.occurrence import Occurrence
from classifiers.validation_errors import describe_first


@dataclass(frozen=True, slots=True)
class _Series:
    metric: str
    scope: Scope
    evidence: SeriesEvidence


@dataclass(frozen=True, slots=True)
class _Episode:
    state: EpisodeState
    series: list[_Series]


@dataclass(frozen=True, slots=True)
class _Version:
    service: str
    model: str | None
    version: str
    since_s: float


@dataclass(frozen=True, slots=True)
class _TriageSnapshot:
    episodes: list[_Episode]
    versions: list[_Version]
    resolved: list[ResolvedIncident]
    remote: list[RemoteIncident]
    occurrences: list[Occurrence]
    acted_on: list[str]


_SNAPSHOT = TypeAdapter(_TriageSnapshot)
_STATE_FIELDS = tuple(field.name for field in fields(EpisodeState))


def dump(triage: Triage) -> dict[str, Any]:
    """The state of triage as JSON values."""
    versions = [
        _Version(service, model, version, since_s)
        for (service, model), known in triage.builder.versions.items()
        for version, since_s in known.items()
    ]
    episodes = [_dump_episode(episode) for of_service in triage.episodes.values() for episode in of_service.values()]
    remote = list(triage.inhibition.remote.open.values())
    recurrence = triage.builder.recurrence
    snapshot = _TriageSnapshot(
        episodes, versions, list(triage.history.resolved), remote, list(recurrence.occurrences),
        list(recurrence.acted_on),
    )
    return {**asdict(snapshot), "learning": triage.learning.dump()}


def load(triage: Triage, data: dict[str, Any]) -> None:
    """Restore a dump into a new triage; raises `ValueError` when it is not one."""
    try:
        snapshot = _SNAPSHOT.validate_python(_with_beginnings(data))
    except ValidationError as error:
        raise ValueError(f"triage state: {describe_first(error)}") from None
    for episode in snapshot.episodes:
        triage.restore(_load_episode(episode))
    for known in snapshot.versions:
        triage.record_version((known.service, known.model), known.version, known.since_s)
    for resolved in snapshot.resolved:
        triage.history.record(resolved)
    for remote in snapshot.remote:
        triage.inhibition.remote.open[remote.id] = remote
    for occurrence in snapshot.occurrences:
        triage.builder.recurrence.record(occurrence)
    triage.builder.recurrence.act_on(snapshot.acted_on)
    triage.learning.load(data.get("learning"))


def _with_beginnings(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a snapshot; in one from before habits could be withheld, an incident began when it opened."""
    episodes = data.get("episodes")
    return {**data, "episodes": [_with_beginning(one) for one in episodes]} if isinstance(episodes, list) else data


def _with_beginning(episode: Any) -> Any:
    state = episode.get("state") if isinstance(episode, dict) else None
    if not isinstance(state, dict) or "confirmed_at_s" in state:
        return episode
    opened_at_s, habit = state.get("opened_at_s"), state.get("habit")
    if isinstance(habit, dict):
        habit = {**habit, "began_s": opened_at_s, "published_at_s": opened_at_s}
    return {**episode, "state": {**state, "confirmed_at_s": opened_at_s, "habit": habit}}


def _dump_episode(episode: Episode) -> _Episode:
    state = EpisodeState(**{name: getattr(episode, name) for name in _STATE_FIELDS})
    return _Episode(state, [_Series(metric, scope, one) for (metric, scope), one in episode.evidence.series.items()])


def _load_episode(dumped: _Episode) -> Episode:
    evidence = EvidenceTable()
    for series in dumped.series:
        evidence.restore_series(series.metric, series.scope, series.evidence)
    return Episode(**{name: getattr(dumped.state, name) for name in _STATE_FIELDS}, evidence=evidence)
