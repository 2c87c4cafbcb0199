"""Which incident belongs to which injected fault, which is false, and when the demo counts as failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streams.demo.scoring import Finding, Score, read_truth, score
from streams.demo.state import DemoState, WorkerStatus
from streams.replay.recordings import RecordingError
from tests.streams.demo.states import FOLDER, ORIGIN_S, finished_demo, incident, intent, outcome

TRUTH = read_truth(FOLDER)


def scored(*incidents: tuple[str, float]) -> Score:
    return score(TRUTH, [incident(identity, at_s) for identity, at_s in incidents], ORIGIN_S)


def found(result: Score, kind: str) -> Finding:
    return next(finding for finding in result.findings if finding.fault.kind == kind)


def test_the_ground_truth_is_read_with_its_faults_in_order() -> None:
    assert [fault.kind for fault in TRUTH.faults] == [
        "cold_start", "bad_deploy", "gpu_contention", "input_drift", "token_runaway", "traffic_burst",
    ]
    assert TRUTH.scored == TRUTH.faults[1:]
    assert TRUTH.faults[4].scope == "replica r0"
    assert TRUTH.faults[5].scope == "all replicas"


#   bad_deploy runs from 80 to 115, and settles until 127
@pytest.mark.parametrize(("at_s", "belongs"), [
    (79.9, False), (80.0, True), (115.0, True), (127.0, True), (127.1, False),
])
def test_an_incident_belongs_to_a_fault_from_its_start_until_it_has_settled(at_s: float, belongs: bool) -> None:
    result = scored(("i", at_s))

    assert (found(result, "bad_deploy").first is not None) is belongs
    assert (len(result.false_incidents) == 0) is belongs


def test_the_first_incident_detects_and_the_delay_counts_from_the_start() -> None:
    finding = found(scored(("late", 90.0), ("early", 82.5)), "bad_deploy")

    assert [seen.id for seen in finding.incidents] == ["early", "late"]
    assert finding.delay_s == pytest.approx(2.5)


def test_an_incident_of_the_cold_start_is_neither_found_nor_false() -> None:
    result = scored(("i", 20.0))

    assert result.false_incidents == ()
    assert result.found == 0


def test_silence_after_the_end_of_the_recording_is_no_false_incident() -> None:
    assert [seen.id for seen in scored(("within", 399.0), ("after", 406.0)).false_incidents] == ["within"]


def test_an_incident_on_another_replica_does_not_detect_the_fault() -> None:
    wrong = incident("i", 272.0, replica="r1")

    result = score(TRUTH, [wrong], ORIGIN_S)

    assert found(result, "token_runaway").first is None
    assert result.false_incidents == (wrong,)


def test_a_wider_scope_detects_but_is_not_right() -> None:
    finding = found(scored(("i", 272.0)), "token_runaway")

    assert finding.first is not None
    assert not finding.scope_right


def test_an_incident_in_a_benign_event_is_false() -> None:
    truth = replace(TRUTH, faults=(replace(TRUTH.faults[1], scored=False, benign=True),))
    seen = incident("i", 90.0)

    assert score(truth, [seen], ORIGIN_S).false_incidents == (seen,)


def test_where_two_faults_fit_the_later_one_counts() -> None:
    first = replace(TRUTH.faults[1], start_s=80.0, end_s=115.0)
    second = replace(first, kind="second", start_s=120.0, end_s=130.0)
    truth = replace(TRUTH, faults=(first, second))

    result = score(truth, [incident("i", 125.0)], ORIGIN_S)

    assert found(result, "second").first is not None
    assert found(result, "bad_deploy").first is None


def test_nothing_to_find_has_no_share() -> None:
    assert score(replace(TRUTH, faults=()), [], ORIGIN_S).found_share is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"recording": 1}'])
def test_a_truth_of_another_shape_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "truth.json").write_text(text)

    with pytest.raises(RecordingError, match=r"truth\.json.*expected the ground truth"):
        read_truth(tmp_path)


def complete() -> DemoState:
    demo = finished_demo()
    demo.incidents["i5"] = incident("i5", 331.0)
    return demo


def test_a_run_that_did_its_work_has_no_failures() -> None:
    assert complete().failures() == ()


def test_four_of_five_faults_are_enough() -> None:
    assert finished_demo().failures() == ()


def test_each_failure_has_a_reason() -> None:
    demo = complete()
    demo.incidents = {}
    demo.actions = {}
    demo.changes = demo.changes[:1]
    demo.worker = WorkerStatus(problems=("a-0: 5 records wait",), exit_code=70)
    demo.unreadable = 3

    assert demo.failures() == (
        "the worker is not healthy: a-0: 5 records wait",
        "the worker ended with exit code 70",
        "no incident arrived on the incident topic (3 unreadable records)",
        "0 of 5 faults found, expected 80%",
        "none of 0 decided actions was executed",
        "no action changed anything at the gateway",
    )


def test_what_an_operator_switched_is_not_counted_for_tocsin() -> None:
    demo = complete()
    demo.changes = (replace(demo.changes[1], actor="operator"),)

    assert demo.failures() == ("no action changed anything at the gateway",)


def test_intent_and_outcome_meet_in_either_order() -> None:
    decided = intent("k", "i1", "rollback", "bytegpt", 81.0)
    forward, backward = DemoState(TRUTH, 10.0), DemoState(TRUTH, 10.0)

    forward.add_intent(decided)
    forward.add_outcome(outcome(decided))
    backward.add_outcome(outcome(decided))
    backward.add_intent(decided)

    assert forward.actions == backward.actions
    assert forward.actions["k"].status == "executed"


def test_a_repeated_outcome_does_not_replace_the_first() -> None:
    decided = intent("k", "i1", "rollback", "bytegpt", 81.0)
    demo = DemoState(TRUTH, 10.0)

    demo.add_outcome(outcome(decided, "executed"))
    demo.add_outcome(outcome(decided, "duplicate"))

    assert demo.actions["k"].status == "executed"
