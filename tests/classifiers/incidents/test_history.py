"""What ended lately: reopening names the old, and what opens too often flaps."""

from __future__ import annotations

import json

import pytest

from classifiers.incidents.history import MAX_RESOLVED, History, ResolvedIncident
from classifiers.incidents.params import TriageParams
from classifiers.incidents.triage_snapshot import dump, load
from classifiers.model import Related
from tests.classifiers.latency_story import FLAP, FLAPPING_SOON, make, play


def test_an_incident_of_the_same_kind_and_scope_names_the_one_that_resolved() -> None:
    first, _, again = (change.incident for change in play(make(), FLAP + "00"))
    assert again.id != first.id
    assert again.related == (Related(first.id, "reopens"),)


@pytest.mark.parametrize("other", ["11", "tt"])
def test_an_incident_elsewhere_is_a_new_one(other: str) -> None:
    assert play(make(), FLAP + other)[-1].incident.related == ()


@pytest.mark.parametrize(("quiet_s", "again"), [(58, True), (59, False)])
def test_an_incident_that_comes_too_late_is_a_new_one(quiet_s: int, again: bool) -> None:
    changes = play(make(), FLAP + "." * quiet_s + "00")
    assert changes[-1].change == "opened"
    assert bool(changes[-1].incident.related) == again


def test_a_verdict_that_sharpens_names_the_incident_it_turns_out_to_be_again() -> None:
    triage = make()
    first = play(triage, FLAP)[0].incident
    changes = play(triage, "11" + "0" * 24, len(FLAP))
    assert changes[0].incident.related == ()
    assert Related(first.id, "reopens") in changes[-1].incident.related
    assert "reopen" in [entry.event for entry in triage.drain_audit()]


def test_what_opens_too_often_flaps_and_is_held_until_it_was_quiet_for_longer() -> None:
    changes = play(make(), FLAP * 3 + FLAP * 2 + "." * 30)
    assert [(t.change, t.incident.state) for t in changes] == [
        ("opened", "open"), ("resolved", "resolved"), ("opened", "open"), ("resolved", "resolved"),
        ("opened", "flapping"), ("resolved", "resolved"),
    ]
    last_alarm_s = 4 * len(FLAP) + 1
    assert changes[-1].incident.resolved_at_s == last_alarm_s + FLAPPING_SOON.flap_hold_s


def test_what_opens_seldom_does_not_flap() -> None:
    changes = play(make(), (FLAP + "." * 30) * 4)
    assert {change.incident.state for change in changes} == {"open", "resolved"}


def test_flapping_is_in_the_audit_with_the_count() -> None:
    triage = make()
    play(triage, FLAP * 2 + "00")
    (flap,) = [entry for entry in triage.drain_audit() if entry.event == "flap"]
    assert (flap.before, flap.after) == ("pending", "flapping")
    assert "opening 3 within 60 s of chat/gpt replica=r0" in flap.reason


def test_a_flapping_incident_that_never_ends_is_accepted() -> None:
    triage = make(TriageParams(flap_openings=2, accept_after_s=30.0))
    changes = play(triage, FLAP + "0" * 40)
    assert [(t.change, t.incident.state) for t in changes[2:4]] == [("opened", "flapping"), ("resolved", "resolved")]
    assert changes[3].accepted


@pytest.mark.parametrize("cut", range(1, 80, 6))
def test_a_restart_anywhere_remembers_what_ended(cut: int) -> None:
    story = FLAP * 4 + "." * 30 + FLAP
    first, second = make(), make()
    before = play(first, story[:cut])
    load(second, json.loads(json.dumps(dump(first))))
    assert before + play(second, story[cut:], cut) == play(make(), story)


def test_only_what_ended_lately_is_kept_and_never_more_than_the_bound() -> None:
    history = History(keep_s=100.0)
    for number in range(MAX_RESOLVED + 10):
        history.record(ResolvedIncident(f"i{number}", ("a",), 1.0, 2.0))
    assert len(history.resolved) == MAX_RESOLVED
    assert ("i0" in history, "i10" in history) == (False, True)
    history.record(ResolvedIncident("late", ("b",), 100.0, 103.0))
    assert [one.id for one in history.resolved] == ["late"]
    assert history.last(["a"], 103.0, 1000.0) is None
