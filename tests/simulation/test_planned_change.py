"""A planned change of a small fleet: within what is expected no incident, beyond it one; afterwards it is normal."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import cache

import pytest

from classifiers.directives import Deployment, Directive, Feedback
from classifiers.expectations import parse_expectation
from classifiers.model import AuditEntry, Incident
from tests.simulation.fleet import ACTING, PLAN, Behaviour, Fleet, Second, T, fleet, sick

CHANGED_AT_S = T + 120.0
BEFORE, DURING, AFTER = 120, 300, 120
"""Seconds before the change, while it is expected, and after."""


def slower(factor: float, **more: float) -> Behaviour:
    return lambda _, __: Second(latency_ms=100.0 * factor, more=more)


def deployed(*expected: str, lasts_s: float = float(DURING)) -> Deployment:
    parsed = tuple(map(parse_expectation, expected))
    return Deployment("chat", None, "v2", CHANGED_AT_S, parsed, CHANGED_AT_S + lasts_s if expected else None)


def changed(factor: float, *directives: Directive, **more: float) -> Fleet:
    watched = fleet()
    watched.run.add_directives(directives)
    before = slower(1.0, **dict.fromkeys(more, 0.0))
    return watched.play(BEFORE, before).play(DURING + AFTER, slower(factor, **more))


def planned(watched: Fleet) -> list[AuditEntry]:
    return [entry for entry in watched.run.audit if entry.event in ("expect", "hold_back", "end")]


def test_a_change_within_what_is_expected_is_no_incident_then_or_afterwards() -> None:
    assert changed(1.6, deployed("latency_ms<=1.7x")).run.incidents == {}


def test_the_same_change_unannounced_is_one_incident() -> None:
    (found,) = changed(1.6, deployed()).run.incidents.values()
    assert found.category == "performance_degradation"


def test_a_change_beyond_what_is_expected_is_one_incident_told_against_the_plan() -> None:
    (found,) = changed(2.5, deployed("latency_ms<=1.7x", lasts_s=3600.0)).run.incidents.values()
    expected = [reading.expected for reading in found.evidence if reading.metric == "latency_ms"]
    assert expected == [pytest.approx(170.0, rel=0.03)] * len(expected)
    assert found.opened_at_s < CHANGED_AT_S + 20.0


def test_an_allowed_value_may_be_given_in_the_metrics_unit() -> None:
    assert changed(1.6, deployed("latency_ms<=175")).run.incidents == {}
    assert len(changed(2.5, deployed("latency_ms<=175")).run.incidents) == 1


def test_an_expectation_of_the_latency_covers_what_follows_from_it() -> None:
    watched = fleet()
    watched.run.add_directives([deployed("latency_ms<=1.7x")])
    watched.play(BEFORE, slower(1.0, ttft_ms=60.0, batch_active=20.0))
    watched.play(DURING + AFTER, slower(1.6, ttft_ms=96.0, batch_active=32.0))
    assert watched.run.incidents == {}


def test_failures_are_never_within_what_is_expected() -> None:
    (found,) = changed(1.6, deployed("latency_ms<=1.7x"), error=0.4).run.incidents.values()
    assert {reading.metric for reading in found.evidence} == {"error"}


def test_a_replica_that_is_slower_than_planned_is_named() -> None:
    watched = fleet()
    watched.run.add_directives([deployed("latency_ms<=1.7x")])
    watched.play(BEFORE)
    watched.play(60, lambda _, name: Second(latency_ms=600.0 if name == "r1" else 160.0))
    assert {one.replica for one in watched.run.incidents.values()} == {"r1"}


def test_another_service_and_another_model_are_judged_as_ever() -> None:
    for other in (replace(deployed("latency_ms<=1.7x"), service="other"),
                  replace(deployed("latency_ms<=1.7x"), model="llama")):
        assert len(changed(1.6, other).run.incidents) == 1


def test_what_became_normal_is_judged_by_itself_afterwards() -> None:
    watched = changed(1.6, deployed("latency_ms<=1.7x"))
    watched.play(40, slower(2.6))
    (found,) = watched.run.incidents.values()
    expected = [reading.expected for reading in found.evidence if reading.metric == "latency_ms"]
    assert expected == [pytest.approx(160.0, rel=0.05)] * len(expected)


def test_the_audit_says_when_it_began_what_was_held_back_and_when_it_ended() -> None:
    found = planned(changed(1.6, deployed("latency_ms<=1.7x")))
    assert [entry.event for entry in found] == ["expect", "hold_back", "end"]
    assert (found[0].at_s, found[2].at_s) == (CHANGED_AT_S, CHANGED_AT_S + DURING)
    assert found[0].reason == "latency_ms<=1.7x of chat is expected for 300 s"
    assert found[1].reason.startswith("latency_ms of ")
    assert found[2].reason == "its time is over; deviations of latency_ms were within it"


def test_a_change_that_is_over_when_it_is_announced_changes_nothing() -> None:
    watched = calm()
    watched.run.add_directives([replace(deployed("latency_ms<=1.7x"), at_s=T + 1.0, until_s=T + 60.0)])
    watched.play(60, slower(1.6))
    assert len(watched.run.incidents) == 1
    assert planned(watched) == []


@cache
def undisturbed(factor: float) -> object:
    return changed(factor, deployed("latency_ms<=1.7x")).run.results()


@pytest.mark.parametrize("factor", [1.6, 2.5])
def test_a_restart_changes_nothing(factor: float) -> None:
    watched = fleet()
    watched.run.add_directives([deployed("latency_ms<=1.7x")])
    for second in range(BEFORE + DURING + AFTER):
        if second in (118, 121, 150, 300, 430):  # before, at the beginning, during, and after
            watched.run.restart()
        watched.play(1, slower(factor if second >= BEFORE else 1.0))
    assert watched.run.results() == undisturbed(factor)


def expected_feedback(incident: Incident, at_s: float) -> Feedback:
    return Feedback("fb-1", incident.id, "ana", at_s, None, None, False, expected=True, until_s=at_s + 3600.0)


@cache
def _calm() -> Fleet:
    return fleet().play(BEFORE)


def calm() -> Fleet:
    """A fleet before the change: a copy, since many tests begin so."""
    return deepcopy(_calm())


def test_feedback_ends_the_incident_at_once_and_it_does_not_come_again() -> None:
    watched = calm().play(60, slower(1.6))
    (opened,) = watched.run.incidents.values()
    watched.run.add_directives([expected_feedback(opened, watched.now_s)])
    watched.play(300, slower(1.6))
    (found,) = watched.run.incidents.values()
    assert (found.state, found.resolution) == ("resolved", "expected")
    assert found.resolved_at_s == CHANGED_AT_S + 60.0
    assert [(entry.subject, entry.event) for entry in planned(watched)] == [(found.id, "expect"), ("fb-1", "expect")]


def test_feedback_on_an_incident_that_ended_lately_keeps_it_from_coming_again() -> None:
    watched = calm().play(30, slower(1.6)).play(30)
    (ended,) = watched.run.incidents.values()
    assert ended.state == "resolved"
    watched.run.add_directives([expected_feedback(ended, watched.now_s)])
    watched.play(60).play(60, slower(1.6))
    assert list(watched.run.incidents) == [ended.id]
    assert watched.run.incidents[ended.id].resolution is None


def test_a_larger_deviation_than_was_called_expected_is_an_incident() -> None:
    watched = calm().play(60, slower(1.6))
    (opened,) = watched.run.incidents.values()
    watched.run.add_directives([expected_feedback(opened, watched.now_s)])
    watched.play(60, slower(1.6)).play(60, slower(3.0))
    assert [one.state for one in watched.run.incidents.values()] == ["resolved", "open"]


def test_feedback_on_one_replica_says_nothing_of_the_others() -> None:
    watched = calm().play(60, sick("r1", 300.0))
    (opened,) = watched.run.incidents.values()
    assert opened.replica == "r1"
    watched.run.add_directives([expected_feedback(opened, watched.now_s)])
    watched.play(60, sick("r1", 300.0))
    assert [one.state for one in watched.run.incidents.values()] == ["resolved"]
    watched.play(30, lambda _, name: Second(latency_ms=300.0 if name in ("r1", "r2") else 100.0))
    assert [one.replica for one in watched.run.incidents.values()][1:] == ["r2"]


def test_what_was_done_for_an_incident_that_was_expected_is_undone() -> None:
    watched = fleet(ACTING).play(BEFORE).play(20, sick("r1", 300.0))
    (opened,) = watched.run.incidents.values()
    watched.answer()
    watched.run.add_directives([expected_feedback(opened, watched.now_s)])
    watched.play(5, sick("r1", 300.0))
    assert [(intent.kind, intent.undo) for intent in watched.run.intents] == [
        ("circuit_breaker", False), ("circuit_breaker", True),
    ]


def test_feedback_on_an_incident_that_is_not_open_here_changes_nothing() -> None:
    watched = fleet(PLAN).play(BEFORE)
    unknown = Feedback("fb-1", "inc-x", "ana", watched.now_s, None, None, False, expected=True, until_s=T + 7200.0)
    watched.run.add_directives([unknown])
    watched.play(60, slower(1.6))
    assert [one.state for one in watched.run.incidents.values()] == ["open"]
