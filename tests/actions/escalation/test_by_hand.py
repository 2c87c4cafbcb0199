"""A person escalates: the next step is taken now, or somebody is paged, once, also over a restart."""

from __future__ import annotations

from typing import Any

import pytest

from classifiers.model import Related
from tests.actions.escalation.cases import World, policy

PRIMARY = ["page primary/1 anna", "page primary/1 anna"]


def paged() -> World:
    """A world whose first step was taken."""
    world = World()
    world.tell()
    assert world.at(0.0) == PRIMARY
    return world


def test_the_next_step_is_taken_at_once_and_once() -> None:
    world = paged()
    world.escalate()
    assert world.at(10.0) == ["page backup/1 ben"]
    assert world.changes[-2 - 1].entry.reason == "anna escalates: we need help"
    world.restart()
    assert (world.at(20.0), world.at(300.0)) == ([], [])
    world.escalate(why="still")
    assert world.at(310.0) == ["page lead/1 cleo", "tell lead/1 executive"]


def test_it_goes_on_although_somebody_works_on_it_and_whatever_the_severity_is() -> None:
    world = paged()
    world.acknowledge()
    assert world.at(5.0) == []
    world.escalate()
    assert (world.at(6.0), world.state) == (["page backup/1 ben"], "active")
    small = World()
    small.tell(severity="P3", peak_severity="P3")
    assert small.at(0.0) == []
    small.escalate()
    assert (small.at(1.0), small.due(301.0)) == (PRIMARY, ["page backup/1 ben"])
    small.acknowledge()
    assert (small.at(310.0), small.state) == ([], "acknowledged")


@pytest.mark.parametrize(("to", "who"), [("commander", "cleo"), ("backup", "ben")])
def test_whom_a_person_names_is_paged_at_once_and_the_steps_go_on_as_before(to: str, who: str) -> None:
    world = paged()
    world.escalate(to=to)
    assert world.at(10.0) == [f"page by hand/0 {who}"]
    record = next(change for change in world.changes if change.event == "page")
    assert (record.before, record.escalation.state, record.actor) == ("active", "active", "anna")
    assert record.entry.reason == f"anna has {who} paged: we need help"
    world.restart()
    assert (world.at(20.0), world.due(300.0)) == ([], ["page backup/1 ben"])
    assert world.due(900.0)[0] == "page lead/1 cleo"
    assert [change.event for change in world.changes].count("page") == 1


def test_who_works_on_it_gets_help_and_still_works_on_it() -> None:
    world = paged()
    world.acknowledge()
    world.at(1.0)
    world.escalate(to="commander")
    assert (world.at(2.0), world.state) == (["page by hand/0 cleo"], "acknowledged")


@pytest.mark.parametrize("over", [{"silenced_by": "s1"}, {"related": (Related("inc-0", "caused_by"),)},
                                  {"severity": "P4", "peak_severity": "P4"}])
def test_a_named_person_is_paged_whatever_else_holds_pages_back(over: dict[str, Any]) -> None:
    world = World()
    world.tell(**over)
    assert world.at(0.0) == []
    world.escalate(to="commander")
    assert world.at(1.0) == ["page by hand/0 cleo"]
    assert world.at(5.0) == []


def test_where_nobody_stands_behind_the_name_the_escalation_goes_on_and_it_is_tried_when_somebody_does() -> None:
    world = paged()
    world.on_call["commander"] = ()
    assert world.desk.fault("inc-1", "commander") is not None
    world.escalate(to="commander")
    assert world.at(1.0) == []
    world.on_call["commander"] = ("cleo",)
    assert world.at(3.0) == ["page by hand/0 cleo"]


def test_who_may_not_escalates_nothing() -> None:
    world = paged()
    world.escalate(by="viewer")
    world.escalate(by="viewer", to="commander")
    assert world.at(10.0) == []


def test_it_says_why_an_incident_cannot_be_escalated() -> None:
    world = World(policy(categories=("data_quality",)))
    world.tell()
    assert world.desk.fault("inc-9", None) == "incident 'inc-9': unknown"
    assert "no policy under escalation" in str(world.desk.fault("inc-1", None))
    assert paged().desk.fault("inc-1", "primary") is None
