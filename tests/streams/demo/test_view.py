"""What a spectator reads: the report, the live screen and the lines, as plain text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.model import Decision
from classifiers.model import RemedyRecord, RemedyState
from streams.demo import view
from streams.demo.event_lines import EventLines
from streams.demo.scoring import read_truth
from streams.demo.state import DemoState, WorkerStatus
from tests.streams.demo.reports import text
from tests.streams.demo.states import FOLDER, ORIGIN_S, finished_demo, incident, intent, outcome


def row(shown: str, start: str) -> str:
    return next(line for line in shown.splitlines() if start in line)


def test_the_report_has_a_row_for_each_fault() -> None:
    shown = text(view.report(finished_demo()))

    assert "1.4 s" in row(shown, "bad deploy")
    assert "✓ model degradation" in row(shown, "bad deploy")
    assert "rollback bytegpt: executed" in row(shown, "bad deploy")
    assert "missed" in row(shown, "traffic burst")


def test_a_repeated_action_is_shown_once_with_its_number() -> None:
    demo = finished_demo()
    for number in range(3):
        decided = intent(f"again{number}", "i2", "notify", "oncall", 153.0 + number)
        demo.add_intent(decided)
        demo.add_outcome(outcome(decided, "cooldown"))

    assert "notify oncall: cooldown 3 times" in text(view.report(demo))


def test_a_successful_undo_is_shown_with_its_action() -> None:
    demo = finished_demo()
    demo.add_outcome(outcome(intent("k5", "i4", "circuit_breaker", "serving/r0", 299.0, undo=True)))

    shown = text(view.report(demo), width=200)

    assert "circuit breaker serving/r0: executed (undone)" in shown
    assert "undo circuit breaker" not in shown


def approved_demo(state: RemedyState) -> DemoState:
    """The rollback of the finished demo was asked for, and judged afterwards."""
    demo = finished_demo()
    asked = replace(intent("k1", "i1", "rollback", "bytegpt", 81.5), mode="suggest")
    decision = Decision("kim", "approve", "k1", None, "cli", ORIGIN_S + 90.0, "/tocsin/demo", "kim-1", "")
    remedy = RemedyRecord("k1", "back", "rollback", "bytegpt", state, ORIGIN_S + 101.0, "no alarm in 60 requests", 60)
    del demo.actions["k1"]
    demo.add_intent(asked)
    demo.add_outcome(outcome(asked, "approved"))
    demo.add_outcome(outcome(asked, "suggested"))  # the executor's answer to the suggestion, read late
    demo.add_intent(replace(asked, mode="auto", decisions=(decision,)))
    demo.incidents["i1"] = replace(demo.incidents["i1"], remedies=(remedy,))
    return demo


def test_the_report_says_who_approved_an_action_and_whether_it_helped() -> None:
    demo = approved_demo("recovered")
    assert "rollback bytegpt: approved" in text(view.report(demo), 200)
    demo.add_outcome(outcome(intent("k1", "i1", "rollback", "bytegpt", 81.5)))

    shown = text(view.report(demo), 200)

    assert "rollback bytegpt: executed" in shown
    assert "approved by kim, verified: recovered" in shown


def test_an_effect_that_is_not_judged_yet_is_not_shown_as_verified() -> None:
    shown = text(view.report(approved_demo("verifying")), 200)

    assert "approved by kim" in shown
    assert "verified" not in shown


def test_an_approval_and_a_verdict_give_a_line_each() -> None:
    narrator, demo = EventLines(), approved_demo("recovered")
    first = [line.plain for line in narrator.new_lines(demo)]
    demo.add_outcome(outcome(intent("k1", "i1", "rollback", "bytegpt", 81.5)))
    second = [line.plain for line in narrator.new_lines(demo)]

    assert "1:22.0  action   rollback bytegpt approved, approved by kim: rollback approved" in first
    assert "1:41.0  verified rollback bytegpt: recovered, no alarm in 60 requests" in first
    assert second == ["1:22.0  action   rollback bytegpt executed, approved by kim: rollback executed"]


def test_a_failed_undo_is_shown_by_itself() -> None:
    demo = finished_demo()
    demo.add_outcome(outcome(intent("k5", "i4", "circuit_breaker", "serving/r0", 299.0, undo=True), "failed"))

    shown = text(view.report(demo))

    assert "circuit breaker serving/r0: executed " in shown
    assert "undo circuit breaker serving/r0: failed" in shown


def test_further_incidents_of_a_fault_are_counted() -> None:
    demo = finished_demo()
    demo.incidents["i6"] = incident("i6", 275.0, "resource_exhaustion", replica="r0")

    assert "+1 more" in text(view.report(demo))


def test_the_report_says_what_would_have_been_right() -> None:
    shown = text(view.report(finished_demo()))

    assert "✗ security" in row(shown, "input drift")
    assert "expected data quality or" in shown


def test_the_report_lists_false_incidents_and_real_changes() -> None:
    shown = text(view.report(finished_demo()))

    assert "4:22.0  P4    availability  replica r1  replica r1 sent nothing for 5 s" in shown
    assert "1:22.0  tocsin    version  serving/bytegpt  v2 -> v1" in shown
    assert "4 of 5 faults found (median after 1.8 s), 1 false incident" in shown
    assert "2 of 5 actions executed, which made 2 of 3 changes at the gateway" in shown
    assert "23,386 requests as 70,158 records, 0 dead, in 47 s" in shown


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    svg = view.picture(view.report(finished_demo()), "tocsin demo")

    assert svg.startswith("<svg")
    assert "rollback" in svg
    assert "url(http" not in svg
    assert "@font-face" not in svg


def test_the_report_ends_with_why_it_failed() -> None:
    demo = finished_demo()
    demo.worker = replace(demo.worker, exit_code=70)

    assert text(view.report(demo)).rstrip().endswith("FAILED  the worker ended with exit code 70")


def test_a_report_of_a_run_in_which_nothing_happened_is_readable() -> None:
    shown = text(view.report(DemoState(read_truth(FOLDER), 10.0)))

    assert shown.count("missed") == 5
    assert "The gateway: nothing changed." in shown
    assert "0 requests as ? records, ? dead" in shown


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    for shown in (view.live(finished_demo(283.0, "playing")), view.report(finished_demo())):
        assert max(len(line) for line in text(shown, width).splitlines()) <= width


def test_the_live_screen_shows_the_fault_of_the_moment_and_the_gateway() -> None:
    shown = text(view.live(finished_demo(283.0, "playing")))

    assert "4:43 of 6:40" in shown
    assert "injected now: token runaway, replica r0" in shown
    assert "serving/r0 open" in shown
    assert "serving/prose to 50%" in shown
    assert "faults found 4 of 4 so far" in shown


def test_the_live_screen_works_before_anything_happened() -> None:
    demo = DemoState(read_truth(FOLDER), 10.0, note="waiting for the worker")

    shown = text(view.live(demo))

    assert "waiting for the worker" in shown
    assert shown.count("none yet") == 2


def test_the_live_screen_shows_why_the_worker_is_not_healthy() -> None:
    demo = finished_demo(283.0, "playing")
    demo.worker = WorkerStatus(problems=("inference.latency-0: 5 records wait",))

    assert "worker: inference.latency-0: 5 records wait" in text(view.live(demo))


def test_the_live_screen_keeps_its_height_however_much_happened() -> None:
    demo = finished_demo(283.0, "playing")
    before = len(text(view.live(demo)).splitlines())
    for number in range(100):
        seen = incident(f"x{number}", 100.0 + number)
        demo.incidents[seen.id] = seen
        demo.add_intent(intent(f"y{number}", seen.id, "notify", "serving", 101.0 + number))

    assert len(text(view.live(demo)).splitlines()) <= before + 5


def test_every_event_gives_one_line() -> None:
    narrator, demo = EventLines(), finished_demo(283.0, "playing")

    lines = [line.plain for line in narrator.new_lines(demo)]

    assert lines[0] == "1:20.0  fault    bad deploy, model version"
    assert "4:31.0  open     P1  resource exhaustion: completion tokens are up 6x" in lines
    assert "4:31.7  action   circuit breaker serving/r0 executed: circuit_breaker executed" in lines
    assert "1:22.0  gateway  version of serving/bytegpt: v2 -> v1 (by tocsin)" in lines
    assert len(lines) == len(set(lines)) == 4 + 5 + 4 + 3
    assert lines == sorted(lines, key=lambda line: float(line[0]) * 60 + float(line[2:].split()[0]))
    assert narrator.new_lines(demo) == []


def test_the_end_of_the_recording_is_said_once_before_the_silence_that_follows() -> None:
    narrator, demo = EventLines(), DemoState(read_truth(FOLDER), 10.0, phase="settling")
    demo.incidents["i"] = incident("i", demo.truth.duration_s + 3.0, "availability")

    first, second = (line.plain for line in narrator.new_lines(demo))

    assert "end      the recording ends here" in first
    assert "availability" in second
    assert narrator.new_lines(demo) == []


def test_an_incident_gives_another_line_when_it_resolves() -> None:
    narrator, demo = EventLines(), DemoState(read_truth(FOLDER), 10.0)
    demo.incidents["i"] = incident("i", 90.0)
    narrator.new_lines(demo)
    demo.incidents["i"] = incident("i", 90.0, resolved_s=99.0)

    assert ["resolved" in line.plain for line in narrator.new_lines(demo)] == [True]


def test_the_narrator_waits_for_the_outcome_of_an_action() -> None:
    narrator, demo = EventLines(), DemoState(read_truth(FOLDER), 10.0)
    decided = intent("k", "i", "notify", "serving", 90.0)
    demo.add_intent(decided)
    before = narrator.new_lines(demo)
    demo.add_outcome(outcome(decided))

    assert before == []
    assert len(narrator.new_lines(demo)) == 1
