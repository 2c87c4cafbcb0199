"""What is published for people to look at: an incident from before its onset until after its end, and each service."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from classifiers.incidents.incident_change import IncidentChange
from classifiers.model import Anomaly, Scope
from classifiers.series_windows import ServiceSeries
from classifiers.viewing_by_hand import Watch
from config import load
from streams.contracts.envelopes import (
    incident_series_message,
    read_incident_series,
    read_service_series,
    service_series_message,
)
from streams.contracts.ticks import Tick
from streams.planning import plan_of
from streams.shard.recent import listed_series, service_series
from streams.shard.recent.listed_series import LISTED_EVERY_S
from streams.shard.recent.series_report import AFTER_S, EVERY_S, FULL_S, MAX_WATCHED, THIN_S
from tests.simulation.fleet import PLAN, T, fleet, sick
from tests.simulation.run import LATENCY, Run
from tests.streams.fakes import clocked

SOURCE = "/tocsin/test"


def times_of(run: Run, metric: str, replica: str | None) -> list[float]:
    """The ends of the windows of a series that were published for an incident, in the order of publication."""
    return [
        at_s for one in run.incident_series for series in one.series for at_s in series.end_s
        if (series.metric, series.scope.replica) == (metric, replica)
    ]


def test_an_incident_is_shown_from_before_its_onset_until_after_its_end() -> None:
    play = fleet()
    play.play(90).play(60, sick("r1")).play(240)
    (opened,) = [one for change, one in play.run.changes if change == "opened"]
    (ended,) = [one for change, one in play.run.changes if change == "resolved"]
    assert ended.resolved_at_s is not None
    times = times_of(play.run, "latency_ms", "r1")
    assert times[0] <= opened.onset_at_s - 60.0
    assert times[-1] >= ended.resolved_at_s + AFTER_S - 2.0 * EVERY_S
    assert times == sorted(set(times)), "no window is published twice"
    assert max(later - earlier for earlier, later in pairwise(times)) <= 1.5
    assert times_of(play.run, "latency_ms", None), "the whole service is shown beside the replica"


def test_the_sick_windows_are_beyond_the_band_and_the_others_within() -> None:
    play = fleet()
    play.play(90).play(40, sick("r1"))
    points = [
        (value, high, level) for one in play.run.incident_series for series in one.series
        if (series.metric, series.scope.replica) == ("latency_ms", "r1")
        for value, high, level in zip(series.value, series.high, series.level, strict=True) if high is not None
    ]
    sick_ones = [(high, level) for value, high, level in points if value is not None and value > 500.0]
    well = [(value, high) for value, high, _ in points if value is not None and value < 150.0]
    assert len(sick_ones) >= 20
    assert len(well) >= 30
    assert all(high < 500.0 and level is not None and level >= 1.0 for high, level in sick_ones)
    assert all(value < high for value, high in well)


def test_a_series_that_alarms_later_is_shown_from_before_the_onset_too() -> None:
    play = fleet()
    play.play(90).play(30, sick("r1"))
    (opened,) = play.run.incidents.values()
    scope = Scope("chat", "gpt", replica="r1")
    later = Anomaly(scope, "confidence", "cusum", T + 118.0, T + 119.0, 0.3, 0.8, 2.0, "down", 10, T + 118.0)
    play.run.shard.alarmed.record([IncidentChange("updated", replace(opened, evidence=(*opened.evidence, later)))])
    play.play(10, sick("r1"))
    assert times_of(play.run, "confidence", "r1")[0] <= opened.onset_at_s - 60.0
    times = times_of(play.run, "latency_ms", "r1")
    assert times == sorted(set(times)), "no window is published twice"


def test_a_long_incident_is_thinned_to_its_worst_windows() -> None:
    play = fleet(replicas=("r0", "r1"))
    play.play(90).play(int(FULL_S) + 300, sick("r1"))
    (opened,) = [one for change, one in play.run.changes if change == "opened"]
    late = [at_s for at_s in times_of(play.run, "latency_ms", "r1") if at_s > opened.onset_at_s + FULL_S + THIN_S]
    assert 0 < len(late) <= 300 / THIN_S + 1
    assert any(one.each_s == THIN_S for one in play.run.incident_series)


def test_a_service_tells_its_own_series_its_worst_parts_and_what_warms_up() -> None:
    play = fleet()
    play.play(20)
    young = play.run.service_series[-1]
    assert (young.service, young.warming) == ("chat", young.series)
    play.play(80).play(30, sick("r2"))
    last = play.run.service_series[-1]
    assert {one.metric for one in last.top if one.scope.replica is None} >= {"latency_ms", "confidence"}
    assert (last.parts[0].part, last.parts[0].name, last.parts[0].metric) == ("replica", "r2", "latency_ms")
    assert {one.name for one in last.parts if one.part == "replica"} == {"r0", "r1", "r2", "r3"}


def test_all_series_of_a_service_are_listed_once_a_minute_by_their_newest_window() -> None:
    play = fleet()
    play.play(90).play(60, sick("r1"))
    told = [one for one in play.run.service_series if one.listed]
    assert all(later.at_s - earlier.at_s >= LISTED_EVERY_S for earlier, later in pairwise(told))
    assert len(told) >= 2
    last = told[-1]
    names = {(one.metric, part) for one in last.listed for part in one.parts}
    assert len(names) == sum(len(one.parts) for one in last.listed) == last.series
    assert {("latency_ms", ""), ("latency_ms", "replica/r1"), ("confidence", "replica/r3")} <= names
    (latency,) = [one for one in last.listed if one.metric == "latency_ms"]
    level, value = max(
        (level, value) for level, value in zip(latency.level, latency.value, strict=True)
        if level is not None and value is not None
    )
    assert level >= 1.0
    assert value > 500.0


def test_of_too_many_series_those_with_the_highest_levels_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed_series, "MAX_LISTED", 2)
    play = fleet()
    play.play(90).play(60, sick("r1"))
    last = [one for one in play.run.service_series if one.listed][-1]
    assert ("latency_ms", "replica/r1") in {(one.metric, part) for one in last.listed for part in one.parts}
    assert sum(len(one.parts) for one in last.listed) == 2


def watched(part: str, until_s: float, metric: str = "confidence") -> Watch:
    return Watch("chat", "gpt", metric, part, "vera", T, until_s)


def confidence_of(told: ServiceSeries) -> set[str | None]:
    """The replicas of which windows of the metric were published."""
    return {one.scope.replica for one in told.top if one.metric == "confidence"}


def test_a_series_that_a_person_asks_for_is_published_whatever_its_level_until_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service_series, "MAX_PARTS_TOP", 0)
    play = fleet()
    play.play(100)
    assert confidence_of(play.run.service_series[-1]) == {None}
    play.run.shard.report.watch(watched("replica/r2", T + 150.0))
    play.run.shard.report.watch(Watch("another", None, "confidence", "replica/r3", "vera", T, T + 150.0))
    play.play(20)
    assert confidence_of(play.run.service_series[-1]) == {None, "r2"}
    play.play(60)
    assert confidence_of(play.run.service_series[-1]) == {None}


def test_of_too_many_asked_series_the_last_ones_count_and_a_changed_configuration_keeps_them() -> None:
    shard = clocked(PLAN)
    for number in range(MAX_WATCHED + 1):
        shard.report.watch(watched(f"replica/r{number}", T + 150.0))
    parts = [part for _, _, _, part in shard.report.watched]
    assert parts == [f"replica/r{number}" for number in range(1, MAX_WATCHED + 1)]
    config = load(None, {})
    changed = plan_of(config.model_copy(update={"triage": replace(config.triage, confirm_instants=3)}))
    shard.apply_tick(Tick(2, T + 3600.0, {}, configuration=changed.written))
    assert shard.plan.written == changed.written
    assert [part for _, _, _, part in shard.report.watched] == parts


def test_a_backlog_costs_one_report_a_tick() -> None:
    """All of it in one tick: one report, however much event time it is."""
    play = fleet()
    records = [record for _ in range(120) for record in play.next_second()]
    shard = clocked(PLAN)
    shard.ingest(LATENCY, records)
    products = shard.apply_tick(Tick(1, T + 200.0, dict(shard.offsets), T + 118.0))
    assert len(products.service_series) == 1


def test_reports_are_messages_that_can_be_read() -> None:
    play = fleet()
    play.play(90).play(20, sick("r1"))
    incident, service = play.run.incident_series[-1], play.run.service_series[-1]
    assert read_incident_series(incident_series_message(incident, SOURCE, 0).value) == incident
    message = service_series_message(service, SOURCE, 0)
    assert (message.key, read_service_series(message.value)) == (b"service/chat/gpt", service)


@pytest.mark.parametrize("seconds", [3, 4])
def test_nothing_is_published_before_enough_event_time_went_by(seconds: int) -> None:
    play = fleet()
    play.play(60)
    before = len(play.run.service_series)
    play.play(seconds)
    assert len(play.run.service_series) - before <= 1
