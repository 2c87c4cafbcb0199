"""The timeline of an incident tells every step once, by the record that says most of it."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from actions.model import Decision, Outcome
from classifiers.model import (
    Acknowledgement,
    ActionRecord,
    AuditEntry,
    FeedbackKind,
    Incident,
    IncidentNote,
    RemedyRecord,
)
from streams.timeline.entries import Entry, of_audit, of_intent, of_outcome
from streams.timeline.timeline import is_first_alarm, names_before, timeline_of
from tests.actions.approvals.cases import T, incident, suggested

RAN = ActionRecord("k1", "throttle", "chat/v2", "auto", "executed", T + 5.0, T + 6.0)


def told(entries: list[Entry]) -> list[tuple[str, str, str | None]]:
    return [(one.words, one.what, one.who) for one in entries]


def outcome(status: str, at_s: float, detail: str, undo: bool = False, **data: str | float | bool | None) -> Outcome:
    return Outcome("k1", "inc-1", "throttle", "chat/v2", "auto", status, detail, T, at_s, undo, data)  # type: ignore[arg-type]


def everything() -> Incident:
    return incident(
        state="resolved", resolved_at_s=T + 90.0, resolution="manual", actions=(RAN,),
        acknowledged=Acknowledgement("ben", T + 3.0, T + 900.0), notes=(IncidentNote("ben", T + 4.0, "looking"),),
        remedies=(RemedyRecord("k1", "s", "throttle", "chat/v2", "recovered", T + 60.0, "quiet for 30 s"),),
    )


def test_an_incident_whose_audit_is_gone_still_has_a_timeline_to_its_end() -> None:
    assert told(timeline_of(everything(), ())) == [
        ("change began", "the change is estimated to have begun", None), ("incident opened", "v2 is slow", None),
        ("acknowledged", "", "ben"), ("update", "looking", "ben"),
        ("action decided", "throttle chat/v2 (by itself)", None), ("action done", "throttle chat/v2", None),
        ("it helped", "throttle chat/v2: quiet for 30 s", None),
        ("incident over", "a person declared it over", None),
    ]


def test_what_the_audit_has_is_not_told_again_by_the_incident() -> None:
    audit = [
        AuditEntry(T, "inc-1", "confirm", "pending", "open", "chat latency: 2 series"),
        AuditEntry(T + 3.5, "inc-1", "acknowledge", "open", "open", "nobody else is notified: on it", "ben"),
        AuditEntry(T + 4.0, "inc-1", "update", "open", "open", "looking", "ben"),
        AuditEntry(T + 5.0, "k1", "decided", None, "pending", "v2 is slow"),
        AuditEntry(T + 6.0, "k1", "executed", "claimed", "executed", "throttled"),
        AuditEntry(T + 60.0, "inc-1", "verify", "verifying", "recovered", "throttle on chat/v2: quiet for 30 s"),
        AuditEntry(T + 90.0, "inc-1", "close", "open", "resolved", "ben declared it over: the card is back", "ben"),
    ]
    shown = timeline_of(everything(), [*audit, *audit])
    assert told(shown)[1:] == [
        ("incident opened", "chat latency: 2 series", None),
        ("acknowledged", "nobody else is notified: on it", "ben"), ("update", "looking", "ben"),
        ("action decided", "v2 is slow", None), ("action done", "throttled", None),
        ("it helped", "throttle on chat/v2: quiet for 30 s", None),
        ("resolved by hand", "ben declared it over: the card is back", "ben"),
    ]


def test_what_a_person_approved_is_not_told_as_by_itself_also_once_its_records_are_gone() -> None:
    approved = incident(actions=(replace(RAN, approved_by=("kim",)),))
    assert ("action decided", "throttle chat/v2 (approved by kim)", None) in told(timeline_of(approved, ()))


def test_a_decision_and_its_outcomes_are_told_by_themselves_and_not_by_their_entries_in_the_audit() -> None:
    audit = [
        AuditEntry(T, "k1", "decided", None, "pending", "v2 is slow"),
        AuditEntry(T + 1.0, "k1", "claimed", "pending", "claimed", "throttle on chat/v2 may run now", "anna (approve)"),
        AuditEntry(T + 2.0, "k1", "failed", "claimed", "failed", "503"),
        AuditEntry(T + 9.0, "k1", "remedy_kept", None, "kept", "kept by ben: the new version is worse"),
        AuditEntry(T + 1.0, "ack/inc-1/1/ben", "accepted", None, "accepted", "acknowledge signed by ben-1", "ben"),
    ]
    kept = outcome("executed", T + 3.0, "kept by ben: the new version is worse", notice=3, remedy_state="kept",
                   changed_at_s=T + 9.0)
    records = [of_intent(suggested()), *map(of_outcome, (
        outcome("failed", T + 2.0, "503"), outcome("executed", T + 3.0, "throttled"), kept,
    ))]
    shown = timeline_of(incident(onset_at_s=T - 9.0, opened_at_s=T - 5.0), audit, records)
    assert [(one.words, one.what, one.why) for one in shown[2:]] == [
        ("action decided", "throttle chat/v2 (asks for approval)", "v2 is slow"),
        ("action started", "throttle on chat/v2 may run now", ""),
        ("action failed", "throttle chat/v2", "503"), ("action done", "throttle chat/v2", "throttled"),
        ("kept in force", "throttle chat/v2", "kept by ben: the new version is worse"),
    ]


def test_where_clocks_differ_no_effect_is_told_before_its_cause_and_each_keeps_its_time() -> None:
    """The executor is 2 s behind the role respond, and the shard 1 s."""
    given = Decision("kim", "approve", "k1", "d1", "cli", T + 8.0, "/tocsin/x", "kim-1", "00")
    audit = [
        AuditEntry(T + 6.5, "inc-1", "verify", "applied", "verifying", "throttle on chat/v2: too early to tell"),
        AuditEntry(T + 6.0, "k1", "claimed", "pending", "claimed", "throttle on chat/v2 runs now, and only once"),
        AuditEntry(T + 1.0, "k1", "requested", None, "requested", "1 person with the role approver must approve"),
        AuditEntry(T + 8.0, "k1", "approved", "requested", "approved", "approved by kim", "kim"),
        AuditEntry(T + 7.5, "inc-1", "update", "open", "open", "looking", "ben"),
    ]
    decided = replace(suggested(), decided_at_s=T + 7.0, decisions=(given,), mode="auto")
    done = replace(outcome("executed", T + 6.25, "throttled"), decisions=(given,))
    shown = timeline_of(incident(onset_at_s=T - 9.0, opened_at_s=T), audit, [of_outcome(done), of_intent(decided)])
    assert [(one.event, one.at_s - T) for one in shown[2:]] == [
        ("requested", 1.0), ("update", 7.5), ("approved", 8.0), ("decided", 7.0), ("claimed", 6.0), ("executed", 6.25),
        ("verify", 6.5),
    ]


REQUESTED = AuditEntry(T + 1.0, "k1", "requested", None, "requested", "1 person with the role approver must approve")


@pytest.mark.parametrize("told_by", ["outcome", "incident"])
def test_a_request_for_approval_is_one_entry_with_its_action_and_who_must_answer(told_by: str) -> None:
    waits = incident(actions=(replace(RAN, status="suggested"),) if told_by == "incident" else ())
    records = [of_outcome(outcome("suggested", T + 1.5, "suggested: v2 is slow"))] if told_by == "outcome" else []
    for audit, why in (([REQUESTED], REQUESTED.reason), ([], "suggested: v2 is slow" if records else "")):
        asked = [one for one in timeline_of(waits, audit, records) if one.words == "approval asked for"]
        assert [(one.what, one.why) for one in asked] == [("throttle chat/v2", why)]


def test_a_request_that_is_asked_again_is_told_again() -> None:
    again = replace(REQUESTED, at_s=T + 90.0, before="expired")
    shown = timeline_of(incident(), [REQUESTED, again], [of_outcome(outcome("suggested", T + 1.5, "suggested"))])
    assert [one.at_s - T for one in shown if one.words == "approval asked for"] == [1.0, 90.0]


def test_the_verdict_on_a_first_attempt_stays_before_the_second_attempt() -> None:
    first, second = (
        replace(outcome("executed", T + at_s, "throttled"), key=key) for key, at_s in (("k1", 1.0), ("k2", 9.0))
    )
    audit = [AuditEntry(T + 5.0, "inc-1", "verify", "verifying", "not_recovered", "throttle on chat/v2: it alarms on")]
    shown = timeline_of(incident(onset_at_s=T - 9.0, opened_at_s=T), audit, map(of_outcome, (second, first)))
    assert [(one.event, one.subject) for one in shown[2:]] == [
        ("executed", "k1"), ("verify", "inc-1"), ("executed", "k2"),
    ]


def test_that_an_approved_request_was_taken_up_is_no_step_of_its_own_and_a_released_text_is() -> None:
    audit = [
        AuditEntry(T + 1.0, "k1", "released", "approved", "released", "its conditions still held"),
        AuditEntry(T + 2.0, "notification/n1", "released", "draft", "released", "released by carl", "carl"),
    ]
    assert [(one.words, one.who) for one in timeline_of(incident(), audit)[2:]] == [("text released", "carl")]


def test_an_undo_of_the_executor_is_told_once_with_who_asked_for_it() -> None:
    undone = Outcome(
        "u1", "inc-1", "throttle", "chat/v2", "auto", "executed", "undone by ben: too strict", T + 8.0, T + 9.0, True,
        {"notice": 4.0, "remedy_state": "undone", "changed_at_s": T + 9.0},
    )
    act = ActionRecord("u1", "throttle", "chat/v2", "auto", "executed", T + 8.0, T + 9.0, undo=True)
    audit = [AuditEntry(T + 9.0, "u1", "remedy_undone", None, "undone", "undone by ben: too strict")]
    shown = timeline_of(incident(actions=(act,)), audit, [of_outcome(undone)])
    assert [(one.words, one.what, one.why) for one in shown[2:]] == [
        ("undone", "throttle chat/v2", "undone by ben: too strict"),
    ]


def test_alarms_before_the_incident_had_an_id_belong_to_it() -> None:
    opened = AuditEntry(T, "inc-1", "flap", "pending", "flapping", "chat latency: 2 series; opening 3")
    early, other, old = (
        AuditEntry(at_s, subject, "alarm", None, "pending", "level 2.6")
        for at_s, subject in ((T - 1.0, "chat latency"), (T - 1.0, "db latency"), (T - 500.0, "chat latency"))
    )
    names = names_before("inc-1", [opened])
    assert [is_first_alarm(incident(), names, one) for one in (early, other, old)] == [True, False, False]


def test_who_was_paged_and_what_a_person_said_about_the_cause_are_told_in_words() -> None:
    paged = AuditEntry(T, "person/anna", "paged", None, None, "incident inc-1, step first, round 1")
    said = [
        AuditEntry(T, "inc-1", "feedback", "advising", "advising", "learned as number 3", "ben", kind)
        for kind in get_args(FeedbackKind)
    ]
    assert [(one.words, one.what, one.why, one.who) for one in map(of_audit, (paged, *said))] == [
        ("paged", "anna", "incident inc-1, step first, round 1", None),
        ("feedback", "a fault", "learned as number 3", "ben"), ("feedback", "a false alarm", "", "ben"),
        ("feedback", "a planned change", "", "ben"),
    ]
