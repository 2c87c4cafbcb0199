"""Which series alarmed in which incident, and when: what feedback on the incident is about.

People say what an incident was after it ended, and by then triage has forgotten it. So its alarming series are kept
here for as long as the detectors remember the days they are about. Pure. Crash: part of the shard's snapshot.
Duplicate: recording an incident again replaces it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from classifiers.incidents.incident_change import IncidentChange
from classifiers.model import Incident, SeriesKey
from classifiers.validation_errors import describe_first

KEEP_S = 32 * 86_400.0
MAX_INCIDENTS = 2_000
MAX_SERIES = 32
"""Series that are kept of one incident, those that the incident names first."""


@dataclass(frozen=True, slots=True)
class AlarmedSeries:
    """The series of one incident. from_s: its onset. until_s: its last alarm. confirmed: people said that it was real.
    """

    incident_id: str
    service: str
    model: str | None
    from_s: float
    until_s: float
    resolved: bool
    series: tuple[SeriesKey, ...]
    confirmed: bool = False


_DUMP: TypeAdapter[list[AlarmedSeries]] = TypeAdapter(list[AlarmedSeries])


class AlarmedSeriesTable:
    """By incident, at most `MAX_INCIDENTS` of the last `KEEP_S`; about 3 KB each."""

    def __init__(self) -> None:
        self._known: dict[str, AlarmedSeries] = {}

    def record(self, changes: Iterable[IncidentChange]) -> list[AlarmedSeries]:
        """Record incidents as they are published. Returns those that ended now and had been confirmed before."""
        ended = []
        for change in changes:
            incident = change.incident
            before = self._known.pop(incident.id, None)
            now = _alarmed(incident, before)
            self._known[incident.id] = now
            if now.resolved and now.confirmed and before is not None and not before.resolved:
                ended.append(now)
            self._drop_old(now.until_s)
        return ended

    def confirm(self, incident_id: str) -> AlarmedSeries | None:
        """Note that people confirmed an incident; None where it is not known, or was confirmed before."""
        known = self._known.get(incident_id)
        if known is None or known.confirmed:
            return None
        self._known[incident_id] = replace(known, confirmed=True)
        return known

    def deny(self, incident_id: str) -> AlarmedSeries | None:
        """Note that people called an incident a false alarm; None where it is not known."""
        known = self._known.get(incident_id)
        if known is not None:
            self._known[incident_id] = replace(known, confirmed=False)
        return known

    def series_of(self, incident_id: str) -> tuple[SeriesKey, ...]:
        """The series that alarmed in an incident, those that it named first; empty where it is not known."""
        known = self._known.get(incident_id)
        return () if known is None else known.series

    def dump(self) -> list[dict[str, Any]]:
        """Everything, as JSON values."""
        found: list[dict[str, Any]] = _DUMP.dump_python(list(self._known.values()))
        return found

    def load(self, data: object) -> None:
        """Put a dump back into a new table; raises `ValueError` when it is not one."""
        try:
            self._known = {one.incident_id: one for one in _DUMP.validate_python(data)}
        except ValidationError as error:
            raise ValueError(f"alarmed series: {describe_first(error)}") from None

    def _drop_old(self, now_s: float) -> None:
        while self._known:
            oldest = next(iter(self._known.values()))
            if len(self._known) <= MAX_INCIDENTS and oldest.until_s >= now_s - KEEP_S:
                return
            del self._known[oldest.incident_id]


def _alarmed(incident: Incident, before: AlarmedSeries | None) -> AlarmedSeries:
    """What is known of an incident with its newest publication; evidence names only the newest window of a series."""
    alarms = [one for one in incident.evidence if one.alarming]
    series = dict.fromkeys([*(before.series if before else ()), *((one.metric, one.scope) for one in alarms)])
    onset_s, until_s = incident.onset_at_s, max((one.end_s for one in alarms), default=incident.onset_at_s)
    if before is not None:
        onset_s, until_s = min(onset_s, before.from_s), max(until_s, before.until_s)
    return AlarmedSeries(
        incident.id, incident.service, incident.model, onset_s, until_s, incident.state == "resolved",
        tuple(series)[:MAX_SERIES], before is not None and before.confirmed,
    )
