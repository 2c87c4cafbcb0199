"""From the records of the incidents topic to the last authentic state of each incident."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from actions.trust.keys import FaultReason, SignatureError
from classifiers.model import Incident
from streams.contracts.envelopes import WireError, read_incident, shard_of
from streams.intake.kafka_record import ConsumerRecord
from streams.trust.incident_check import IncidentCheck

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.trust")


@dataclass(frozen=True, slots=True)
class ToldIncident:
    """An incident as last told. shard: that told it, None in records of older releases."""

    incident: Incident
    shard: int | None


def last_told(
    records: Sequence[ConsumerRecord], check: IncidentCheck, ignored: Callable[[FaultReason], None],
) -> list[ToldIncident]:
    """The last state of each incident that is authentic, in the order in which they are first named.

    A record that cannot be read is skipped and logged, and one that is not authentic is also given to `ignored`. Only
    what comes last is verified, so older states of the same records cost no 100 us each.
    """
    found: dict[str, list[tuple[ConsumerRecord, Incident]]] = {}
    for record in records:
        if record.value is None:
            continue
        try:
            incident = read_incident(record.value)
        except WireError as error:
            log.warning("incident_skipped", place=f"{record.partition}@{record.offset}", reason=str(error))
            continue
        found.setdefault(incident.id, []).append((record, incident))
    last = (_last_authentic(states, check, ignored) for states in found.values())
    return [each for each in last if each is not None]


def _last_authentic(
    states: Sequence[tuple[ConsumerRecord, Incident]], check: IncidentCheck, ignored: Callable[[FaultReason], None],
) -> ToldIncident | None:
    for record, incident in reversed(states):
        try:
            check.check(record.topic, record, incident.id)
        except SignatureError as error:
            ignored(error.reason)
            log.warning("incident_skipped", place=f"{record.partition}@{record.offset}", reason=str(error))
            continue
        return ToldIncident(incident, shard_of(record.headers))
    return None
