"""Preserve the evidence of an incident: one signed bundle of the incident, its audit entries, the records behind its
alarms, and the configuration with its secrets masked.

Kafka deletes records after its retention; a bundle stays. It is written once under `folder` and never over an earlier
one, so that a second incident cannot destroy the evidence of the first. Nothing is undone.

Crash: a key runs once; a bundle is complete or not there. Duplicate: a second run finds the bundle of its key.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from actions.base import Bounds, Data, Done, Reading, Refusal, RunContext, TargetError
from actions.kinds.http import JsonValue
from actions.kinds.records.bundle import faults_of, manifest_of, pack, write_once
from actions.kinds.records.ranges import evidence_ranges, incident_of
from actions.model import Intent
from actions.records import RecordStore, Services, StoredRecord
from actions.validation import check_number
from classifiers.model import Incident

if TYPE_CHECKING:
    import aiohttp

UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class PreserveEvidenceParams:
    """folder: where bundles are written; it is made if it is missing. max_records: of all ranges together, 1 to 10^6;
    the manifest names what was left out. Raises `ValueError`.
    """

    folder: str
    max_records: int = 50_000
    bounds: Bounds = field(default_factory=lambda: Bounds(timeout_s=120.0))

    def __post_init__(self) -> None:
        if not self.folder:
            raise ValueError(f"PreserveEvidenceParams.folder: {self.folder!r}, expected a folder")
        check_number(self, "max_records", 1, 1_000_000)

    def build(self, _session: aiohttp.ClientSession) -> PreserveEvidence:
        """The action."""
        return PreserveEvidence(self)


class PreserveEvidence:
    """See the module. `attach` must have given it the records."""

    kind = "preserve_evidence"
    reversible = False
    holds = False

    def __init__(self, params: PreserveEvidenceParams) -> None:
        self._params = params
        self._services = Services()
        self.bounds = params.bounds

    def attach(self, services: Services) -> None:
        """Take records, signer and configuration."""
        self._services = services

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Gather, hash, sign, write. Raises `TargetError`, and `Refusal` over a bundle that was changed."""
        store, path = self._services.records, self._path(intent)
        if store is None:
            raise TargetError("preserve_evidence: this process has no access to records", retryable=False)
        earlier = await self.read_back(intent)
        if earlier.applied:
            return Done(f"the bundle {path} is there already", {"path": str(path)})
        if earlier.applied is None:
            raise Refusal(f"{earlier.detail}: a bundle is never written over")
        incident = await incident_of(store, intent)
        if ctx.dry_run:
            return Done(f"would write {path} with {len(evidence_ranges(incident))} ranges of records")
        files, left_out = await self._gather(store, incident)
        signer = self._services.signer
        about: dict[str, JsonValue] = {
            "incident_id": intent.incident_id, "key": intent.key, "reason": intent.reason,
            "decided_at_s": intent.decided_at_s, "left_out": [*left_out],
            "signed_by": None if signer is None else signer.key_id,
        }
        manifest = manifest_of(files, about)
        content = await asyncio.to_thread(pack, files, manifest, signer, intent.decided_at_s)
        try:
            written = await asyncio.to_thread(write_once, path, content)
        except OSError as fault:
            raise TargetError(f"{path}: {fault.strerror}", retryable=True) from fault
        signed = "unsigned" if signer is None else f"signed by {signer.key_id}"
        if not written:
            return Done(f"the bundle {path} is there already", {"path": str(path)})
        data: Data = {"path": str(path), "files": len(files), "left_out": len(left_out)}
        return Done(f"{len(files)} files preserved in {path}, {signed}", data)

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the bundle is there and each file has the hash of its manifest; None where one was changed since.

        Raises `TargetError`.
        """
        path = self._path(intent)
        try:
            faults = await asyncio.to_thread(faults_of, path)
        except FileNotFoundError:
            return Reading(False, f"{path} is not there")
        except OSError as fault:
            raise TargetError(f"{path}: {fault.strerror}", retryable=True) from fault
        return Reading(None if faults else True, f"{path}: {'; '.join(faults) or 'all hashes are right'}")

    def _path(self, intent: Intent) -> Path:
        name = f"{UNSAFE.sub('_', intent.incident_id)}-{UNSAFE.sub('_', intent.key)}.tar.gz"
        return Path(self._params.folder) / name

    async def _gather(self, store: RecordStore, incident: Incident) -> tuple[dict[str, bytes], list[str]]:
        """The files of the bundle, and what is left out of it."""
        entries, is_all = await store.audit(incident.id, self._params.max_records)
        files = {"incident.json": _json(asdict(incident)), "audit.jsonl": _lines(entries)}
        left_out = [] if is_all else ["audit.jsonl: older entries"]
        room = self._params.max_records
        for one in evidence_ranges(incident):
            name = f"records/{one.topic}-{one.partition}-{one.start}-{one.end}.jsonl"
            if one.end - one.start > room:
                left_out.append(f"{name}: more than {self._params.max_records} records")
                continue
            room -= one.end - one.start
            records = await store.read(one.topic, one.partition or 0, one.start, one.end)
            files[name] = _lines(records)
            if len(records) < one.end - one.start:
                left_out.append(f"{name}: {one.end - one.start - len(records)} offsets hold no record any more")
        if self._services.configuration is not None:
            files["configuration.yaml"] = self._services.configuration.encode()
        return files, left_out


def _lines(records: Sequence[StoredRecord]) -> bytes:
    """Records as lines of JSON. Keys, values and headers are base64: they may be any bytes."""
    return b"".join(_json({
        "topic": one.topic, "partition": one.partition, "offset": one.offset, "timestamp_ms": one.timestamp_ms,
        "key": _base64(one.key), "value": _base64(one.value),
        "headers": [[name, _base64(value)] for name, value in one.headers],
    }) + b"\n" for one in records)


def _base64(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, default=str).encode()
