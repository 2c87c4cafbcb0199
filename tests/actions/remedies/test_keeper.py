"""What is in force ends by its own terms, whatever is lost, and people are paged where it does not."""

from __future__ import annotations

import json

import pytest

from actions.base import TargetError
from actions.ledger.remedy import Remedy
from actions.limits import LimitParams
from actions.model import RemedyTerms
from actions.remedies.incidents import UNOWNED_S
from actions.remedies.terms import IN_FLIGHT_S, UNDO_GRACE_S
from tests.actions.remedies.target_bench import TargetBench


async def test_what_was_executed_is_in_force_with_its_own_undo_hold_and_incident() -> None:
    bench = TargetBench()
    outcome = await bench.execute("k1", remedy=RemedyTerms(hold_s=600.0))
    remedy = bench.remedy()
    assert (outcome.status, outcome.data["remedy_state"], remedy.state, remedy.sure) == (
        "executed", "applied", "applied", True,
    )
    assert (remedy.undo.undo, remedy.undo.target, remedy.hold_until_s) == (True, "chat/r0", bench.clock.now_s + 600.0)
    assert [holder.incident_id for holder in remedy.holders] == ["i1"]
    assert Remedy.from_json(json.loads(json.dumps(remedy.to_json()))) == remedy


async def test_a_hold_that_is_over_is_undone_by_the_executor_itself_also_after_a_restart() -> None:
    bench = TargetBench(LimitParams(max_hold_s=600.0))
    await bench.execute("k1")
    bench = bench.restart()
    await bench.run_for(599.0, told=["i1"])
    assert (bench.state(), bench.remedy().state) == ("open", "applied")
    await bench.run_for(2.0)
    assert (bench.state(), bench.remedy().state) == ("closed", "undone")
    assert [(each.undo, each.status) for each in bench.reported if each.undo] == [(True, "executed")]
    assert [event for _, event in bench.pages()] == ["hold_over"]


async def test_a_changed_configuration_does_not_change_the_terms_of_what_is_in_force() -> None:
    bench = TargetBench()
    await bench.execute("k1", remedy=RemedyTerms(hold_s=600.0))
    bench.limits = LimitParams(max_hold_s=60.0)
    bench = bench.restart()
    await bench.run_for(300.0, told=["i1"])
    assert bench.remedy().state == "applied"


async def test_the_undo_of_the_shard_undoes_and_the_remedy_is_over() -> None:
    bench = TargetBench()
    await bench.execute("k1")
    bench.tell(state="resolved")
    outcome = await bench.execute("k1-undo", undo=True)
    assert (outcome.status, bench.state(), bench.remedy().state) == ("executed", "closed", "undone")
    runs = list(bench.gateway.runs)
    await bench.run_for(600.0)
    assert bench.gateway.runs == runs
    again = await bench.execute("late-undo", undo=True)
    assert (again.status, bench.gateway.runs) == ("executed", runs)


async def test_a_resolved_incident_whose_undo_does_not_come_is_undone_after_a_while() -> None:
    bench = TargetBench()
    await bench.execute("k1")
    bench.tell(state="resolved")
    await bench.run_for(UNDO_GRACE_S - 1)
    assert bench.remedy().state == "applied"
    await bench.run_for(3.0)
    assert (bench.remedy().state, bench.state()) == ("undone", "closed")


async def test_an_incident_that_nobody_tells_any_more_or_that_is_lost_lets_go() -> None:
    bench = TargetBench()
    await bench.execute("k1")
    bench.tell()
    await bench.run_for(UNOWNED_S - 2)
    assert bench.remedy().state == "applied"
    await bench.run_for(4.0)
    assert (bench.remedy().state, bench.remedy().holders[0].let_go) == ("undone", "unowned")
    lost = TargetBench()
    await lost.execute("k1")
    lost.tell(state="resolved", resolution="lost")
    await lost.run_for(2.0)
    assert (lost.remedy().state, lost.remedy().holders[0].let_go) == ("undone", "lost")


async def test_an_incident_that_is_lost_pages_once_and_at_once_while_its_breaker_is_open_also_after_a_restart() -> None:
    bench = TargetBench()
    await bench.execute("k1", "circuit_breaker")
    bench.tell(state="resolved", resolution="lost")
    await bench.run_for(1.0)
    assert bench.state("circuit_breaker") == "open"
    assert bench.pages() == [(0.0, "incident_lost")]
    told = bench.reported[-1]
    assert (told.incident_id, told.status) == ("i1", "executed")
    assert told.detail == "the state of incident i1 is lost while circuit_breaker is in force"
    again = bench.restart()
    again.tell(state="resolved", resolution="lost")
    await again.run_for(5.0)
    assert again.pages() == []


async def test_an_incident_that_is_lost_after_its_remedy_ended_pages_nobody() -> None:
    bench = TargetBench()
    await bench.execute("k1")
    await bench.execute("k1-undo", undo=True)
    bench.tell(state="resolved", resolution="lost")
    await bench.run_for(5.0)
    assert bench.pages() == []


async def test_an_incident_is_not_unowned_while_the_executor_itself_does_not_see() -> None:
    bench = TargetBench()
    await bench.execute("k1")
    bench.tell()
    bench.clock.now_s += 3_000.0
    await bench.settle()
    bench.incidents.saw(bench.clock.now_s)
    await bench.settle()
    assert bench.remedy().state == "applied"


