"""Directives wait for their time, are applied once, and what they mark is told and written down."""

from __future__ import annotations

import json
from dataclasses import replace

from classifiers.by_hand import Assign, Update
from classifiers.directives import Acknowledge, Deployment, Directive, Expire, Feedback, Matcher, Silence
from classifiers.intervals import IntervalParams
from classifiers.model import Acknowledgement, IncidentNote
from classifiers.silences import MaintenanceWindow
from streams.shard.directives import MAX_APPLIED_IDS, MAX_NOTES, ShardDirectives
from tests.streams.fakes import incident

CHAT = (Matcher("service", "=", "chat"),)
SILENCE = Silence("s1", CHAT, 10.0, 20.0, "ana", "a change")
INCIDENT = incident()


class Case:
    """The directives of a shard, and those that were due so far."""

    def __init__(self, *windows: MaintenanceWindow) -> None:
        self.due: list[Directive] = []
        self.directives = ShardDirectives(windows)

    def apply_due(self, now_s: float) -> int:
        due = self.directives.apply_due(now_s)
        self.due += due
        return len(due)

    def silenced_by(self, now_s: float) -> str | None:
        self.apply_due(now_s)
        return self.directives.annotate(INCIDENT, now_s)[0].silenced_by


def feedback(name: str, at_s: float) -> Feedback:
    return Feedback(name, "inc-1", "ana", at_s, None, "P1", True)


def test_a_directive_waits_for_its_time_and_a_late_one_is_applied_at_once() -> None:
    case = Case()
    case.directives.add([feedback("later", 12.0), feedback("late", 3.0), feedback("now", 10.0)])
    case.apply_due(10.0)
    assert [each.id for each in case.due] == ["late", "now"]
    assert case.apply_due(11.9) == 0
    case.apply_due(12.0)
    assert [each.id for each in case.due] == ["late", "now", "later"]


def test_directives_are_applied_in_order_of_time_however_they_come() -> None:
    forward, backward = Case(), Case()
    said: list[Directive] = [feedback("b", 1.0), feedback("a", 1.0), Deployment("chat", None, "v2", 0.5)]
    forward.directives.add(said)
    backward.directives.add(reversed(said))
    forward.apply_due(5.0)
    backward.apply_due(5.0)
    assert [each.id for each in forward.due] == ["deploy/chat//v2/0.500", "a", "b"]
    assert backward.due == forward.due


def test_what_comes_again_is_applied_once_also_after_a_restart() -> None:
    case = Case()
    case.directives.add([feedback("f1", 1.0)])
    case.directives.add([feedback("f1", 1.0)])
    case.apply_due(2.0)
    case.directives.add([feedback("f1", 1.0)])
    again = Case()
    again.directives.load(json.loads(json.dumps(case.directives.dump())))
    again.directives.add([feedback("f1", 1.0), feedback("f2", 1.5)])
    assert (case.apply_due(3.0), again.apply_due(3.0)) == (0, 1)
    assert [each.id for each in case.due + again.due] == ["f1", "f2"]


def test_an_expiry_that_is_read_before_its_silence_ends_it_all_the_same() -> None:
    case = Case()
    case.directives.add([Expire("s1", "ana", 15.0)])
    case.directives.add([SILENCE])
    assert [case.silenced_by(now_s) for now_s in (9.0, 10.0, 15.0, 16.0)] == [None, "s1", None, None]


def test_marks_are_told_when_they_change_and_only_then() -> None:
    case = Case()
    case.directives.add([SILENCE, Acknowledge("inc-1", "ben", 12.0, 30.0)])
    changes = []
    for now_s in (9.0, 10.0, 11.0, 12.0, 13.0, 20.0, 30.0, 31.0):
        case.apply_due(now_s)
        marked, has_changed = case.directives.annotate(INCIDENT, now_s)
        if has_changed:
            changes.append((now_s, marked.silenced_by, marked.acknowledged))
    ben = Acknowledgement("ben", 12.0, 30.0)
    assert changes == [(10.0, "s1", None), (12.0, "s1", ben), (20.0, None, ben), (30.0, None, None)]
    assert [(entry.at_s, entry.event, entry.actor) for entry in case.directives.take_audit()] == [
        (10.0, "silence", "ana"), (12.0, "acknowledge", "ben"), (20.0, "lift", None), (30.0, "lapse", None),
    ]
    assert case.directives.take_audit() == []


