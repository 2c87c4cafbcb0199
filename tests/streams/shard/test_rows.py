from __future__ import annotations

import numpy as np

from classifiers.model import Scope
from detectors.base import Block, IntArray, State
from detectors.ensemble.profiles import Profile
from detectors.suite import Suite, SuiteParams
from streams.intake.columns import Labels
from streams.intake.scopes import ScopeTable
from streams.presence.traffic import Traffic
from streams.shard.rows import Rows
from streams.windows.series import SeriesTable

PROFILES = (Profile("latency", r".*_ms"),)
GPT = ("chat", "gpt")


class Table:
    """Rows over a series table that hands them out as it would for windows."""

    def __init__(self, profiles: tuple[Profile, ...] = PROFILES) -> None:
        self.scopes = ScopeTable()
        self.series = SeriesTable(100, self.scopes)
        self.suite = Suite(SuiteParams(profiles=profiles), 4)
        self.rows = Rows(self.series, self.suite, profiles, Traffic(1.0, frozenset({"requests_per_s"})))

    def seen(self, metric: str, seen_s: float = 0.0, **labels: str | None) -> list[int]:
        """The rows of a metric in all scopes of these labels."""
        numbers = [number for number in self.scopes.intern(Labels("chat", "gpt", **labels)) if number >= 0]
        metric_id = self.series.metric_id(metric)
        assert metric_id is not None
        rows = self.series.assign_rows(metric_id, np.array(numbers), np.full(len(numbers), seen_s), seen_s)
        return [int(row) for row in rows]


def test_rows_are_admitted_once_and_their_versions_told_once() -> None:
    table = Table()
    rows = np.array(table.seen("latency_ms", version="v1"))
    assert table.rows.admit(rows) == [(GPT, "v1")]
    assert table.rows.admit(rows) == []
    assert [table.rows.services[number] for number in table.rows.service_of[rows]] == [GPT, GPT]


def test_a_metric_that_no_profile_fits_is_neither_judged_nor_missed() -> None:
    table = Table()
    rows = np.array(table.seen("colour", replica="r0"))
    table.rows.admit(rows)
    assert not table.rows.scored[rows].any()
    assert not table.rows.absence_checked[rows].any()


def test_the_whole_and_its_replicas_are_missed_and_versions_and_tenants_are_not() -> None:
    table = Table()
    rows = np.array(table.seen("latency_ms", version="v1", replica="r0", tenant="t0"))
    table.rows.admit(rows)
    missed = {table.series.key(row)[1] for row in rows[table.rows.absence_checked[rows]].tolist()}
    assert missed == {Scope("chat", "gpt"), Scope("chat", "gpt", replica="r0")}


def test_a_row_that_was_evicted_belongs_to_nobody_until_it_is_admitted_again() -> None:
    table = Table()
    rows = np.array(table.seen("latency_ms", replica="r0"))
    table.rows.admit(rows)
    table.rows.forget(rows)
    assert (table.rows.service_of[rows] == -1).all()
    assert not (table.rows.scored[rows] | table.rows.absence_checked[rows]).any()
    assert table.rows.replicas(GPT, -1.0) is None
    table.rows.admit(rows)
    assert table.rows.scored[rows].all()


def test_replicas_are_those_seen_lately_by_whatever_metric() -> None:
    table = Table()
    for replica, seen_s in (("r0", 0.0), ("r1", 90.0), ("r2", 100.0)):
        for metric in ("latency_ms", "ttft_ms"):
            table.rows.admit(np.array(table.seen(metric, seen_s, replica=replica)))
    assert table.rows.replicas(GPT, 50.0) == 2
    assert table.rows.replicas(GPT, 0.0) == 3
    assert table.rows.replicas(("chat", None), 0.0) is None


def test_a_service_without_a_row_has_no_number() -> None:
    table = Table()
    table.rows.admit(np.array(table.seen("latency_ms")))
    assert table.rows.numbers([("other", None), GPT]) == [0]


