"""Why actions of a demo were not executed, as the report says it."""

from __future__ import annotations

from dataclasses import replace

from actions.model import Status
from streams.demo import view
from streams.demo.not_executed import not_executed
from streams.demo.scoring import read_truth
from streams.demo.state import DemoState
from tests.streams.demo.reports import text
from tests.streams.demo.states import FOLDER, ORIGIN_S, intent, outcome


def demo_with(*ended: tuple[Status, float, str]) -> DemoState:
    """At 10x. ended: status, how long the decision waited in seconds, and the reason."""
    demo = DemoState(read_truth(FOLDER), speed=10.0, origin_s=ORIGIN_S)
    for number, (status, waited_s, detail) in enumerate(ended):
        decided = intent(f"k{number}", "i1", "notify", "serving", 80.0)
        demo.add_intent(decided)
        demo.add_outcome(replace(outcome(decided, status), done_at_s=decided.decided_at_s + waited_s, detail=detail))
    return demo


def test_actions_that_ran_say_nothing() -> None:
    assert not_executed(demo_with(("executed", 90.0, "done"), ("suggested", 90.0, "asked"))) == []


def test_actions_that_were_too_late_are_counted_with_the_reason_and_what_it_means() -> None:
    stale = "stale: decided 170.0 s ago, the limit is 120 s"
    found = not_executed(demo_with(
        ("expired", 78.0, "expired 18.0 s ago"), ("refused", 170.0, stale), ("refused", 130.0, "stale: less"),
    ))
    assert found[:2] == [f"2 refused, the latest of them: {stale}", "1 expired, the latest of them: expired 18.0 s ago"]
    assert "too busy for 10x: decisions waited up to 17 s, which is 170 s of the recording" in found[2]
    assert found[2].endswith("Try: tocsin demo --speed 3")


def test_a_limit_that_has_nothing_to_do_with_time_blames_no_machine() -> None:
    limit = "3 of 3 actions on this service in 10 min"
    assert not_executed(demo_with(("refused", 1.0, limit))) == [f"1 refused, the latest of them: {limit}"]


def test_the_report_has_these_lines() -> None:
    assert "1 expired, the latest of them: expired 18.0 s ago" in text(view.report(
        demo_with(("expired", 78.0, "expired 18.0 s ago")),
    ))
