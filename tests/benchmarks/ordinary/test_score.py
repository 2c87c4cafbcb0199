"""Incidents made by hand are counted as pages, notes and finds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.ordinary.generator.day import Expected, Gap
from benchmarks.ordinary.generator.service import Replica
from benchmarks.ordinary.judge import alert_delay_s
from benchmarks.ordinary.rules import Alert
from benchmarks.ordinary.score import Finding, findings, reported
from classifiers.model import Incident
from tests.benchmarks.ordinary.days import END_S, START_S, day, fault, incident, service


def test_p0_to_p2_are_pages_and_the_others_notes() -> None:
    seen = reported(day(), [incident(10.0 * number, f"P{number}") for number in range(5)])
    assert [one.peak_severity for one in seen.pages] == ["P0", "P1", "P2"]
    assert [one.peak_severity for one in seen.notes] == ["P3", "P4"]


def test_one_incident_of_an_unannounced_change_is_right_and_a_second_is_a_page() -> None:
    changed = replace(service(), replicas=(Replica("r0", "v1"), Replica("r1", "v2", ready_s=300.0)))
    one_day = day(services=(changed,), expected=Expected(incidents=1))
    seen = reported(one_day, [incident(350.0), incident(500.0)])
    assert (len(seen.right), len(seen.pages)) == (1, 1)


def test_what_is_expected_of_a_change_does_not_excuse_what_came_before_it() -> None:
    changed = replace(service(), replicas=(Replica("r0", "v1"), Replica("r1", "v2", ready_s=300.0)))
    one_day = day(services=(changed,), expected=Expected(incidents=1))
    assert len(reported(one_day, [incident(100.0)]).pages) == 1


def test_monitoring_that_stays_away_may_page_as_such_alone() -> None:
    away = day(expected=Expected(telemetry_pages=1), gaps=(Gap(100.0, 900.0, ("chat",), "r1"),))
    seen = reported(away, [incident(300.0, category="telemetry"), incident(310.0)])
    assert [one.category for one in seen.right] == ["telemetry"]
    assert [one.category for one in seen.pages] == ["availability"]


def test_one_page_of_a_silent_source_is_right_and_those_of_its_services_are_not() -> None:
    silent = day(expected=Expected(source_pages=1), gaps=(Gap(300.0, 360.0, ("chat",)),))
    seen = reported(silent, [incident(200.0), incident(340.0), incident(345.0)])
    assert [one.opened_at_s - silent.origin_s for one in seen.right] == [340.0]
    assert [one.opened_at_s - silent.origin_s for one in seen.pages] == [200.0, 345.0]


def found(*incidents: Incident, kind: str = "hung_replica", healthy: tuple[Incident, ...] = ()) -> Finding:
    """What was found of one fault."""
    return findings(day(faults=(fault(kind),)), incidents, healthy)[0]


def test_a_page_that_names_the_part_finds_a_fault() -> None:
    one = found(incident(START_S + 12.0, replica="r1"))
    assert (one.page, one.delay_s, one.scope_right, one.category_right) == (True, 12.0, True, True)


def test_a_note_tells_of_a_fault_and_does_not_page() -> None:
    one = found(incident(START_S + 12.0, "P3", replica="r1"))
    assert (one.first is not None, one.page) == (True, False)


def test_the_delay_is_that_of_the_first_page() -> None:
    assert found(incident(START_S + 5.0, "P4"), incident(START_S + 30.0, "P1")).delay_s == 30.0


@pytest.mark.parametrize("wrong", [
    incident(START_S - 5.0, replica="r1"), incident(END_S + 90.0, replica="r1"), incident(START_S + 5.0, replica="r0"),
    incident(START_S + 5.0, version="v1"), incident(START_S + 5.0, replica="r1", service="mail"),
    incident(START_S + 5.0, model="other"),
])
def test_an_incident_at_another_time_or_of_another_part_finds_nothing(wrong: Incident) -> None:
    assert found(wrong).first is None


def test_the_service_as_a_whole_is_no_contradiction_and_not_the_right_scope() -> None:
    one = found(incident(START_S + 12.0))
    assert (one.page, one.scope_right) == (True, False)


def test_one_replica_of_a_fault_of_all_is_found_and_not_the_right_scope() -> None:
    one = found(incident(START_S + 12.0, replica="r1"), kind="fleet_fault")
    assert (one.page, one.scope_right) == (True, False)


def test_what_is_told_of_the_healthy_day_too_finds_nothing() -> None:
    same = incident(START_S + 12.0, replica="r1")
    assert found(same, healthy=(incident(START_S + 20.0, replica="r1"),)).first is None
    assert found(same, healthy=(incident(START_S + 200.0, replica="r1"),)).first is not None


def test_a_rule_finds_a_fault_unless_it_fires_on_the_healthy_day_or_for_another_pod() -> None:
    hung = fault("hung_replica")
    right, other = (Alert("ReplicaStalled", "chat", part, START_S + 300.0, END_S) for part in ("r1", "r0"))
    assert alert_delay_s(hung, [right], []) == 300.0
    assert alert_delay_s(hung, [right], [right]) is None
    assert alert_delay_s(hung, [other], []) is None
