"""What people set by hand has no timers, counts once, and survives a restart."""

from __future__ import annotations

import pytest

from actions.ledger.remedy import BreakerState
from actions.model import Intent, RemedyTerms
from actions.remedies.by_hand import BreakerVerb, ByHand, NotAllowed
from actions.trust.roles import Verb
from tests.actions.remedies.target_bench import TargetBench


def hands(bench: TargetBench) -> ByHand:
    return ByHand(bench.executor.keeper, bench.ledger)


def breaker(bench: TargetBench) -> BreakerState | None:
    found = bench.remedy("circuit_breaker").breaker
    return None if found is None else found.state


async def test_a_remedy_is_undone_by_hand_whoever_still_needs_it() -> None:
    bench = TargetBench()
    await bench.execute("k1")
    assert "is being undone" in await hands(bench).undo("throttle", "chat/r0", "anna", bench.clock.now_s + 1)
    await bench.run_for(2.0, told=["i1"])
    assert (bench.state(), bench.remedy().state) == ("closed", "undone")
    assert "by anna" in bench.remedy().reason
    assert await hands(bench).undo("throttle", "chat/r0", "anna", bench.clock.now_s + 1) == (
        "no throttle is in force on chat/r0"
    )


async def test_a_remedy_that_is_kept_by_hand_outlasts_its_hold_and_its_incident() -> None:
    bench = TargetBench()
    await bench.execute("k1", remedy=RemedyTerms(hold_s=60.0))
    assert "is kept" in await hands(bench).keep("throttle", "chat/r0", "anna", bench.clock.now_s + 1)
    await bench.run_for(400.0)
    assert (bench.state(), bench.remedy().state) == ("open", "kept")


async def test_what_the_shard_decides_does_not_undo_what_a_person_keeps_and_the_person_can() -> None:
    bench = TargetBench()
    await bench.execute("k1")
    at_s = bench.clock.now_s + 1
    did = bench.remedy().reason
    await hands(bench).keep("throttle", "chat/r0", "anna", at_s, "the new version is worse")
    bench.tell("i1", "resolved")
    outcome = await bench.execute("k1-undo", undo=True)
    assert (outcome.status, bench.state(), bench.remedy().state) == ("executed", "open", "kept")
    assert outcome.detail == f"kept by anna: the new version is worse ({did}), until somebody takes it back"
    assert (bench.remedy().is_kept, bench.remedy().is_shown) == (True, True)
    await hands(bench).undo("throttle", "chat/r0", "anna", at_s + 1)
    await bench.run_for(2.0)
    assert (bench.state(), bench.remedy().state, bench.remedy().is_shown) == ("closed", "undone", False)


async def test_a_command_that_is_older_than_the_remedy_or_comes_again_does_nothing() -> None:
    bench = TargetBench()
    await bench.execute("k1")
    assert "younger" in await hands(bench).undo("throttle", "chat/r0", "anna", bench.clock.now_s - 1)
    assert bench.remedy().state == "applied"
    at_s = bench.clock.now_s + 1
    await hands(bench).set_breaker("chat/r1", "force_open", "ben", at_s)
    before = bench.ledger.remedy("circuit_breaker", "chat/r1")
    assert "younger" in await hands(bench).set_breaker("chat/r1", "force_open", "ben", at_s)
    assert bench.ledger.remedy("circuit_breaker", "chat/r1") == before


@pytest.mark.parametrize("opened", [True, False])
async def test_a_breaker_that_is_forced_open_stays_until_it_is_cleared(opened: bool) -> None:
    bench = TargetBench()
    if opened:
        await bench.execute("k1", "circuit_breaker")
    await hands(bench).set_breaker("chat/r0", "force_open", "ben", bench.clock.now_s + 1)
    await bench.run_for(3_000.0, 10.0)
    bench = bench.restart()
    assert (breaker(bench), bench.state("circuit_breaker")) == ("forced_open", "open")
    undo = await bench.execute("undo", "circuit_breaker", undo=True)
    assert (undo.data["joined"], bench.state("circuit_breaker")) == (True, "open")
    await hands(bench).set_breaker("chat/r0", "clear", "ben", bench.clock.now_s + 2)
    await bench.run_for(3.0)
    assert (breaker(bench), bench.state("circuit_breaker"), bench.ledger.in_force()) == (
        "closed", "closed", frozenset(),
    )


