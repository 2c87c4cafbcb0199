"""What records that are written meanwhile tell of this machine's clock."""

from __future__ import annotations

import pytest

from streams.client.examination.clock_check import FreshRecord, judge_clock, told_of
from tests.streams.fakes import T


def fresh(written_s: float, *, by_broker: bool = True) -> FreshRecord:
    """Appended within a second from T on, by this machine's clock."""
    return FreshRecord("in", written_s, by_broker, T, T + 1.0)


def found(*records: FreshRecord) -> list[str]:
    return [one.found for one in judge_clock(records)]


@pytest.mark.parametrize("by_broker", [True, False])
def test_a_clock_that_agrees_is_no_finding(by_broker: bool) -> None:
    assert found(fresh(T + 0.5, by_broker=by_broker)) == []


def test_a_record_written_after_it_was_read_shows_a_clock_that_is_behind() -> None:
    assert found(fresh(T + 61.0)) == ["this machine's clock is 60 s or more behind that of the broker"]
    assert found(fresh(T + 61.0, by_broker=False)) == [
        "this machine's clock is 60 s or more behind that of the writer of in",
    ]


def test_the_brokers_time_before_the_question_shows_a_clock_that_is_ahead() -> None:
    assert found(fresh(T - 60.0)) == ["this machine's clock is 60 s or more ahead of that of the broker"]
    assert found(fresh(T - 60.0), fresh(T)) == []  # one that was in an open transaction may have been appended before


def test_a_writer_that_gathers_records_says_nothing_of_a_clock_that_is_ahead() -> None:
    assert found(fresh(T - 60.0, by_broker=False)) == []


def test_a_time_in_another_unit_blames_no_clock() -> None:
    assert found(fresh(T * 1000.0)) == []


def test_what_could_not_be_compared_is_said() -> None:
    assert told_of([]) == "not compared, since nobody wrote within 2 s"
    assert "whether it is ahead" in told_of([fresh(T, by_broker=False)])
    assert told_of([fresh(T)]) == "this machine's agrees with that of the broker"
