"""What a new owner concludes from what its worker saw of the broker before the take-over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.ownership.outage import HOLD_S, Contact, Outage
from streams.ownership.tick_policy import HANGS_AFTER_S, RETURN_S, TAKE_OVER_S, SupplyView, TickPolicy
from streams.pipeline import Shard
from streams.shard.event_time import Arrival
from tests.streams.fakes import LATENCY, T, batch
from tests.streams.ownership.policy_owner import NO_SIGHT, PLAN, SEES, WATCHED, Owner, closings, settled
from tests.streams.records import sample


def seen(outage: Outage) -> SupplyView:
    return replace(SEES, contact=Contact(WATCHED.since_s, (outage,)))


def taken_over(first: Owner) -> Owner:
    """The next owner of a shard, right away."""
    return Owner(first.steady_s, first.shard)


def test_a_new_owner_holds_event_time_after_an_outage_that_its_worker_saw_before() -> None:
    owner = taken_over(settled())
    ended_s = owner.steady_s - 1.0
    view = seen(Outage(ended_s - 8.0, ended_s))
    owner.arrive()
    assert closings(owner.pass_time(ended_s + HOLD_S - owner.steady_s - 0.2, view)) == []
    assert owner.policy.lesson(owner.steady_s, from_backlog=False) == "nothing"
    owner.pass_time(0.4, view)
    assert not owner.policy.is_holding(owner.steady_s)


def test_after_such_an_outage_silence_is_judged_once_producers_are_back() -> None:
    owner = taken_over(settled())
    view, newest_s = seen(Outage(owner.steady_s - 9.0, owner.steady_s - 0.5)), owner.wall_s
    owner.pass_time(RETURN_S - 3.0, view)
    assert owner.shard.windower.closed_s <= newest_s
    owner.pass_time(3.0, view)
    assert owner.shard.windower.closed_s > newest_s + 10.0


def test_an_outage_is_held_once_and_one_of_long_ago_not_at_all() -> None:
    owner = taken_over(settled())
    begun_s = owner.steady_s
    view = seen(Outage(begun_s - 9.0, begun_s - 1.0))
    owner.pass_time(HOLD_S, view)
    assert not owner.policy.is_holding(owner.steady_s)
    later = taken_over(settled())
    later.step(seen(Outage(later.steady_s - RETURN_S - 9.0, later.steady_s - RETURN_S)))
    assert not later.policy.is_holding(later.steady_s)
    assert later.policy.lesson(later.steady_s, from_backlog=False) == "order"


def test_a_worker_that_saw_no_outage_holds_nothing_after_a_take_over() -> None:
    owner = taken_over(settled())
    owner.step()
    assert not owner.policy.is_holding(owner.steady_s)


@pytest.mark.parametrize(("waited_s", "holds"), [(HANGS_AFTER_S - 0.1, False), (HANGS_AFTER_S + 0.1, True)])
def test_the_first_fetch_of_an_ownership_may_take_a_moment(waited_s: float, holds: bool) -> None:
    owner = taken_over(settled())
    owner.arrive()
    owner.step(NO_SIGHT, after_s=waited_s - 0.05)
    assert owner.policy.blind_for_s(owner.steady_s) > 0.0
    owner.step(after_s=0.05)
    assert owner.policy.is_holding(owner.steady_s) is holds


# A process that has just started.


def two_services() -> Owner:
    """An owner that has long seen two services, of which one then says no more."""
    owner = Owner()
    for _ in range(40):
        for service in ("chat", "search"):
            report(owner, service)
        owner.pass_time(1.0)
    return owner


def report(owner: Owner, service: str) -> None:
    """Ten requests of one service within the last second."""
    at_s, first = owner.wall_s - 1.0, owner.shard.offsets.get(LATENCY, 0)
    values: list[object] = [
        sample(at_s + number / 10.0, service, metrics={"latency_ms": 100.0 + number}) for number in range(10)
    ]
    owner.shard.ingest(LATENCY, batch(values, first=first).records)
    lesson = owner.policy.lesson(owner.steady_s, from_backlog=False)
    owner.shard.event_time.observe(LATENCY, Arrival(owner.steady_s, at_s, at_s + 0.9, 0.0), lesson)


def silence_of_one(owner: Owner, contact: Contact, seconds: int) -> list[str]:
    """The services of the incidents that open while only `chat` reports."""
    found: list[str] = []
    for _ in range(seconds):
        report(owner, "chat")
        for _ in range(10):
            owner.step(replace(SEES, contact=contact))
        found += [each.service for each in owner.shard.triage.open_incidents()]
    return found


def test_a_process_that_has_just_started_does_not_take_one_service_for_silent_at_once() -> None:
    owner = taken_over(two_services())
    started = Contact(owner.steady_s - 1.0)
    closed_s = owner.shard.windower.closed_s
    assert silence_of_one(owner, started, int(HOLD_S) - 1) == []
    assert closed_s < owner.shard.windower.closed_s < closed_s + 4.0
    assert "search" in silence_of_one(owner, started, 6)


def test_a_worker_that_has_watched_tells_the_silence_of_one_service_right_after_a_take_over() -> None:
    owner = taken_over(two_services())
    watched = Contact(owner.steady_s - TAKE_OVER_S)
    assert "search" in silence_of_one(owner, watched, int(HOLD_S) - 1)


def test_a_process_that_has_just_started_goes_on_at_once_where_all_report() -> None:
    owner = taken_over(two_services())
    for _ in range(5):
        for service in ("chat", "search"):
            report(owner, service)
        for _ in range(10):
            owner.step(replace(SEES, contact=Contact(owner.steady_s)))
    assert owner.closed_s() >= -3.0


@pytest.mark.parametrize(("generation", "watched_s", "holds"), [
    (2, 1.0, True), (2, TAKE_OVER_S, False), (1, 1.0, False),
])
def test_a_process_that_has_just_started_holds_event_time_where_a_state_was_lost(
    generation: int, watched_s: float, holds: bool,
) -> None:
    shard, steady_s = Shard(PLAN), 100.0
    policy = TickPolicy(generation, steady_s)
    policy.observe(replace(SEES, contact=Contact(steady_s - watched_s)), steady_s)
    policy.opening(shard, steady_s, T + steady_s)
    assert policy.is_holding(steady_s + HOLD_S - 0.1) is holds
    assert not policy.is_holding(steady_s + HOLD_S)
