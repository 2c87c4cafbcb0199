"""Take-over, ticks, storing and hand-over of shards, with every failure between them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from classifiers.directives import Deployment, Silence
from classifiers.model import Incident
from config import load
from streams.contracts.envelopes import read_incident
from streams.kafka.transactions import TransactionFailed
from streams.ownership.outage import HOLD_S
from streams.ownership.tick_policy import RETURN_S
from streams.planning import plan_of
from streams.shard.plan import Plan
from streams.state.snapshots import MemorySnapshots
from streams.transport.batches import TP
from tests.streams.contracts.signed import DIRECTIVES
from tests.streams.fakes import LATENCY, T, batch, incident, requests
from tests.streams.worker.fixtures import PLAN, TOPICS, WorkerFixture

PARTITION = TP(LATENCY, 0)
TPS = frozenset({PARTITION, TP(TOPICS.outcomes, 0)})


async def fed(worker: WorkerFixture, seconds: int = 3, start: int = 0) -> WorkerFixture:
    """Shard 0 after so many seconds of records, each of which arrives when it is written."""
    if not worker.manager.owners:
        await worker.open()
    for second in range(start, start + seconds):
        worker.now_s = max(worker.now_s, T + second + 1.0)
        await worker.processor.process(batch(requests(1, start=second), first=10 * second))
    return worker


async def stored(worker: WorkerFixture) -> None:
    """Store shard 0 at its next tick."""
    worker.mono_s += 5.0
    await worker.manager.store_due()
    await worker.manager.publish(0)
    await worker.manager.store_due()


async def taken_over(former: WorkerFixture, **changes: object) -> WorkerFixture:
    """Another worker with the log and the snapshots of the former one."""
    other = WorkerFixture(now_s=former.now_s, log=former.log, store=former.store, **changes)  # type: ignore[arg-type]
    await other.open()
    return other


async def test_the_first_tick_of_an_ownership_opens_it_before_any_record() -> None:
    worker = WorkerFixture()
    await worker.open()
    (opening,) = worker.log.ticks()
    assert (opening.generation, opening.at_s, opening.offsets, opening.close_until_s) == (1, T + 60.0, {}, None)


@pytest.mark.parametrize("is_settled", [True, False])
async def test_records_before_it_are_not_compared_with_the_time_of_a_former_owner(is_settled: bool) -> None:
    former = await fed(WorkerFixture(now_s=T))
    await stored(former)
    await fed(former, 5, start=3)
    if is_settled:  # else there are ticks to be repeated first
        await former.manager.hand_over(TPS)
    other = WorkerFixture(now_s=T + 3600.0, log=former.log, store=former.store)
    await other.manager.restore(TPS)
    await other.processor.process(batch([*requests(5, start=3), *requests(3, start=3590)], first=30))
    await other.manager.publish(0)
    assert (other.log.on(TOPICS.dead_letters), other.owner.shard.offsets[LATENCY]) == ([], 110)


async def test_windows_close_by_ticks_that_name_what_was_read() -> None:
    worker = await fed(WorkerFixture(now_s=T))
    ticks = worker.log.ticks()[1:]
    assert [(tick.close_until_s, tick.offsets[LATENCY]) for tick in ticks] == [
        (T, 10), (T + 1.0, 20), (T + 2.0, 30),
    ]
    assert worker.owner.shard.detection.evaluated_until_s == T + 2.0


async def test_offsets_are_released_once_a_snapshot_that_contains_them_is_durable() -> None:
    worker = await fed(WorkerFixture())
    assert worker.transport.released == {}
    await stored(worker)
    assert worker.transport.released[PARTITION] == 30
    assert worker.exposes('tocsin_snapshots_total{outcome="stored"} 1.0')


async def test_nothing_is_released_while_storing_fails() -> None:
    worker = await fed(WorkerFixture())
    worker.store.failing = TransactionFailed("the broker is away")
    await stored(worker)
    assert worker.transport.released == {}
    assert worker.exposes('tocsin_snapshots_total{outcome="failed"} 1.0')
    worker.store.failing = None
    await stored(worker)
    assert worker.transport.released[PARTITION] == 30


async def test_a_shard_that_was_stored_goes_on_where_its_state_ends() -> None:
    worker = await fed(WorkerFixture())
    await stored(worker)
    other = WorkerFixture(log=worker.log, store=worker.store)
    assert (await other.manager.restore(TPS))[PARTITION] == 30
    assert len(other.owner.shard.scopes) == len(worker.owner.shard.scopes) > 0
    assert other.exposes('tocsin_restore_total{outcome="restored"} 1.0')


async def test_who_takes_over_repeats_the_ticks_since_the_snapshot_and_publishes_nothing_of_them_again() -> None:
    former = await fed(WorkerFixture(now_s=T))
    await stored(former)
    await fed(former, 5, start=3)
    await former.processor.process(batch([b"{", *requests(1, start=8)], first=80))
    await former.manager.publish(0)
    published = list(former.log.committed)
    other = await taken_over(former)
    assert other.owner.is_repeating
    await other.processor.process(batch(requests(5, start=3), first=30))
    await other.processor.process(batch([b"{", *requests(1, start=8)], first=80))
    assert not other.owner.is_repeating
    assert other.owner.shard.detection.evaluated_until_s == former.owner.shard.detection.evaluated_until_s
    new = other.log.committed[len(published) :]
    assert [topic for topic, _ in new if topic != TOPICS.series] == [TOPICS.ticks]  # a shard reports anew
    assert other.log.ticks()[-1].generation == former.log.ticks()[0].generation + 1


async def test_event_time_follows_what_is_repeated_and_what_waited_for_it() -> None:
    former = await fed(WorkerFixture(now_s=T))
    for repeated in (30, 40):  # all of it is before the last tick, or the end is after it
        new = await taken_over(former)
        await new.processor.process(batch(requests(repeated // 10)))
        assert not new.owner.is_repeating
        assert new.owner.shard.event_time.snapshot(0.0)[LATENCY]["highest_s"] == T + repeated / 10 - 0.1


async def test_a_producer_that_cannot_fence_publishes_again_what_it_repeats() -> None:
    former = await fed(WorkerFixture(now_s=T, fences=False))
    await stored(former)
    await former.processor.process(batch([b"{"], first=30))
    await former.manager.publish(0)
    other = await taken_over(former, fences=False)
    await other.processor.process(batch([b"{"], first=30))
    assert len(other.log.on(TOPICS.dead_letters)) == 2


async def test_a_former_owner_is_fenced_and_its_worker_joins_the_group_again() -> None:
    former = await fed(WorkerFixture(now_s=T))
    await stored(former)
    await taken_over(former)
    before = list(former.log.committed)
    await fed(former, 2, start=3)
    assert former.log.committed == before
    assert (former.manager.owners, former.transport.rejoined) == ({}, ["fenced"])


async def test_a_state_of_an_unknown_version_is_rejected_and_learned_anew() -> None:
    worker = await fed(WorkerFixture())
    await stored(worker)
    snapshot = await worker.store.load(0)
    assert snapshot is not None
    await MemorySnapshots.save(worker.store, 0, replace(snapshot, version=1), worker.producers[0])
    other = WorkerFixture(log=worker.log, store=worker.store)
    assert await other.manager.restore(TPS) == {}
    assert len(other.owner.shard.scopes) == 0
    ((shard, reason),) = other.rejected
    assert (shard, "version 1, expected" in reason) == (0, True)
    assert not other.owner.is_repeating


def other_plan() -> Plan:
    """By which one series in two is learned anew."""
    config = load(None, {})
    profiles = tuple(
        replace(one, min_rel=0.9) if one.name == "latency" else one for one in config.detection.profiles
    )
    return plan_of(config.model_copy(update={"detection": replace(config.detection, profiles=profiles)}))


async def test_a_change_of_the_configuration_is_in_the_log_and_takes_effect_with_its_tick() -> None:
    worker, plan = await fed(WorkerFixture(now_s=T), 40), other_plan()
    learned = len(worker.owner.shard.series)
    worker.manager.reconfigure(plan)
    assert worker.owner.shard.plan is PLAN
    await worker.manager.tick()
    (tick,) = [tick for tick in worker.log.ticks() if tick.configuration is not None]
    assert (tick.configuration, tick.config_hash) == (plan.written, plan.config_hash)
    assert worker.owner.shard.plan.config_hash == plan.config_hash
    migration = worker.owner.shard.migration
    assert migration is not None
    assert 0 < migration.kept < migration.series == learned
    before = len(worker.log.ticks())
    await fed(worker, 2, start=40)
    assert all(tick.configuration is None for tick in worker.log.ticks()[before:])
    assert len(worker.owner.shard.series) == learned


@pytest.mark.parametrize("knows", [True, False])
async def test_who_takes_over_repeats_the_change_whatever_its_own_configuration_is(knows: bool) -> None:
    former, plan = await fed(WorkerFixture(now_s=T), 3), other_plan()
    await stored(former)
    await fed(former, 3, start=3)
    former.manager.reconfigure(plan)
    await fed(former, 3, start=6)
    other = await taken_over(former, plan=plan if knows else PLAN)
    for second in range(10):  # what a broker delivers from the offsets of the snapshot on
        await other.processor.process(batch(requests(1, start=second), first=10 * second))
    own = [tick for tick in other.log.ticks() if tick.generation == 2 and tick.configuration is not None]
    assert [tick.configuration for tick in own] == ([] if knows else [PLAN.written])
    assert other.owner.shard.plan.config_hash == (plan if knows else PLAN).config_hash


async def test_a_shard_with_another_configuration_than_its_owner_changes_with_the_first_tick() -> None:
    former = await fed(WorkerFixture(now_s=T), 3)
    await stored(former)
    plan = other_plan()
    other = await taken_over(former, plan=plan)
    opening = other.log.ticks()[-1]
    assert (opening.generation, opening.configuration) == (2, plan.written)
    assert other.rejected == []


async def test_a_published_incident_that_the_state_does_not_know_is_resolved_as_lost() -> None:
    worker = WorkerFixture()
    await worker.open()
    lost = incident(id="inc-lost", opened_at_s=T)
    worker.manager.reconcile({0: [lost], 1: [incident(id="inc-of-another")]}, shards=2)
    for _ in range(3):
        await worker.manager.tick()
    (published,) = [read_incident(message.value) for message in worker.log.on(TOPICS.incidents)]
    assert (published.id, published.state, published.resolution) == ("inc-lost", "resolved", "lost")


async def test_an_incident_of_a_shard_that_is_gone_is_resolved_by_one_that_there_is() -> None:
    worker = WorkerFixture()
    await worker.open()
    orphans = [incident(id="inc-orphan", opened_at_s=T)]
    worker.manager.reconcile({2: orphans, 3: [incident(id="inc-of-another")]}, shards=2)
    await worker.manager.tick()
    (published,) = [read_incident(message.value) for message in worker.log.on(TOPICS.incidents)]
    assert (published.id, published.state, published.resolution) == ("inc-orphan", "resolved", "lost")


async def test_directives_and_incidents_of_others_go_into_the_next_tick_once() -> None:
    worker = WorkerFixture()
    await worker.open()
    directive = DIRECTIVES[0]
    assert isinstance(directive, Silence)
    other: Incident = incident(id="inc-9", service="db")
    worker.manager.add_directives([directive])
    worker.manager.add_incidents([other])
    await worker.manager.tick()
    tick = worker.log.ticks()[-1]
    assert (tick.directives, tick.incidents) == ((directive,), (other,))
    worker.manager.add_directives([directive])
    await worker.manager.tick()
    assert len(worker.log.ticks()) == 2


async def test_many_directives_and_incidents_go_into_several_ticks() -> None:
    """A tick with all control records of 90 days was too large for the broker, and the shard was never taken over."""
    worker = WorkerFixture()
    await worker.open()
    directives = [Deployment("chat", None, f"v{number}", T + 1e6) for number in range(1200)]
    worker.manager.add_directives(directives)
    worker.manager.add_incidents([incident(id=f"inc-{number}", service="db") for number in range(60)])
    for _ in range(4):
        await worker.manager.tick()
    ticks = worker.log.ticks()[1:]
    assert [len(tick.directives) for tick in ticks] == [500, 500, 200]
    assert [len(tick.incidents) for tick in ticks] == [50, 10, 0]


async def test_without_the_lease_of_the_group_no_tick_is_written() -> None:
    worker = await fed(WorkerFixture(now_s=T))
    worker.transport.lease = False
    await fed(worker, 2, start=3)
    await worker.pass_time(20.0)
    assert worker.log.ticks()[-1].close_until_s == T + 2.0


async def test_silence_counts_only_from_a_while_after_blindness() -> None:
    worker = await fed(WorkerFixture(now_s=T), 5)
    await worker.pass_time(HOLD_S + 15.0)
    silent_until_s = worker.log.ticks()[-1].close_until_s
    assert silent_until_s is not None
    assert silent_until_s > T + 10.0
    worker.transport.sight = False
    await worker.pass_time(30.0)
    assert worker.log.ticks()[-1].close_until_s in (silent_until_s, None)
    assert worker.owner.blind_for_s() > 29.0
    worker.transport.sight = True
    await worker.pass_time(HOLD_S - 1.0)
    assert max(tick.close_until_s or 0.0 for tick in worker.log.ticks()) == silent_until_s
    await worker.pass_time(RETURN_S - HOLD_S)
    assert max(tick.close_until_s or 0.0 for tick in worker.log.ticks()) == silent_until_s
    await worker.pass_time(2.0)
    assert max(tick.close_until_s or 0.0 for tick in worker.log.ticks()) > silent_until_s + 60.0


async def test_after_blindness_windows_close_again_once_the_producers_have_delivered() -> None:
    worker = await fed(WorkerFixture(now_s=T), 5)
    worker.transport.sight = False
    await worker.pass_time(5.0)
    worker.transport.sight = True
    await worker.pass_time(0.1)
    await fed(worker, 11, start=5)
    await worker.pass_time(HOLD_S)
    assert max(tick.close_until_s or 0.0 for tick in worker.log.ticks()) >= T + 15.0


async def test_a_restore_holds_only_what_is_assigned() -> None:
    worker = WorkerFixture()
    await worker.manager.restore(frozenset({TP(LATENCY, 0), TP(LATENCY, 1)}))
    before, producer = worker.manager.owners[1], worker.producers[1]
    await worker.manager.restore(frozenset({TP(LATENCY, 1), TP(LATENCY, 2)}))
    assert set(worker.manager.owners) == {1, 2}
    assert worker.manager.owners[1] is not before
    assert producer.is_stopped


async def test_partitions_that_the_inputs_do_not_have_are_no_shards() -> None:
    worker = WorkerFixture()
    assert await worker.manager.restore(frozenset({TP(TOPICS.outcomes, 9), PARTITION})) == {}
    assert set(worker.manager.owners) == {0}


async def test_what_is_due_is_stored_by_time_or_by_records_and_nothing_new_seldom() -> None:
    worker = await fed(WorkerFixture())
    await stored(worker)
    assert worker.store.saved == [0]
    worker.mono_s += 20.0
    await worker.manager.store_due()
    await worker.manager.publish(0)
    await worker.manager.store_due()
    assert worker.store.saved == [0]
    await worker.processor.process(batch(requests(100, start=3), first=30))
    await worker.manager.store_due()
    await worker.manager.publish(0)
    await worker.manager.store_due()
    assert worker.store.saved == [0, 0]


async def test_work_goes_on_while_a_slow_store_saves_and_only_what_it_contains_is_released() -> None:
    worker = await fed(WorkerFixture())
    worker.store.gate = asyncio.Event()
    storing = asyncio.ensure_future(stored(worker))
    await asyncio.sleep(0.01)
    await fed(worker, 1, start=3)
    worker.store.gate.set()
    await storing
    assert worker.transport.released[PARTITION] == 30


async def test_handing_over_gives_up_all_shards_also_where_one_cannot_be_stored() -> None:
    worker = await fed(WorkerFixture())
    worker.store.failing = TransactionFailed("away")
    await worker.manager.hand_over(TPS)
    assert (worker.manager.owners, worker.transport.released) == ({}, {})
    assert worker.producers[0].is_stopped


@pytest.mark.parametrize("is_due", [False, True])
async def test_handing_over_leaves_nothing_to_repeat(is_due: bool) -> None:
    worker = await fed(WorkerFixture(now_s=T), 2)
    if is_due:
        worker.mono_s += 5.0
        await worker.manager.store_due()  # the next tick leaves a state behind
    await fed(worker, 1, start=2)
    await worker.manager.hand_over(TPS)
    other = await taken_over(worker)
    assert not other.owner.is_repeating
    assert other.owner.shard.offsets[LATENCY] == 30


async def test_a_failing_commit_gives_up_the_shard_and_publishes_nothing_of_it() -> None:
    worker = await fed(WorkerFixture(now_s=T))
    before = list(worker.log.committed)
    worker.producers[0].failing = TimeoutError("no broker")
    await fed(worker, 2, start=3)
    assert (worker.log.committed, worker.manager.owners) == (before, {})
    assert worker.transport.rejoined == ["no broker"]
