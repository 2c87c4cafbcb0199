"""A broker that is away for a moment does not end the worker that takes a shard over."""

from __future__ import annotations

import pytest

from streams.cluster.topics import BrokerUnavailable
from streams.contracts.ticks import Tick
from streams.kafka import retry
from streams.kafka.transactions import TransactionFailed
from tests.streams.worker.fixtures import FakeLog, FakeProducer, WorkerFixture


class LogOfRestartingBroker(FakeLog):
    """Cannot be read for the first times."""

    def __init__(self, refusals: int) -> None:
        super().__init__()
        self.refusals = refusals

    async def read(self, shard: int, from_offset: int) -> list[Tick]:
        if self.refusals:
            self.refusals -= 1
            raise BrokerUnavailable("127.0.0.1:9092", 30.0, "Unable to bootstrap")
        return await super().read(shard, from_offset)


@pytest.fixture(autouse=True)
def _without_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "RETRY_S", 0.0)


async def test_a_broker_that_is_back_in_time_is_tried_again() -> None:
    log = LogOfRestartingBroker(3)
    worker = WorkerFixture(log=log)
    await worker.open()
    assert list(worker.manager.owners) == [0]
    assert log.epochs[0, "products"] == 4  # each try has producers of its own


async def test_a_producer_that_cannot_start_meanwhile_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    start, refusals = FakeProducer.start, [TransactionFailed("Unable to bootstrap"), TransactionFailed("no answer")]

    async def start_later(self: FakeProducer) -> None:
        if refusals:
            raise refusals.pop()
        await start(self)

    monkeypatch.setattr(FakeProducer, "start", start_later)
    worker = WorkerFixture()
    await worker.open()
    assert (list(worker.manager.owners), refusals) == ([0], [])


async def test_a_broker_that_stays_away_is_told_and_leaves_no_producer_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PATIENCE_S", 0.0)
    worker = WorkerFixture(log=LogOfRestartingBroker(1))
    with pytest.raises(BrokerUnavailable, match="Unable to bootstrap"):
        await worker.open()
    assert worker.producers[0].is_stopped
