"""The hash chain over one partition of the audit, and its checkpoints.

h(i) = SHA-256(h(i-1), place(i), content(i)). The place is partition and offset; the content is timestamp, key,
headers and value. A checkpoint has h at an offset, and for each record since the one before it the offset and a digest
of the content. So a verifier can name the very record that was edited, dropped, added or moved. Only committed records
are chained: offsets that an aborted transaction left behind are in no checkpoint and are missed by nobody. h depends on
the records alone, so two writers, or one that begins again, come to the same. Pure.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Protocol

from actions.trust.keys import framed
from streams.intake.kafka_record import KafkaRecord

GENESIS = hashlib.sha256(b"tocsin.audit").hexdigest()
"""h before the first record of a partition that is ever chained."""
DIGEST_DIGITS = 32
MOST_RECORDS = 1_000
"""Records of one checkpoint, so that it stays far below what a broker takes as one record."""


class AuditRecord(KafkaRecord, Protocol):
    """The part of a Kafka record that is chained."""

    @property
    def partition(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """h of a partition at an offset. previous: the offset of the checkpoint before, None for the first ever.

    records: offset and digest of each record since. last_timestamp_ms: of the last record. at_s: when it was made.
    """

    partition: int
    offset: int
    hash: str
    previous: int | None
    records: tuple[tuple[int, str], ...]
    last_timestamp_ms: int
    at_s: float


def content_digest(record: AuditRecord) -> str:
    """A digest of what a record says, wherever it stands: 32 hexadecimal digits."""
    headers = [part for name, value in record.headers for part in (name.encode(), value or b"")]
    parts = [b"%d" % record.timestamp, record.key or b"", b"%d" % len(record.headers), *headers, record.value or b""]
    return hashlib.sha256(framed(parts)).hexdigest()[:DIGEST_DIGITS]


def linked(previous: str, partition: int, offset: int, digest: str) -> str:
    """h after one more record."""
    parts = [previous.encode(), b"%d" % partition, b"%d" % offset, digest.encode()]
    return hashlib.sha256(framed(parts)).hexdigest()


@dataclass(slots=True)
class PartitionChain:
    """The chain of one partition as its writer follows it. offset, hash: of the last checkpoint, None and `GENESIS`
    before the first one."""

    partition: int
    offset: int | None = None
    hash: str = GENESIS
    _head: str = field(init=False)
    _records: list[tuple[int, str]] = field(default_factory=list)
    _last_timestamp_ms: int = 0

    def __post_init__(self) -> None:
        self._head = self.hash

    @property
    def waiting(self) -> int:
        """How many records no checkpoint covers yet."""
        return len(self._records)

    def add(self, record: AuditRecord) -> None:
        """The next committed record; one that is covered already is ignored."""
        last = self._records[-1][0] if self._records else self.offset
        if last is not None and record.offset <= last:
            return
        digest = content_digest(record)
        self._head = linked(self._head, self.partition, record.offset, digest)
        self._records.append((record.offset, digest))
        self._last_timestamp_ms = record.timestamp

    def checkpoint(self, at_s: float) -> Checkpoint | None:
        """A checkpoint over what waits, None where nothing does. It counts once `accepted` is called with it."""
        if not self._records:
            return None
        offset = self._records[-1][0]
        return Checkpoint(
            self.partition, offset, self._head, self.offset, tuple(self._records), self._last_timestamp_ms, at_s,
        )

    def accepted(self, checkpoint: Checkpoint) -> None:
        """A checkpoint is in its topic: what it covers waits no longer."""
        self.offset, self.hash = checkpoint.offset, checkpoint.hash
        self._records = [one for one in self._records if one[0] > checkpoint.offset]
