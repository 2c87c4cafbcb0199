"""When an owner is blind, and what it may conclude afterwards from what does not arrive."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.ownership.outage import HOLD_LEAST_S, HOLD_PER_BLIND_S, HOLD_S
from streams.ownership.tick_policy import (
    HANGS_AFTER_S,
    RETURN_S,
    TAKE_OVER_S,
    Pending,
    SupplyView,
)
from streams.shard.event_time import Arrival
from tests.streams.contracts.signed import DIRECTIVES
from tests.streams.fakes import LATENCY, T, incident, intent, outcome
from tests.streams.ownership.policy_owner import (
    BACKLOG,
    HANGS,
    NO_LEASE,
    NO_SIGHT,
    SEES,
    WRITES,
    Owner,
    closings,
    settled,
)


@pytest.mark.parametrize(("view", "is_blind"), [
    (SEES, False), (BACKLOG, False), (NO_LEASE, True), (NO_SIGHT, True), (SupplyView(False, False, frozenset()), True),
    (WRITES, False), (HANGS, True),
])
def test_an_owner_sees_with_lease_and_sight_and_no_transaction_that_hangs(view: SupplyView, is_blind: bool) -> None:
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


def test_nothing_is_learned_of_records_that_come_while_a_transaction_hangs() -> None:
    owner = settled()
    owner.policy.observe(WRITES, owner.steady_s + 1.9)
    assert owner.policy.lesson(owner.steady_s + 1.9, from_backlog=False) == "cadence"
    owner.policy.observe(HANGS, owner.steady_s + 2.0)
    assert owner.policy.lesson(owner.steady_s + 2.0, from_backlog=False) == "nothing"


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
    (0.5, HOLD_LEAST_S + 0.5 * HOLD_PER_BLIND_S), (2.0, HOLD_LEAST_S + 2.0 * HOLD_PER_BLIND_S), (5.0, HOLD_S),
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


def test_a_short_blindness_in_the_hold_after_a_long_one_is_held_for_as_long() -> None:
    """A producer that tried in vain in both waits as long before its next try as after the long one."""
    owner = settled()
    owner.step(NO_SIGHT, after_s=60.0)
    owner.step()
    owner.pass_time(HOLD_S - 1.0)
    owner.step(NO_SIGHT)
    owner.step()
    assert owner.policy.is_holding(owner.steady_s + HOLD_S - 0.1)
    owner.pass_time(HOLD_S + 30.0)
    owner.step(NO_SIGHT)
    owner.step()
    assert not owner.policy.is_holding(owner.steady_s + 2.0)


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
