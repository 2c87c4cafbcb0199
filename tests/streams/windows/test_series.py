"""Scopes and rows: handed out once, capped, evicted when idle, restored as they were."""

from __future__ import annotations

import json

import numpy as np
import pytest

from classifiers.model import Scope
from streams.intake.columns import Labels
from streams.intake.scopes import NONE, REMEMBERED, UNKNOWN, ScopeTable
from streams.windows.series import SeriesTable


def ints(*values: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.array(values, np.intp)


def assign_rows(series: SeriesTable, metric: str, scopes: list[int], now_s: float) -> list[int]:
    number = series.metric_id(metric)
    assert number is not None
    return [int(row) for row in series.assign_rows(number, ints(*scopes), np.full(len(scopes), now_s), now_s)]


def table(count: int) -> ScopeTable:
    scopes = ScopeTable()
    for number in range(count):
        scopes.intern(Labels(f"s{number}"))
    return scopes


def test_find_says_what_is_new_and_what_is_absent() -> None:
    scopes = ScopeTable()
    scopes.intern(Labels("chat", "m", "v1"))

    found = scopes.find([
        ("chat", "m", "v1", None, ""), ("chat", "m", "v2", None, ""), ("code", "m", "v1", None, ""),
    ])

    assert found.T.tolist() == [[0, 1, NONE, NONE], [0, UNKNOWN, NONE, NONE], [UNKNOWN, UNKNOWN, NONE, NONE]]


def test_a_combination_that_is_remembered_keeps_its_numbers() -> None:
    scopes = ScopeTable()
    scopes.intern(Labels("chat", "m", None, "r0"))
    scopes.intern(Labels("chat", "m", None, "r1"))
    first, other = ("chat", "m", None, "r0", None), ("chat", "m", None, "r1", None)

    found = [scopes.find([first, first, other]).T.tolist() for _ in range(2)]

    assert found == [[[0, NONE, 1, NONE], [0, NONE, 1, NONE], [0, NONE, 2, NONE]]] * 2


def test_combinations_beyond_those_that_are_remembered_are_found_too() -> None:
    scopes = ScopeTable(max_values_per_label=300)
    for number in range(300):
        scopes.intern(Labels("chat", "m", None, f"r{number % 60}", f"t{number}"))
    labels = [("chat", "m", None, f"r{place % 60}", f"t{place // 60}") for place in range(REMEMBERED + 60)]

    expected = [scopes.intern(Labels(*each)) for each in labels]

    for _ in range(2):
        assert scopes.find(labels).T.tolist() == expected


def test_a_noisy_label_loses_only_its_own_scopes() -> None:
    scopes = ScopeTable(max_values_per_label=2)
    numbers = [scopes.intern(Labels("chat", "m", tenant=f"t{at}", replica=f"r{at % 2}")) for at in range(5)]

    assert [line[3] for line in numbers] == [2, 4, NONE, NONE, NONE]
    assert [line[2] for line in numbers] == [1, 3, 1, 3, 1]
    assert scopes.intern(Labels("other", "m", tenant="t9"))[3] != NONE
    assert scopes.overflowed == {"tenant": 3}
    assert scopes.is_full


def test_a_full_scope_table_refuses_and_counts() -> None:
    scopes = ScopeTable(capacity=2)
    scopes.intern(Labels("a", "m", "v1"))

    assert scopes.intern(Labels("b")) == [NONE] * 4
    assert scopes.intern(Labels("a", "m", "v2"))[1] == NONE
    assert (len(scopes), scopes.overflowed) == (2, {"model": 1, "version": 1})


def test_released_scopes_make_room_for_others() -> None:
    scopes = ScopeTable(capacity=2, max_values_per_label=1)
    scopes.intern(Labels("a", "m", "v1"))
    scopes.release([1])

    assert scopes.find([("a", "m", "v1", None, None)]).T.tolist() == [[0, UNKNOWN, NONE, NONE]]
    assert scopes.intern(Labels("a", "m", "v2"))[:2] == [0, 1]
    scopes.release([0, 1])
    assert scopes.intern(Labels("b"))[0] in (0, 1)


def test_a_row_is_one_metric_in_one_scope_for_as_long_as_it_lives() -> None:
    series = SeriesTable(10, table(3))

    assert assign_rows(series, "a", [0, 2], 1.0) == [0, 1]
    assert assign_rows(series, "b", [0], 1.0) == [2]
    assert assign_rows(series, "a", [0, 1, 2], 2.0) == [0, 3, 1]
    assert series.key(2) == ("b", Scope("s0"))
    assert series.row("a", Scope("s1")) == 3
    assert series.row("b", Scope("s1")) is None
    assert series.last_seen_s[:4].tolist() == [2.0, 2.0, 1.0, 2.0]
    assert series.active().tolist() == [0, 1, 2, 3]


def test_a_free_row_has_no_key() -> None:
    with pytest.raises(KeyError, match="row 0: free"):
        SeriesTable(10, table(1)).key(0)


def test_a_full_table_evicts_the_longest_idle_rows_and_names_them() -> None:
    series = SeriesTable(3, table(5), min_idle_s=100.0)
    assign_rows(series, "a", [0], 0.0)
    assign_rows(series, "a", [1], 1.0)
    assign_rows(series, "a", [2], 150.0)

    assert assign_rows(series, "a", [3], 200.0) == [0]
    assert series.key(0) == ("a", Scope("s3"))
    assert series.take_evicted().tolist() == [0]
    assert series.take_evicted().tolist() == []
    assert (series.evicted, series.refused, len(series)) == (1, 0, 3)


def test_a_full_table_of_live_rows_refuses_new_series() -> None:
    series = SeriesTable(2, table(4), min_idle_s=100.0)
    assign_rows(series, "a", [0, 1], 0.0)

    assert assign_rows(series, "a", [2, 3], 50.0) == [-1, -1]
    assert assign_rows(series, "a", [0], 50.0) == [0]
    assert (series.evicted, series.refused, len(series)) == (0, 2, 2)


def test_too_many_metrics_get_no_number() -> None:
    series = SeriesTable(10, table(1), max_metrics=1)

    assert (series.metric_id("a"), series.metric_id("b"), series.metric_id("a")) == (0, None, 0)


def test_a_sweep_releases_idle_scopes_with_their_rows_but_not_busy_ones() -> None:
    series = SeriesTable(10, table(3), min_idle_s=100.0)
    assign_rows(series, "a", [0, 1, 2], 0.0)
    series.note_last_seen(ints(0, 1, 2), np.array([0.0, 0.0, 190.0]))

    series.sweep(200.0, np.array([False, True, False]))

    assert series.scopes.names == [None, Scope("s1"), Scope("s2")]
    assert series.take_evicted().tolist() == [0]
    assert series.active().tolist() == [1, 2]


def test_restored_tables_go_on_as_if_nothing_had_happened() -> None:
    series = SeriesTable(4, table(6), min_idle_s=100.0)
    assign_rows(series, "a", [0, 1], 0.0)
    assign_rows(series, "b", [2, 3], 150.0)
    assign_rows(series, "b", [4], 160.0)
    arrays, meta = series.snapshot()
    scopes = ScopeTable()
    scopes.restore(json.loads(json.dumps(series.scopes.snapshot())))
    again = SeriesTable(4, scopes, min_idle_s=100.0)
    again.restore(arrays, json.loads(json.dumps(meta)))

    assert again.take_evicted().tolist() == series.take_evicted().tolist() == [0]
    assert assign_rows(again, "b", [5, 2], 170.0) == assign_rows(series, "b", [5, 2], 170.0)
    assert [again.key(row) for row in again.active()] == [series.key(row) for row in series.active()]
    assert scopes.intern(Labels("s1", None, "v1")) == series.scopes.intern(Labels("s1", None, "v1"))


def test_a_snapshot_that_does_not_fit_is_refused() -> None:
    series = SeriesTable(4, table(2))
    assign_rows(series, "a", [0, 1], 0.0)
    arrays, meta = series.snapshot()

    with pytest.raises(ValueError, match="2 rows of 1 metrics in 1 scopes, expected at most 4 rows"):
        SeriesTable(4, table(1)).restore(arrays, meta)
    with pytest.raises(ValueError, match="entry 0"):
        ScopeTable().restore([("a", "b")])
    with pytest.raises(ValueError, match="expected its service and model"):
        ScopeTable().restore([("a", "m", "v", None, None)])
