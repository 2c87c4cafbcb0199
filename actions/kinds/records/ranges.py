"""Which records an intent is about: the range that the step names, or those behind the alarms of its incident."""

from __future__ import annotations

from collections.abc import Collection

from actions.base import Refusal, TargetError
from actions.model import Intent
from actions.records import RecordStore
from classifiers.model import Incident, OffsetRange

PARAMS = ("topic", "partition", "start_offset", "end_offset")


def step_range(intent: Intent) -> OffsetRange | None:
    """The range of the step's `params` topic, partition, start_offset and end_offset (exclusive); None without any.

    Raises `TargetError`, not retryable, where only some are given.
    """
    found = [intent.params.get(name) for name in PARAMS]
    if all(value is None for value in found):
        return None
    topic, *numbers = found
    if not isinstance(topic, str) or not all(_is_offset(number) for number in numbers):
        raise TargetError(f"{intent.kind}: params {', '.join(PARAMS)}: {found!r}, expected all four", retryable=False)
    partition, start, end = (int(number) for number in numbers if isinstance(number, int | float))
    return OffsetRange(topic, partition, start, end)


def evidence_ranges(incident: Incident) -> list[OffsetRange]:
    """The ranges behind the alarms of an incident, joined where they overlap, in order."""
    joined: list[OffsetRange] = []
    parts = {(one.topic, one.partition, one.start, one.end) for alarm in incident.evidence for one in alarm.records}
    for topic, partition, start, end in sorted(part for part in parts if part[1] is not None):
        last = joined[-1] if joined else None
        if last is not None and (last.topic, last.partition) == (topic, partition) and start <= last.end:
            joined[-1] = OffsetRange(topic, partition, last.start, max(last.end, end))
        else:
            joined.append(OffsetRange(topic, partition, start, end))
    return joined


async def incident_of(store: RecordStore, intent: Intent) -> Incident:
    """The incident of an intent. Raises `TargetError`, not retryable, where no topic has it."""
    incident = await store.incident(intent.incident_id)
    if incident is None:
        raise TargetError(f"incident {intent.incident_id} is not on the topic of incidents", retryable=False)
    return incident


def within(ranges: list[OffsetRange], topics: Collection[str], max_records: int, place: str) -> list[OffsetRange]:
    """The ranges of these topics. Raises `Refusal` where there are none, or more records than allowed."""
    kept = [one for one in ranges if one.topic in topics]
    count = sum(one.end - one.start for one in kept)
    if not kept:
        raise Refusal(f"{place}: no range of records of {', '.join(sorted(topics))} is known")
    if count > max_records:
        raise Refusal(f"{place}: {count} records, expected at most {max_records}")
    return kept


def _is_offset(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and int(value) == value
