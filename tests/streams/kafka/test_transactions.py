"""What a producer of a shard does when its broker hangs, without a broker; the rest is in `tests/kafka/transport`."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from streams.contracts.envelopes import Message
from streams.kafka import transactions
from streams.kafka.transactions import FencedProducer


class HangingClient:
    """The Kafka client of a broker that answers the start and nothing after it."""

    def __init__(self, **_: Any) -> None:
        self.client = SimpleNamespace(ready=None)
        self.is_stopped = False
        self._txn_manager = SimpleNamespace(is_fatal_error=lambda: False)

    async def start(self) -> None: ...

    async def stop(self) -> None:
        self.is_stopped = True

    async def begin_transaction(self) -> None: ...

    async def send(self, *_: Any, **__: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    async def abort_transaction(self) -> None:
        await asyncio.Event().wait()


async def test_a_stop_does_not_wait_for_a_transaction_that_hangs_and_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "AIOKafkaProducer", HangingClient)
    monkeypatch.setattr(transactions, "END_S", 0.01)
    producer = FencedProducer({}, "id")
    await producer.start()
    client: Any = producer._producer

    async def write() -> None:
        async with producer.transaction() as transaction:
            await transaction.send("ticks", Message(None, b"1", (), 0))

    writing = asyncio.ensure_future(write())
    await asyncio.sleep(0)
    writing.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not writing.done()  # it aborts, and nobody answers
    async with asyncio.timeout(5.0):
        await producer.stop()
    assert (client.is_stopped, writing.cancelled()) == (True, True)
