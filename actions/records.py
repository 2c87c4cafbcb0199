"""What actions on records of Kafka need of it, as a protocol: `streams` provides it, since only it knows Kafka.

`Services` is what the executor's process gives to actions beside an HTTP session. An action that needs one of them has
`attach`; the catalogue calls it once, right after the action was built.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from classifiers.model import Incident

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record of a topic. timestamp_ms: milliseconds since the epoch, of the producer or the broker."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to be written."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class RecordStore(Protocol):
    """The records of an installation. All calls are bounded in time and raise `TargetError`: retryable where Kafka does
    not answer, not retryable where a topic or partition does not exist or access is denied.
    """

    async def incident(self, incident_id: str) -> Incident | None:
        """An incident as it was last published; None where the topic does not have it."""

    async def audit(self, incident_id: str, limit: int) -> tuple[list[StoredRecord], bool]:
        """The audit entries that name the incident, oldest first, and whether that is all of them."""

    async def read(self, topic: str, partition: int, start: int, end: int) -> list[StoredRecord]:
        """The records with start <= offset < end that are still kept; compaction and retention may leave gaps."""

    async def write(self, topic: str, records: Sequence[NewRecord]) -> None:
        """Write records; returns when all replicas have them. The topic must exist."""


class BundleSigner(Protocol):
    """Signs the manifest of an evidence bundle. key_id: by which a verifier finds the public key."""

    @property
    def key_id(self) -> str:
        """The name of the key."""

    def sign(self, content: bytes) -> bytes:
        """The signature of the bytes."""


@dataclass(frozen=True, slots=True)
class Services:
    """What a process gives to its actions. None: this process does not have it. configuration: with secrets masked."""

    records: RecordStore | None = None
    signer: BundleSigner | None = None
    configuration: str | None = None


@runtime_checkable
class NeedsServices(Protocol):
    """An action that needs more than an HTTP session."""

    def attach(self, services: Services) -> None:
        """Called once, before the first run."""
