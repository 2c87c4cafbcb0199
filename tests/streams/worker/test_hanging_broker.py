"""A broker that hangs in the middle of a transaction of one shard: the others go on, and that one is blind."""

from __future__ import annotations

import asyncio

import pytest

from streams.kafka.transactions import TransactionFailed
from streams.ownership.outage import HOLD_S
from streams.ownership.tick_policy import HANGS_AFTER_S
from streams.transport.batches import TP
from streams.worker.shard_manager import Waits
from tests.streams.fakes import LATENCY, T, batch, requests
from tests.streams.worker.fixtures import TOPICS, WorkerFixture

WAITS = Waits(tick_s=0.05, store_s=0.05)
SHARDS = 2
TPS = frozenset(TP(topic, shard) for topic in (LATENCY, TOPICS.outcomes) for shard in range(SHARDS))


async def opened() -> WorkerFixture:
    """Two shards after a few seconds of records."""
    worker = WorkerFixture(now_s=T, waits=WAITS)
    await worker.open(SHARDS)
    for second in range(5):
        await feed(worker, second)
    return worker


async def feed(worker: WorkerFixture, second: int) -> None:
    """A second of records for each shard, and a second of time."""
    for shard in range(SHARDS):
        await worker.processor.process(batch(requests(1, start=second), partition=shard, first=10 * second))
    await worker.pass_time(1.0)


def hang(worker: WorkerFixture, shard: int = 0) -> None:
    worker.producers[shard].answers.clear()


async def come_back(worker: WorkerFixture, shard: int = 0) -> None:
    worker.producers[shard].answers.set()
    for _ in range(10):
        await asyncio.sleep(0)


async def hanging_before_a_snapshot() -> WorkerFixture:
    """Snapshots are due after the next ticks, and that of shard 0 hangs while records come."""
    worker = await opened()
    worker.mono_s += 5.0
    await worker.manager.store_due()
    hang(worker)
    for second in range(5, 8):
        await feed(worker, second)
    return worker


def closed_until_s(worker: WorkerFixture, shard: int) -> float:
    """Up to when the ticks of a shard in the log close its windows, since T."""
    return max((tick.close_until_s or T) - T for tick in worker.log.ticks(shard))


async def test_the_records_and_the_ticks_of_other_shards_go_on() -> None:
    worker = await opened()
    hang(worker)
    for second in range(5, 20):
        await feed(worker, second)
    assert closed_until_s(worker, 0) <= 5.0
    assert closed_until_s(worker, 1) >= 18.0
    await come_back(worker)


async def test_records_that_come_meanwhile_count_for_the_next_tick() -> None:
    worker = await opened()
    hang(worker)
    for second in range(5, 8):
        await feed(worker, second)
    assert worker.owner.shard.offsets[LATENCY] == 80
    await come_back(worker)
    assert worker.log.ticks(0)[-1].offsets[LATENCY] <= 60
    await worker.manager.publish(0)
    assert worker.log.ticks(0)[-1].offsets[LATENCY] == 80


async def test_a_snapshot_that_hangs_keeps_no_other_from_being_stored_and_is_not_begun_twice() -> None:
    worker = await opened()
    worker.store.gate, worker.store.gated = asyncio.Event(), 0
    for second in range(5, 20):
        worker.mono_s += 5.0
        await worker.manager.store_due()
        await feed(worker, second)
    assert worker.store.saved.count(1) > 5
    assert 0 not in worker.store.saved
    worker.store.gate.set()
    await worker.manager.hand_over(TPS)
    assert worker.transport.released[TP(LATENCY, 0)] == worker.transport.released[TP(LATENCY, 1)] == 200


async def test_the_snapshots_of_other_shards_are_stored() -> None:
    worker = await hanging_before_a_snapshot()
    await worker.manager.store_due()
    assert worker.store.saved == [1]
    await come_back(worker)
    await worker.manager.store_due()
    assert worker.store.saved == [1, 0]


async def test_a_snapshot_contains_no_record_that_came_after_its_tick() -> None:
    worker = await hanging_before_a_snapshot()
    await come_back(worker)
    await worker.manager.store_due()
    stored = await worker.store.load(0)
    assert stored is not None
    offset = stored.offsets[TOPICS.ticks]
    (tick,) = (await worker.log.read(0, offset - 1))[:1]
    assert stored.offsets[LATENCY] == tick.offsets[LATENCY] < worker.owner.shard.offsets[LATENCY]


