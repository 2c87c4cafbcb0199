from __future__ import annotations

import json

import pytest

from classifiers.incidents.triage import IncidentChange
from streams.shard.repeats import Repeats
from tests.streams.fakes import T, incident

ONE, OTHER = incident(id="one"), incident(id="other")


def due(repeats: Repeats, at_s: float, *opened: str, published: tuple[str, ...] = ()) -> list[str]:
    incidents = {"one": ONE, "other": OTHER}
    changes = [IncidentChange("updated", incidents[name]) for name in published]
    return [each.id for each in repeats.due([incidents[name] for name in opened], changes, T + at_s)]


def test_an_incident_that_was_just_published_is_not_due_and_then_every_minute() -> None:
    repeats = Repeats()
    assert due(repeats, 0.0, "one", published=("one",)) == []
    steps = [due(repeats, at_s, "one") for at_s in (59.9, 60.0, 60.1, 119.9, 121.0)]
    assert steps == [[], ["one"], [], [], ["one"]]


def test_any_publication_makes_it_wait_anew() -> None:
    repeats = Repeats()
    assert due(repeats, 0.0, "one") == []
    assert due(repeats, 50.0, "one", published=("one",)) == []
    assert due(repeats, 109.0, "one") == []
    assert due(repeats, 110.0, "one") == ["one"]


def test_each_incident_has_a_time_of_its_own() -> None:
    repeats = Repeats()
    assert due(repeats, 0.0, "one") == []
    assert due(repeats, 30.0, "one", "other") == []
    assert due(repeats, 60.0, "one", "other") == ["one"]
    assert due(repeats, 90.0, "one", "other") == ["other"]


def test_an_incident_that_is_over_is_forgotten() -> None:
    repeats = Repeats()
    due(repeats, 0.0, "one", "other")
    assert due(repeats, 60.0, "other", published=("one",)) == ["other"]
    assert repeats.dump() == {"other": T + 60.0}


def test_one_that_is_published_as_it_falls_due_is_not_published_twice() -> None:
    repeats = Repeats()
    due(repeats, 0.0, "one")
    assert due(repeats, 60.0, "one", published=("one",)) == []
    assert due(repeats, 119.0, "one") == []


@pytest.mark.parametrize("step_s", [-86_400.0, -61.0, 86_400.0])
def test_a_step_of_the_clock_delays_no_repeat_by_more_than_one_period(step_s: float) -> None:
    repeats = Repeats()
    due(repeats, 0.0, "one")
    found = [bool(due(repeats, step_s + second, "one")) for second in range(0, 121, 30)]
    assert found.index(True) <= 2
    assert sum(found) >= 2


def test_times_come_back_from_a_dump() -> None:
    first, second = Repeats(), Repeats()
    due(first, 0.0, "one")
    second.load(json.loads(json.dumps(first.dump())))
    assert due(second, 59.0, "one") == []
    assert due(second, 60.0, "one") == ["one"]


@pytest.mark.parametrize(("data", "error"), [({"one": "x"}, ValueError), ({"one": None}, TypeError)])
def test_what_is_no_dump_is_refused(data: dict[str, float], error: type[Exception]) -> None:
    with pytest.raises(error):
        Repeats().load(data)
