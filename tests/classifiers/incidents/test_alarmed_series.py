"""Which series an incident was of is kept for what people say of it later."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from classifiers.incidents.alarmed_series import KEEP_S, MAX_INCIDENTS, MAX_SERIES, AlarmedSeriesTable
from classifiers.incidents.triage import IncidentChange
from classifiers.model import Anomaly, Incident, Scope
from tests.streams.fakes import T, incident

SCOPE = Scope("chat", "gpt")


def alarm(metric: str, end_s: float, level: float = 2.0) -> Anomaly:
    return Anomaly(SCOPE, metric, "block_maxima", end_s - 15.0, end_s, 9.0, 1.0, level, "up", 1, end_s - 15.0)


def opened(name: str = "inc-1", at_s: float = T, *evidence: Anomaly) -> Incident:
    found = evidence or (alarm("latency_ms", at_s),)
    return replace(incident(), id=name, onset_at_s=at_s - 15.0, evidence=found, state="open")


def record(table: AlarmedSeriesTable, one: Incident) -> list[str]:
    return [each.incident_id for each in table.record([IncidentChange("updated", one)])]


def test_a_confirmed_incident_has_every_series_that_alarmed_from_its_onset_to_its_last_alarm() -> None:
    table = AlarmedSeriesTable()
    record(table, opened())
    record(table, opened("inc-1", T, alarm("error", T + 60.0), alarm("queue_ms", T + 60.0, level=0.5)))
    found = table.confirm("inc-1")
    assert found is not None
    assert found.series == (("latency_ms", SCOPE), ("error", SCOPE))
    assert (found.from_s, found.until_s) == (T - 15.0, T + 60.0)


def test_confirming_twice_counts_once_and_an_unknown_incident_is_nothing() -> None:
    table = AlarmedSeriesTable()
    record(table, opened())
    assert table.confirm("inc-1") is not None
    assert table.confirm("inc-1") is None
    assert table.confirm("inc-2") is None


def test_an_incident_that_was_confirmed_while_open_is_told_when_it_ends() -> None:
    table = AlarmedSeriesTable()
    record(table, opened())
    table.confirm("inc-1")
    assert record(table, opened("inc-1", T, alarm("error", T + 60.0))) == []
    assert record(table, replace(opened("inc-1", T, alarm("error", T + 90.0)), state="resolved")) == ["inc-1"]


def test_a_false_alarm_is_not_told_when_it_ends() -> None:
    table = AlarmedSeriesTable()
    record(table, opened())
    table.confirm("inc-1")
    assert table.deny("inc-1") is not None
    assert record(table, replace(opened(), state="resolved")) == []


def test_what_is_known_survives_a_restart() -> None:
    table, again = AlarmedSeriesTable(), AlarmedSeriesTable()
    record(table, opened())
    again.load(json.loads(json.dumps(table.dump(), default=vars)))
    assert again.dump() == table.dump()
    assert again.confirm("inc-1") == table.confirm("inc-1")


def test_a_foreign_dump_is_refused() -> None:
    with pytest.raises(ValueError, match="alarmed series"):
        AlarmedSeriesTable().load([{"incident_id": 3}])


def test_memory_is_bounded_by_age_by_number_and_by_series() -> None:
    table = AlarmedSeriesTable()
    record(table, opened("old"))
    for number in range(MAX_INCIDENTS):
        record(table, opened(f"inc-{number}", T + number))
    assert table.confirm("old") is None
    record(table, opened("late", T + KEEP_S + 2.0, *(alarm(f"m{at}", T + KEEP_S + 2.0) for at in range(100))))
    assert table.confirm("inc-1") is None
    found = table.confirm("late")
    assert found is not None
    assert len(found.series) == MAX_SERIES
