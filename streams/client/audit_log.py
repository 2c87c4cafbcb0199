"""The audit with its checkpoints, and the answers of people in it, as the topics have them. For the command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from aiokafka import TopicPartition  # type: ignore[import-untyped]

from actions.escalation.paged import EVENT as PAGED
from actions.escalation.paged import page_of
from classifiers.learning.feedback_entry import EVENT as FEEDBACK
from classifiers.learning.feedback_entry import was_fault
from classifiers.model import AuditEntry, Incident
from config.models import Config
from streams.audit.checkpoint_records import CheckpointRecord
from streams.audit.export import KeptAudit, KeptRecord
from streams.client.topic_reader import (
    existing_places,
    first_offset,
    open_reader,
    partitions_of_topics,
    places_of,
    read_to_end,
)
from streams.cluster.topics import BrokerUnavailable
from streams.contracts.envelopes import WireError, read_audit
from streams.intake.kafka_record import KafkaRecord
from streams.timeline.timeline import is_first_alarm, names_before

BEFORE_S = 3_600.0
"""How far before the onset the audit is read: clocks and event time differ."""
ANSWERS = tuple(f"/{event}".encode() for event in (PAGED, FEEDBACK))


@dataclass(slots=True)
class AnswerLog:
    """pages: each as person and time, in seconds since the epoch. faults: by incident, whether a person said that it
    was a fault; the last word counts.
    """

    pages: list[tuple[str, float]] = field(default_factory=list)
    faults: dict[str, bool] = field(default_factory=dict)


async def read_audit_topics(config: Config) -> KeptAudit:
    """Everything committed up to the present end; raises `BrokerUnavailable`, and `TopicError` without an audit.

    The checkpoints are read first, so that none covers records that were not read.
    """
    topics, audit = config.topics, KeptAudit()
    async with open_reader(config) as reader:
        known = await partitions_of_topics(config)
        places = existing_places(known, topics.audit)
        async for record in read_to_end(reader, places_of(known, topics.checkpoints)):
            audit.checkpoints.append(CheckpointRecord(record.value, tuple(record.headers)))
        async for record in read_to_end(reader, places):
            audit.records.setdefault(record.partition, []).append(KeptRecord(
                record.partition, record.offset, record.timestamp, record.key, record.value, tuple(record.headers),
            ))
    return audit


async def read_audit_ends(config: Config) -> dict[TopicPartition, int]:
    """The end of each partition of the audit; empty where it cannot be read, as a person may not be allowed to."""
    try:
        async with open_reader(config) as reader:
            places = places_of(await partitions_of_topics(config), config.topics.audit)
            return dict(await reader.end_offsets(places)) if places else {}
    except BrokerUnavailable:
        return {}


@dataclass(frozen=True, slots=True)
class ControlAnswer:
    """What became of a control record. refusal: why it was refused, None for one that was accepted."""

    refusal: str | None


async def read_control_answer(
    config: Config, subjects: Collection[str], since: Mapping[TopicPartition, int],
) -> ControlAnswer | None:
    """What became of a control record, by the audit; None while the audit does not say so. One refusal counts.

    subjects: the id of the record, and its place for a record that was not believed. since: see `read_audit_ends`, of
    before it was written. Raises `BrokerUnavailable`.
    """
    found = None
    if not since:
        return None
    async with open_reader(config) as reader:
        async for record in read_to_end(reader, list(since), since):
            try:
                entry = read_audit(record.value)
            except WireError:
                continue
            if entry.event == "refused" and entry.subject in subjects:
                return ControlAnswer(entry.reason)
            if entry.event == "accepted" and entry.subject in subjects:
                found = ControlAnswer(None)
    return found


async def read_steps(config: Config, incident: Incident) -> list[AuditEntry] | None:
    """The audit of an incident from a while before its onset up to the present end, in no certain order; None where
    the audit cannot be read, as a person may not be allowed to."""
    named: list[AuditEntry] = []
    alarms: list[AuditEntry] = []
    try:
        async with open_reader(config) as reader:
            places = places_of(await partitions_of_topics(config), config.topics.audit)
            since = {tp: await first_offset(reader, tp, max(incident.onset_at_s - BEFORE_S, 0.0)) for tp in places}
            async for record in read_to_end(reader, places, since):
                if record.key != incident.id.encode() and not _may_be_alarm(record):
                    continue
                with suppress(WireError):
                    (named if record.key == incident.id.encode() else alarms).append(read_audit(record.value))
    except BrokerUnavailable:
        return None
    names = names_before(incident.id, named)
    return [*(one for one in alarms if is_first_alarm(incident, names, one)), *named]


def _may_be_alarm(record: KafkaRecord) -> bool:
    return b"/alarm/" in (dict(record.headers).get("ce_id") or b"")


async def read_answers(config: Config) -> AnswerLog:
    """The answers up to the present end; none where the audit cannot be read, as a person may not be allowed to."""
    found = AnswerLog()
    latest: dict[str, float] = {}
    try:
        async with open_reader(config) as reader:
            places = places_of(await partitions_of_topics(config), config.topics.audit)
            async for record in read_to_end(reader, places):
                if _may_tell(record):
                    _add(found, latest, record)
    except BrokerUnavailable:
        return AnswerLog()
    return found


def _may_tell(record: KafkaRecord) -> bool:
    """By its id, which begins with subject and event: most of the audit need not be decoded."""
    event_id = dict(record.headers).get("ce_id") or b""
    return any(event in event_id for event in ANSWERS)


def _add(found: AnswerLog, latest: dict[str, float], record: KafkaRecord) -> None:
    try:
        entry = read_audit(record.value)
    except WireError:
        return
    page, is_fault = page_of(entry), was_fault(entry)
    if page is not None:
        found.pages.append(page)
    elif is_fault is not None and entry.at_s >= latest.get(entry.subject, 0.0):
        latest[entry.subject] = entry.at_s
        found.faults[entry.subject] = is_fault
