from __future__ import annotations

from math import inf

import numpy as np
import pytest

from streams.presence.request_counts import BUCKETS, RequestCounts

T = 1_795_420_000.0


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.intp)


def test_the_requests_of_a_window_are_spread_over_its_buckets() -> None:
    counts = RequestCounts(1.0)
    counts.add(rows(7, 8), floats(T, T + 2.0), floats(T + 3.0, T + 3.0), floats(9.0, 5.0))
    first = counts.bucket(T)
    assert counts.between(rows(7), first, first + 3).tolist() == [3.0, 3.0, 3.0]
    assert counts.between(rows(7, 8), first, first + 3).tolist() == [3.0, 3.0, 8.0]


def test_windows_that_end_at_the_edge_of_a_bucket_do_not_reach_into_the_next() -> None:
    counts = RequestCounts(5.0)
    for start_s in np.arange(T, T + 60.0, 15.0):
        counts.add(rows(0), floats(start_s), floats(start_s + 15.0), floats(30.0))
    first = counts.bucket(T)
    assert counts.newest == first + 11
    assert counts.between(rows(0), first, first + 12).tolist() == [10.0] * 12


def test_buckets_that_are_too_old_are_dropped_and_others_begin_at_zero() -> None:
    counts = RequestCounts(1.0)
    counts.add(rows(0), floats(T), floats(T + 1.0), floats(4.0))
    counts.add(rows(0), floats(T + BUCKETS), floats(T + BUCKETS + 1.0), floats(6.0))
    assert counts.between(rows(0), counts.bucket(-inf), counts.bucket(inf)).tolist() == [0.0] * (BUCKETS - 1) + [6.0]


def test_a_forgotten_row_has_no_requests_and_its_place_is_empty() -> None:
    counts = RequestCounts(1.0)
    counts.add(rows(0), floats(T), floats(T + 1.0), floats(4.0))
    counts.forget(rows(0, 3))
    counts.add(rows(5), floats(T), floats(T + 1.0), floats(1.0))
    assert counts.between(rows(0), counts.bucket(T), counts.bucket(T) + 1).tolist() == [0.0]
    assert counts.between(rows(5), counts.bucket(T), counts.bucket(T) + 1).tolist() == [1.0]


def test_more_rows_than_places_are_kept() -> None:
    counts, many = RequestCounts(1.0), np.arange(300)
    counts.add(many, np.full(300, T), np.full(300, T + 1.0), many.astype(np.float64))
    assert counts.between(rows(299), counts.bucket(T), counts.bucket(T) + 1).tolist() == [299.0]


def test_a_snapshot_gives_the_same_counts_and_another_shape_is_refused() -> None:
    counts, again = RequestCounts(1.0), RequestCounts(1.0)
    counts.add(rows(3, 9), floats(T, T), floats(T + 2.0, T + 1.0), floats(4.0, 2.0))
    again.restore(counts.snapshot())
    first = counts.bucket(T)
    for row in (3, 9):
        assert (again.between(rows(row), first, first + 2) == counts.between(rows(row), first, first + 2)).all()
    state = counts.snapshot()
    with pytest.raises(ValueError, match=r"counts is .*, expected"):
        RequestCounts(1.0).restore(state | {"counts": state["counts"][:-1]})
