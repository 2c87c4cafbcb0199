"""The last published state of incidents: from the file of a replay, or from the topics of a running installation.

The topic is compacted by incident id, so the last record of an id counts. An outcome that arrived after its shard had
forgotten the incident is on the outcome topic alone, and is added to the incident here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from classifiers.accounting.stage_timeline import with_actions
from classifiers.incidents.episode import upsert_action
from classifiers.model import Incident
from config.models import Config
from streams.cluster.topics import BrokerUnavailable, TopicError
from streams.contracts.envelopes import WireError, read_incident, read_outcome
from streams.kafka.settings import security_of
from streams.shard.ladder.outcomes import action_after

NAME = "incidents.jsonl"
TIMEOUT_S = 15.0
"""A broker must answer within this time, and then must not pause for longer."""


class IncidentFileError(ValueError):
    """A line that is no incident. The command line shows `exit_message`."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        self.exit_message = f"{path}:{line}: {reason}, expected an incident as `tocsin replay` writes it"
        super().__init__(self.exit_message)


@dataclass(slots=True)
class IncidentLog:
    """The last state of each incident. unreadable: records that could not be read. first_unreadable:
    place and reason of the first one."""

    incidents: dict[str, Incident] = field(default_factory=dict)
    unreadable: int = 0
    first_unreadable: str | None = None

    def apply_incident(self, key: bytes | None, value: bytes | None) -> None:
        """Set the state of an incident; a tombstone removes it. Raises `WireError`."""
        if value is None and key is not None:
            self.incidents.pop(key.decode(errors="replace"), None)
            return
        incident = read_incident(value)
        self.incidents[incident.id] = incident

    def apply_outcome(self, _key: bytes | None, value: bytes | None) -> None:
        """Add an outcome to its incident; that of an unknown incident is ignored. Raises `WireError`."""
        outcome = read_outcome(value)
        incident = self.incidents.get(outcome.incident_id)
        action = None if incident is None else action_after(incident.actions, outcome)
        if incident is not None and action is not None:
            actions = list(incident.actions)
            upsert_action(actions, action)
            self.incidents[incident.id] = with_actions(incident, actions)

    def count_unreadable(self, place: str, error: WireError) -> None:
        """Count a record that cannot be read."""
        self.unreadable += 1
        self.first_unreadable = self.first_unreadable or f"{place}: {error}"


def read_files(paths: Iterable[Path]) -> IncidentLog:
    """Incidents of JSON lines, or of the folders that `tocsin replay` wrote; a later line of the same id wins.

    Raises `OSError` and `IncidentFileError`, naming the place.
    """
    log = IncidentLog()
    for path in paths:
        file = path / NAME if path.is_dir() else path
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    log.apply_incident(None, line)
                except WireError as error:
                    raise IncidentFileError(file, number, str(error)) from error
    return log


async def read_topics(config: Config) -> IncidentLog:
    """Incidents and outcomes up to the current end of the topics. A record that cannot be read is counted and skipped.

    Raises `BrokerUnavailable`, and `TopicError` where there is no topic of incidents.
    """
    topics, log = config.topics, IncidentLog()
    async with _reader(config) as reader:
        known = await _partitions(config)
        if topics.incidents not in known:
            raise TopicError(f"topic {topics.incidents!r}: not on this broker, expected the topic a worker writes")
        for topic, apply in ((topics.incidents, log.apply_incident), (topics.outcomes, log.apply_outcome)):
            if topic in known:
                async for record in _records(reader, [TopicPartition(topic, number) for number in known[topic]]):
                    try:
                        apply(record.key, record.value)
                    except WireError as error:
                        log.count_unreadable(f"{topic}[{record.partition}] offset {record.offset}", error)
    return log


@asynccontextmanager
async def _reader(config: Config) -> AsyncIterator[AIOKafkaConsumer]:
    brokers = ",".join(config.kafka.brokers)
    reader = AIOKafkaConsumer(
        bootstrap_servers=config.kafka.brokers, enable_auto_commit=False, auto_offset_reset="earliest",
        isolation_level="read_committed", **security_of(config).options(),
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await reader.start()
        yield reader
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(brokers, TIMEOUT_S, error or "no complete answer") from error
    finally:
        await reader.stop()


async def _partitions(config: Config) -> dict[str, list[int]]:
    """The partitions of every topic. To ask for one topic by name could create it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=config.kafka.brokers, **security_of(config).options())
    try:
        await admin.start()
        described = await admin.describe_topics()
    finally:
        await admin.close()
    return {one["topic"]: sorted(part["partition"] for part in one["partitions"]) for one in described}


async def _records(reader: AIOKafkaConsumer, tps: Sequence[TopicPartition]) -> AsyncIterator[Any]:
    """The records of these partitions up to their current end. Compaction may have removed the last ones."""
    reader.assign(tps)
    ends = await reader.end_offsets(tps)
    await reader.seek_to_beginning(*tps)
    for tp in tps:
        empty_polls = 0
        while (at := await reader.position(tp)) < ends[tp]:
            for record in (await reader.getmany(tp, timeout_ms=1000)).get(tp, ()):
                yield record
            empty_polls = empty_polls + 1 if await reader.position(tp) == at else 0
            if empty_polls >= TIMEOUT_S:
                raise TimeoutError(f"{tp.topic}[{tp.partition}] stopped at offset {at} of {ends[tp]}")
