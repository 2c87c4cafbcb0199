"""Rejected records are warned of at once, and then once in a while with what came since."""

from __future__ import annotations

from streams.intake.dead_letters import DeadLetter, Reason
from streams.intake.rejected import WARN_EVERY_S, RejectedRecords, RejectedWarning
from tests.streams.records import FakeRecord


def dead(*details: str, reason: Reason = "missing_ts") -> list[DeadLetter]:
    return [DeadLetter(reason, detail, 2, FakeRecord(b"{}", at, "t", 0)) for at, detail in enumerate(details)]


def test_the_first_rejected_records_of_a_topic_are_warned_of_at_once() -> None:
    rejected = RejectedRecords()
    assert rejected.observe("a", [], 0.0) == []
    assert rejected.observe("a", dead("one", "two"), 0.0) == [RejectedWarning("a", "missing_ts", 4, "offset 0: one")]
    assert rejected.observe("b", dead("three"), 0.0) == [RejectedWarning("b", "missing_ts", 2, "offset 0: three")]


def test_another_reason_in_a_topic_that_was_warned_of_is_warned_of_at_once_too() -> None:
    rejected = RejectedRecords()
    rejected.observe("a", dead("one"), 0.0)
    both = dead("two") + dead("three", reason="not_json")
    assert rejected.observe("a", both, 1.0) == [RejectedWarning("a", "not_json", 2, "offset 0: three")]


def test_later_ones_are_counted_until_a_warning_is_due_which_any_batch_brings() -> None:
    rejected = RejectedRecords()
    rejected.observe("a", dead("one"), 0.0)
    assert rejected.observe("a", dead("two"), 1.0) == []
    assert rejected.observe("a", dead("three"), WARN_EVERY_S - 1.0) == []
    assert rejected.observe("b", [], WARN_EVERY_S) == [RejectedWarning("a", "missing_ts", 4, "offset 0: two")]
    assert rejected.observe("b", [], 9.0 * WARN_EVERY_S) == []