def test_the_audit_names_the_person_the_reason_and_the_time_in_words() -> None:
    at_s = 1_795_874_400.0
    case = Case(MaintenanceWindow("sundays", (IntervalParams(weekdays=("sunday",)),)))
    case.directives.add([
        Silence("s1", CHAT, at_s, at_s + 300.0, "ana", "a change"),
        Acknowledge("inc-1", "ben", at_s, at_s + 300.0, "looking at the driver"),
        Expire("s1", "cleo", at_s + 60.0, "it is done"), Acknowledge("inc-1", "dan", at_s + 60.0, at_s + 360.0),
    ])
    for now_s in (at_s, at_s + 60.0, at_s + 360.0):
        case.apply_due(now_s)
        case.directives.annotate(INCIDENT, now_s)
    assert [(entry.event, entry.actor, entry.reason) for entry in case.directives.take_audit()] == [
        ("silence", "ana", "s1: nobody is notified, and no playbook acts, until 2026-11-28 14:05 UTC: a change"),
        ("acknowledge", "ben", "nobody else is notified until 2026-11-28 14:05 UTC: looking at the driver"),
        ("lift", "cleo", "s1 was ended early; people are notified again, and playbooks act: it is done"),
        ("acknowledge", "dan", "nobody else is notified until 2026-11-28 14:06 UTC"),
        ("lapse", None, "the time for which dan acknowledged it is over; others are notified again"),
    ]


def test_who_ended_a_silence_is_known_also_after_a_restart_and_from_an_older_release_it_is_not() -> None:
    case = Case()
    case.directives.add([replace(SILENCE, from_s=1.0), Expire("s1", "cleo", 2.0)])
    case.directives.add([SILENCE])
    assert [case.silenced_by(now_s) for now_s in (1.0, 2.0)] == ["s1", None]
    stored = json.loads(json.dumps(case.directives.dump()))
    again, older = Case(), Case()
    again.directives.load(stored)
    del stored["silences"]["expiries"]
    older.directives.load(stored)
    found = [each.directives.silences.expiry("s1") for each in (again, older)]
    assert found == [Expire("s1", "cleo", 2.0), None]


def test_who_assigned_whom_and_what_was_said_is_in_the_audit_at_its_time() -> None:
    case = Case()
    case.directives.add([
        Assign("inc-1", "ben", "ana", 1.0), Assign("inc-1", "ana", "ana", 1.5, role="commander", comment="P1"),
        Update("inc-1", "ben", 2.0, "looking"), Assign("inc-1", "ben", "ana", 2.5, remove=True),
        Assign("inc-1", "cleo", "ana", 2.6, remove=True),
        Assign("inc-1", "dan", "ana", 2.7, role="scribe", remove=True),
        Assign("inc-2", "ben", "ana", 1.0),
    ])
    case.apply_due(4.0)
    case.directives.annotate(INCIDENT, 4.0)
    assert [(entry.at_s, entry.event, entry.reason, entry.actor) for entry in case.directives.take_audit()] == [
        (1.0, "assign", "ben is owner", "ana"), (1.5, "assign", "ana is commander: P1", "ana"),
        (2.0, "update", "looking", "ben"), (2.5, "unassign", "ben is owner no more", "ana"),
    ]
    case.directives.annotate(INCIDENT, 5.0)
    assert case.directives.take_audit() == []


def test_what_is_said_of_an_incident_that_is_not_open_here_is_no_entry_later() -> None:
    case = Case()
    case.directives.add([Update("inc-1", "ben", 2.0, "looking")])
    case.apply_due(3.0)
    case.apply_due(4.0)
    case.directives.annotate(INCIDENT, 4.0)
    assert case.directives.take_audit() == []


