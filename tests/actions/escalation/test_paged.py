"""Each page of a person is on record once, whatever else changes at the escalation."""

from __future__ import annotations

from actions.escalation.paged import page_entries, page_of
from actions.escalation.record import Escalation
from classifiers.model import AuditEntry
from tests.actions.approvals.cases import T
from tests.actions.escalation.cases import World


def pages_of(log: list[Escalation]) -> list[tuple[str, float]]:
    """Those that the owner would write, change by change."""
    befores: list[Escalation | None] = [None, *log]
    found = [
        page_of(entry) for before, after in zip(befores, log, strict=False) for entry in page_entries(before, after)
    ]
    return [one for one in found if one is not None]


def test_each_step_is_a_page_of_each_of_its_people_and_nothing_else_is() -> None:
    world = World()
    world.on_call["backup"] = ("ben", "cleo")
    world.tell()
    for after_s in (0.0, 1.0, 303.0):
        world.at(after_s)
    world.restart()
    world.acknowledge()
    world.at(400.0)
    assert pages_of(world.log) == [("anna", T), ("ben", T + 303.0), ("cleo", T + 303.0)]


def test_who_was_paged_by_hand_is_on_record_too() -> None:
    world = World()
    world.tell()
    world.at(0.0)
    world.escalate(to="backup")
    world.at(10.0)
    assert pages_of(world.log) == [("anna", T), ("ben", T + 10.0)]


def test_an_entry_says_for_which_incident_and_step() -> None:
    world = World()
    world.tell()
    world.at(0.0)
    (entry,) = [one for after in world.log[-2:-1] for one in page_entries(world.log[-3], after)]
    assert (entry.subject, entry.event) == ("person/anna", "paged")
    assert entry.reason == "incident inc-1, step primary, round 1"


def test_other_entries_of_the_audit_are_no_pages() -> None:
    for subject, event in (("person/anna", "refused"), ("escalation/inc-1", "paged")):
        assert page_of(AuditEntry(T, subject, event, None, None, "x")) is None
