"""A topic that was made again is told from one that lost old records."""

from __future__ import annotations

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.cluster.recreated import CONFIRM_S, RecreatedTopics, is_another_log

A = TP("a", 0)


def test_a_log_that_ends_before_the_known_offset_is_another_one() -> None:
    assert is_another_log(known_next=100, begin=0, end=99)
    assert is_another_log(known_next=1, begin=0, end=0)
    assert not is_another_log(known_next=0, begin=0, end=0)


@given(begin=st.integers(0, 50), length=st.integers(0, 50), read=st.integers(0, 100))
def test_retention_and_later_records_leave_a_log_the_same(begin: int, length: int, read: int) -> None:
    end = begin + length
    assert not is_another_log(min(read, end), begin, end)


def test_impossible_bounds_are_refused() -> None:
    with pytest.raises(ValueError, match="begin 5, end 4"):
        is_another_log(0, 5, 4)


def test_another_log_is_reported_when_it_stays() -> None:
    watch = RecreatedTopics()
    assert not watch.observe(A, processed=100, end=100, now_s=0.0)
    assert not watch.observe(A, processed=100, end=7, now_s=1.0)
    assert not watch.observe(A, processed=100, end=8, now_s=1.0 + CONFIRM_S / 2)
    assert watch.observe(A, processed=100, end=9, now_s=1.0 + CONFIRM_S)


def test_an_end_that_recovers_after_a_change_of_leader_is_the_same_log() -> None:
    watch = RecreatedTopics()
    assert not watch.observe(A, processed=100, end=98, now_s=0.0)
    assert not watch.observe(A, processed=100, end=100, now_s=1.0)
    assert not watch.observe(A, processed=100, end=98, now_s=CONFIRM_S)


def test_an_unknown_end_and_a_new_assignment_start_anew() -> None:
    watch = RecreatedTopics()
    watch.observe(A, processed=100, end=7, now_s=0.0)
    assert not watch.observe(A, processed=100, end=None, now_s=1.0)
    assert not watch.observe(A, processed=100, end=7, now_s=CONFIRM_S)
    watch.forget(frozenset({A}))
    assert not watch.observe(A, processed=100, end=7, now_s=3 * CONFIRM_S)
