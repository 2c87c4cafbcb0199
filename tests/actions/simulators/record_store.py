"""Records in memory in place of Kafka, with the faults that a `RecordStore` may raise; the real one has own tests."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from actions.base import Action, TargetError
from actions.kinds.records.preserve_evidence import PreserveEvidence, PreserveEvidenceParams
from actions.kinds.records.quarantine import Quarantine, QuarantineParams
from actions.kinds.records.rules import Range, Rules
from actions.model import Intent
from actions.records import NewRecord, Services, StoredRecord
from classifiers.model import Anomaly, Incident, OffsetRange, Scope
from tests.actions.cases import INCIDENT, INTENT

TOPIC, QUARANTINE = "inference.latency", "inference.quarantine"
VALUES = (b'{"latency_ms": 12}', b'{"latency_ms": -1}', b"no json", b'{"other": 1}', None, b'{"latency_ms": 14}')


class MemoryRecords:
    """One partition of one topic, and a compacted quarantine topic. fault: raised by each call."""

    def __init__(self) -> None:
        self.stored = [
            StoredRecord(TOPIC, 0, offset, 1_000 + offset, b"r0", value, (("ce_id", b"x"),))
            for offset, value in enumerate(VALUES, 100)
        ]
        alarm = Anomaly(
            Scope("chat"), "latency_ms", "cusum", 0.0, 1.0, 9.0, 1.0, 2.0, "up", 5, 0.0,
            records=(OffsetRange(TOPIC, 0, 100, 104), OffsetRange(TOPIC, 0, 103, 106), OffsetRange("other", 1, 0, 9)),
        )
        self.incidents: dict[str, Incident] = {"i1": replace(INCIDENT, evidence=(alarm,))}
        self.quarantine: dict[bytes, NewRecord] = {}
        self.entries = [StoredRecord("tocsin.audit", 0, 1, 5, b"i1", b'{"subject": "i1"}')]
        self.written = 0
        self.fault: TargetError | None = None

    def check(self) -> None:
        if self.fault is not None:
            raise self.fault

    async def incident(self, incident_id: str) -> Incident | None:
        self.check()
        return self.incidents.get(incident_id)

    async def audit(self, incident_id: str, limit: int) -> tuple[list[StoredRecord], bool]:
        self.check()
        found = [one for one in self.entries if one.key == incident_id.encode()]
        return found[-limit:], len(found) <= limit

    async def read(self, topic: str, partition: int, start: int, end: int) -> list[StoredRecord]:
        self.check()
        return [one for one in self.stored if (one.topic, one.partition) == (topic, partition)
                and start <= one.offset < end]

    async def write(self, topic: str, records: Sequence[NewRecord]) -> None:
        self.check()
        assert topic == QUARANTINE
        self.written += len(records)
        self.quarantine.update({one.key or b"": one for one in records})


class RecordSimulator:
    kind = ""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryRecords()
        self.folder = folder
        self.action: Action = self.build()

    def build(self) -> Action:
        raise NotImplementedError

    def intent(self) -> Intent:
        return replace(INTENT, kind=self.kind)

    def unknown(self) -> Intent:
        return replace(self.intent(), incident_id="nobody")

    def answer(self, status: int | None) -> None:
        self.store.fault = TargetError(f"answers {status}", retryable=status != 403)

    def state(self) -> object:
        return {key: one.value for key, one in self.store.quarantine.items()}

    def writes(self) -> int:
        return self.store.written


class QuarantineSimulator(RecordSimulator):
    kind = "quarantine"

    def build(self) -> Quarantine:
        rules = Rules(("latency_ms",), {"latency_ms": Range(min=0)})
        action = Quarantine(QuarantineParams((TOPIC,), QUARANTINE, rules))
        action.attach(Services(self.store))
        return action


class EvidenceSimulator(RecordSimulator):
    kind = "preserve_evidence"

    def build(self) -> PreserveEvidence:
        action = PreserveEvidence(PreserveEvidenceParams(str(self.folder)))
        action.attach(Services(self.store))
        return action

    def state(self) -> object:
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.folder.iterdir()}

    def writes(self) -> int:
        return len(list(self.folder.iterdir()))


@asynccontextmanager
async def records(kind: type[RecordSimulator]) -> AsyncIterator[RecordSimulator]:
    """A fresh store."""
    with tempfile.TemporaryDirectory() as folder:
        yield kind(Path(folder))
