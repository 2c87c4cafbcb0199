"""Check the records behind an incident, and copy the bad ones with the reason to a quarantine topic.

The range is that of the step's `params` (topic, partition, start_offset, end_offset), or those behind the alarms of the
incident. Kafka keeps what it has, so the bad records stay in their topic as well: consumers skip the offsets that the
quarantine topic names. Nothing is undone.

Crash: a key runs once; what was copied by then stays. Duplicate: a bad record has the same key and event id each time,
derived from topic, partition and offset, so a compacted topic keeps one copy and a reader knows the second one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from actions.base import Bounds, Done, Reading, RunContext, TargetError
from actions.kinds.extras import UnusableAction
from actions.kinds.http import JsonValue
from actions.kinds.records.ranges import evidence_ranges, incident_of, step_range, within
from actions.kinds.records.rules import Rules, SchemaCheck, fault_of
from actions.model import Intent
from actions.records import NewRecord, RecordStore, Services, StoredRecord
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

HEADERS_MAX = 64


@dataclass(frozen=True, slots=True)
class QuarantineParams:
    """topics: whose records may be checked. quarantine_topic: where bad ones go; it must exist. rules: what a good
    record is. schema_file: a JSON Schema beside the rules. max_records: of one run, 1 to 10^6. Raises `ValueError`.
    """

    topics: tuple[str, ...]
    quarantine_topic: str
    rules: Rules = field(default_factory=Rules)
    schema_file: str | None = None
    max_records: int = 100_000
    bounds: Bounds = field(default_factory=lambda: Bounds(timeout_s=120.0))

    def __post_init__(self) -> None:
        if not self.topics:
            raise ValueError("QuarantineParams.topics: none, expected at least one")
        if self.quarantine_topic in self.topics or not self.quarantine_topic:
            raise ValueError(f"QuarantineParams.quarantine_topic: {self.quarantine_topic!r}, expected another topic")
        if not self.rules.required and not self.rules.ranges and self.schema_file is None:
            raise ValueError("QuarantineParams.rules: nothing is required, expected a rule or a schema_file")
        check_number(self, "max_records", 1, 1_000_000)

    def build(self, _session: aiohttp.ClientSession) -> Quarantine:
        """The action. Raises `UnusableAction` for a schema that cannot be used."""
        return Quarantine(self)


class Quarantine:
    """See the module. `attach` must have given it the records."""

    kind = "quarantine"
    reversible = False
    holds = False

    def __init__(self, params: QuarantineParams) -> None:
        self._params = params
        self._schema = None if params.schema_file is None else schema_check(params.schema_file)
        self._store: RecordStore | None = None
        self.bounds = params.bounds

    def attach(self, services: Services) -> None:
        """Take the records."""
        self._store = services.records

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Read, check, copy. Raises `TargetError`, and `Refusal` where no range is known or it is too large."""
        store, params = self._store, self._params
        if store is None:
            raise TargetError("quarantine: this process has no access to records", retryable=False)
        named = step_range(intent)
        ranges = [named] if named is not None else evidence_ranges(await incident_of(store, intent))
        checked, bad = 0, []
        for one in within(ranges, params.topics, params.max_records, f"quarantine for {intent.incident_id}"):
            records = await store.read(one.topic, one.partition or 0, one.start, one.end)
            checked += len(records)
            bad += [(record, fault) for record in records if (fault := self._fault(record)) is not None]
        data = {"checked": checked, "bad": len(bad), "first_fault": bad[0][1] if bad else None}
        if ctx.dry_run:
            return Done(f"would copy {len(bad)} of {checked} records to {params.quarantine_topic}", data)
        await store.write(params.quarantine_topic, [quarantined(record, fault, intent) for record, fault in bad])
        return Done(f"{len(bad)} of {checked} records copied to {params.quarantine_topic}", data)

    async def read_back(self, intent: Intent) -> Reading:
        """Unknown: the copies are records of a topic that others read."""
        return Reading(None, f"{intent.target}: see the topic {self._params.quarantine_topic}")

    def _fault(self, record: StoredRecord) -> str | None:
        return fault_of(record.value, self._params.rules, self._schema)


def quarantined(record: StoredRecord, fault: str, intent: Intent) -> NewRecord:
    """A bad record with the reason and its place in headers; its key is the event id."""
    place = f"{record.topic}:{record.partition}:{record.offset}"
    event_id = hashlib.sha256(place.encode()).hexdigest()[:32]
    added = {
        "tocsin-reason": fault, "tocsin-source-topic": record.topic, "tocsin-source-partition": str(record.partition),
        "tocsin-source-offset": str(record.offset), "tocsin-source-timestamp-ms": str(record.timestamp_ms),
        "tocsin-incident": intent.incident_id, "tocsin-event-id": event_id,
    }
    headers = tuple((name, value.encode()) for name, value in added.items())
    kept = tuple(_without(record.headers, added))[:HEADERS_MAX]
    key = () if record.key is None else (("tocsin-source-key", record.key),)
    return NewRecord(event_id.encode(), record.value, (*headers, *key, *kept))


def schema_check(path: str) -> SchemaCheck:
    """What judges a value by a JSON Schema file. Raises `UnusableAction` naming the file."""
    # Here, so that who only reads a configuration does not wait for it.
    from jsonschema.exceptions import SchemaError, best_match
    from jsonschema.validators import validator_for

    try:
        schema = json.loads(Path(path).read_text(encoding="utf-8"))
        validator_class = validator_for(schema)
        validator_class.check_schema(schema)
    except (OSError, ValueError, SchemaError) as error:
        reason = str(error).partition("\n")[0]
        message = f"actions.quarantine.schema_file: {path}: {reason}, expected a JSON Schema"
        raise UnusableAction(message) from error
    validator = validator_class(schema)

    def check(value: JsonValue) -> str | None:
        error = best_match(validator.iter_errors(value))
        return None if error is None else f"{error.json_path}: {error.message[:200]}"

    return check


def _without(headers: Iterable[tuple[str, bytes]], names: Iterable[str]) -> list[tuple[str, bytes]]:
    taken = {*names, "tocsin-source-key"}
    return [(name, value) for name, value in headers if name not in taken]
