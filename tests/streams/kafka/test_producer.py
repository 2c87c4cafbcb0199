from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streams.contracts.envelopes import Message
from streams.kafka.producer import Publisher, Unacknowledged

MESSAGE = Message(b"k", b"v", ())


class Producer:
    """aiokafka's producer as far as it is used: hands out futures that the test resolves."""

    def __init__(self) -> None:
        self.futures: list[asyncio.Future[Any]] = []

    async def send(self, *_: object, **__: object) -> asyncio.Future[Any]:
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]


class PublisherWithFakeProducer(Publisher):
    """A publisher over a fake producer."""

    def __init__(self) -> None:
        super().__init__({})
        self.producer = Producer()
        self._producer = self.producer


async def test_a_flush_waits_for_the_messages_of_its_scope_and_for_no_other() -> None:
    publisher = PublisherWithFakeProducer()
    await publisher.send(1, "t", [MESSAGE])
    await publisher.send(2, "t", [MESSAGE])
    waiting = asyncio.ensure_future(publisher.flush(1))
    await asyncio.sleep(0)
    assert not waiting.done()
    publisher.producer.futures[0].set_result(None)
    await waiting


async def test_a_failed_send_raises_at_every_flush_until_its_scope_is_forgotten() -> None:
    publisher = PublisherWithFakeProducer()
    await publisher.send(1, "t", [MESSAGE])
    publisher.producer.futures[0].set_exception(TimeoutError("gone"))
    for _ in range(2):
        with pytest.raises(TimeoutError, match="gone"):
            await publisher.flush(1)
    publisher.forget(1)
    await publisher.flush(1)


async def test_a_flush_that_is_cancelled_keeps_the_account() -> None:
    publisher = PublisherWithFakeProducer()
    await publisher.send(1, "t", [MESSAGE])
    waiting = asyncio.ensure_future(publisher.flush(1))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not publisher.producer.futures[0].cancelled()
    again = asyncio.ensure_future(publisher.flush(1))
    await asyncio.sleep(0)
    assert not again.done()
    publisher.producer.futures[0].set_result(None)
    await again


async def test_a_send_that_was_cancelled_is_a_failure() -> None:
    publisher = PublisherWithFakeProducer()
    await publisher.send("actions", "t", [MESSAGE])
    publisher.producer.futures[0].cancel()
    with pytest.raises(Unacknowledged, match="'actions'"):
        await publisher.flush("actions")


async def test_an_acknowledged_message_leaves_the_account() -> None:
    publisher = PublisherWithFakeProducer()
    await publisher.send(1, "t", [MESSAGE] * 3)
    for future in publisher.producer.futures:
        future.set_result(None)
    await asyncio.sleep(0)
    assert not publisher._pending[1]


async def test_the_callback_is_called_once_for_each_acknowledged_message() -> None:
    publisher, acknowledged = PublisherWithFakeProducer(), []
    await publisher.send(1, "t", [MESSAGE, MESSAGE], lambda: acknowledged.append(1))
    publisher.producer.futures[0].set_result(None)
    publisher.producer.futures[1].set_exception(TimeoutError())
    with pytest.raises(TimeoutError):
        await publisher.flush(1)
    assert acknowledged == [1]
