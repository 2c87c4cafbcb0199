"""The state of the page is bounded, keeps what is open, and tells a viewer each change once."""

from __future__ import annotations

from dataclasses import replace

import orjson

from actions.approvals.request import request_of
from actions.ledger.view import JOINED
from actions.model import Decision, RemedyTerms
from actions.remedies.changes import begun
from classifiers.model import ActionRecord, AuditEntry, RemedyRecord, RemedyState, StageTime
from streams.page.change_log import ChangeLog
from streams.page.history_view import HistoryFilter, history_view
from streams.page.incident_view import incident_view
from streams.page.now_view import changes_view, now_view
from streams.page.state import MAX_OUTCOMES, PageState
from streams.page.summaries import force_view
from tests.actions.approvals.cases import T, incident, suggested
from tests.streams.fakes import outcome


def test_a_viewer_that_was_away_gets_each_changed_subject_once() -> None:
    log = ChangeLog()
    for key in ("a", "b", "a"):
        log.note("incident", key)
    assert log.since(0) == [("incident", "b"), ("incident", "a")]
    assert log.since(2) == [("incident", "a")]
    assert log.since(3) == []


def test_a_viewer_from_before_a_dropped_subject_or_of_another_process_begins_anew() -> None:
    log = ChangeLog(max_subjects=2)
    for key in ("a", "b", "c"):
        log.note("incident", key)
    assert log.since(0) is None
    assert log.since(1) == [("incident", "b"), ("incident", "c")]
    assert log.since(4) is None


def test_an_incident_that_is_told_again_is_no_change() -> None:
    state = PageState()
    state.add_incident(incident())
    state.add_incident(incident())
    assert state.changes.revision == 1


def test_resolved_incidents_leave_before_open_ones_with_all_that_is_known_of_them() -> None:
    state = PageState(max_incidents=2)
    state.add_incident(incident("open-1"))
    state.add_incident(incident("over", state="resolved", resolved_at_s=T))
    state.add_audit(AuditEntry(T, "over", "resolve", "open", "resolved", "quiet"))
    state.add_incident(incident("open-2"))
    assert [one.id for one in state.incidents()] == ["open-1", "open-2"]
    assert list(state.audit("over")) == []


def test_now_is_sorted_by_severity_and_names_what_waits() -> None:
    state = PageState()
    state.add_incident(incident("late", severity="P3"))
    state.add_incident(incident("bad", severity="P1"))
    state.add_request(request_of(suggested(incident_id="bad"), 0, 1, T))
    shown = now_view(state)
    assert [(one["id"], one["waiting"]) for one in shown["incidents"]] == [("bad", ["k1"]), ("late", [])]
    assert [one["incident_title"] for one in shown["approvals"]] == ["v2 is slow"]


def test_an_ended_request_and_a_resolved_incident_are_told_so_that_they_can_be_taken_away() -> None:
    state = PageState()
    state.add_incident(incident())
    request = request_of(suggested(), 0, 1, T)
    state.add_request(request)
    seen = state.changes.revision
    state.add_request(replace(request, version=2, state="expired"))
    state.add_incident(incident(state="resolved", resolved_at_s=T + 9.0))
    shown = changes_view(state, state.changes.since(seen) or [])
    assert shown["approvals"] == [{"key": "k1", "state": "ended"}]
    assert [(one["id"], one["state"]) for one in shown["incidents"]] == [("inc-1", "resolved")]


def test_the_timeline_is_in_order_and_says_a_decision_once() -> None:
    state = PageState()
    state.add_incident(incident())
    state.add_intent(suggested())
    state.add_audit(AuditEntry(T, "k1", "decided", None, "pending", "v2 is slow"))
    state.add_audit(AuditEntry(T + 2.0, "k1", "approval", "requested", "approved", "1 of 1", "ann"))
    shown = incident_view(incident(), state, {})["timeline"]
    assert [(one["event"], one["who"]) for one in shown] == [
        ("onset", None), ("opened", None), ("decided", None), ("approval", "ann"),
    ]


def test_an_action_that_failed_and_ran_and_was_kept_shows_each_in_order() -> None:
    state = PageState()
    state.add_incident(incident(opened_at_s=T - 5.0, onset_at_s=T - 9.0))
    tried = replace(outcome(suggested(), "failed", T + 1.0), detail="503")
    ran = replace(tried, status="executed", detail="throttled", done_at_s=T + 2.0)
    changed: dict[str, str | float | bool | None] = {"notice": 3, "remedy_state": "kept", "changed_at_s": T + 9.0}
    kept = replace(ran, detail="kept by ben: worse", data=changed)
    for one in (tried, ran, kept, kept):
        state.add_outcome(one)
    shown = incident_view(incident(), state, {})["timeline"]
    assert [(one["words"], one["why"]) for one in shown if one["kind"] == "action"] == [
        ("action failed", "503"), ("action done", "throttled"), ("kept in force", "kept by ben: worse"),
    ]


def test_an_undo_that_fails_each_minute_leaves_its_first_and_last_outcomes() -> None:
    state = PageState()
    for minute in range(MAX_OUTCOMES + 30):
        state.add_outcome(outcome(suggested(), "failed", done_at_s=T + 60.0 * minute))
    state.add_outcome(outcome(suggested("k2"), "executed", done_at_s=T))
    known = [one.done_at_s - T for one in state.outcomes("inc-1") if one.key == "k1"]
    assert (len(known), known[0], known[-1]) == (MAX_OUTCOMES, 0.0, 60.0 * (MAX_OUTCOMES + 29))
    assert [one.key for one in state.outcomes("inc-1")].count("k2") == 1