async def test_a_transaction_that_fails_in_the_end_gives_up_its_shard_alone() -> None:
    worker = await opened()
    hang(worker)
    for second in range(5, 8):
        await feed(worker, second)
    worker.producers[0].failing = TransactionFailed("no answer within 90 s")
    await come_back(worker)
    assert set(worker.manager.owners) == {1}
    assert worker.producers[0].is_stopped
    assert worker.transport.rejoined == ["no answer within 90 s"]


async def test_a_hand_over_that_takes_too_long_stores_the_other_shards_and_gives_up_all() -> None:
    worker = await opened()
    hang(worker)
    await feed(worker, 5)
    handing_over = asyncio.ensure_future(worker.manager.hand_over(TPS))
    for _ in range(20):
        await asyncio.sleep(0)
    assert (worker.store.saved, handing_over.done()) == ([1], False)
    handing_over.cancel()
    await asyncio.wait([handing_over])
    assert worker.manager.owners == {}
    assert all(worker.producers[shard].is_stopped for shard in range(SHARDS))
    committed = list(worker.log.committed)
    await come_back(worker)
    assert worker.log.committed == committed


async def test_after_a_transaction_that_was_cut_off_the_owner_writes_nothing() -> None:
    worker = await opened()
    hang(worker)
    await feed(worker, 5)
    owner, committed = worker.owner, list(worker.log.committed)
    await worker.manager.close()
    worker.producers[0].answers.set()
    with pytest.raises(TransactionFailed, match="did not end"):
        await owner.settle()
    assert worker.log.committed == committed


# Blindness.


async def test_a_shard_is_blind_since_its_transaction_began_and_the_others_are_not() -> None:
    worker = await opened()
    hang(worker)
    await feed(worker, 5)
    assert worker.manager.blind_for_s() == {}
    for second in range(6, 26):
        await feed(worker, second)
    ((shard, blind_s),) = worker.manager.blind_for_s().items()
    assert (shard, 20.0 <= blind_s <= 21.0) == (0, True)
    await come_back(worker)
    await worker.pass_time(0.1)
    assert worker.manager.blind_for_s() == {}


async def test_after_it_event_time_is_held_and_then_goes_on() -> None:
    worker = await opened()
    hang(worker)
    for second in range(5, 26):
        await feed(worker, second)
    await come_back(worker)
    for second in range(26, 26 + int(HOLD_S)):
        await feed(worker, second)
    assert closed_until_s(worker, 0) <= 5.0
    assert closed_until_s(worker, 1) >= 30.0
    for second in range(36, 40):
        await feed(worker, second)
    assert closed_until_s(worker, 0) >= 37.0


async def test_nothing_about_delivery_is_learned_from_what_came_meanwhile() -> None:
    worker = await opened()
    for second in range(5, 30):
        await feed(worker, second)
    learned = worker.owner.cadence(LATENCY)
    hang(worker)
    for second in range(30, 34):
        await feed(worker, second)
    worker.now_s += 30.0  # delivered late
    await feed(worker, 34)
    await come_back(worker)
    await feed(worker, 35)
    assert worker.owner.cadence(LATENCY).delay_s <= learned.delay_s


async def test_a_transaction_that_hung_while_nobody_looked_is_blindness_too() -> None:
    worker = await opened()
    hang(worker)
    await feed(worker, 5)
    worker.now_s, worker.mono_s = worker.now_s + 3.0, worker.mono_s + 3.0
    await come_back(worker)
    await feed(worker, 9)
    await feed(worker, 10)
    assert closed_until_s(worker, 0) <= 5.0
    assert closed_until_s(worker, 1) >= 9.0


async def test_a_transaction_that_takes_a_while_is_no_blindness() -> None:
    worker = await opened()
    hang(worker)
    await worker.processor.process(batch(requests(1, start=5), first=50))
    await worker.pass_time(HANGS_AFTER_S - 0.2)
    await come_back(worker)
    assert worker.manager.blind_for_s() == {}
    await worker.processor.process(batch(requests(3, start=6), first=60))
    assert closed_until_s(worker, 0) >= 7.0
