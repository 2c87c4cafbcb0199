"""The topics of Tocsin's own: what each is for, what its key keeps together, and how it is made in Kafka."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from streams.contracts.catalogue import ACTION, AUDIT, CONTROL, INCIDENT, OUTCOME, MessageType

COMPACTED: Mapping[str, str] = {"cleanup.policy": "compact", "min.compaction.lag.ms": "3600000"}
"""For topics of last values that someone may be reading just now."""

SNAPSHOT_CONFIG: Mapping[str, str] = {
    "cleanup.policy": "compact",
    "segment.bytes": str(32 << 20),
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.1",
    "delete.retention.ms": "60000",
}
"""For snapshots: some MB every few seconds, of which the last two per shard matter. Small segments let the log cleaner
reach them, since it never touches the segment being written."""

AUDIT_CONFIG: Mapping[str, str] = {"cleanup.policy": "delete", "retention.ms": str(365 * 86_400_000)}
"""A year: what was done, and why, is asked long after the incident."""

CONTROL_CONFIG: Mapping[str, str] = {
    "cleanup.policy": "delete", "retention.ms": str(365 * 86_400_000), "message.timestamp.type": "LogAppendTime",
}
"""A year: a worker that starts afresh is told everything again. The broker dates the records, so that one that was held
back or is repeated cannot pretend to be fresh."""

Direction = Literal["send", "receive"]


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic that Tocsin makes. setting: its name among the `topics` of the configuration, and in the document.

    directions: whether Tocsin sends to it, receives from it, or both. key: what the record key is. config: of Kafka,
    where the topic is new. at_least: partitions it must have, None for as many as an input. internal: the format may
    change with any release.
    """

    setting: str
    title: str
    says: str
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
        "actions", "Actions", "What was decided, before it runs: the executor works from this topic.",
        "The target, so that what is done to one target is done in order.", ("send", "receive"), (ACTION,),
    ),
    Channel(
        "outcomes", "Outcomes", "What came of each decision, in the partition of the shard that decided.",
        "The target.", ("send", "receive"), (OUTCOME,),
    ),
    Channel(
        "audit", "Audit", "Every step of every incident and decision, with its reason; kept for a year.",
        "The incident that it concerns, else the subject, so that one story is in order.", ("send",), (AUDIT,),
        AUDIT_CONFIG, at_least=1,
    ),
    Channel(
        "control", "Control", "What people and pipelines tell Tocsin: silences, acknowledgements, feedback, and so on.",
        "What the record is about: a silence, an incident, a service.", ("send", "receive"), CONTROL, CONTROL_CONFIG,
        at_least=1,
    ),
    Channel(
        "dead_letters", "Dead letters", "Records that could not be used, as they came, with the reason in the headers.",
        "The key of the record that was refused.", ("send",), at_least=1,
    ),
    Channel(
        "state", "State", "Snapshots of what was learned.", "The shard.", ("send", "receive"), (), SNAPSHOT_CONFIG,
        internal=True,
    ),
    Channel(
        "ledger", "Ledger", "Which decisions were claimed and answered.", "The decision.", ("send", "receive"), (),
        COMPACTED, internal=True,
    ),
)
