"""The page draws an incident with its band from before the onset on, and services by level, within bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classifiers.model import Scope
from classifiers.series_windows import IncidentSeries, PartLevel, SeriesWindows, ServiceSeries
from streams.page import plots, series_state
from streams.page.health_view import health_view
from streams.page.incident_view import incident_view
from streams.page.series_state import SeriesState
from streams.page.service_view import service_view, services_view
from streams.page.state import PageState
from tests.streams.page.simulated import played, told

SCOPE = Scope("chat", "gpt")


def series(*end_s: float, metric: str = "latency_ms", level: float = 0.5) -> SeriesWindows:
    known = tuple(1.0 for _ in end_s)
    return SeriesWindows(
        metric, SCOPE, "cusum", True, 1.0, end_s, known, known, tuple(None for _ in end_s), known,
        tuple(level for _ in end_s),
    )


def service(at_s: float, *top: SeriesWindows, name: str = "chat") -> ServiceSeries:
    return ServiceSeries(name, "gpt", at_s, 10, 2, 1, top, (PartLevel("replica", "r0", at_s, "latency_ms"),))


def test_an_incident_is_drawn_with_its_band_from_before_the_onset_on() -> None:
    state = PageState()
    told(state)
    (incident,) = state.incidents()
    drawn = incident_view(incident, state, {})["plots"]
    assert (drawn[0]["metric"], drawn[0]["scope"]) == ("latency_ms", "chat/gpt, replica r1")
    assert drawn[0]["at_s"][0] < incident.onset_at_s - 60.0
    assert max(level for level in drawn[0]["level"] if level is not None) >= 1.0
    assert any(high is not None for high in drawn[0]["high"])


def test_without_windows_the_evidence_is_drawn() -> None:
    state = PageState()
    (incident,) = played().incidents.values()
    drawn = incident_view(incident, state, {})["plots"]
    assert {one["metric"] for one in drawn} == {one.metric for one in incident.evidence}


def test_a_window_that_is_told_twice_is_drawn_once() -> None:
    state = SeriesState()
    for _ in range(2):
        state.add_incident_series(IncidentSeries("i", "chat", "gpt", 2.0, None, (series(1.0, 2.0),)))
    (track,) = state.of_incident("i").values()
    assert list(track.end_s) == [1.0, 2.0]


def test_a_long_incident_is_drawn_by_some_hundred_windows_with_the_worst_of_each_stretch() -> None:
    state = SeriesState()
    times = [float(at) for at in range(1000)]
    levels = [5.0 if at == 501 else 0.1 for at in range(1000)]
    one = replace(series(*times), level=tuple(levels))
    state.add_incident_series(IncidentSeries("i", "chat", "gpt", 1000.0, None, (one,)))
    (track,) = state.of_incident("i").values()
    drawn = plots.plot_of(track)
    assert len(drawn["at_s"]) <= plots.MAX_DRAWN + 1
    assert 501.0 in drawn["at_s"]


def test_a_service_forgets_what_is_old_and_shows_the_levels_of_its_parts() -> None:
    state = PageState()
    state.add_service_series(service(10.0, series(10.0), series(10.0, metric="old")))
    state.add_service_series(service(10.0 + series_state.SERVICE_S + 5.0, series(610.0, level=2.0)))
    (known,) = state.series.services()
    shown = service_view(known, state)
    assert [(one["metric"], one["at_s"]) for one in shown["plots"]] == [("latency_ms", [610.0])]
    assert shown["heat"] == {"at_s": [615.0], "parts": [{"part": "replica", "name": "r0", "level": [615.0]}]}
    (row,) = services_view(state)["services"]
    assert (row["level"], row["metric"], row["warming"], row["silent"]) == (2.0, "latency_ms", 2, 1)
    health = health_view(state)
    assert (health["services"], health["series"]) == (1, 10)


def test_the_windows_of_the_last_incidents_and_services_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_state, "MAX_INCIDENTS", 2)
    monkeypatch.setattr(series_state, "MAX_SERVICES", 2)
    monkeypatch.setattr(series_state, "MAX_POINTS", 3)
    state = SeriesState()
    for number in range(3):
        state.add_incident_series(IncidentSeries(f"i{number}", "c", None, 9.0, None, (series(1.0, 2.0, 3.0, 4.0),)))
        state.add_service_series(service(9.0, series(9.0), name=f"s{number}"))
    assert (dict(state.of_incident("i0")), len(state.services())) == ({}, 2)
    (track,) = state.of_incident("i2").values()
    assert list(track.end_s) == [2.0, 3.0, 4.0]


def test_viewers_are_told_what_has_newer_windows() -> None:
    state = PageState()
    state.add_service_series(service(1.0, series(1.0)))
    state.add_incident_series(IncidentSeries("i", "chat", "gpt", 2.0, None, (series(1.0),)))
    assert state.changes.since(0) == [("series", "service/chat/gpt"), ("series", "incident/i")]


def test_a_series_that_left_the_highest_does_not_count_as_now() -> None:
    state = PageState()
    state.add_service_series(service(100.0, series(100.0, metric="left", level=3.0)))
    state.add_service_series(service(160.0, series(160.0, level=0.2)))
    (known,) = state.series.services()
    shown = service_view(known, state)
    assert (shown["level"], shown["metric"]) == (0.2, "latency_ms")
    assert [(one["metric"], one["is_current"]) for one in shown["plots"]] == [("latency_ms", True), ("left", False)]


def test_an_incident_says_which_parts_alarmed_and_which_did_not() -> None:
    state = PageState()
    (known,) = played().incidents.values()
    incident = replace(known, onset_at_s=100.0, resolved_at_s=200.0)
    service_of = ServiceSeries(incident.service, incident.model, 90.0, 10, 0, 0, (), ())
    for at_s, r0, r1 in ((90.0, 9.0, 0.1), (110.0, 0.4, 1.5), (150.0, 0.9, 0.2), (210.0, 9.0, 0.1)):
        parts = (
            PartLevel("replica", "r0", r0, None), PartLevel("replica", "r1", r1, None),
            PartLevel("replica", "r2", None, None),
        )
        state.add_service_series(replace(service_of, at_s=at_s, parts=parts))
    assert incident_view(incident, state, {})["siblings"] == [{"part": "replica", "alarmed": ["r1"], "quiet": ["r0"]}]
    assert incident_view(replace(incident, service="other"), state, {})["siblings"] == []
    silence = replace(incident, evidence=(replace(incident.evidence[0], detector="absence"),))
    assert incident_view(silence, state, {})["siblings"] == []


def test_the_age_of_the_newest_record_counts_by_the_clock_of_decisions() -> None:
    state = PageState()
    assert health_view(state, 30.0)["newest_s"] is None
    state.heard(1000.0)
    assert health_view(state, 30.0)["newest_s"] == 1030.0
