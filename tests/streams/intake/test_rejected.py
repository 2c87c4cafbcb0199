"""Rejected records are warned of at once, and then once in a while with what came since."""

from __future__ import annotations

from streams.intake.dead_letters import DeadLetter
from streams.intake.rejected import WARN_EVERY_S, RejectedRecords, RejectedWarning
from tests.streams.records import FakeRecord


def dead(*details: str) -> list[DeadLetter]:
    return [DeadLetter("missing_ts", detail, 2, FakeRecord(b"{}", 0, "t", 0)) for detail in details]


def test_the_first_rejected_records_of_a_topic_are_warned_of_at_once() -> None:
    rejected = RejectedRecords()
    assert rejected.observe("a", [], 0.0) == []
    assert rejected.observe("a", dead("one", "two"), 0.0) == [RejectedWarning("a", 4, "missing_ts: one")]
    assert rejected.observe("b", dead("three"), 0.0) == [RejectedWarning("b", 2, "missing_ts: three")]


def test_later_ones_are_counted_until_a_warning_is_due_which_any_batch_brings() -> None:
    rejected = RejectedRecords()
    rejected.observe("a", dead("one"), 0.0)
    assert rejected.observe("a", dead("two"), 1.0) == []
    assert rejected.observe("a", dead("three"), WARN_EVERY_S - 1.0) == []
    assert rejected.observe("b", [], WARN_EVERY_S) == [RejectedWarning("a", 4, "missing_ts: two")]
    assert rejected.observe("b", [], 9.0 * WARN_EVERY_S) == []
