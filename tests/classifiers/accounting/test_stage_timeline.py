from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from classifiers.accounting.stage_timeline import (
    SETTLED_AFTER_S,
    STAGES,
    IncidentStage,
    StageTimeline,
    remedies,
    with_actions,
    with_stages,
)
from classifiers.incidents.triage import Triage, TriageParams
from classifiers.model import ActionRecord, Incident, Severity, StageTime
from tests.classifiers.readings import FLEET, R0, SERVICE, instant
from tests.classifiers.sample_incidents import ENDED, INVALID, NOT_APPLICABLE, OPEN, PENDING


def took(seconds: float) -> StageTime:
    return StageTime(seconds, "recorded")


def action(
    status: str = "executed", decided_s: float = 112.0, done_s: float | None = 113.0, kind: str = "circuit_breaker",
) -> ActionRecord:
    return ActionRecord(f"{kind}/{decided_s}", kind, "chat/r0", "auto", status, decided_s, done_s)


def act(incident: Incident, *actions: ActionRecord) -> StageTime:
    return with_actions(with_stages(incident, StageTimeline()), actions).stage_times["act"]


def judged(*verdicts: tuple[float, Severity]) -> StageTimeline:
    timeline = StageTimeline()
    for now_s, severity in verdicts:
        timeline.record_verdict("availability", severity, now_s)
    return timeline


def test_every_stage_has_a_status_from_the_first_moment() -> None:
    assert set(STAGES) == set(get_args(IncidentStage))
    times = with_stages(OPEN, StageTimeline()).stage_times
    assert times == {"detect": took(10.0), "classify": PENDING, "act": PENDING, "recover": PENDING, "resolve": PENDING}


def test_an_incident_that_nobody_asked_to_act_on_ends_without_that_stage() -> None:
    timeline = judged((110.0, "P2"))
    timeline.record_quiet(150.0)
    assert with_stages(ENDED, timeline).stage_times == {
        "detect": took(10.0), "classify": took(10.0), "act": NOT_APPLICABLE, "recover": took(50.0),
        "resolve": took(60.0),
    }


def test_a_verdict_counts_from_when_it_was_first_given_once_it_has_settled() -> None:
    #                 opens P3     becomes P1     and stays
    timeline = judged((110.0, "P3"), (112.0, "P1"), (112.0 + SETTLED_AFTER_S, "P1"))
    incident = with_stages(OPEN, timeline)
    assert (incident.stage_times["classify"], incident.opened_severity) == (took(12.0), "P3")


def test_an_escalation_after_the_verdict_settled_is_no_new_classification() -> None:
    timeline = judged((110.0, "P2"), (110.0 + SETTLED_AFTER_S, "P2"), (150.0, "P1"))
    assert with_stages(ENDED, timeline).stage_times["classify"] == took(10.0)


def test_a_verdict_is_pending_until_it_has_settled_and_final_at_the_end() -> None:
    timeline = judged((110.0, "P3"), (112.0, "P1"), (112.0 + SETTLED_AFTER_S / 2, "P1"))
    assert with_stages(OPEN, timeline).stage_times["classify"] == PENDING
    assert with_stages(ENDED, timeline).stage_times["classify"] == took(12.0)


def test_recovery_begins_with_the_last_quiet_and_not_with_one_that_an_alarm_broke() -> None:
    timeline = StageTimeline()
    timeline.record_quiet(120.0)
    timeline.record_alarm()
    timeline.record_quiet(150.0)
    timeline.record_quiet(155.0)
    assert with_stages(ENDED, timeline).stage_times["recover"] == took(50.0)


def test_an_end_without_proof_of_recovery_says_so() -> None:
    assert with_stages(ENDED, judged((110.0, "P2"))).stage_times["recover"] == NOT_APPLICABLE


@pytest.mark.parametrize(
    ("incident", "actions", "expected"),
    [
        (OPEN, (), PENDING),
        (OPEN, (action("pending", done_s=None),), PENDING),
        (OPEN, (action("failed"),), PENDING),  # the next step of the ladder may help
        (OPEN, (action(),), took(13.0)),
        (OPEN, (action("dry_run"),), took(13.0)),
        (OPEN, (action("failed"), action(decided_s=120.0, done_s=121.0)), took(21.0)),
        (ENDED, (action("suggested"),), NOT_APPLICABLE),
        (ENDED, (action(kind="notify"),), NOT_APPLICABLE),
        (ENDED, (action("pending", done_s=None),), PENDING),
        (ENDED, (action(decided_s=160.0, done_s=161.0),), NOT_APPLICABLE),  # an undo
        (OPEN, (action(decided_s=112.0, done_s=111.0),), INVALID),
    ],
)
def test_the_first_remedy_that_was_carried_out_counts(
    incident: Incident, actions: tuple[ActionRecord, ...], expected: StageTime,
) -> None:
    assert act(incident, *actions) == expected


def test_notifications_and_undos_are_no_remedies() -> None:
    first, second = action("failed"), action(decided_s=120.0)
    others = (action(kind="notify"), action(decided_s=160.0))
    assert remedies(replace(ENDED, actions=(second, *others, first))) == [first, second]


@pytest.mark.parametrize(
    ("onset_s", "error_s", "expected"),
    [
        (100.0, None, took(10.0)), (111.0, 2.0, took(0.0)), (112.0, 2.0, took(0.0)),
        (113.0, 2.0, INVALID), (110.5, None, INVALID), (float("nan"), None, INVALID),
    ],
)
def test_an_onset_after_the_opening_is_invalid_beyond_its_error(
    onset_s: float, error_s: float | None, expected: StageTime,
) -> None:
    incident = replace(OPEN, onset_at_s=onset_s, onset_error_s=error_s)
    assert with_stages(incident, StageTimeline()).stage_times["detect"] == expected


def test_times_that_contradict_each_other_make_every_stage_they_touch_invalid() -> None:
    late_onset = replace(ENDED, onset_at_s=130.0, actions=(action(),))
    assert set(with_stages(late_onset, judged((110.0, "P2"))).stage_times.values()) == {INVALID, NOT_APPLICABLE}
    early_end = with_stages(replace(ENDED, resolved_at_s=105.0), judged((110.0, "P2"))).stage_times
    assert (early_end["detect"], early_end["resolve"]) == (took(10.0), INVALID)


def test_an_incident_has_its_stage_times_from_opening_to_end() -> None:
    triage = Triage(TriageParams(), lambda _: 2, "abc")
    changes = []
    for second, mark in enumerate("..xxxxxxx.........."):
        moved = dict.fromkeys((R0, FLEET[0]), 1.0) if mark == "x" else {}
        changes += triage.observe(SERVICE, float(second), instant(float(second), "latency_ms", moved))
    first, last = changes[0].incident.stage_times, changes[-1].incident.stage_times
    onset_s = changes[-1].incident.onset_at_s
    assert (first["detect"], first["recover"]) == (took(3.0 - onset_s), PENDING)
    assert (last["recover"], last["resolve"]) == (took(9.0 - onset_s), took(16.0 - onset_s))