def test_what_was_marked_is_no_news_after_a_restart() -> None:
    case = Case(MaintenanceWindow("always", (IntervalParams(),)))
    case.directives.add([Acknowledge("inc-1", "ben", 5.0, 30.0)])
    assert case.silenced_by(6.0) == "always"
    again = Case(MaintenanceWindow("always", (IntervalParams(),)))
    again.directives.load(json.loads(json.dumps(case.directives.dump())))
    assert again.directives.annotate(INCIDENT, 7.0) == (
        replace(INCIDENT, silenced_by="always", acknowledged=Acknowledgement("ben", 5.0, 30.0)), False,
    )


def test_an_incident_says_who_is_responsible_and_what_people_said_also_after_a_restart() -> None:
    case = Case()
    case.directives.add([
        Assign("inc-1", "ben", "ana", 1.0), Assign("inc-1", "cleo", "ana", 2.0), Update("inc-1", "ben", 3.0, "looking"),
        Assign("inc-1", "ana", "ana", 3.0, role="commander"), Assign("inc-1", "dan", "ana", 3.1, role="scribe"),
    ])
    case.apply_due(4.0)
    said = replace(
        INCIDENT, assigned_to="cleo", owners=("ben", "cleo"), commander="ana", scribe="dan",
        notes=(IncidentNote("ben", 3.0, "looking"),),
    )
    assert case.directives.annotate(INCIDENT, 4.0) == (said, True)
    again = Case()
    again.directives.load(json.loads(json.dumps(case.directives.dump())))
    assert again.directives.annotate(INCIDENT, 5.0) == (said, False)


def test_a_role_is_handed_over_or_taken_away_and_only_from_who_has_it() -> None:
    case = Case()
    case.directives.add([
        Assign("inc-1", "ben", "ana", 1.0), Assign("inc-1", "cleo", "ana", 1.1),
        Assign("inc-1", "cleo", "ana", 2.0, remove=True),
        Assign("inc-1", "ben", "ana", 2.1, role="commander"), Assign("inc-1", "cleo", "ana", 2.2, role="commander"),
        Assign("inc-1", "ben", "ana", 2.3, role="commander", remove=True),
        Assign("inc-1", "dan", "ana", 2.4, role="scribe"),
        Assign("inc-1", "dan", "ana", 2.5, role="scribe", remove=True),
    ])
    case.apply_due(4.0)
    made, _ = case.directives.annotate(INCIDENT, 4.0)
    assert (made.owners, made.assigned_to, made.commander, made.scribe) == (("ben",), "ben", "cleo", None)


def test_who_was_assigned_in_a_state_of_an_older_release_is_an_owner() -> None:
    case = Case()
    stored = case.directives.dump()
    stored["remarks"] = {"inc-1": {"assigned_to": "ben", "notes": []}}
    case.directives.load(json.loads(json.dumps(stored)))
    case.directives.add([Assign("inc-1", "cleo", "ana", 1.0)])
    case.apply_due(2.0)
    assert case.directives.annotate(INCIDENT, 2.0)[0].owners == ("ben", "cleo")


def test_the_notes_of_an_incident_are_bounded() -> None:
    case = Case()
    case.directives.add(Update("inc-1", "ben", float(number), f"note {number}") for number in range(MAX_NOTES + 5))
    case.apply_due(1e6)
    notes = case.directives.annotate(INCIDENT, 1e6)[0].notes
    assert (len(notes), notes[0].text) == (MAX_NOTES, "note 5")


def test_the_ids_that_it_remembers_are_bounded() -> None:
    case = Case()
    case.directives.add(feedback(f"f{number:05}", float(number)) for number in range(MAX_APPLIED_IDS + 3))
    assert case.apply_due(1e6) == MAX_APPLIED_IDS + 3
    seen = case.directives.dump()["seen"]
    assert (len(seen), seen[0]) == (MAX_APPLIED_IDS, "f00003")
