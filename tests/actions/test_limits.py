"""Limits: every refusal has its reason, and each limit holds at its border."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions import limits
from actions.ledger.ledger import MemoryLedger
from actions.limits import LimitParams, Situation
from actions.model import Fleet, Intent, Outcome
from actions.siblings import check_siblings
from classifiers.intervals import IntervalParams
from tests.actions.cases import NOW_S, intent

PARAMS = LimitParams()


async def ran(*intents: Intent, at_s: float = NOW_S) -> MemoryLedger:
    ledger = MemoryLedger()
    for n, one in enumerate(intents):
        await ledger.claim(replace(one, key=f"past{n}"), at_s)
        await ledger.finish(Outcome(
            f"past{n}", "i0", one.kind, one.target, "auto", "executed", "", at_s, at_s, one.undo,
        ))
    return ledger


async def test_cooldown_ends_when_its_time_is_over() -> None:
    ledger = await ran(intent())
    assert not limits.check_cooldown(intent(), ledger, PARAMS, NOW_S + 299.9).allowed
    assert limits.check_cooldown(intent(), ledger, PARAMS, NOW_S + 300).allowed
    assert limits.check_cooldown(intent(target="chat/r1"), ledger, PARAMS, NOW_S).allowed
    assert limits.check_cooldown(intent(kind="throttle"), ledger, PARAMS, NOW_S).allowed


async def test_each_ineffective_run_doubles_the_cooldown_up_to_its_maximum() -> None:
    ledger = await ran(intent())
    for n, cooldown_s in enumerate((300.0, 600.0, 1200.0, 2400.0, 4800.0, 7200.0, 7200.0)):
        assert not limits.check_cooldown(intent(), ledger, PARAMS, NOW_S + cooldown_s - 0.1).allowed
        assert limits.check_cooldown(intent(), ledger, PARAMS, NOW_S + cooldown_s).allowed
        await ledger.mark_ineffective(intent(f"vain{n}"), NOW_S)


async def test_a_step_that_did_not_help_three_times_in_a_service_is_only_suggested() -> None:
    ledger = MemoryLedger()
    for n in range(3):
        assert limits.check_futility(intent(step_id="contain"), ledger, PARAMS, NOW_S).allowed
        await ledger.mark_ineffective(intent(f"vain{n}", target=f"chat/r{n}", step_id="contain"), NOW_S)
    refused = limits.check_futility(intent(step_id="contain"), ledger, PARAMS, NOW_S)
    assert (refused.allowed, refused.status, refused.limit) == (False, "suggested", "futility")
    assert limits.check_futility(intent(step_id="contain", service="search"), ledger, PARAMS, NOW_S).allowed
    assert limits.check_futility(intent(step_id="contain"), ledger, PARAMS, NOW_S + 6 * 3600 + 1).allowed


async def test_the_budget_counts_the_last_hour_of_all_and_of_one_service() -> None:
    ledger = await ran(*(intent(target=f"{n}/r0", service=f"s{n % 4}") for n in range(20)))
    refused = limits.check_budgets(intent(), ledger, PARAMS, NOW_S + 3600)
    assert (refused.allowed, refused.reason) == (False, "20 of 20 actions used this hour")
    assert limits.check_budgets(intent(), ledger, PARAMS, NOW_S + 3601).allowed
    ledger = await ran(*(intent(target=f"chat/r{n}") for n in range(6)))
    assert not limits.check_budgets(intent(), ledger, PARAMS, NOW_S + 3600).allowed
    assert limits.check_budgets(intent(service="search"), ledger, PARAMS, NOW_S + 3600).allowed


@pytest.mark.parametrize(("fleet", "touched", "allowed"), [
    (2, 0, True), (2, 1, False), (None, 0, True), (None, 1, False), (30, 2, True), (30, 3, False), (19, 1, False),
    (20, 1, True), (True, 1, False), ("many", 1, False),
])
def test_share_of_the_fleet_holds_and_one_is_always_allowed(
    fleet: int | str | None, touched: int, allowed: bool
) -> None:
    others = {*(f"chat/old{n}" for n in range(touched)), "search/r0"}
    reason = check_siblings(intent(params={"fleet_size": fleet}), others, (), PARAMS)
    assert (reason is None) == allowed, reason


def test_a_target_that_was_acted_on_is_not_counted_twice() -> None:
    assert check_siblings(intent(), {"chat/r0"}, {"chat/r0"}, PARAMS) is None


@pytest.mark.parametrize(("in_force", "acted_on", "why"), [
    ((), ("chat/r1",), "1 acted on within the last 1 h (limits.share_window) already"),
    (("chat/r1",), ("chat/r1",), "1 in force already"),
    (("chat/r1",), ("chat/r2",), "1 in force and 1 acted on within the last 1 h (limits.share_window) already"),
])
def test_the_refusal_says_what_is_in_force_and_what_was_acted_on(
    in_force: tuple[str, ...], acted_on: tuple[str, ...], why: str,
) -> None:
    reason = check_siblings(intent(params={"fleet_size": 3}), in_force, acted_on, PARAMS)
    count = 1 + len({*in_force, *acted_on})
    assert reason == f"circuit_breaker would touch {count} of 3 targets, 1 allowed (limits.fleet_share): {why}"


@pytest.mark.parametrize(("fleet", "reason"), [
    (Fleet(20, 19, 1), None),
    (Fleet(20, 10, 10), "10 of 20 siblings alarm"),
    (Fleet(20, 11, 9, alarming_for_s=4.9), "as a whole alarms"),
    (Fleet(20, 11, 9, alarming_for_s=5.0), None),
    (Fleet(20, 9, 1), "9 of 20 siblings are heard and healthy"),
    (Fleet(2, 1, 1), None),
    (Fleet(1, 0, 1), "0 of 1 siblings"),
    (Fleet(20, None, 1), "not known how many siblings are healthy"),
    (Fleet(None, 19, 1), "not known how many siblings alarm"),
])
def test_a_part_is_left_alone_in_an_outage_and_where_too_few_would_serve(fleet: Fleet, reason: str | None) -> None:
    found = check_siblings(intent(fleet=fleet, params={}), (), (), PARAMS)
    assert (found is None) if reason is None else (found is not None and reason in found), found
    assert check_siblings(intent(fleet=fleet, replica=None, target="chat"), (), (), PARAMS) is None


async def test_the_healthy_share_is_refused_also_to_a_commander_and_other_limits_are_not() -> None:
    ledger = await ran(*(intent(target=f"chat/r{n}") for n in range(6)))
    await ledger.trip_storm(NOW_S)
    params = LimitParams(freeze=(IntervalParams(),), fleet_share=1.0)
    broken = Situation(NOW_S, break_glass=True)
    healthy = intent("new", fleet=Fleet(20, 19, 1))
    assert limits.check_limits(healthy, ledger, params, Situation(NOW_S)).limit == "storm"
    assert limits.check_limits(healthy, ledger, params, broken).allowed
    assert limits.check_limits(replace(healthy, fleet=Fleet(20, 9, 1)), ledger, params, broken).limit == "siblings"


async def test_in_a_freeze_window_and_in_a_storm_only_what_people_approved_runs() -> None:
    params = LimitParams(freeze=(IntervalParams(weekdays=("monday:tuesday",)),))
    found = limits.check_limits(intent(), MemoryLedger(), params, Situation(NOW_S))  # a Monday
    assert (found.status, found.limit) == ("suggested", "freeze")
    assert limits.check_limits(intent(), MemoryLedger(), params, Situation(NOW_S, approved=True)).allowed
    later_s = NOW_S + 2 * 86_400
    later = intent(decided_at_s=later_s, expires_at_s=later_s + 60)
    assert limits.check_limits(later, MemoryLedger(), params, Situation(later_s)).allowed
    stormy = MemoryLedger()
    await stormy.trip_storm(NOW_S)
    assert limits.check_limits(intent(), stormy, PARAMS, Situation(NOW_S)).status == "suggested"
    assert limits.check_limits(intent(), stormy, PARAMS, Situation(NOW_S, approved=True)).allowed


async def test_storm_trips_at_one_action_more_than_allowed() -> None:
    ledger = await ran(*(intent(target=f"chat/r{n}") for n in range(10)))
    assert limits.storm_reason(ledger, PARAMS, Situation(NOW_S + 300)) is not None
    assert limits.storm_reason(ledger, PARAMS, Situation(NOW_S + 301)) is None
    await ledger.reset_storm(NOW_S + 1)
    assert limits.storm_reason(ledger, PARAMS, Situation(NOW_S + 2)) is None


async def test_storm_trips_when_many_services_are_in_trouble_and_a_reset_gives_time() -> None:
    ledger = MemoryLedger()
    troubled = [f"s{n}" for n in range(5)]
    assert limits.storm_reason(ledger, PARAMS, Situation(NOW_S, troubled[:4])) is None
    assert limits.storm_reason(ledger, PARAMS, Situation(NOW_S, troubled)) is not None
    await ledger.trip_storm(NOW_S)
    await ledger.reset_storm(NOW_S + 1)
    assert limits.storm_reason(ledger, PARAMS, Situation(NOW_S + 300, troubled)) is None
    assert limits.storm_reason(ledger, PARAMS, Situation(NOW_S + 301, troubled)) is not None


async def test_only_expiry_limits_an_undo() -> None:
    ledger = await ran(*(intent() for _ in range(30)))
    await ledger.trip_storm(NOW_S + 301)
    expired = intent(undo=True, expires_at_s=NOW_S + 300)
    assert limits.check_limits(expired, ledger, PARAMS, Situation(NOW_S + 301)).status == "expired"
    late = intent(undo=True, expires_at_s=NOW_S + 90_000)
    for at_s in (NOW_S + 301, NOW_S + 80_000):  # in a storm, and after most of a day without an executor
        assert limits.check_limits(late, ledger, PARAMS, Situation(at_s)).allowed
    assert limits.check_age(late, PARAMS, NOW_S - 3600).allowed  # a clock that is behind
    notice = intent(kind="notify", undo=True, expires_at_s=NOW_S + 90_000)
    assert limits.check_limits(notice, ledger, PARAMS, Situation(NOW_S + 301)).allowed  # people hear that it is over


def test_decision_without_a_time_is_refused() -> None:
    assert not limits.check_age(intent(decided_at_s=float("nan")), PARAMS, NOW_S).allowed


@pytest.mark.parametrize(("field", "value"), [
    ("cooldown_s", -1.0), ("cooldown_s", float("nan")), ("actions_per_hour", 0), ("actions_per_hour", True),
    ("fleet_share", 0.0), ("fleet_share", 1.5), ("max_hold_s", 90_000.0),
    ("step_attempts", 0), ("max_age_s", float("inf")), ("storm_actions", 0),
])
def test_limit_out_of_range_is_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"LimitParams.{field}: .*expected"):
        LimitParams(**{field: value})  # type: ignore[arg-type]  # the wrong type is the point