def window(rows: list[int], value: float, second: int) -> Block:
    full = np.full(len(rows), value)
    return Block(
        np.array(rows), full * 0 + second, full * 0 + second + 1, full, full * 0 + 20.0, full * 0 + 5.0, full, full,
    )


def test_a_new_version_is_judged_from_its_first_window_by_what_its_predecessor_made_usual() -> None:
    table = Table()
    old = table.seen("latency_ms", version="v1")[1]
    table.rows.admit(np.array([old]))
    for second in range(80):
        table.suite.learn(window([old], 100.0 + second % 7, second))
    new = table.seen("latency_ms", seen_s=80.0, version="v2")[1]
    table.rows.admit(np.array([new]))
    scores = table.suite.score(window([new], 400.0, 80))
    assert scores.level[0] >= 1.0
    assert abs(scores.expected[0] - 103.0) < 2.0


def test_the_first_version_and_a_metric_new_to_the_service_start_cold() -> None:
    table = Table()
    first = table.seen("latency_ms", version="v1")[1]
    table.rows.admit(np.array([first]))
    other = table.seen("ttft_ms", version="v2")[1]
    table.rows.admit(np.array([other]))
    assert np.isnan(table.suite.score(window([first, other], 100.0, 0)).level).all()


def test_a_row_is_judged_by_the_profile_of_its_labels() -> None:
    loose = Profile("loose", r".*_ms", high=1000.0, labels={"tenant": "batch-*"})
    table = Table((loose, Profile("strict", r".*_ms", high=200.0)))
    whole, batch, acme = [table.seen("latency_ms", tenant=tenant)[-1] for tenant in (None, "batch-1", "acme")]
    table.rows.admit(np.array([whole, batch, acme]))
    scores = table.suite.score(window([whole, batch, acme], 500.0, 0))
    assert (scores.level >= 1.0).tolist() == [True, False, True]


class CountingSuite(Suite):
    """A suite that counts how often rows were copied."""

    copies = 0

    def snapshot(self, rows: IntArray) -> State:
        self.copies += 1
        return super().snapshot(rows)


def test_rows_of_a_snapshot_are_set_up_as_new_ones_and_copy_nothing_of_each_other() -> None:
    """So a restore of many versions costs as much as that of many replicas."""
    first, second = Table(), Table()
    second.suite = CountingSuite(SuiteParams(profiles=PROFILES), 4)
    second.rows = Rows(second.series, second.suite, PROFILES, Traffic(1.0, frozenset({"requests_per_s"})))
    for table in (first, second):
        rows = np.array([
            row for metric in ("latency_ms", "requests_per_s", "colour") for number in range(3)
            for row in table.seen(metric, version=f"v{number}", replica=f"r{number}")
        ])
    first.rows.admit(np.unique(rows))
    second.rows.readmit(np.unique(rows))
    for name in ("service_of", "scored", "absence_checked", "of_part", "extensive"):
        np.testing.assert_array_equal(getattr(second.rows, name), getattr(first.rows, name))
    assert second.rows.replicas(GPT, -1.0) == first.rows.replicas(GPT, -1.0) == 3
    assert second.suite.copies == 0


def test_a_version_that_is_new_after_a_restore_begins_with_what_its_predecessor_made_usual() -> None:
    first, second = Table(), Table()
    old = first.seen("latency_ms", version="v1")[1]
    assert second.seen("latency_ms", version="v1")[1] == old
    first.rows.admit(np.array([old]))
    for number in range(80):
        first.suite.learn(window([old], 100.0 + number % 7, number))
    second.rows.readmit(np.array([old]))
    second.suite.restore(np.array([old]), first.suite.snapshot(np.array([old])))
    new = second.seen("latency_ms", seen_s=80.0, version="v2")[1]
    assert second.rows.admit(np.array([new])) == [(GPT, "v2")]
    assert abs(second.suite.score(window([new], 400.0, 80)).expected[0] - 103.0) < 2.0
