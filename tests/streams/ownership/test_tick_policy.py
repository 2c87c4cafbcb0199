"""When an owner writes a tick, and when it may conclude anything from what does not arrive."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.contracts.ticks import Tick
from streams.ownership.tick_policy import (
    BACKLOG_EVERY_S,
    HANGS_AFTER_S,
    HOLD_LEAST_S,
    HOLD_PER_BLIND_S,
    HOLD_S,
    RETURN_S,
    TAKE_OVER_S,
    TIME_EVERY_S,
    Pending,
    SupplyView,
    TickPolicy,
)
from streams.pipeline import Shard
from streams.shard.event_time import Arrival
from streams.shard.plan import Plan
from tests.streams.contracts.signed import DIRECTIVES
from tests.streams.fakes import LATENCY, T, batch, default_plan, incident, intent, outcome, requests

PLAN: Plan = replace(default_plan(), sources={LATENCY: True})
ALL = frozenset({LATENCY})
SEES = SupplyView(True, True, ALL)
BACKLOG = replace(SEES, at_end=frozenset())
NO_LEASE = replace(SEES, holds_lease=False)
NO_SIGHT = replace(SEES, sees=False)
WRITES = replace(SEES, transaction_s=HANGS_AFTER_S - 0.1)
HANGS = replace(SEES, transaction_s=HANGS_AFTER_S)


@dataclass
class Owner:
    """A policy with a shard, and clocks: the wall clock is `T` when the steady one is 0."""

    steady_s: float = 100.0
    shard: Shard = field(default_factory=lambda: Shard(PLAN))
    ticks: list[Tick] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.policy = TickPolicy(3, self.steady_s)
        self.apply(self.policy.opening(self.shard, self.steady_s, self.wall_s))

    @property
    def wall_s(self) -> float:
        return T + self.steady_s

    def apply(self, tick: Tick) -> None:
        self.ticks.append(tick)
        self.shard.apply_tick(tick)

    def arrive(self, age_s: float = 0.1) -> None:
        """One record."""
        newest_s = self.wall_s - age_s
        first = self.shard.offsets.get(LATENCY, 0)
        self.shard.ingest(LATENCY, batch(requests(1, start=int(newest_s - T), each=1), first=first).records)
        lesson = self.policy.lesson(self.steady_s, from_backlog=False)
        self.shard.event_time.observe(LATENCY, Arrival(self.steady_s, newest_s, newest_s, 0.0), lesson)

    def step(self, view: SupplyView = SEES, pending: Pending | None = None, after_s: float = 0.1) -> Tick | None:
        self.steady_s += after_s
        self.policy.observe(view, self.steady_s)
        tick = self.policy.due(self.shard, view, pending or Pending(), self.steady_s, self.wall_s)
        if tick is not None:
            self.apply(tick)
        return tick

    def pass_time(self, seconds: float, view: SupplyView = SEES) -> list[Tick]:
        """Ten steps a second."""
        found = [self.step(view) for _ in range(round(10 * seconds))]
        return [tick for tick in found if tick is not None]

    def live(self, seconds: int) -> None:
        """A record each second, and ticks as they are due."""
        for _ in range(seconds):
            self.arrive()
            self.pass_time(1.0)

    def closed_s(self) -> float:
        """Relative to the wall clock."""
        return self.shard.windower.closed_s - self.wall_s


def closings(ticks: list[Tick]) -> list[Tick]:
    return [tick for tick in ticks if tick.close_until_s is not None]


def settled() -> Owner:
    """An owner that has long seen a source with a record each second."""
    owner = Owner()
    owner.live(30)
    return owner


# Blindness.


@pytest.mark.parametrize(("view", "is_blind"), [
    (SEES, False), (BACKLOG, False), (NO_LEASE, True), (NO_SIGHT, True), (SupplyView(False, False, frozenset()), True),
    (WRITES, False), (HANGS, True),
])
def test_blind_is_an_owner_without_lease_or_sight_or_whose_transaction_hangs(view: SupplyView, is_blind: bool) -> None:
    assert view.is_blind is is_blind


def test_blindness_lasts_from_the_last_moment_of_sight() -> None:
    owner = settled()
    assert owner.policy.blind_for_s(owner.steady_s) == 0.0
    owner.step(NO_SIGHT, after_s=7.0)
    assert owner.policy.blind_for_s(owner.steady_s) == pytest.approx(7.0)
    owner.step(NO_LEASE, after_s=2.0)
    assert owner.policy.blind_for_s(owner.steady_s) == pytest.approx(9.0)
    owner.step(SEES)
    assert owner.policy.blind_for_s(owner.steady_s) == 0.0


def test_a_transaction_that_hangs_is_blindness_since_it_began() -> None:
    owner = settled()
    for transaction_s in (0.1, 1.0, HANGS_AFTER_S):
        owner.policy.observe(replace(SEES, transaction_s=transaction_s), owner.steady_s + transaction_s)
    assert owner.policy.blind_for_s(owner.steady_s + HANGS_AFTER_S) == pytest.approx(HANGS_AFTER_S)


def test_a_transaction_that_ends_in_time_changes_nothing() -> None:
    owner = settled()
    owner.policy.observe(WRITES, owner.steady_s + 1.9)
    owner.policy.observe(SEES, owner.steady_s + 2.0)
    assert not owner.policy.is_holding(owner.steady_s + 2.0)


def test_who_was_blind_before_a_transaction_sees_again_only_after_it() -> None:
    owner = settled()
    owner.step(NO_SIGHT)
    owner.policy.observe(WRITES, owner.steady_s + 1.0)
    assert owner.policy.blind_for_s(owner.steady_s + 1.0) == pytest.approx(1.1)
    owner.policy.observe(SEES, owner.steady_s + 2.0)
    assert owner.policy.blind_for_s(owner.steady_s + 2.0) == 0.0


@pytest.mark.parametrize("view", [NO_LEASE, NO_SIGHT, HANGS])
def test_no_window_closes_while_the_owner_is_blind_however_long(view: SupplyView) -> None:
    owner = settled()
    closed_s = owner.shard.windower.closed_s
    assert closings(owner.pass_time(120.0, view)) == []
    assert owner.shard.windower.closed_s == closed_s


def test_an_owner_without_the_lease_writes_nothing_at_all() -> None:
    owner = settled()
    owner.shard.add_outcomes("outcomes", [outcome(intent())], 1)
    full = Pending(tuple(DIRECTIVES), (incident(),), (incident(),))
    assert [owner.step(NO_LEASE, full, after_s=10.0) for _ in range(12)] == [None] * 12


def test_an_owner_without_sight_writes_what_is_certain() -> None:
    owner = settled()
    tick = owner.step(NO_SIGHT, Pending(tuple(DIRECTIVES), (incident(),), (incident(id="inc-2"),)))
    assert tick is not None
    assert (tick.close_until_s, tick.flush) == (None, ())
    assert (tick.directives, tick.incidents, tick.lost) == (
        tuple(DIRECTIVES), (incident(),), (incident(id="inc-2"),),
    )


@pytest.mark.parametrize(("blind_s", "hold_s"), [
    (0.5, HOLD_LEAST_S + 0.5 * HOLD_PER_BLIND_S), (2.0, HOLD_LEAST_S + 2.0 * HOLD_PER_BLIND_S), (4.5, HOLD_S),
    (60.0, HOLD_S), (3600.0, HOLD_S),
])
def test_after_blindness_event_time_is_held_the_longer_it_lasted(blind_s: float, hold_s: float) -> None:
    owner = settled()
    owner.step(NO_SIGHT, after_s=blind_s - 0.1)
    owner.step(after_s=0.1)
    seen_s = owner.steady_s
    while owner.policy.is_holding(owner.steady_s):
        owner.arrive()
        assert closings(owner.pass_time(0.1)) == [] or not owner.policy.is_holding(owner.steady_s)
    assert owner.steady_s - seen_s == pytest.approx(hold_s, abs=0.11)
    owner.arrive()
    assert closings(owner.pass_time(1.5))


def test_a_second_blindness_never_shortens_the_hold_after_the_first() -> None:
    owner = settled()
    owner.step(NO_SIGHT, after_s=60.0)
    owner.step()
    seen_s = owner.steady_s
    owner.step(NO_SIGHT)
    owner.step()
    owner.steady_s = seen_s + HOLD_S - 0.1
    assert owner.policy.is_holding(owner.steady_s)


def test_a_stop_that_nothing_observed_is_blindness_from_the_last_observation() -> None:
    """A frozen process observes nothing; when it wakes its fetches are old, so it does not see."""
    owner = settled()
    owner.step(NO_SIGHT, after_s=300.0)
    assert owner.policy.blind_for_s(owner.steady_s) == pytest.approx(300.0)


def test_a_new_owner_learns_only_order_for_a_while_since_its_producers_may_have_been_cut_off() -> None:
    owner = Owner()
    assert owner.policy.lesson(owner.steady_s + HOLD_S - 0.1, from_backlog=False) == "order"
    assert owner.policy.lesson(owner.steady_s + HOLD_S, from_backlog=False) == "cadence"
    assert owner.policy.lesson(owner.steady_s + HOLD_S, from_backlog=True) == "order"


def test_after_blindness_nothing_is_learned_until_producers_have_been_back_for_a_while() -> None:
    owner = settled()
    assert owner.policy.lesson(owner.steady_s, from_backlog=False) == "cadence"
    owner.step(NO_SIGHT, after_s=2.0)
    owner.step()
    owner.pass_time(20.0)
    assert owner.policy.lesson(owner.steady_s, from_backlog=False) == "nothing"
    owner.arrive(age_s=5.0)
    owner.step()
    back_s = owner.steady_s
    assert owner.policy.lesson(back_s + HOLD_S - 0.1, from_backlog=False) == "nothing"
    assert owner.policy.lesson(back_s + HOLD_S, from_backlog=False) == "cadence"


def taken_over(newest_age_s: float, unowned_s: float) -> Owner:
    """A shard that goes on from a state with a record and a tick of so long ago."""
    first = settled()
    shard = first.shard
    event_s = first.wall_s - T
    second = Owner.__new__(Owner)
    second.steady_s, second.shard, second.ticks = event_s, shard, []
    shard.event_time.observe(
        LATENCY, Arrival(first.steady_s, second.wall_s, second.wall_s + 100.0 - newest_age_s, 0.0), "order",
    )
    shard.ticked_at_s = second.wall_s + 100.0 - unowned_s
    second.steady_s += 100.0
    second.__post_init__()
    return second


@pytest.mark.parametrize(("newest_age_s", "unowned_s", "holds"), [
    (0.5, 2.0, False), (0.5, TAKE_OVER_S - 1.0, False), (0.5, TAKE_OVER_S + 1.0, True), (30.0, 2.0, True),
    (30.0, 30.0, True),
])
def test_a_new_owner_holds_event_time_when_its_producers_may_have_been_cut_off(
    newest_age_s: float, unowned_s: float, holds: bool,
) -> None:
    owner = taken_over(newest_age_s, unowned_s)
    taken_over_s = owner.steady_s
    owner.step()
    assert owner.policy.is_holding(owner.steady_s) is holds
    assert not owner.policy.is_holding(taken_over_s + HOLD_S)


def test_a_new_owner_that_found_old_records_alone_judges_no_silence_until_producers_are_back() -> None:
    owner = taken_over(30.0, 30.0)
    newest_s = owner.wall_s - 30.0
    owner.pass_time(RETURN_S - 1.0)
    assert owner.shard.windower.closed_s <= newest_s
    owner.pass_time(3.0)
    assert owner.shard.windower.closed_s > newest_s + 10.0


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
