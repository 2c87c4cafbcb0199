"""Ticks say where a state began: with which tick, and from which record of each topic."""

from __future__ import annotations

from classifiers.directives import Deployment
from streams.contracts.ticks import Tick
from streams.ownership.feed import ShardFeed
from streams.ownership.tick_policy import Pending, SupplyView, TickPolicy
from streams.pipeline import Shard
from tests.streams.fakes import LATENCY, T, batch, default_plan, requests

PLAN = default_plan()
DEPLOYED = Pending((Deployment("chat", "gpt", "v2", T),))


def opening(shard: Shard, generation: int = 1) -> Tick:
    return TickPolicy(generation, 0.0).opening(shard, 0.0, T)


def due(shard: Shard) -> Tick:
    tick = TickPolicy(1, 0.0).due(shard, SupplyView(True, True, frozenset()), DEPLOYED, 0.0, T)
    assert tick is not None
    return tick


def opened() -> ShardFeed:
    """A new state after its first tick."""
    shard = Shard(PLAN)
    shard.apply_tick(opening(shard))
    return ShardFeed(shard, "outcomes")


def test_the_first_tick_of_an_empty_state_says_so_and_names_the_configuration() -> None:
    shard = Shard(PLAN)
    tick = opening(shard)
    assert (tick.anew, tick.begins, tick.config_hash) == (True, {}, PLAN.config_hash)
    shard.apply_tick(tick)
    again = Shard.restored(PLAN, shard.snapshot())
    assert (opening(again, 2).anew, opening(again, 2).config_hash) == (False, PLAN.config_hash)


def test_the_first_record_of_each_topic_is_named_by_the_tick_after_it_alone() -> None:
    feed = opened()
    feed.add(LATENCY, batch(requests(1), first=70).records)
    first = due(feed.shard)
    assert (first.anew, first.begins, first.config_hash) == (False, {LATENCY: 70}, None)
    feed.shard.apply_tick(first)
    feed.add(LATENCY, batch(requests(1), first=80).records)
    feed.add("inference.tokens", batch(requests(1), "inference.tokens", first=5).records)
    second = due(feed.shard)
    assert (second.offsets, second.begins) == ({LATENCY: 90, "inference.tokens": 15}, {"inference.tokens": 5})


def test_who_repeats_a_tick_does_not_name_its_records_again() -> None:
    former = opened()
    snapshot = former.shard.snapshot()
    records = batch(requests(2), first=70).records
    former.add(LATENCY, records)
    feed = ShardFeed(Shard.restored(PLAN, snapshot), "outcomes", [due(former.shard)])
    feed.add(LATENCY, records)
    feed.repeat()
    feed.take_waiting()
    assert opening(feed.shard, 2).begins == {}
    feed.add("inference.tokens", batch(requests(1), "inference.tokens", first=5).records)
    assert opening(feed.shard, 2).begins == {"inference.tokens": 5}
