from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from streams.pipeline import Shard
from streams.shard.plan import Plan
from streams.shard.snapshot import Snapshot
from streams.state.shard_manager import ShardManager, SnapshotSchedule
from streams.state.snapshots import MemorySnapshots
from streams.transport.batches import TP
from tests.streams.fakes import LATENCY, Released, SentMessages, T, batch, default_plan, requests, telemetry

PLAN = default_plan()
TPS = frozenset({TP(LATENCY, 0), TP("tocsin.outcomes", 0)})


class FakeStore(MemorySnapshots):
    """Lists what it saved. It raises `failing`, and waits for `gate`."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: list[int] = []
        self.failing: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def save(self, shard: int, snapshot: Snapshot) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.failing is not None:
            raise self.failing
        self.saved.append(shard)
        await super().save(shard, snapshot)


class FakeClock:
    """A monotonic clock that the test moves."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class ManagerFixture:
    """A shard manager with fakes around it."""

    def __init__(self, plan: Plan = PLAN, store: FakeStore | None = None) -> None:
        self.store = store or FakeStore()
        self.sent = SentMessages()
        self.released = Released()
        self.telemetry = telemetry()
        self.clock = FakeClock()
        self.rejected: list[tuple[int, str]] = []
        self.manager = ShardManager(
            plan, self.store, SnapshotSchedule(5.0, 1000), self.sent, self.released, self.telemetry, self.clock,
            lambda _, shard, why: self.rejected.append((shard, why)),
        )

    async def ingest(self, seconds: int = 3) -> Shard:
        """Shard 0, restored, after so many seconds of records."""
        await self.manager.restore(TPS)
        shard = self.manager.shards[0]
        shard.ingest(LATENCY, batch(requests(seconds)).records, T)
        return shard

    def exposes(self, line: str) -> bool:
        """Whether the metrics have this line."""
        return line in self.telemetry.render().decode()


async def test_offsets_are_released_when_the_state_is_stored_and_the_outputs_are_acknowledged() -> None:
    fixture = ManagerFixture()
    await fixture.ingest()
    await fixture.manager.store(0)
    assert fixture.released.offsets == {TP(LATENCY, 0): 30}
    assert "flush 0" in fixture.sent.events
    assert fixture.exposes('tocsin_snapshots_total{outcome="stored"} 1.0')


@pytest.mark.parametrize("broken", ["store", "outputs"])
async def test_nothing_is_released_while_storing_or_flushing_fails_and_all_of_it_afterwards(broken: str) -> None:
    fixture = ManagerFixture()
    await fixture.ingest()
    failure = TimeoutError("the broker is away")
    if broken == "store":
        fixture.store.failing = failure
    else:
        fixture.sent.failing = failure
    with pytest.raises(TimeoutError):
        await fixture.manager.store(0)
    assert fixture.released.offsets == {}
    assert fixture.store.saved == []
    assert fixture.exposes('tocsin_snapshots_total{outcome="failed"} 1.0')
    fixture.store.failing = fixture.sent.failing = None
    await fixture.manager.store(0)
    assert fixture.released.offsets == {TP(LATENCY, 0): 30}


async def test_a_restored_shard_continues_where_its_state_ends() -> None:
    fixture = ManagerFixture()
    await fixture.ingest()
    await fixture.manager.store(0)
    other = ManagerFixture(store=fixture.store)
    assert await other.manager.restore(TPS) == {TP(LATENCY, 0): 30}
    assert other.manager.shards[0].offsets == fixture.manager.shards[0].offsets
    assert len(other.manager.shards[0].scopes) == len(fixture.manager.shards[0].scopes) > 0
    assert other.exposes('tocsin_restore_total{outcome="restored"} 1.0')


async def test_a_state_of_other_parameters_is_rejected_and_learned_anew() -> None:
    fixture = ManagerFixture()
    await fixture.ingest()
    await fixture.manager.store(0)
    other = ManagerFixture(replace(PLAN, state_hash="another"), fixture.store)
    assert await other.manager.restore(TPS) == {}
    assert len(other.manager.shards[0].scopes) == 0
    ((shard, why),) = other.rejected
    assert (shard, "expected another" in why) == (0, True)