async def test_a_remedy_of_several_incidents_ends_when_the_last_lets_go() -> None:
    bench = TargetBench()
    await bench.execute("k1")
    joined = await bench.execute("k2", incident_id="i2")
    assert (joined.status, joined.data["joined"], len(bench.gateway.runs)) == ("executed", True, 1)
    first = await bench.execute("k1-undo", undo=True)
    assert (first.status, first.data["joined"], bench.state()) == ("executed", True, "open")
    assert "i2" in first.detail
    last = await bench.execute("k2-undo", undo=True, incident_id="i2")
    assert (last.status, bench.state(), bench.remedy().state) == ("executed", "closed", "undone")


async def test_a_failed_undo_pages_at_once_and_every_five_minutes_until_the_target_reads_as_undone() -> None:
    bench = TargetBench()
    await bench.execute("k1")
    bench.gateway.refuses_undo = True
    failed = await bench.execute("undo", undo=True)
    assert (failed.status, failed.data["page"], bench.remedy().state) == ("failed", "undo_failed", "undo_failed")
    await bench.run_for(650.0)
    assert [event for _, event in bench.pages()] == ["undo_failed"] * 2
    assert [at_s for at_s, _ in bench.pages()] == pytest.approx([300.0, 600.0], abs=62.0)
    bench.gateway.states["throttle", "chat/r0"] = "closed"  # by a person
    await bench.run_for(61.0)
    assert bench.remedy().state == "undone"
    count = len(bench.pages())
    await bench.run_for(400.0)
    assert len(bench.pages()) == count


async def test_a_target_that_somebody_else_changed_is_told_and_not_fought_over() -> None:
    bench = TargetBench()
    await bench.execute("k1")
    bench.gateway.states["throttle", "chat/r0"] = "closed"
    runs = list(bench.gateway.runs)
    await bench.run_for(200.0, told=["i1"])
    assert (bench.remedy().state, [event for _, event in bench.pages()]) == ("drifted", ["drifted"])
    assert (await bench.execute("k2")).status == "refused"
    bench.tell(state="resolved")
    await bench.run_for(100.0)
    assert (bench.remedy().state, bench.gateway.runs) == ("undone", runs)


async def test_a_target_that_is_set_back_is_in_force_again() -> None:
    bench = TargetBench()
    await bench.execute("k1")
    bench.gateway.states["throttle", "chat/r0"] = "closed"
    await bench.run_for(61.0, told=["i1"])
    bench.gateway.states["throttle", "chat/r0"] = "open"
    await bench.run_for(61.0, told=["i1"])
    assert bench.remedy().state == "applied"


async def test_a_run_that_failed_without_an_answer_counts_as_in_force_until_it_is_known() -> None:
    bench = TargetBench()
    bench.gateway.faults, bench.gateway.blind = [TargetError("no answer", retryable=True)], True
    assert (await bench.execute("k1")).status == "failed"
    assert (bench.remedy().state, bench.remedy().sure) == ("applied", False)
    assert ("throttle", "chat/r0") in bench.ledger.in_force()
    bench.gateway.blind = False
    await bench.run_for(61.0, told=["i1"])
    assert bench.remedy().state == "undone"


async def test_a_run_that_was_refused_puts_nothing_in_force() -> None:
    bench = TargetBench()
    bench.gateway.faults = [TargetError("404", retryable=False)]
    assert (await bench.execute("k1")).status == "failed"
    assert (bench.remedy().state, bench.ledger.in_force()) == ("undone", frozenset())


async def test_a_crash_between_claim_and_outcome_leaves_nothing_in_force_untold() -> None:
    bench = TargetBench()
    await bench.execute("k1")
    for cut in range(1, len(bench.ledger.log)):
        crashed = TargetBench(log=bench.ledger.log[:cut], gateway=bench.gateway, clock=bench.clock)
        await crashed.ledger.recover()
        await crashed.run_for(IN_FLIGHT_S)
        found = crashed.ledger.remedy("throttle", "chat/r0")
        # Before the remedy stands in the log nothing was done at the target.
        assert (found is None) == (cut == 1)
        assert found is None or (found.state, found.sure) == ("applied", True)


async def test_a_request_that_reaches_the_target_after_the_crash_is_undone() -> None:
    bench = TargetBench()
    bench.tell()
    await bench.execute("k1")
    applying = next(each for each in bench.ledger.log if isinstance(each, Remedy))
    cut = bench.ledger.log.index(applying) + 1
    crashed = TargetBench(log=bench.ledger.log[:cut], gateway=bench.gateway, clock=bench.clock)
    await crashed.ledger.recover()
    crashed.tell()
    del crashed.gateway.states["throttle", "chat/r0"]  # the request is still under way
    await crashed.settle()
    assert crashed.remedy().state == "applying"
    crashed.tell(state="resolved")
    assert (await crashed.execute("undo", undo=True)).status == "executed"
    crashed.gateway.states["throttle", "chat/r0"] = "open"
    await crashed.run_for(IN_FLIGHT_S + UNDO_GRACE_S + 1.0)
    assert (crashed.remedy().state, crashed.state(), crashed.ledger.in_force()) == ("undone", "closed", frozenset())


async def test_undo_never_is_kept_and_undo_when_failed_is_kept_when_the_incident_is_over() -> None:
    bench = TargetBench()
    await bench.execute("k1", remedy=RemedyTerms(undo="never"))
    assert (bench.remedy().state, bench.ledger.in_force()) == ("kept", frozenset())
    other = TargetBench()
    await other.execute("k1", remedy=RemedyTerms(undo="when_failed"))
    other.tell(state="resolved")
    await other.run_for(90.0)
    assert (other.remedy().state, other.state()) == ("kept", "open")


async def test_a_remedy_that_is_undone_while_its_incident_is_open_was_ineffective() -> None:
    bench = TargetBench()
    bench.tell()
    await bench.execute("k1", step_id="contain")
    await bench.execute("undo", undo=True)
    assert bench.ledger.ineffective_steps("chat", "contain", 0.0) == 1
