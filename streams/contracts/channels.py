"""The topics of Tocsin: the purpose of each, its key, and its settings in Kafka."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from streams.contracts.catalogue import (
    ACTION,
    APPROVAL,
    AUDIT,
    CONTROL,
    ESCALATION,
    INCIDENT,
    INCIDENT_SERIES,
    ITEM,
    NOTIFICATION,
    OUTCOME,
    REVIEW,
    SERVICE_SERIES,
    SHARD_REPORT,
    MessageType,
)

COMPACTED: Mapping[str, str] = {"cleanup.policy": "compact", "min.compaction.lag.ms": "3600000"}
"""For topics of last values; a reader that is not far behind still sees every value."""

SNAPSHOT_CONFIG: Mapping[str, str] = {
    "cleanup.policy": "compact",
    "segment.bytes": str(32 << 20),
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.1",
    "delete.retention.ms": "60000",
}
"""For snapshots: some MB every few seconds, of which the last two of a shard are needed. Segments are small because the
log cleaner never cleans the active segment."""

AUDIT_CONFIG: Mapping[str, str] = {"cleanup.policy": "delete", "retention.ms": str(365 * 86_400_000)}
"""A year, since questions come long after the incident."""

CONTROL_CONFIG: Mapping[str, str] = {
    "cleanup.policy": "delete", "retention.ms": str(365 * 86_400_000), "message.timestamp.type": "LogAppendTime",
}
"""A year, since a worker reads the topic again at every start. The broker dates the records, so a record that was held
back or replayed cannot look new."""

TICKS_CONFIG: Mapping[str, str] = {"cleanup.policy": "delete", "retention.ms": str(7 * 86_400_000)}
"""A week, so that what was recorded of the inputs in it can be replayed with its ticks. 10 MB a shard and day."""

SERIES_CONFIG: Mapping[str, str] = {
    "cleanup.policy": "compact,delete", "retention.ms": str(30 * 86_400_000), "segment.bytes": str(32 << 20),
    "segment.ms": "600000", "min.compaction.lag.ms": "900000", "min.cleanable.dirty.ratio": "0.2",
}
"""Windows of incidents for 30 days, as long as the page shows past incidents. Of a service, which is told every few
seconds under one key, the last record and those of a quarter of an hour."""

Direction = Literal["send", "receive"]


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic that Tocsin creates. setting: its name among the `topics` of the configuration, and in the document.

    directions: whether Tocsin sends to it, receives from it, or both. key: what the record key is. config: of Kafka,
    where the topic is new. at_least: partitions it must have, None for as many as an input. internal: the format may
    change with any release.
    """

    setting: str
    title: str
    description: str
    key: str
    directions: tuple[Direction, ...]
    messages: tuple[MessageType, ...] = ()
    config: Mapping[str, str] = field(default_factory=dict)
    at_least: int | None = None
    internal: bool = False


CHANNELS: tuple[Channel, ...] = (
    Channel(
        "incidents", "Incidents", "The state of each incident, again with every change; compaction keeps the last.",
        "The incident's id.", ("send", "receive"), (INCIDENT,), COMPACTED,
    ),
    Channel(
        "actions", "Actions", "Decisions, written before they run: the executor works from this topic.",
        "The target, so that what is done to one target is done in order.", ("send", "receive"), (ACTION,),
    ),
    Channel(
        "outcomes", "Outcomes", "The result of each decision, in the partition of the shard that decided.",
        "The target.", ("send", "receive"), (OUTCOME,),
    ),
    Channel(
        "response", "Response",
        "What waits for people, and what they are told: requests for approval, escalations, notifications, "
        "reviews and their action items; compaction keeps the last state.",
        "approval/ and the key of the decision, escalation/ or review/ and the incident, notification/ or item/ and "
        "its id, in the partition of the incident.",
        ("send", "receive"), (APPROVAL, ESCALATION, NOTIFICATION, REVIEW, ITEM),
        COMPACTED,
    ),
    Channel(
        "series", "Series",
        "Windows for people to look at: those of open incidents, of each service the newest, and how each shard is; "
        "nothing is decided by them.",
        "incident/ and the incident and a time, service/ and the service and its model, or shard/ and its number.",
        ("send", "receive"),
        (INCIDENT_SERIES, SERVICE_SERIES, SHARD_REPORT), SERIES_CONFIG, at_least=1,
    ),
    Channel(
        "audit", "Audit", "Every step of every incident and decision, with its reason; kept for a year.",
        "The incident that it concerns, else the subject, so that the entries of an incident are in order.", ("send",),
        (AUDIT,), AUDIT_CONFIG, at_least=1,
    ),
    Channel(
        "control", "Control",
        "Written by people and pipelines for Tocsin: silences, acknowledgements, feedback, and so on.",
        "The subject of the record: a silence, an incident, a service.", ("send", "receive"), CONTROL, CONTROL_CONFIG,
        at_least=1,
    ),
    Channel(
        "dead_letters", "Dead letters", "Records that could not be used, as they came, with the reason in the headers.",
        "The key of the record that was refused.", ("send",), at_least=1,
    ),
    Channel(
        "state", "State", "Snapshots of the state of the shards.", "The shard.", ("send", "receive"), (),
        SNAPSHOT_CONFIG, internal=True,
    ),
    Channel(
        "ledger", "Ledger", "Which decisions were claimed, and their results.", "The decision.", ("send", "receive"),
        (), COMPACTED, internal=True,
    ),
    Channel(
        "checkpoints", "Checkpoints", "Signed hashes of the audit, by which `tocsin audit verify` judges it.",
        "The partition of the audit.", ("send", "receive"), (), AUDIT_CONFIG, at_least=1, internal=True,
    ),
    Channel(
        "ticks", "Ticks", "How far event time came in each shard, as its owner decided.", "None.", ("send", "receive"),
        (), TICKS_CONFIG, internal=True,
    ),
)