async def test_a_restore_owns_only_what_is_assigned_and_forgets_earlier_sends() -> None:
    fixture = ManagerFixture()
    await fixture.manager.restore(frozenset({TP(LATENCY, 0), TP(LATENCY, 1)}))
    before = fixture.manager.shards[1]
    await fixture.manager.restore(frozenset({TP(LATENCY, 1), TP(LATENCY, 2)}))
    assert set(fixture.manager.shards) == {1, 2}
    assert fixture.manager.shards[1] is not before
    assert fixture.sent.events == ["forgot 0", "forgot 1", "forgot 1", "forgot 2"]


async def test_partitions_that_the_inputs_do_not_have_are_no_shards() -> None:
    fixture = ManagerFixture()
    assert await fixture.manager.restore(frozenset({TP("tocsin.outcomes", 9), TP(LATENCY, 0)})) == {}
    assert set(fixture.manager.shards) == {0}


async def test_a_changed_shard_is_stored_after_a_time_or_a_number_of_records_and_an_unchanged_one_is_not() -> None:
    fixture = ManagerFixture()
    shard = await fixture.ingest()
    await fixture.manager.store_due()
    assert fixture.store.saved == []
    fixture.clock.now_s = 5.0
    await fixture.manager.store_due()
    assert fixture.store.saved == [0]
    fixture.clock.now_s = 20.0
    await fixture.manager.store_due()
    assert fixture.store.saved == [0]
    shard.ingest(LATENCY, batch(requests(100, start=3), first=30).records, T)
    fixture.clock.now_s = 20.5
    await fixture.manager.store_due()
    assert fixture.store.saved == [0, 0]


async def test_a_decision_without_a_record_is_stored_too() -> None:
    fixture = ManagerFixture()
    shard = await fixture.ingest()
    await fixture.manager.store(0)
    shard.changes += 1
    await fixture.manager.store(0)
    assert fixture.store.saved == [0, 0]


async def test_no_snapshot_falls_between_a_step_and_its_outputs() -> None:
    fixture = ManagerFixture()
    await fixture.ingest()
    async with fixture.manager.locked(0):
        storing = asyncio.ensure_future(fixture.manager.store(0))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert fixture.sent.events == ["forgot 0"]
    await storing
    assert fixture.store.saved == [0]


async def test_work_goes_on_while_a_slow_store_saves_and_only_what_it_contains_is_released() -> None:
    fixture = ManagerFixture()
    shard = await fixture.ingest()
    fixture.store.gate = asyncio.Event()
    storing = asyncio.ensure_future(fixture.manager.store(0))
    await asyncio.sleep(0)
    async with fixture.manager.locked(0):
        shard.ingest(LATENCY, batch(requests(1, start=3), first=30).records, T)
    fixture.store.gate.set()
    await storing
    assert fixture.released.offsets == {TP(LATENCY, 0): 30}


async def test_handing_over_stores_all_it_can_gives_up_all_and_raises_the_failure() -> None:
    fixture = ManagerFixture()
    await fixture.ingest()
    fixture.store.failing = TimeoutError("away")
    with pytest.raises(TimeoutError):
        await fixture.manager.hand_over(TPS)
    assert fixture.manager.shards == {}
    assert fixture.released.offsets == {}


async def test_a_shard_of_another_worker_is_none_and_storing_it_does_nothing() -> None:
    fixture = ManagerFixture()
    await fixture.manager.store(7)
    async with fixture.manager.locked(7) as shard:
        assert shard is None
    assert (fixture.manager.shard(7), fixture.store.saved) == (None, [])


async def test_a_snapshot_is_what_the_shard_was_when_it_was_taken() -> None:
    shard = Shard(PLAN)
    shard.ingest(LATENCY, batch(requests(3)).records, T)
    snapshot = shard.snapshot()
    windows = snapshot.arrays["windows.sum_table"].copy()
    shard.ingest(LATENCY, batch(requests(3, start=3), first=30).records, T)
    assert snapshot.offsets == {LATENCY: 30}
    assert (snapshot.arrays["windows.sum_table"] == windows).all()