async def test_a_disabled_breaker_is_closed_and_no_intent_opens_it_until_it_is_cleared() -> None:
    bench = TargetBench()
    await bench.execute("k1", "circuit_breaker")
    await hands(bench).set_breaker("chat/r0", "disable", "anna", bench.clock.now_s + 1)
    await bench.run_for(3.0)
    assert (breaker(bench), bench.state("circuit_breaker"), bench.ledger.in_force()) == (
        "disabled", "closed", frozenset(),
    )
    await bench.run_for(600.0, 10.0)
    refused = await bench.execute("k2", "circuit_breaker", incident_id="i2")
    assert (refused.status, bench.state("circuit_breaker")) == ("refused", "closed")
    await hands(bench).set_breaker("chat/r0", "clear", "anna", bench.clock.now_s + 1)
    await bench.run_for(3.0)
    assert (await bench.execute("k3", "circuit_breaker", incident_id="i3")).status == "executed"


async def test_a_close_that_the_gateway_refuses_counts_as_in_force_and_is_paged() -> None:
    bench = TargetBench()
    await bench.execute("k1", "circuit_breaker")
    bench.gateway.refuses_undo = True
    await hands(bench).set_breaker("chat/r0", "disable", "anna", bench.clock.now_s + 1)
    await bench.run_for(30.0)
    assert bench.ledger.in_force() == {("circuit_breaker", "chat/r0")}
    assert [event for _, event in bench.pages()] == ["breaker_failed"]


async def test_the_storm_brake_is_released_only_by_a_command_after_it() -> None:
    bench = TargetBench()
    await bench.ledger.trip_storm(bench.clock.now_s)
    assert "not tripped" in await hands(bench).reset_storm("anna", bench.clock.now_s - 1)
    assert "released" in await hands(bench).reset_storm("anna", bench.clock.now_s + 1)
    assert bench.restart().ledger.storm_since_s() is None


@pytest.mark.parametrize("verb", ["force_open", "disable"])
async def test_where_actions_are_rehearsed_a_breaker_is_not_set_by_hand_and_can_still_be_cleared(
    verb: BreakerVerb,
) -> None:
    bench = TargetBench()
    await hands(bench).set_breaker("chat/r0", "force_open", "ben", bench.clock.now_s + 1)
    await bench.run_for(2.0)
    rehearsing = ByHand(bench.executor.keeper, bench.ledger, lambda kind: kind == "circuit_breaker")
    for target in ("chat/r0", "chat/r1"):
        with pytest.raises(NotAllowed, match="dry_run"):
            await rehearsing.set_breaker(target, verb, "ben", bench.clock.now_s + 1)
    await bench.run_for(2.0)
    assert [bench.state("circuit_breaker", f"chat/{name}") for name in ("r0", "r1")] == ["open", "closed"]
    await rehearsing.set_breaker("chat/r0", "clear", "ben", bench.clock.now_s + 1)
    await bench.run_for(2.0)
    assert bench.state("circuit_breaker") == "closed"


async def test_what_is_forbidden_for_what_is_in_force_is_not_done() -> None:
    bench = TargetBench()
    asked: list[tuple[str, ...]] = []

    def forbids(by: str, verb: Verb, intent: Intent) -> str | None:
        asked.append((by, verb, intent.target, intent.service))
        return "ben owns nothing here"

    await bench.execute("k1", "circuit_breaker", service="search")
    before = bench.remedy("circuit_breaker")
    guarded, at_s = ByHand(bench.executor.keeper, bench.ledger, forbids=forbids), bench.clock.now_s + 1
    for call in (
        guarded.undo("circuit_breaker", "chat/r0", "ben", at_s),
        guarded.keep("circuit_breaker", "chat/r0", "ben", at_s),
        guarded.set_breaker("chat/r0", "clear", "ben", at_s), guarded.set_breaker("lab/r9", "force_open", "ben", at_s),
    ):
        with pytest.raises(NotAllowed, match="ben owns nothing here"):
            await call
    assert asked == [
        ("ben", "undo", "chat/r0", "search"), ("ben", "keep", "chat/r0", "search"),
        ("ben", "clear", "chat/r0", "search"), ("ben", "force_open", "lab/r9", "lab"),
    ]
    assert (bench.remedy("circuit_breaker"), bench.ledger.remedy("circuit_breaker", "lab/r9")) == (before, None)
