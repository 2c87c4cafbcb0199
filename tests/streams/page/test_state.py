"""The state of the page is bounded, keeps what is open, and tells a viewer each change once."""

from __future__ import annotations

from dataclasses import replace

from actions.approvals.request import request_of
from classifiers.model import AuditEntry, StageTime
from streams.page.change_log import ChangeLog
from streams.page.history_view import HistoryFilter, history_view
from streams.page.incident_view import incident_view
from streams.page.now_view import changes_view, now_view
from streams.page.state import PageState
from tests.actions.approvals.cases import T, incident, suggested


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
    shown = now_view(state, ())
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
