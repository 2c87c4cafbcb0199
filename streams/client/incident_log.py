"""Incidents as they were last told: from the file of a replay, or from the topics of a running installation.

The topic is compacted by incident id, so the last record of an id counts. An outcome that came after its shard had let
the incident go is known to the outcome topic only, and is filed here.
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
from classifiers.incidents.episode import file_action
from classifiers.model import Incident
from config.models import Config
from streams.contracts.envelopes import WireError, read_incident, read_outcome
from streams.kafka.settings import security_of
from streams.kafka.topics import BrokerUnavailable, TopicError
from streams.shard.decisions import action_record

NAME = "incidents.jsonl"
TIMEOUT_S = 15.0
"""Within which a broker must have answered, and then sent more."""


class UnreadableIncidents(ValueError):  # noqa: N818
    """A file that holds something else than incidents. The command line shows `exit_message`."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        self.exit_message = f"{path}:{line}: {reason}, expected an incident as `tocsin replay` writes it"
        super().__init__(self.exit_message)


@dataclass(slots=True)
class IncidentLog:
    """The last word on each incident. refused: records that could not be read; `first_refused` says where and why."""

    incidents: dict[str, Incident] = field(default_factory=dict)
    refused: int = 0
    first_refused: str | None = None

    def take_incident(self, key: bytes | None, value: bytes | None) -> None:
        """The word on an incident that follows those before; no value withdraws it. Raises `WireError`."""
        if value is None and key is not None:
            self.incidents.pop(key.decode(errors="replace"), None)
            return
        incident = read_incident(value)
        self.incidents[incident.id] = incident

    def take_outcome(self, _key: bytes | None, value: bytes | None) -> None:
        """What came of an action, filed on its incident; unknown ones are ignored. Raises `WireError`."""
        outcome = read_outcome(value)
        incident = self.incidents.get(outcome.incident_id)
        if incident is not None:
            actions = list(incident.actions)
            file_action(actions, action_record(outcome))
            self.incidents[incident.id] = with_actions(incident, actions)

    def refuse(self, place: str, error: WireError) -> None:
        """Count a record that says nothing."""
        self.refused += 1
        self.first_refused = self.first_refused or f"{place}: {error}"


def read_files(paths: Iterable[Path]) -> IncidentLog:
    """Incidents of JSON lines, or of the folders that `tocsin replay` wrote; a later line of the same id wins.

    Raises `OSError` and `UnreadableIncidents`, naming the place.
    """
    log = IncidentLog()
    for path in paths:
        file = path / NAME if path.is_dir() else path
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    log.take_incident(None, line)
                except WireError as error:
                    raise UnreadableIncidents(file, number, str(error)) from error
    return log


async def read_topics(config: Config) -> IncidentLog:
    """Incidents and outcomes as far as the topics go now. A record that cannot be read is counted and passed over.

    Raises `BrokerUnavailable`, and `TopicError` where there is no topic of incidents.
    """
    topics, log = config.topics, IncidentLog()
    async with _reader(config) as reader:
        known = await _partitions(config)
        if topics.incidents not in known:
            raise TopicError(f"topic {topics.incidents!r}: not on this broker, expected the topic a worker writes")
        for topic, take in ((topics.incidents, log.take_incident), (topics.outcomes, log.take_outcome)):
            if topic in known:
                async for record in _records(reader, [TopicPartition(topic, number) for number in known[topic]]):
                    try:
                        take(record.key, record.value)
                    except WireError as error:
                        log.refuse(f"{topic}[{record.partition}] offset {record.offset}", error)
    return log


@asynccontextmanager
async def _reader(config: Config) -> AsyncIterator[AIOKafkaConsumer]:
    brokers = ",".join(config.kafka.brokers)
    reader = AIOKafkaConsumer(
        bootstrap_servers=config.kafka.brokers, enable_auto_commit=False, auto_offset_reset="earliest",
        **security_of(config).options(),
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
    """The partitions of every topic there is; to ask for one by name could make it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=config.kafka.brokers, **security_of(config).options())
    try:
        await admin.start()
        described = await admin.describe_topics()
    finally:
        await admin.close()
    return {one["topic"]: sorted(part["partition"] for part in one["partitions"]) for one in described}


async def _records(reader: AIOKafkaConsumer, tps: Sequence[TopicPartition]) -> AsyncIterator[Any]:
    """All that these partitions hold now, one after another; compaction may have left nothing at an end."""
    reader.assign(tps)
    ends = await reader.end_offsets(tps)
    await reader.seek_to_beginning(*tps)
    for tp in tps:
        fruitless = 0
        while (at := await reader.position(tp)) < ends[tp]:
            for record in (await reader.getmany(tp, timeout_ms=1000)).get(tp, ()):
                yield record
            fruitless = fruitless + 1 if await reader.position(tp) == at else 0
            if fruitless >= TIMEOUT_S:
                raise TimeoutError(f"{tp.topic}[{tp.partition}] stopped at offset {at} of {ends[tp]}")