def test_the_timeline_has_escalations_first_alarms_and_what_differs_in_its_reason_alone() -> None:
    state = PageState()
    for one in (
        AuditEntry(T - 2.0, "chat latency", "alarm", None, "pending", "level 2.6"),
        AuditEntry(T, "inc-1", "confirm", "pending", "open", "chat latency: 2 series"),
        AuditEntry(T + 1.0, "inc-1", "skip", "open", "open", "rollback: no older version"),
        AuditEntry(T + 1.0, "inc-1", "skip", "open", "open", "throttle: dry run"),
        AuditEntry(T + 2.0, "escalation/inc-1", "fire", "active", "active", "first: pages dan"),
        AuditEntry(T + 3.0, "inc-1", "assign", "open", "open", "ben is owner", "ana"),
    ):
        state.add_audit(one)
    shown = incident_view(incident(), state, {})["timeline"]
    assert [(one["words"], one["what"], one["who"]) for one in shown] == [
        ("alarm", "level 2.6", None), ("change began", "the change is estimated to have begun", None),
        ("incident opened", "chat latency: 2 series", None),
        ("step not taken", "rollback: no older version", None), ("step not taken", "throttle: dry run", None),
        ("escalation step", "first: pages dan", None), ("assigned", "ben is owner", "ana"),
    ]


def test_history_filters_and_averages_what_was_measured() -> None:
    state = PageState()
    for number, took_s in enumerate((10.0, 30.0)):
        times = {"resolve": StageTime(took_s, "recorded"), "detect": StageTime(None, "invalid")}
        state.add_incident(incident(f"i{number}", service=f"s{number}", stage_times=times))
    everything = history_view(state, HistoryFilter())["figures"]
    assert (everything["resolve"]["mean_s"], everything["detect"]["mean_s"]) == (20.0, None)
    one = history_view(state, HistoryFilter(service="s1"))
    assert [row["id"] for row in one["incidents"]] == ["i1"]
    assert history_view(state, HistoryFilter(until_s=T))["incidents"] == []


def test_history_counts_the_actions_that_ran_and_of_those_that_are_judged_the_ones_that_helped() -> None:
    state = PageState()
    steps: list[tuple[str, RemedyState | None]] = [
        ("suggested", None), ("rejected", None), ("executed", "verifying"), ("executed", "recovered"),
        ("interrupted", "not_recovered"),
    ]
    for number, (status, verdict) in enumerate(steps):
        ran = ActionRecord("k1", "throttle", "chat", "auto", status, T, T + 2.0)
        told = ActionRecord("n1", "notify", "chat", "auto", "executed", T, T + 2.0)
        remedies = () if verdict is None else (RemedyRecord("k1", "book", "throttle", "chat", verdict, T + 5.0, ""),)
        state.add_incident(incident(f"i{number}", actions=(told, ran), remedies=remedies))
    figures = history_view(state, HistoryFilter())["figures"]
    assert (figures["count"], figures["acted"], figures["judged"], figures["recovered"]) == (5, 3, 2, 1)


def test_what_is_never_taken_back_is_shown_until_its_effect_is_known() -> None:
    state = PageState()
    intent = suggested(kind="rollback", target="chat/gpt", mode="auto", remedy=RemedyTerms(undo="never"))
    remedy = begun(None, intent, 3600.0, None, T)
    assert remedy is not None
    state.add_in_force(orjson.dumps(replace(remedy, state="kept").to_json()))
    assert force_view(state)["remedies"] == []

    record = RemedyRecord(intent.key, "back", "rollback", "chat/gpt", "verifying", T + 5.0, "")
    state.add_incident(incident(remedies=(record,)))
    (row,) = force_view(state)["remedies"]
    assert (row["target"], row["is_judged"], row["is_kept"], row["undo_when"]) == ("chat/gpt", True, False, "never")

    state.add_incident(incident(remedies=(replace(record, state="recovered"),)))
    assert force_view(state)["remedies"] == []


def test_an_undo_that_undid_nothing_is_not_told_as_one() -> None:
    state = PageState()
    state.add_incident(incident(actions=tuple(
        ActionRecord(key, "throttle", "chat", "auto", status, T, T + 2.0, undo=key != "do")
        for key, status in (("do", "executed"), ("kept", "executed"), ("late", "expired"))
    )))
    decision = Decision("ann", "approve", "do", None, "http", T, "", "ann-1", "")
    done = outcome(suggested("do", kind="throttle"), "executed", T + 2.0)
    state.add_outcome(replace(done, decisions=(decision,)))
    kept = outcome(suggested("kept", kind="throttle", undo=True), "executed", T + 2.0)
    state.add_outcome(replace(kept, detail="kept by ann, until somebody takes it back", data={JOINED: True}))
    shown = incident_view(incident(actions=state.incidents()[0].actions), state, {})
    assert [(one["words"], one["ran"], one["by"]) for one in shown["all_actions"]] == [
        ("done", True, ["ann"]), ("not undone", False, []), ("too late, not done", False, []),
    ]
    assert shown["all_actions"][1]["detail"] == "kept by ann, until somebody takes it back"
    assert ("not undone", "kept by ann, until somebody takes it back") in [
        (one["words"], one["why"]) for one in shown["timeline"]
    ]
