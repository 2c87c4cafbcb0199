from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from streams.kafka.batches import TP
from streams.pipeline import Shard, untimed
from streams.shard.plan import Plan
from streams.shard.snapshot import Snapshot
from streams.state.shard_manager import ShardManager
from streams.state.snapshots import MemorySnapshots
from tests.streams.fakes import LATENCY, Released, SentMessages, T, batch, default_plan, requests, telemetry

PLAN = default_plan()
TPS = frozenset({TP(LATENCY, 0), TP("tocsin.outcomes", 0)})


class Store(MemorySnapshots):
    """Notes what it is asked to save, and fails or waits when told to."""

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


class Watch:
    """A monotonic clock that the test moves."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class World:
    """A keeper with everything around it."""

    def __init__(self, plan: Plan = PLAN, store: Store | None = None) -> None:
        self.store = store or Store()
        self.sent = SentMessages()
        self.released = Released()
        self.telemetry = telemetry()
        self.watch = Watch()
        self.rejected: list[tuple[int, str]] = []
        self.keeper = ShardManager(
            plan, self.store, self.sent, self.released, self.telemetry, untimed, 5.0, 1000, self.watch,
            lambda _, shard, why: self.rejected.append((shard, why)),
        )

    async def fed(self, seconds: int = 3) -> Shard:
        """Shard 0, restored, with some records taken in."""
        await self.keeper.restore(TPS)
        shard = self.keeper.shards[0]
        shard.ingest(LATENCY, batch(requests(seconds)).records, T)
        return shard

    def told(self, line: str) -> bool:
        return line in self.telemetry.render().decode()


async def test_offsets_are_released_when_the_state_is_stored_and_the_outputs_are_settled() -> None:
    world = World()
    await world.fed()
    await world.keeper.keep(0)
    assert world.released.offsets == {TP(LATENCY, 0): 30}
    assert "flush 0" in world.sent.events
    assert world.told('tocsin_snapshots_total{outcome="stored"} 1.0')


@pytest.mark.parametrize("broken", ["store", "outputs"])
async def test_nothing_is_released_while_storing_or_settling_fails_and_all_of_it_afterwards(broken: str) -> None:
    world = World()
    await world.fed()
    failure = TimeoutError("the broker is away")
    if broken == "store":
        world.store.failing = failure
    else:
        world.sent.failing = failure
    with pytest.raises(TimeoutError):
        await world.keeper.keep(0)
    assert world.released.offsets == {}
    assert world.store.saved == []
    assert world.told('tocsin_snapshots_total{outcome="failed"} 1.0')
    world.store.failing = world.sent.failing = None
    await world.keeper.keep(0)
    assert world.released.offsets == {TP(LATENCY, 0): 30}


async def test_a_shard_that_was_stored_goes_on_where_its_state_ends() -> None:
    world = World()
    await world.fed()
    await world.keeper.keep(0)
    other = World(store=world.store)
    assert await other.keeper.restore(TPS) == {TP(LATENCY, 0): 30}
    assert other.keeper.shards[0].offsets == world.keeper.shards[0].offsets
    assert len(other.keeper.shards[0].scopes) == len(world.keeper.shards[0].scopes) > 0
    assert other.told('tocsin_restore_total{outcome="restored"} 1.0')


async def test_a_state_of_other_parameters_is_told_and_learned_anew() -> None:
    world = World()
    await world.fed()
    await world.keeper.keep(0)
    other = World(replace(PLAN, state_hash="another"), world.store)
    assert await other.keeper.restore(TPS) == {}
    assert len(other.keeper.shards[0].scopes) == 0
    ((shard, why),) = other.rejected
    assert (shard, "expected another" in why) == (0, True)


async def test_a_restore_holds_only_what_is_assigned_and_forgets_what_was_sent_before() -> None:
    world = World()
    await world.keeper.restore(frozenset({TP(LATENCY, 0), TP(LATENCY, 1)}))
    before = world.keeper.shards[1]
    await world.keeper.restore(frozenset({TP(LATENCY, 1), TP(LATENCY, 2)}))
    assert set(world.keeper.shards) == {1, 2}
    assert world.keeper.shards[1] is not before
    assert world.sent.events == ["forgot 0", "forgot 1", "forgot 1", "forgot 2"]


async def test_partitions_that_the_inputs_do_not_have_are_no_shards() -> None:
    world = World()
    assert await world.keeper.restore(frozenset({TP("tocsin.outcomes", 9), TP(LATENCY, 0)})) == {}
    assert set(world.keeper.shards) == {0}


async def test_what_is_due_is_stored_by_time_or_by_records_and_nothing_new_never() -> None:
    world = World()
    shard = await world.fed()
    await world.keeper.keep_due()
    assert world.store.saved == []
    world.watch.now_s = 5.0
    await world.keeper.keep_due()
    assert world.store.saved == [0]
    world.watch.now_s = 20.0
    await world.keeper.keep_due()
    assert world.store.saved == [0]
    shard.ingest(LATENCY, batch(requests(100, start=3), first=30).records, T)
    world.watch.now_s = 20.5
    await world.keeper.keep_due()
    assert world.store.saved == [0, 0]


async def test_a_decision_that_no_record_brought_about_is_stored_too() -> None:
    world = World()
    shard = await world.fed()
    await world.keeper.keep(0)
    shard.changes += 1
    await world.keeper.keep(0)
    assert world.store.saved == [0, 0]


async def test_no_snapshot_falls_between_a_step_and_its_outputs() -> None:
    world = World()
    await world.fed()
    async with world.keeper.locked(0):
        keeping = asyncio.ensure_future(world.keeper.keep(0))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert world.sent.events == ["forgot 0"]
    await keeping
    assert world.store.saved == [0]


async def test_work_goes_on_while_a_slow_store_saves_and_only_what_it_contains_is_released() -> None:
    world = World()
    shard = await world.fed()
    world.store.gate = asyncio.Event()
    keeping = asyncio.ensure_future(world.keeper.keep(0))
    await asyncio.sleep(0)
    async with world.keeper.locked(0):
        shard.ingest(LATENCY, batch(requests(1, start=3), first=30).records, T)
    world.store.gate.set()
    await keeping
    assert world.released.offsets == {TP(LATENCY, 0): 30}


async def test_handing_over_stores_all_it_can_lets_go_of_all_and_tells_of_the_failure() -> None:
    world = World()
    await world.fed()
    world.store.failing = TimeoutError("away")
    with pytest.raises(TimeoutError):
        await world.keeper.hand_over(TPS)
    assert world.keeper.shards == {}
    assert world.released.offsets == {}


async def test_what_this_worker_does_not_hold_is_none_and_keeping_it_does_nothing() -> None:
    world = World()
    await world.keeper.keep(7)
    async with world.keeper.locked(7) as shard:
        assert shard is None
    assert (world.keeper.shard(7), world.store.saved) == (None, [])


async def test_a_snapshot_is_what_the_shard_was_when_it_was_taken() -> None:
    shard = Shard(PLAN)
    shard.ingest(LATENCY, batch(requests(3)).records, T)
    snapshot = shard.snapshot()
    windows = snapshot.arrays["windows.sum_table"].copy()
    shard.ingest(LATENCY, batch(requests(3, start=3), first=30).records, T)
    assert snapshot.offsets == {LATENCY: 30}
    assert (snapshot.arrays["windows.sum_table"] == windows).all()
