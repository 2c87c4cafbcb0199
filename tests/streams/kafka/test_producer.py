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
    """A publisher over a producer of ours."""

    def __init__(self) -> None:
        super().__init__({})
        self.producer = Producer()
        self._producer = self.producer


async def test_settled_waits_for_what_the_owner_sent_and_for_no_other() -> None:
    books = PublisherWithFakeProducer()
    await books.send(1, "t", [MESSAGE])
    await books.send(2, "t", [MESSAGE])
    waiting = asyncio.ensure_future(books.flush(1))
    await asyncio.sleep(0)
    assert not waiting.done()
    books.producer.futures[0].set_result(None)
    await waiting


async def test_a_failed_send_raises_at_every_settling_until_its_owner_is_forgotten() -> None:
    books = PublisherWithFakeProducer()
    await books.send(1, "t", [MESSAGE])
    books.producer.futures[0].set_exception(TimeoutError("gone"))
    for _ in range(2):
        with pytest.raises(TimeoutError, match="gone"):
            await books.flush(1)
    books.forget(1)
    await books.flush(1)


async def test_a_settling_that_is_cancelled_keeps_the_account() -> None:
    books = PublisherWithFakeProducer()
    await books.send(1, "t", [MESSAGE])
    waiting = asyncio.ensure_future(books.flush(1))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not books.producer.futures[0].cancelled()
    again = asyncio.ensure_future(books.flush(1))
    await asyncio.sleep(0)
    assert not again.done()
    books.producer.futures[0].set_result(None)
    await again


async def test_a_send_that_was_given_up_is_a_failure() -> None:
    books = PublisherWithFakeProducer()
    await books.send("actions", "t", [MESSAGE])
    books.producer.futures[0].cancel()
    with pytest.raises(Unacknowledged, match="'actions'"):
        await books.flush("actions")


async def test_what_was_acknowledged_leaves_the_account() -> None:
    books = PublisherWithFakeProducer()
    await books.send(1, "t", [MESSAGE] * 3)
    for future in books.producer.futures:
        future.set_result(None)
    await asyncio.sleep(0)
    assert not books._pending[1]


async def test_the_callback_comes_once_for_each_message_the_broker_took() -> None:
    books, taken = PublisherWithFakeProducer(), []
    await books.send(1, "t", [MESSAGE, MESSAGE], lambda: taken.append(1))
    books.producer.futures[0].set_result(None)
    books.producer.futures[1].set_exception(TimeoutError())
    with pytest.raises(TimeoutError):
        await books.flush(1)
    assert taken == [1]
