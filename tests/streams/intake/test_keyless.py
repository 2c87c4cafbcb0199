"""Records without a key are counted, and warned of once an hour where they are spread."""

from __future__ import annotations

from streams.intake.keyless import WARN_EVERY_S, KeylessRecords
from tests.streams.records import FakeRecord


def batch(keyless: int, keyed: int = 0) -> list[FakeRecord]:
    return [
        FakeRecord(b"{}", offset, "t", 0, 0, None if offset < keyless else b"k", ())
        for offset in range(keyless + keyed)
    ]


def test_records_with_a_key_are_not_counted() -> None:
    counts = KeylessRecords()
    assert counts.observe("t", batch(0, keyed=3), 4, 0.0).count == 0
    found = counts.observe("t", batch(2, keyed=3), 4, 0.0)
    assert found.count == 2
    assert found.warning is not None
    assert "t: 2 records without a key" in found.warning
    assert "4 partitions" in found.warning


def test_the_warning_comes_once_an_hour_for_each_topic_with_the_total() -> None:
    counts = KeylessRecords()
    assert counts.observe("a", batch(1), 4, 0.0).warning
    assert counts.observe("b", batch(1), 4, 0.0).warning
    assert counts.observe("a", batch(1), 4, WARN_EVERY_S - 1).warning is None
    later = counts.observe("a", batch(1), 4, WARN_EVERY_S)
    assert later.warning is not None
    assert "a: 3 records" in later.warning


def test_one_partition_is_no_reason_to_warn_until_there_are_more() -> None:
    counts = KeylessRecords()
    found = counts.observe("t", batch(5), 1, 0.0)
    assert (found.count, found.warning) == (5, None)
    assert counts.observe("t", batch(1), 2, 1.0).warning
