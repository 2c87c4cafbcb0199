from __future__ import annotations

from collections import Counter
from math import inf

import numpy as np
import pytest

from classifiers.evidence.evidence_table import ABSENCE
from classifiers.incidents.triage import IncidentChange, Triage, TriageParams
from classifiers.model import Scope
from detectors.suite import Suite, SuiteParams
from streams.intake.scopes import ScopeTable
from streams.presence.traffic import Traffic
from streams.shard.detection import CATCH_UP_INSTANTS, Detection
from streams.shard.presence import Presence
from streams.shard.rows import Rows
from streams.windows.provenance import Provenance
from streams.windows.series import SeriesTable
from streams.windows.windower import Windower, WindowParams
from tests.streams.fakes import T, incident, requests
from tests.streams.records import samples_of

SERVICE = ("chat", "gpt")
R1 = Scope("chat", "gpt", replica="r1")


class Bench:
    """Detection over the windows of one source, without a decider."""

    def __init__(self) -> None:
        self.scopes = ScopeTable()
        self.series = SeriesTable(200, self.scopes)
        self.windower = Windower(WindowParams(), self.series, lambda _: "mean")
        suite = SuiteParams()
        self.suite = Suite(suite, 4)
        traffic = Traffic(1.0, frozenset({"requests_per_s"}))
        self.rows = Rows(self.series, self.suite, suite.profiles, traffic)
        self.triage = Triage(TriageParams(), lambda _: 2, "abc")
        self.isolated: list[Scope] = []
        self.alarms: Counter[str] = Counter()
        presence = Presence(self.series, self.suite, self.rows, traffic, 60.0, 600.0)
        self.detection = Detection(
            self.series, self.suite, self.rows, self.triage, Provenance(1.0, 5, None), presence, 1.0,
        )

    def feed(self, values: list[object], until_s: float) -> None:
        self.windower.add("a", samples_of(values, self.scopes), True)
        for closed in self.windower.close(until_s):
            self.rows.forget(closed.evicted)
            self.pass_until(closed.end_s - 1.0)
            self.detection.close(closed, self.isolated, self.alarms)

    def pass_until(self, until_s: float) -> list[float]:
        passed = []
        for now_s in self.detection.empty_until(until_s):
            self.detection.pass_empty(now_s, self.isolated, self.alarms)
            passed.append(now_s)
        return passed


def test_before_the_first_window_no_time_passes() -> None:
    bench = Bench()
    assert (bench.pass_until(T + 100.0), bench.detection.evaluated_until_s) == ([], -inf)


def test_every_instant_without_a_window_is_looked_at_once() -> None:
    bench = Bench()
    bench.feed(requests(5), T + 5.0)
    assert bench.pass_until(T + 8.4) == [T + 6.0, T + 7.0, T + 8.0]
    assert bench.pass_until(T + 8.9) == []
    assert bench.detection.evaluated_until_s == T + 8.0


def test_a_leap_of_the_clock_looks_at_the_last_instants_only() -> None:
    bench = Bench()
    bench.feed(requests(5), T + 5.0)
    passed = bench.pass_until(T + 1000.0)
    assert (len(passed), passed[-1]) == (CATCH_UP_INSTANTS, T + 1000.0)


def test_silence_is_an_alarm_until_the_series_counts_as_gone() -> None:
    bench = Bench()
    bench.feed(requests(40), T + 40.0)
    bench.pass_until(T + 50.0)
    assert bench.alarms["absence"] > 0
    assert SERVICE in bench.triage.episodes
    bench.pass_until(T + 641.0)
    bench.alarms.clear()
    bench.pass_until(T + 700.0)
    assert bench.alarms == {}


def test_the_absence_of_an_isolated_scope_is_no_alarm_until_the_isolation_ends() -> None:
    bench = Bench()
    bench.feed(requests(40), T + 40.0)
    bench.isolated = [R1]
    only_r0 = [one for one in requests(60, start=40) if isinstance(one, dict) and one["replica"] == "r0"]
    bench.feed(list(only_r0), T + 100.0)
    assert "absence" not in bench.alarms
    bench.isolated = []
    bench.pass_until(T + 101.0)
    assert "absence" not in bench.alarms
    only_r0 = [one for one in requests(10, start=101) if isinstance(one, dict) and one["replica"] == "r0"]
    bench.feed(list(only_r0), T + 111.0)
    assert bench.alarms["absence"] > 0


