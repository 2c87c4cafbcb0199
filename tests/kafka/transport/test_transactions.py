"""One owner per shard: what a fenced or failed producer wrote is not read, and an outage loses nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]

from streams.cluster.fencing import can_fence
from streams.cluster.topics import BrokerUnavailable, TopicSpec, ensure_topics
from streams.contracts.envelopes import Message
from streams.kafka import transactions
from streams.kafka.settings import Security
from streams.kafka.transactions import Fenced, FencedProducer, PlainProducer, TransactionFailed
from tests.kafka.brokers import EmbeddedKafka, RealKafka
from tests.kafka.conftest import Broker
from tests.kafka.harness import unique

Make = Callable[[str], FencedProducer]


@pytest_asyncio.fixture
async def make(real: RealKafka) -> AsyncIterator[Make]:
    """Producers by transactional id, closed at the end."""
    async with AsyncExitStack() as stack:
        def made(transactional_id: str) -> FencedProducer:
            producer = FencedProducer({"bootstrap_servers": real.address}, transactional_id)
            stack.push_async_callback(producer.stop)
            return producer

        yield made


async def topic_on(broker: Broker, **config: str) -> str:
    topic = unique("written")
    await ensure_topics(broker.address, [TopicSpec(topic, 2, config, at_least=1)])
    return topic


def message(value: bytes, partition: int = 0) -> Message:
    return Message(b"k", value, (), partition)


async def read(broker: Broker, topic: str) -> list[bytes]:
    """The committed values of partition 0, once no transaction is open: a commit is seen a moment after it returns."""
    tp, values = TopicPartition(topic, 0), list[bytes]()
    async with asyncio.timeout(20.0), consumer(broker, "read_uncommitted") as every, consumer(broker) as committed:
        committed.assign([tp])
        end = (await every.end_offsets([tp]))[tp]
        while await committed.position(tp) < end:
            values += [record.value for record in (await committed.getmany(timeout_ms=100)).get(tp, [])]
    return values


@asynccontextmanager
async def consumer(broker: Broker, isolation: str = "read_committed") -> AsyncIterator[AIOKafkaConsumer]:
    started = AIOKafkaConsumer(
        bootstrap_servers=broker.address, isolation_level=isolation, auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await started.start()
    try:
        yield started
    finally:
        await started.stop()


async def write(producer: FencedProducer | PlainProducer, topic: str, *values: bytes) -> None:
    async with producer.transaction() as out:
        for value in values:
            await out.send(topic, message(value))


async def write_and_fail(producer: FencedProducer | PlainProducer, topic: str, value: bytes) -> None:
    async with producer.transaction() as out:
        await (await out.send(topic, message(value)))
        raise ZeroDivisionError


async def test_a_transaction_is_read_whole_in_order_and_one_that_raised_not_at_all(real: RealKafka, make: Make) -> None:
    topic, producer = await topic_on(real), make(unique("id"))
    await producer.start()
    await write(producer, topic, b"1", b"2")
    with pytest.raises(ZeroDivisionError):
        await write_and_fail(producer, topic, b"3")
    await write(producer, topic, b"4")
    assert await read(real, topic) == [b"1", b"2", b"4"]


async def test_the_offset_of_a_record_is_known_before_the_commit(real: RealKafka, make: Make) -> None:
    topic, producer = await topic_on(real), make(unique("id"))
    await producer.start()
    async with producer.transaction() as out:
        stored = await (await out.send(topic, message(b"1")))
        assert (stored.partition, stored.offset) == (0, 0)


async def test_a_transaction_without_a_message_is_nothing(make: Make) -> None:
    producer = make(unique("id"))
    await producer.start()
    async with producer.transaction():
        pass
    async with producer.transaction():
        pass


async def test_of_a_former_owner_nothing_comes_through_once_a_new_one_has_started(real: RealKafka, make: Make) -> None:
    topic, transactional_id = await topic_on(real), unique("id")
    former, new = make(transactional_id), make(transactional_id)
    await former.start()
    await write(former, topic, b"before")

    async def write_too_late() -> None:
        async with former.transaction() as out:
            await (await out.send(topic, message(b"zombie")))
            await new.start()
            await write(new, topic, b"new")

    with pytest.raises(Fenced):
        await write_too_late()
    with pytest.raises(Fenced):
        await write(former, topic, b"again")
    await write(new, topic, b"after")
    assert await read(real, topic) == [b"before", b"new", b"after"]


async def test_an_idle_former_owner_learns_it_at_its_next_transaction(real: RealKafka, make: Make) -> None:
    topic, transactional_id = await topic_on(real), unique("id")
    former, new = make(transactional_id), make(transactional_id)
    await former.start()
    await new.start()
    began_s = time.monotonic()
    with pytest.raises(Fenced):
        await write(former, topic, b"zombie")
    assert time.monotonic() - began_s < 5.0
    await write(new, topic, b"new")
    assert await read(real, topic) == [b"new"]
    await former.start()  # it owns the shard anew
    await write(former, topic, b"back")
    with pytest.raises(Fenced):
        await write(new, topic, b"zombie")


async def test_an_outage_of_the_broker_in_a_transaction_loses_and_repeats_nothing(real: RealKafka, make: Make) -> None:
    topic, producer = await topic_on(real), make(unique("id"))
    await producer.start()
    await write(producer, topic, b"1")
    async with producer.transaction() as out:
        await (await out.send(topic, message(b"2")))
        real.kill()
        await out.send(topic, message(b"3"))
        back = asyncio.create_task(restarted(real, after_s=5.0))
    await back
    await write(producer, topic, b"4")
    assert await read(real, topic) == [b"1", b"2", b"3", b"4"]


async def restarted(real: RealKafka, after_s: float) -> None:
    await asyncio.sleep(after_s)
    await asyncio.to_thread(real.start)


async def test_a_transaction_that_takes_too_long_fails_and_is_aborted_by_the_next_start(
    real: RealKafka, make: Make, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transactions, "ABORT_S", 0.5)
    topic, transactional_id = await topic_on(real), unique("id")
    producer, next_one = make(transactional_id), make(transactional_id)
    await producer.start()
    producer._timeout_s = 1.0
    real.kill()
    try:
        with pytest.raises(TransactionFailed, match=r"within 1 s|did not commit"):
            await write(producer, topic, b"lost")
        with pytest.raises(TransactionFailed, match=r"within 1 s|did not commit"):
            await write(producer, topic, b"not even tried")
    finally:
        real.start()
    await next_one.start()
    await write(next_one, topic, b"1")
    assert await read(real, topic) == [b"1"]


async def test_a_message_that_the_broker_refuses_fails_its_whole_transaction(real: RealKafka, make: Make) -> None:
    topic, producer = await topic_on(real, **{"max.message.bytes": "1000"}), make(unique("id"))
    await producer.start()
    with pytest.raises(TransactionFailed, match="MessageSizeTooLarge"):
        await write(producer, topic, b"1", b"x" * 5000)
    await producer.start()
    await write(producer, topic, b"2")
    assert await read(real, topic) == [b"2"]


async def test_a_cancelled_transaction_is_aborted_and_the_producer_goes_on(real: RealKafka, make: Make) -> None:
    topic, producer, sent = await topic_on(real), make(unique("id")), asyncio.Event()
    await producer.start()

    async def never_ends() -> None:
        async with producer.transaction() as out:
            await (await out.send(topic, message(b"cancelled")))
            sent.set()
            await asyncio.Event().wait()

    writing = asyncio.create_task(never_ends())
    await sent.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await write(producer, topic, b"1")
    assert await read(real, topic) == [b"1"]


async def test_a_producer_that_is_not_started_refuses(make: Make) -> None:
    for producer in (make("never"), PlainProducer({"bootstrap_servers": "127.0.0.1:1"})):
        with pytest.raises(TransactionFailed, match="not started"):
            await write(producer, "t", b"1")
        with pytest.raises(TransactionFailed):
            await PlainProducer({"bootstrap_servers": "127.0.0.1:1"}).start()


async def test_a_plain_producer_keeps_what_was_sent_when_the_block_raises(broker: Broker) -> None:
    topic = await topic_on(broker)
    producer = PlainProducer({"bootstrap_servers": broker.address})
    await producer.start()
    try:
        await write(producer, topic, b"1", b"2")
        with pytest.raises(ZeroDivisionError):
            await write_and_fail(producer, topic, b"3")
        assert await read(broker, topic) == [b"1", b"2", b"3"]
    finally:
        await producer.stop()


async def test_a_real_kafka_fences_and_the_embedded_broker_does_not(real: RealKafka, embedded: EmbeddedKafka) -> None:
    assert await can_fence(real.address, Security(), unique("probe"))
    assert not await can_fence(embedded.address, Security(), unique("probe"))


async def test_whether_nobody_fences_is_not_known() -> None:
    with pytest.raises(BrokerUnavailable):
        await can_fence("127.0.0.1:1", Security(), "probe", timeout_s=1.0)


async def test_committed_records_that_no_transaction_wrote_are_read_from_both_brokers(broker: Broker) -> None:
    topic = await topic_on(broker)
    producer = AIOKafkaProducer(bootstrap_servers=broker.address)
    await producer.start()
    await producer.send_and_wait(topic, b"1", partition=0)
    await producer.stop()
    assert await read(broker, topic) == [b"1"]
