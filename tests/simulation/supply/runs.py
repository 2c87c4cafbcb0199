"""One seed from its script to its verdict: with the faults, without them, and replayed from what is in the log."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from classifiers.model import Incident
from streams.ownership.feed import ShardFeed
from streams.pipeline import Shard
from streams.state.snapshots import decode
from tests.simulation.supply.checks import first_and_last, violations
from tests.simulation.supply.log import OUTCOMES, STATE, TICKS, RepeatDiffers, Stored, published_of, valid_logged
from tests.simulation.supply.producers import T
from tests.simulation.supply.world import KINDS, MakeWorker, World, new_worker, quiet, script_of
from tests.streams.records import FakeRecord

COMPARE_EVERY = 4
"""One seed of so many is also compared with its quiet run, and one is replayed from a snapshot."""


def judge(
    seed: int, kinds: Sequence[str] = KINDS, troubles: int | None = None, make_worker: MakeWorker = new_worker,
    compare: bool = True,
) -> list[str]:
    """The violations of one seed."""
    world = World(script_of(seed, kinds, troubles), make_worker)
    try:
        world.run()
    except RepeatDiffers as error:
        return [f"repeat differs: {error}"]
    found = violations(world)
    if compare and seed % COMPARE_EVERY == 0:
        found += _differs_from_quiet(world)
    if compare and seed % COMPARE_EVERY == 1:
        found += _differs_from_replay(world)
    return found


def _differs_from_quiet(world: World) -> Iterator[str]:
    """The same incidents as with a perfect supply, unless a state was lost on the way. The faults hide no data."""
    if any(owner.lineage.born_s > 5.0 for owner in world.owners.values()):
        return
    undisturbed = World(quiet(world.script)).run()
    mine, theirs = _opened(world), _opened(undisturbed)
    if mine != theirs:
        yield f"not as quiet: {mine}, expected {theirs}"


def _opened(world: World) -> list[tuple[str, str, str | None, float]]:
    """What each incident is about and when it opened, to two windows: late records may be missing in one."""
    opened: list[Incident] = [first for first, _ in first_and_last(world).values()]
    return sorted(
        (one.service, one.category, one.replica, 2.0 * round((one.opened_at_s - T) / 2.0)) for one in opened
    )


def _differs_from_replay(world: World) -> Iterator[str]:
    """From any snapshot in the log, with any cuts: the ticks after it lead to what was published because of them."""
    rng = random.Random(world.script.seed)
    for number in range(world.script.shards):
        snapshots = [each for _, each in world.broker.partition(STATE, number).read(0, 10**9)[0]]
        if number not in world.owners:
            continue
        plan = world.owners[number].shard.plan
        usable = [
            each for each in snapshots
            if isinstance(each, Stored) and decode(each.value).config_hash == plan.state_hash
        ]
        if usable:
            stored = rng.choice(usable)
            shard = Shard.restored(plan, decode(stored.value), number=number)
            # A topic of which the state has read nothing goes on from the committed offset.
            for topic, begin in stored.lineage.begins.items():
                shard.offsets.setdefault(topic, begin)
            yield from _replayed(world, number, shard, rng)


def _replayed(world: World, number: int, shard: Shard, rng: random.Random) -> Iterator[str]:
    logged, _ = world.broker.partition(TICKS, number).read(shard.offsets.pop(TICKS), 10**9)
    ticks, _, expected = valid_logged(logged, shard.generation)
    feed, found = ShardFeed(shard, OUTCOMES, ticks), list[object]()
    rest = {}
    for topic in (*shard.plan.sources, OUTCOMES):
        records, _ = world.broker.partition(topic, number).read(shard.offsets.get(topic, 0), 10**9)
        rest[topic] = [FakeRecord(value, at, topic, number) for at, value in records if isinstance(value, bytes)]
    while any(rest.values()) and feed.is_repeating:
        topic = rng.choice([topic for topic, left in rest.items() if left])
        size = rng.choice((1, 7, 50, 1000))
        feed.add(topic, rest[topic][:size])
        del rest[topic][:size]
        for products in feed.repeat():
            found += published_of(products)
    for products in feed.repeat():
        found += published_of(products)
    if found != expected:
        yield f"replay differs: shard {number}, {len(found)} in place of {len(expected)} publications"
    if feed.is_repeating:
        yield f"replay stuck: shard {number}"