@pytest.mark.parametrize("isolated", [Scope("chat", "gpt"), Scope("other", "gpt"), Scope("chat", "gpt", tenant="t0")])
def test_an_isolated_scope_covers_the_series_within_it_and_no_others(isolated: Scope) -> None:
    bench = Bench()
    bench.feed(requests(40), T + 40.0)
    bench.isolated = [isolated]
    bench.pass_until(T + 60.0)
    assert ("absence" in bench.alarms) == (isolated != Scope("chat", "gpt"))


def only(replica: str, values: list[object]) -> list[object]:
    return [one for one in values if isinstance(one, dict) and one["replica"] == replica]


def first_absence_s(bench: Bench, until_s: float) -> float:
    return bench.detection.first_absence_s(until_s, bench.windower.open_until_s(), bench.isolated)


def test_the_first_absence_is_foretold_to_the_instant_at_which_it_alarms() -> None:
    bench = Bench()
    bench.feed(requests(40), T + 40.0)
    first_s = first_absence_s(bench, T + 60.0)
    assert T + 41.0 < first_s < T + 60.0
    bench.pass_until(first_s - 0.001)
    assert bench.alarms == {}
    bench.pass_until(first_s + 1.0)
    assert bench.alarms["absence"] > 0


def test_records_in_open_windows_put_off_the_absence_of_their_own_scope_alone() -> None:
    bench = Bench()
    bench.feed(requests(40), T + 40.0)
    silent_s = first_absence_s(bench, T + 60.0)
    bench.windower.add("a", samples_of(only("r0", requests(10, start=40)), bench.scopes), True)
    assert first_absence_s(bench, T + 60.0) == pytest.approx(silent_s)
    bench.windower.add("a", samples_of(only("r1", requests(10, start=40)), bench.scopes), True)
    assert first_absence_s(bench, T + 60.0) == pytest.approx(silent_s + 10.0)


def test_no_absence_is_foretold_of_who_is_silent_already_or_behind_a_breaker_or_hardly_known() -> None:
    bench = Bench()
    bench.feed(requests(5), T + 5.0)
    assert first_absence_s(bench, T + 60.0) == inf
    bench.feed(requests(35, start=5), T + 40.0)
    bench.isolated = [Scope("chat", "gpt")]
    assert first_absence_s(bench, T + 60.0) == inf
    bench.isolated = []
    bench.pass_until(T + 60.0)
    assert first_absence_s(bench, T + 90.0) == inf


def test_rows_swept_away_are_not_missed_and_not_asked_for_their_names() -> None:
    bench = Bench()
    bench.feed(requests(40), T + 40.0)
    bench.series.min_idle_s = 1.0
    bench.series.sweep(T + 50.0, bench.windower._scopes_in_use())
    assert len(bench.series) == 0
    bench.pass_until(T + 60.0)
    assert bench.alarms == {}


def test_what_is_accepted_beside_another_incident_is_forgotten_alone() -> None:
    bench = Bench()
    bench.feed(requests(60), T + 60.0)
    rows = bench.series.active()
    silent = {row: bench.suite.snapshot(np.array([row])) for row in rows.tolist()}
    own = (("latency_ms", R1), (ABSENCE, Scope("chat", "gpt", replica="r0")))
    bench.detection.relearn(IncidentChange("resolved", incident(service="chat", model="gpt"), True, own))
    changed = {
        bench.series.key(row) for row, before in silent.items()
        if any(not np.array_equal(before[name], after, equal_nan=True)
               for name, after in bench.suite.snapshot(np.array([row])).items())
    }
    assert changed == {key for key in map(bench.series.key, rows.tolist()) if key in own or key[1].replica == "r0"}


def test_a_series_that_relearns_does_not_hide_since_when_its_replica_is_silent() -> None:
    bench = Bench()
    bench.feed(requests(400), T + 400.0)
    row = bench.series.row("error", R1)
    assert row is not None
    bench.suite.forget(np.array([row]))
    with np.errstate(invalid="raise"):
        bench.feed(only("r0", requests(30, start=400)), T + 430.0)
    assert bench.alarms["absence"] > 0
