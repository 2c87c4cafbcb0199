"""The broadcast consumer against brokers: every record once, in order, from a given time on, also after failures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions  # type: ignore[import-untyped]

from streams.cluster.topics import TopicSpec, ensure_topics
from streams.intake.kafka_record import ConsumerRecord
from streams.kafka import broadcast_consumer
from streams.kafka.broadcast_consumer import COMPLAIN_AFTER_S, BroadcastConsumer
from tests.kafka.brokers import RealKafka
from tests.kafka.conftest import Broker
from tests.kafka.harness import unique, until

HOUR_S = 3600.0
NOWHERE = "127.0.0.1:1"


class ConsumerFixture:
    """A consumer of one topic, what it read, and the clock it measures by."""

    def __init__(self, address: str, topic: str, back_s: float = HOUR_S, fails_at: bytes | None = None) -> None:
        self.values: list[bytes | None] = []
        self.lags: list[int | None] = []
        self.mono_s = 0.0
        self._fails_at = fails_at
        self.consumer = BroadcastConsumer(
            address, {topic: back_s}, self._process, now_s=time.time, mono_s=lambda: self.mono_s, lag=self.lags.append,
        )

    async def _process(self, _: str, records: Sequence[ConsumerRecord]) -> None:
        self.values += [record.value for record in records]
        if self._fails_at in [record.value for record in records]:
            raise ZeroDivisionError("a bug")


@asynccontextmanager
async def running(fixture: ConsumerFixture) -> AsyncIterator[ConsumerFixture]:
    task = asyncio.create_task(fixture.consumer.run())
    try:
        yield fixture
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def made(broker: Broker, partitions: int = 4) -> str:
    topic = unique("control")
    await ensure_topics(broker.address, [TopicSpec(topic, partitions)])
    return topic


async def write(
    broker: Broker, topic: str, values: Sequence[bytes], partition: int | None = 0, dated_s: float | None = None,
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.address)
    await producer.start()
    try:
        for number, value in enumerate(values):
            where = number % 4 if partition is None else partition
            stamp = None if dated_s is None else int(dated_s * 1000)
            await producer.send_and_wait(topic, value, partition=where, timestamp_ms=stamp)
    finally:
        await producer.stop()


def numbered(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(first, first + count)]


async def read(fixture: ConsumerFixture, count: int) -> None:
    await until(lambda: len(fixture.values) >= count, f"{count} records read")


async def test_every_partition_is_read_from_its_beginning(broker: Broker) -> None:
    topic = await made(broker)
    await write(broker, topic, numbered(20), partition=None)
    async with running(ConsumerFixture(broker.address, topic)) as fixture:
        assert await fixture.consumer.caught_up(20.0)
        assert sorted(fixture.values, key=lambda value: int(value or b"")) == numbered(20)
        assert fixture.lags[-1] == 0
        await write(broker, topic, numbered(5, first=20))
        await read(fixture, 25)
        assert fixture.values[20:] == numbered(5, first=20)


async def test_a_topic_with_nothing_in_it_is_caught_up_with(broker: Broker) -> None:
    async with running(ConsumerFixture(broker.address, await made(broker))) as fixture:
        assert await fixture.consumer.caught_up(20.0)
        assert fixture.consumer.complaints() == ()


async def test_what_is_older_than_asked_for_is_not_read(real: RealKafka) -> None:
    topic = await made(real)
    old_s = time.time() - 2 * HOUR_S
    await write(real, topic, numbered(3), 0, old_s)
    await write(real, topic, numbered(2, first=3), 0)
    await write(real, topic, numbered(3, first=100), 1, old_s)
    async with running(ConsumerFixture(real.address, topic)) as fixture:
        assert await fixture.consumer.caught_up(20.0)
        assert fixture.values == numbered(2, first=3)


async def test_an_exception_in_processing_loses_no_later_record_and_repeats_none(broker: Broker) -> None:
    topic = await made(broker)
    async with running(ConsumerFixture(broker.address, topic, fails_at=b"1")) as fixture:
        assert await fixture.consumer.caught_up(20.0)
        await write(broker, topic, numbered(2))
        await read(fixture, 2)
        await write(broker, topic, numbered(3, first=2))
        await read(fixture, 5)
        assert fixture.values == numbered(5)
        assert None in fixture.lags


async def test_a_broker_that_is_not_there_is_a_complaint_after_a_while_and_is_waited_for() -> None:
    async with running(ConsumerFixture(NOWHERE, "control")) as fixture:
        assert not await fixture.consumer.caught_up(0.5)
        await until(lambda: None in fixture.lags, "a failure")
        assert fixture.consumer.complaints() == ()
        fixture.mono_s = COMPLAIN_AFTER_S
        (complaint,) = fixture.consumer.complaints()
        assert complaint.startswith("control: not read for 30 s: ")


async def test_what_is_written_after_the_broker_died_and_came_back_is_read_once(real: RealKafka) -> None:
    topic = await made(real)
    await write(real, topic, numbered(3))
    async with running(ConsumerFixture(real.address, topic)) as fixture:
        await read(fixture, 3)
        real.kill()
        real.start()
        await write(real, topic, numbered(3, first=3))
        await read(fixture, 6)
        assert fixture.values == numbered(6)


async def test_while_no_fetch_is_answered_the_lag_is_not_known_and_then_reading_continues(
    real: RealKafka, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broadcast_consumer, "BLIND_AFTER_S", 1.0)
    monkeypatch.setattr(broadcast_consumer, "REQUEST_TIMEOUT_S", 2.0)
    topic = await made(real)
    await write(real, topic, numbered(3))
    async with running(ConsumerFixture(real.address, topic)) as fixture:
        await read(fixture, 3)
        await until(lambda: fixture.lags[-1] == 0, "caught up")
        real.kill()
        try:
            await until(lambda: fixture.lags[-1] is None, "blind", 10.0)
            await asyncio.sleep(5.0)  # so that clients are given up
            assert fixture.lags[-1] is None
        finally:
            real.start()
        monkeypatch.undo()
        await write(real, topic, numbered(3, first=3))
        await read(fixture, 6)
        assert fixture.values == numbered(6)
        await until(lambda: fixture.lags[-1] == 0, "caught up again")


async def test_aborted_records_are_not_read_and_their_markers_are_no_lag(real: RealKafka) -> None:
    topic = await made(real)
    producer = AIOKafkaProducer(bootstrap_servers=real.address, transactional_id=topic)
    await producer.start()
    for value, end in ((b"0", producer.commit_transaction), (b"9", producer.abort_transaction)):
        await producer.begin_transaction()
        await producer.send_and_wait(topic, value, partition=0)
        await end()
    await producer.stop()
    async with running(ConsumerFixture(real.address, topic)) as fixture:
        assert await fixture.consumer.caught_up(20.0)
        await until(lambda: fixture.lags[-1] == 0, "no lag")
        assert fixture.values == [b"0"]


async def test_new_partitions_are_read_from_their_beginning_and_the_others_from_their_last_position(
    real: RealKafka, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broadcast_consumer, "METADATA_MAX_AGE_MS", 300)
    topic = await made(real)
    await write(real, topic, numbered(3))
    async with running(ConsumerFixture(real.address, topic)) as fixture:
        await read(fixture, 3)
        admin = AIOKafkaAdminClient(bootstrap_servers=real.address)
        await admin.start()
        await admin.create_partitions({topic: NewPartitions(6)})
        await admin.close()
        await write(real, topic, numbered(2, first=3), partition=5)
        await write(real, topic, numbered(2, first=5), partition=0)
        await read(fixture, 7)
        assert sorted(fixture.values, key=lambda value: int(value or b"")) == numbered(7)
