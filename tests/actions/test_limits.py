"""Limits: every refusal has its reason, and each limit holds at its border."""

from __future__ import annotations

import pytest

from actions import limits
from actions.ledger.ledger import MemoryLedger
from actions.limits import LimitParams
from actions.model import Intent, Outcome
from tests.actions.cases import NOW_S, intent

PARAMS = LimitParams()


async def ran(*intents: Intent, at_s: float = NOW_S) -> MemoryLedger:
    ledger = MemoryLedger()
    for n, one in enumerate(intents):
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


async def test_budget_counts_the_last_hour() -> None:
    ledger = await ran(*(intent(target=f"chat/r{n}") for n in range(20)))
    refused = limits.check_hourly_budget(ledger, PARAMS, NOW_S + 3600)
    assert (refused.allowed, refused.reason) == (False, "20 of 20 actions used this hour")
    assert limits.check_hourly_budget(ledger, PARAMS, NOW_S + 3601).allowed


@pytest.mark.parametrize(("fleet", "touched", "allowed"), [
    (2, 0, True), (2, 1, False), (None, 0, True), (None, 1, False), (30, 2, True), (30, 3, False), (19, 1, False),
    (20, 1, True), (True, 1, False), ("many", 1, False),
])
async def test_share_of_the_fleet_holds_and_one_is_always_allowed(
    fleet: int | str | None, touched: int, allowed: bool
) -> None:
    ledger = await ran(*(intent(target=f"chat/old{n}") for n in range(touched)), intent(target="search/r0"))
    admission = limits.check_fleet_share(intent(params={"fleet_size": fleet}), ledger, PARAMS, NOW_S)
    assert admission.allowed == allowed, admission.reason


async def test_a_target_that_was_acted_on_is_not_counted_twice() -> None:
    ledger = await ran(intent())
    assert limits.check_fleet_share(intent(), ledger, PARAMS, NOW_S).allowed


async def test_storm_trips_at_one_action_more_than_allowed() -> None:
    ledger = await ran(*(intent(target=f"chat/r{n}") for n in range(10)))
    assert limits.storm_reached(ledger, PARAMS, NOW_S + 300)
    assert not limits.storm_reached(ledger, PARAMS, NOW_S + 301)
    await ledger.reset_storm(NOW_S + 1)
    assert not limits.storm_reached(ledger, PARAMS, NOW_S + 2)


async def test_only_expiry_and_storm_limit_an_undo() -> None:
    ledger = await ran(*(intent() for _ in range(30)))
    expired = intent(undo=True, expires_at_s=NOW_S + 300)
    assert limits.check_limits(expired, ledger, PARAMS, NOW_S + 301).status == "expired"
    late = intent(undo=True, expires_at_s=NOW_S + 90_000)
    for at_s in (NOW_S + 301, NOW_S + 80_000):  # in the cooldown, and after most of a day without an executor
        assert limits.check_limits(late, ledger, PARAMS, at_s).allowed
    assert limits.check_age(late, PARAMS, NOW_S - 3600).allowed  # a clock that is behind
    notice = intent(kind="notify", undo=True, expires_at_s=NOW_S + 90_000)
    assert limits.check_limits(notice, ledger, PARAMS, NOW_S + 301).allowed  # people must be told that it is over
    await ledger.trip_storm(NOW_S + 301)
    assert limits.check_limits(late, ledger, PARAMS, NOW_S + 302).status == "suggested"


def test_decision_without_a_time_is_refused() -> None:
    assert not limits.check_age(intent(decided_at_s=float("nan")), PARAMS, NOW_S).allowed


@pytest.mark.parametrize(("field", "value"), [
    ("cooldown_s", -1.0), ("cooldown_s", float("nan")), ("actions_per_hour", 0), ("actions_per_hour", True),
    ("fleet_share", 0.0), ("fleet_share", 1.5), ("max_age_s", float("inf")), ("storm_actions", 0),
])
def test_limit_out_of_range_is_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"LimitParams.{field}: .*expected"):
        LimitParams(**{field: value})  # type: ignore[arg-type]  # the wrong type is the point
