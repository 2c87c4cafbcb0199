"""The dead letters of a running installation, and writing them back to where they came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from config.models import Config
from streams.client.topic_reader import TIMEOUT_S, existing_places, open_reader, partitions_of_topics, read_to_end
from streams.cluster.topics import BrokerUnavailable
from streams.intake.dead_letters import PREFIX
from streams.kafka.settings import security_of

CUT = "tocsin-cut-from-bytes"


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """One record of the topic of dead letters. place: there, as partition:offset. at_s: when it was written.
    reason, detail, topic, source: what was wrong, and where the record came from; `-` where its headers do not say.
    is_cut: whether the value is not whole."""

    place: str
    at_s: float
    reason: str
    detail: str
    topic: str
    source: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    is_cut: bool

    @classmethod
    def of(cls, record: Any) -> Self:
        """From the record of a consumer."""
        found = {name: value.decode(errors="replace") for name, value in record.headers or () if value is not None}
        topic = found.get(f"{PREFIX}topic", "-")
        source = f"{topic}[{found.get(f'{PREFIX}partition', '-')}] offset {found.get(f'{PREFIX}offset', '-')}"
        kept = tuple((name, value) for name, value in record.headers or () if not name.startswith(PREFIX))
        return cls(
            f"{record.partition}:{record.offset}", record.timestamp / 1000.0, found.get(f"{PREFIX}exception", "-"),
            found.get(f"{PREFIX}message", "-"), topic, source, record.key, record.value, kept, CUT in found,
        )


async def read_dead_letters(config: Config) -> list[StoredDeadLetter]:
    """All that the topic still holds, the oldest first. Raises `BrokerUnavailable` and `TopicError`."""
    async with open_reader(config) as reader:
        places = existing_places(await partitions_of_topics(config), config.topics.dead_letters)
        found = [StoredDeadLetter.of(record) async for record in read_to_end(reader, places)]
    return sorted(found, key=lambda one: one.at_s)


async def requeue(config: Config, letters: Sequence[StoredDeadLetter]) -> int:
    """Write the records to their topics again, by their keys; returns how many. Raises `BrokerUnavailable`.

    Repeated, it writes them again: nothing on the topic of dead letters changes.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=config.kafka.brokers, acks="all", request_timeout_ms=int(TIMEOUT_S * 1000),
        **security_of(config).options(),
    )
    try:
        await producer.start()
        for one in letters:
            await producer.send_and_wait(one.topic, one.value, key=one.key, headers=list(one.headers))
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(",".join(config.kafka.brokers), TIMEOUT_S, error) from error
    finally:
        await producer.stop()
    return len(letters)
