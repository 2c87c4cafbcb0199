"""When an owner writes a tick, and up to when windows close by it."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.contracts.ticks import Tick
from streams.ownership.outage import HOLD_S
from streams.ownership.tick_policy import (
    BACKLOG_EVERY_S,
    MAX_WINDOWS,
    PUBLISH_EVERY_S,
    TIME_EVERY_S,
    Pending,
    SupplyView,
)
from streams.shard.event_time import Arrival
from tests.streams.contracts.signed import DIRECTIVES
from tests.streams.fakes import LATENCY, T, batch, incident, intent, outcome, requests
from tests.streams.ownership.policy_owner import (
    BACKLOG,
    NO_LEASE,
    NO_SIGHT,
    SEES,
    Owner,
    closings,
    settled,
)

# Silence.


def test_a_silence_is_judged_within_seconds_by_an_owner_that_sees() -> None:
    owner = settled()
    owner.pass_time(10.0)
    assert owner.closed_s() == pytest.approx(-2.0, abs=1.0)
    assert owner.ticks[-1].flush == (LATENCY,)


def test_a_new_owner_judges_no_silence_for_a_while_though_records_close_windows() -> None:
    owner = Owner()
    begun_s = owner.steady_s
    owner.live(3)
    assert closings(owner.ticks)
    closed_s = owner.shard.windower.closed_s
    owner.pass_time(HOLD_S - (owner.steady_s - begun_s) - 0.2)
    assert owner.shard.windower.closed_s == closed_s
    owner.pass_time(3.0)
    assert owner.shard.windower.closed_s > closed_s


def test_a_source_that_was_not_read_to_its_end_is_not_silent() -> None:
    owner = settled()
    closed_s = owner.shard.windower.closed_s
    assert closings(owner.pass_time(60.0, BACKLOG)) == []
    assert owner.shard.windower.closed_s == closed_s


def test_a_source_with_records_waits_for_no_flush() -> None:
    assert all(tick.flush == () for tick in settled().ticks)


# When a tick is due.


def test_a_tick_names_its_generation_and_what_was_read_before_it() -> None:
    owner = settled()
    tick = closings(owner.ticks)[-1]
    assert (tick.generation, tick.offsets) == (3, owner.shard.offsets)


def test_windows_close_by_whole_windows_and_each_only_once() -> None:
    ticks = [tick.close_until_s for tick in settled().ticks if tick.close_until_s is not None]
    assert all(until_s == int(until_s) for until_s in ticks)
    assert ticks == sorted(set(ticks))


def test_dead_letters_wait_a_second_at_most_where_no_window_closes() -> None:
    owner = Owner()
    owner.pass_time(5.0)
    shard, policy = owner.shard, owner.policy
    waiting, steady_s = Pending(unpublished=True), owner.steady_s + 1.0
    assert policy.due(shard, SEES, Pending(), steady_s, owner.wall_s) is None
    assert policy.due(shard, SEES, waiting, steady_s, owner.wall_s) is not None
    assert policy.due(shard, SEES, waiting, steady_s + PUBLISH_EVERY_S - 0.1, owner.wall_s) is None
    assert policy.due(shard, SEES, waiting, steady_s + PUBLISH_EVERY_S, owner.wall_s) is not None


def test_nothing_to_say_is_no_tick() -> None:
    owner = settled()
    owner.pass_time(0.4)
    assert owner.step(after_s=0.01) is None or owner.step(after_s=0.01) is None


@pytest.mark.parametrize("pending", [
    Pending(directives=tuple(DIRECTIVES)), Pending(incidents=(incident(),)), Pending(lost=(incident(),)),
])
def test_what_waits_for_a_tick_is_written_at_once(pending: Pending) -> None:
    owner = settled()
    tick = owner.step(NO_SIGHT, pending, after_s=0.001)
    assert tick is not None
    assert not tick.is_empty


def test_outcomes_are_applied_at_once() -> None:
    owner = settled()
    owner.shard.add_outcomes("outcomes", [outcome(intent())], 1)
    tick = owner.step(NO_SIGHT, after_s=0.001)
    assert tick is not None
    assert tick.offsets["outcomes"] == 1
    assert owner.step(NO_SIGHT, after_s=0.001) is None


def test_time_alone_is_written_often_enough_to_check_records_against_it() -> None:
    owner = settled()
    ticks = owner.pass_time(4.0 * TIME_EVERY_S, NO_SIGHT)
    assert len(ticks) == 4
    assert all(tick.is_empty for tick in ticks)
    assert owner.shard.ticked_at_s is not None
    assert abs(owner.shard.ticked_at_s - owner.wall_s) <= TIME_EVERY_S


def test_records_that_wait_to_be_read_let_a_tick_pass_only_so_often() -> None:
    owner = settled()
    ticks: list[Tick] = []
    for second in range(20):
        for _ in range(10):
            owner.shard.event_time.observe(
                LATENCY, Arrival(owner.steady_s, owner.wall_s, owner.wall_s + 5.0 * second, 0.0), "order",
            )
            tick = owner.step(BACKLOG)
            ticks += [] if tick is None else [tick]
    gaps = len(closings(ticks))
    assert 15 <= gaps <= 20.0 / BACKLOG_EVERY_S + 1


@pytest.mark.parametrize("view", [SEES, BACKLOG])
def test_many_windows_close_by_several_ticks_without_a_pause(view: SupplyView) -> None:
    owner = settled()
    begin, seconds = round(owner.wall_s - T), 3 * MAX_WINDOWS
    arrived = batch(requests(seconds, start=begin, each=1), first=owner.shard.offsets[LATENCY])
    owner.shard.ingest(LATENCY, arrived.records)
    newest_s = T + begin + seconds
    owner.shard.event_time.observe(LATENCY, Arrival(owner.steady_s, T + begin, newest_s, 0.0), "order")
    ends_s = [tick.close_until_s for tick in owner.pass_time(2.0, view) if tick.close_until_s is not None]
    assert ends_s[-1] > newest_s - MAX_WINDOWS
    assert max(np.diff([T + begin, *ends_s])) == MAX_WINDOWS


def test_the_first_tick_brings_the_time_and_closes_nothing() -> None:
    owner = Owner()
    assert owner.ticks == [Tick(3, T + 100.0, {}, anew=True, config_hash=owner.shard.plan.config_hash)]
    assert owner.shard.windower.closed_s == -inf


def test_the_time_of_a_tick_is_not_behind_the_producers() -> None:
    """Else their records would be refused as from the future when our clock is behind."""
    owner = settled()
    owner.shard.event_time.observe(
        LATENCY, Arrival(owner.steady_s, owner.wall_s, owner.wall_s + 50.0, 0.0), "cadence",
    )
    tick = owner.step(NO_SIGHT)
    assert tick is not None
    assert tick.at_s == pytest.approx(owner.wall_s + 50.0)


views = st.sampled_from([SEES, SEES, SEES, BACKLOG, NO_LEASE, NO_SIGHT])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(views, st.floats(0.0, 15.0), st.booleans()), max_size=30))
def test_no_window_that_a_prompt_record_may_still_come_to_is_ever_closed(
    steps: list[tuple[SupplyView, float, bool]],
) -> None:
    """Records come with an age of 0.1 s, whatever the owner sees: none is late."""
    owner = settled()
    for view, after_s, arrives in steps:
        owner.step(view, after_s=after_s)
        assert owner.closed_s() <= -0.4
        if arrives:
            owner.arrive()
