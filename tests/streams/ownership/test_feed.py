"""Ticks of earlier owners are repeated with the same records before each, however the records arrive now."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.model import Outcome
from classifiers.model import AuditEntry
from streams.contracts.envelopes import outcome_message
from streams.contracts.ticks import Tick, decode_tick, encode_tick
from streams.intake.kafka_record import KafkaRecord
from streams.ownership.feed import Refused, ShardFeed, valid_ticks
from streams.pipeline import Products, Shard
from streams.shard.snapshot import Snapshot
from streams.state.snapshots import decode, encode
from tests.simulation.fleet import ACTING, fleet, sick, steady
from tests.streams.fakes import LATENCY, T, intent, outcome, record_of
from tests.streams.records import FakeRecord

OUTCOMES = "outcomes"


def published(products: Sequence[Products]) -> tuple[object, ...]:
    """What is published of them, in order."""
    return (
        [(change.change, change.incident) for each in products for change in each.transitions],
        [intent for each in products for intent in each.intents], [entry for each in products for entry in each.audit],
        [(each.source, dead.record.offset) for each in products for dead in each.dead],
        sum(each.accepted for each in products), sum(each.late for each in products),
    )


def answer(of: Outcome, offset: int) -> FakeRecord:
    record = record_of(outcome_message(of, "s", 0), OUTCOMES, 0, offset)
    assert isinstance(record, FakeRecord)
    return record


@dataclass
class Life:
    """What the first owner of a shard left behind: the log by topic, its ticks, and all that it published.

    snapshots: after so many ticks. tail: of the log, read after the last tick.
    """

    log: dict[str, list[KafkaRecord]] = field(default_factory=lambda: {LATENCY: [], OUTCOMES: []})
    ticks: list[Tick] = field(default_factory=list)
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    products: list[list[Products]] = field(default_factory=list)
    """By the tick before which they came, or from which; the last are of the tail."""


@cache
def life() -> Life:
    """An owner that sees a replica fall ill, cuts it off, and undoes that when it is well."""
    found, watched = Life(), fleet(ACTING)
    shard = Shard(ACTING)
    feed = ShardFeed(shard, OUTCOMES)

    def tick(**parts: object) -> None:
        tick = Tick(1, watched.now_s + 2.0, dict(shard.offsets), **parts)  # type: ignore[arg-type]
        found.ticks.append(tick)
        found.products[-1].append(shard.apply_tick(tick))
        found.products.append([])
        found.snapshots[len(found.ticks)] = decode(encode(shard.snapshot()))

    found.products.append([])
    tick()
    rng = random.Random(5)
    for second in range(150):
        records = watched.next_second(sick("r1") if 60 <= second < 90 else steady)
        if second == 70:
            records.append(FakeRecord(b"{", watched.sent, LATENCY, 0))
            watched.sent += 1
        add(feed, found, LATENCY, records)
        if rng.random() < 0.7:
            tick(close_until_s=watched.now_s - 1.0)
        asked = [intent for products in found.products[-2] for intent in products.intents]
        if asked:
            begin = len(found.log[OUTCOMES])
            answers = [answer(outcome(each), begin + at) for at, each in enumerate(asked)]
            add(feed, found, OUTCOMES, answers)
            tick()
    return found


def add(feed: ShardFeed, found: Life, topic: str, records: Sequence[KafkaRecord]) -> None:
    found.log[topic] += records
    products = feed.add(topic, records)
    assert products is not None
    found.products[-1].append(products)


def restored(after: int) -> Shard:
    shard = Shard.restored(ACTING, life().snapshots[after])
    assert shard.offsets == life().ticks[after - 1].offsets
    return shard


def expected(after: int) -> tuple[object, ...]:
    return published([each for group in life().products[after:] for each in group])


def test_the_life_that_these_tests_repeat_has_an_incident_an_action_its_undo_and_a_dead_letter() -> None:
    products = [each for group in life().products for each in group]
    changes, intents, _, dead, *_ = published(products)
    assert [intent.undo for intent in intents] == [False, True]  # type: ignore[attr-defined]
    assert len(changes) > 3  # type: ignore[arg-type]
    assert len(dead) == 1  # type: ignore[arg-type]
    assert len(life().ticks) > 90


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 90), st.integers(0, 2**32), st.integers(0, 40))
def test_any_snapshot_any_cut_and_any_interleaving_give_the_same_products(after: int, seed: int, overlap: int) -> None:
    rng, shard = random.Random(seed), restored(after)
    feed = ShardFeed(shard, OUTCOMES, life().ticks[after:])
    rest = {
        topic: [record for record in records if record.offset >= shard.offsets.get(topic, 0) - overlap]
        for topic, records in life().log.items()
    }
    products: list[Products] = []
    while any(rest.values()):
        topic = rng.choice([topic for topic, records in rest.items() if records])
        size = rng.choice((1, 40, 500, 5000))
        added = feed.add(topic, rest[topic][:size])
        del rest[topic][:size]
        products += [] if added is None else [added]
        products += [*feed.repeat(), *feed.take_waiting()]
    assert not feed.is_repeating
    assert published(products) == expected(after)
    assert encode(shard.snapshot()) == encode(whole().snapshot())


@cache
def whole() -> Shard:
    """The state at the end, of an owner that repeated everything at once."""
    shard = Shard(ACTING)
    feed = ShardFeed(shard, OUTCOMES, life().ticks)
    for topic, records in life().log.items():
        assert feed.add(topic, records) is None
    feed.repeat()
    feed.take_waiting()
    return shard


def test_records_beyond_a_tick_wait_until_it_is_repeated() -> None:
    feed = ShardFeed(restored(50), OUTCOMES, life().ticks[50:51])
    (tick,) = life().ticks[50:51]
    log = life().log[LATENCY]
    first, end = feed.shard.offsets[LATENCY], tick.offsets[LATENCY]
    assert end - first > 2
    assert feed.add(LATENCY, log[first : end - 1]) is None
    feed.repeat()
    assert (feed.is_repeating, feed.shard.offsets[LATENCY]) == (True, end - 1)
    assert feed.take_waiting() == []
    assert feed.add(LATENCY, log[end - 1 : end + 5]) is None
    feed.repeat()
    assert (feed.is_repeating, feed.shard.offsets[LATENCY]) == (False, end)
    assert [each.accepted for each in feed.take_waiting()] == [5]
    assert feed.shard.offsets[LATENCY] == end + 5


def test_once_nothing_is_to_be_repeated_records_go_straight_in() -> None:
    feed = ShardFeed(Shard(ACTING), OUTCOMES)
    products = feed.add(LATENCY, life().log[LATENCY][:5])
    assert (feed.is_repeating, products is not None, feed.shard.offsets) == (False, True, {LATENCY: 5})


def test_a_topic_is_waited_for_whichever_comes_first() -> None:
    ticks = [Tick(1, T, {LATENCY: 3, OUTCOMES: 1}, T - 5.0)]
    shard = Shard(ACTING)
    feed = ShardFeed(shard, OUTCOMES, ticks)
    feed.add(OUTCOMES, [answer(outcome(intent()), 0)])
    assert feed.repeat() == [Products(source=OUTCOMES)]
    assert (feed.is_repeating, shard.offsets) == (True, {OUTCOMES: 1})
    feed.add(LATENCY, life().log[LATENCY][:3])
    feed.repeat()
    assert (feed.is_repeating, shard.offsets) == (False, {OUTCOMES: 1, LATENCY: 3})


def test_records_that_retention_took_are_not_waited_for() -> None:
    """The tick is repeated without them; what is there counts from where the topic begins now."""
    log = life().log[LATENCY]
    ticks = [Tick(1, T, {LATENCY: 10}), Tick(1, T + 1.0, {LATENCY: 40})]
    shard = Shard(ACTING)
    feed = ShardFeed(shard, OUTCOMES, ticks)
    feed.repeat()
    assert feed.is_repeating
    feed.begin_at(LATENCY, 30)
    feed.repeat()
    assert shard.ticked_at_s == T
    feed.add(LATENCY, log[30:45])
    assert [each.accepted for each in feed.repeat()] == [10, 0]
    assert not feed.is_repeating
    assert [each.accepted for each in feed.take_waiting()] == [5]


def test_a_hole_in_the_log_is_not_waited_for() -> None:
    """Markers of transactions have offsets, and are no records."""
    log = life().log[LATENCY]
    shard = Shard(ACTING)
    feed = ShardFeed(shard, OUTCOMES, [Tick(1, T, {LATENCY: 12})])
    feed.add(LATENCY, [*log[:10], *log[13:15]])
    feed.repeat()
    assert (feed.is_repeating, shard.offsets[LATENCY]) == (False, 10)
    feed.take_waiting()
    assert shard.offsets[LATENCY] == 15


def test_an_outcome_that_cannot_be_read_is_a_dead_letter_and_the_rest_counts() -> None:
    shard = Shard(ACTING)
    feed = ShardFeed(shard, OUTCOMES)
    products = feed.add(OUTCOMES, [FakeRecord(b"{", 0, OUTCOMES), answer(outcome(intent()), 1)])
    assert products is not None
    (dead,) = products.dead
    assert (products.source, dead.record.offset, dead.reason) == (OUTCOMES, 0, "invalid")
    assert (shard.has_outcomes, shard.offsets) == (True, {OUTCOMES: 2})


def test_outcomes_that_the_state_contains_are_not_applied_again() -> None:
    shard = Shard(ACTING)
    feed = ShardFeed(shard, OUTCOMES)
    feed.add(OUTCOMES, [answer(outcome(intent()), 0)])
    shard.apply_tick(Tick(1, T, dict(shard.offsets)))
    feed.add(OUTCOMES, [answer(outcome(intent()), 0), FakeRecord(b"{", 0, OUTCOMES)])
    assert (shard.has_outcomes, shard.offsets) == (False, {OUTCOMES: 1})


# Generations.


def ticks_of(*generations: int) -> list[Tick]:
    return [Tick(generation, T + at, {}) for at, generation in enumerate(generations)]


@pytest.mark.parametrize(("generations", "state", "valid", "last"), [
    ((), 0, (), 0),
    ((), 7, (), 7),
    ((1, 1, 2, 2), 0, (1, 1, 2, 2), 2),
    ((1, 2, 1, 2, 1, 3), 1, (1, 2, 2, 3), 3),
    ((2, 2, 3), 3, (3,), 3),
    ((5, 1, 2, 3), 0, (5,), 5),
])
def test_a_tick_of_an_older_generation_than_one_before_it_is_void(
    generations: tuple[int, ...], state: int, valid: tuple[int, ...], last: int,
) -> None:
    found, highest = valid_ticks(ticks_of(*generations), state)
    assert (tuple(tick.generation for tick in found), highest) == (valid, last)


def test_a_tick_that_went_through_the_log_is_repeated_the_same() -> None:
    shards = [restored(40), restored(40)]
    as_written = life().ticks[40:]
    for shard, ticks in zip(shards, (as_written, [decode_tick(encode_tick(tick)) for tick in as_written]), strict=True):
        feed = ShardFeed(shard, OUTCOMES, ticks)
        for topic, records in life().log.items():
            feed.add(topic, records)
        feed.repeat()
        assert not feed.is_repeating
    assert encode(shards[0].snapshot()) == encode(shards[1].snapshot())


# Outcomes that are not authentic.


def outcomes(*keys: str) -> list[FakeRecord]:
    return [answer(outcome(intent(key)), at) for at, key in enumerate(keys)]


def applied(shard: Shard) -> list[str]:
    return [each.key for each in shard._outcomes]


def test_a_refused_outcome_is_not_applied_and_the_next_tick_names_its_offset() -> None:
    shard = Shard(ACTING)
    feed = ShardFeed(shard, OUTCOMES)
    entry = AuditEntry(T, "outcomes[0]@1", "refused", None, "refused", "unsigned")
    products = feed.add(OUTCOMES, outcomes("k1", "forged", "k2", "more", "again"), refused={1: entry, 3: None, 4: None})
    assert products is not None
    assert (products.audit, products.dead) == ([entry], [])
    assert (applied(shard), shard.offsets) == (["k1", "k2"], {OUTCOMES: 5})
    assert shard.ignored == [(1, 2), (3, 5)]
    shard.apply_tick(Tick(1, T, dict(shard.offsets), ignored=tuple(shard.ignored)))
    assert shard.ignored == []


def test_a_flood_of_refused_outcomes_is_one_range_also_with_markers_of_transactions_between_them() -> None:
    shard = Shard(ACTING)
    feed = ShardFeed(shard, OUTCOMES)
    for offset in range(0, 2000, 2):
        feed.add(OUTCOMES, [answer(outcome(intent("forged")), offset)], refused={offset: None})
    assert shard.ignored == [(0, 1999)]
    feed.add(OUTCOMES, [answer(outcome(intent()), 2001), answer(outcome(intent("forged")), 2002)], refused={2002: None})
    assert shard.ignored == [(0, 1999), (2002, 2003)]


@pytest.mark.parametrize("refused", [{}, {0: None, 2: None}])
def test_who_repeats_a_tick_ignores_what_it_names_and_nothing_else_whatever_the_keys_are_now(
    refused: Refused, monkeypatch: pytest.MonkeyPatch,
) -> None:
    tick = decode_tick(encode_tick(Tick(1, T, {OUTCOMES: 3}, ignored=((1, 2),))))
    shard, seen = Shard(ACTING), list[str]()
    monkeypatch.setattr(shard.decider, "record_outcome", lambda each, _: seen.append(each.key))
    feed = ShardFeed(shard, OUTCOMES, [tick])
    feed.add(OUTCOMES, outcomes("k1", "forged", "k2", "later"), refused={**refused, 3: None})
    feed.repeat()
    assert seen == ["k1", "k2"]
    feed.take_waiting()
    assert (applied(shard), shard.ignored) == ([], [(3, 4)])
