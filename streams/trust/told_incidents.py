"""From the records of the incidents topic to the last state that counts of each incident."""

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
    """The last state of each incident that counts, in the order in which they are first named.

    A record that cannot be read is skipped and logged; one whose signature does not count is also given to `ignored`.
    """
    found: dict[str, ToldIncident] = {}
    for record in records:
        if record.value is None:
            continue
        try:
            incident = read_incident(record.value)
            check.check(record.topic, record, incident.id)
        except (WireError, SignatureError) as error:
            log.warning("incident_skipped", place=f"{record.partition}@{record.offset}", reason=str(error))
            if isinstance(error, SignatureError):
                ignored(error.reason)
            continue
        found[incident.id] = ToldIncident(incident, shard_of(record.headers))
    return list(found.values())
