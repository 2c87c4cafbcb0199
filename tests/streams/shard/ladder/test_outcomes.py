"""What outcomes and the executor's own notices change of the actions of an incident."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from actions.model import Decision, Outcome, Status
from actions.remedies.notices import NOTICE
from classifiers.model import ActionRecord, BreakerState
from streams.shard.ladder.outcomes import actions_after, pending
from tests.actions.cases import intent
from tests.actions.remedies.target_bench import TargetBench
from tests.streams.fakes import outcome
from tests.streams.shard.decision_case import Case

Value = str | float | bool | None
OPENED = pending(intent())
RAN = replace(OPENED, status="executed", done_at_s=5.0)


def told(status: Status = "executed", breaker: Value = "open", **data: Value) -> Outcome:
    return replace(outcome(intent(), status, 5.0), data={"breaker_state": breaker, **data})


@pytest.mark.parametrize("state", get_args(BreakerState))
def test_an_outcome_sets_the_state_of_the_breaker_and_a_notice_later_changes_it_alone(state: BreakerState) -> None:
    assert actions_after([OPENED], told()) == (replace(RAN, breaker="open"),)
    after = actions_after([RAN], told(breaker=state, notice=3))
    assert after == (replace(RAN, breaker=state),)
    assert actions_after(after, told(breaker=state, notice=4)) == ()


@pytest.mark.parametrize("status", ["executed", "failed"])
def test_a_notice_never_changes_the_status_also_when_it_comes_before_the_outcome(status: Status) -> None:
    assert actions_after([OPENED], told(status, "half_open", notice=2)) == (replace(OPENED, breaker="half_open"),)
    assert actions_after([], told(status, "half_open", notice=2)) == ()


def test_an_opening_that_the_executor_holds_for_an_incident_without_an_intent_is_an_action_of_it() -> None:
    (own,) = actions_after([], told(notice=2))
    assert (own.key, own.status, own.breaker, own.step_id) == (OPENED.key, "executed", "open", None)
    assert actions_after([own], told(breaker="half_open", notice=3)) == (replace(own, breaker="half_open"),)


@pytest.mark.parametrize("state", [None, "ajar", 2.0])
def test_what_is_no_state_of_a_breaker_is_not_shown(state: Value) -> None:
    assert actions_after([RAN], told(breaker=state, notice=2)) == ()


def test_a_duplicate_does_not_bring_back_an_earlier_state() -> None:
    probing = replace(RAN, breaker="half_open")
    assert actions_after([probing], told("duplicate", "open", earlier_status="executed", earlier_at_s=5.0)) == ()


def test_a_breaker_is_shown_by_every_action_on_it_and_by_no_other() -> None:
    other = replace(RAN, key="k2", target="chat/r1", breaker="open")
    throttle = replace(RAN, key="k3", kind="throttle")
    again = replace(RAN, key="k4", attempt=2)
    after = actions_after([RAN, other, throttle, again], told(breaker="closed", notice=7))
    assert [(action.key, action.breaker) for action in after] == [(RAN.key, "closed"), ("k4", "closed")]


async def test_an_incident_shows_what_an_executor_reports_from_the_opening_to_the_end() -> None:
    bench = TargetBench()
    bench.tell()
    actions: dict[str, ActionRecord] = {}
    seen: list[tuple[str, str | None]] = []

    def read(reported: Outcome) -> None:
        actions.update((action.key, action) for action in actions_after(actions.values(), reported))
        seen.append((actions["k1"].status, actions["k1"].breaker))

    read(await bench.execute("k1", "circuit_breaker"))
    await bench.run_for(34.0)
    bench.tell(state="resolved")
    await bench.run_for(200.0)
    assert all(NOTICE in reported.data for reported in bench.reported)
    for reported in bench.reported:
        read(reported)
    assert seen == [("executed", "open"), ("executed", "half_open"), ("executed", "closed")]
    assert [(action.undo, action.status) for action in actions.values()] == [(False, "executed"), (True, "executed")]


def test_the_state_of_a_breaker_is_published_with_its_open_incident() -> None:
    case = Case()
    _, asked = case.until_open()
    case.answer(asked)
    notice = replace(outcome(asked), data={"breaker_state": "half_open", "notice": 2})
    change = case.decider.record_outcome(notice, case.now_s)
    assert change is not None
    assert [(one.status, one.breaker) for one in change.incident.actions] == [("executed", "half_open")]
    assert case.decider.record_outcome(notice, case.now_s) is None


def test_an_approved_action_says_who_approved_it_also_after_its_outcome() -> None:
    given = Decision("kim", "approve", OPENED.key, None, "cli", 4.0, "/tocsin/x", "kim-1", "00")
    approved = pending(replace(intent(), decisions=(given,)))
    assert (OPENED.approved_by, approved.approved_by) == ((), ("kim",))
    assert actions_after([approved], told())[0].approved_by == ("kim",)


@pytest.mark.parametrize(("status", "detail"), [("refused", "because"), ("cooldown", "because"), ("failed", None)])
def test_an_action_that_was_refused_says_why(status: Status, detail: str | None) -> None:
    (after,) = actions_after([OPENED], replace(outcome(intent(), status, 5.0), detail="because"))
    assert (after.status, after.detail) == (status, detail)
