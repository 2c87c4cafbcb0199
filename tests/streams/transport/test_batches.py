"""Positions: what is delivered, read again, dropped and committed."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from faust.types import TP

from streams.transport.assignor import owners
from streams.transport.batches import Continuity, Drain, Positions, RecordBatch, Reread

HERE, ELSEWHERE = TP("m", 0), TP("m", 1)


@dataclass(frozen=True)
class Polled:
    offset: int
    topic: str = "m"
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = None
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def polled(*offsets: int, start: int | None = None) -> Drain:
    """A drain that began at `start`, by default at its first record."""
    return Drain([Polled(offset) for offset in offsets], offsets[0] if start is None else start)


def offsets(admitted: RecordBatch | Reread | None) -> list[int]:
    assert isinstance(admitted, RecordBatch)
    return [record.offset for record in admitted.records]


@pytest.fixture
def positions() -> Positions:
    positions = Positions()
    positions.start({HERE: 10})
    return positions


def test_batches_follow_each_other(positions: Positions) -> None:
    assert offsets(positions.admit(HERE, polled(10, 11))) == [10, 11]
    assert offsets(positions.admit(HERE, polled(12, 15))) == [12, 15]
    assert positions.position(HERE) == 16


def test_records_of_a_partition_that_is_not_owned_are_dropped(positions: Positions) -> None:
    assert positions.admit(ELSEWHERE, polled(0)) is None


def test_records_delivered_before_are_trimmed(positions: Positions) -> None:
    positions.admit(HERE, polled(10, 11))
    assert positions.admit(HERE, polled(10, 11)) is None
    assert offsets(positions.admit(HERE, polled(11, 12))) == [12]


def test_a_gap_in_a_drain_that_began_before_it_is_in_the_log(positions: Positions) -> None:
    assert offsets(positions.admit(HERE, polled(13, start=10))) == [13]
    assert offsets(positions.admit(HERE, polled(20, 22, start=14))) == [20, 22]


def test_a_gap_before_a_drain_that_began_after_it_is_read_again(positions: Positions) -> None:
    assert positions.admit(HERE, polled(13)) == Reread(10)
    assert positions.position(HERE) == 10
    assert offsets(positions.admit(HERE, polled(10, 11, 12, 13))) == [10, 11, 12, 13]


def test_a_gap_before_a_drain_of_unknown_start_is_read_again(positions: Positions) -> None:
    assert positions.admit(HERE, Drain([Polled(13)], None)) == Reread(10)
    assert offsets(positions.admit(HERE, Drain([Polled(10)], None))) == [10]


def test_drains_without_a_record_count_with_the_next_one_that_has_some() -> None:
    continuity = Continuity()
    assert continuity.start(HERE, 10, 12, 11) == 10
    assert continuity.start(HERE, 12, 14, None) == 11
    assert continuity.start(HERE, 14, 15, None) == 11
    assert continuity.start(ELSEWHERE, 5, 6, 6) == 5
    assert continuity.start(HERE, 15, 20, 20) == 11
    assert continuity.start(HERE, 20, 21, 21) == 20


def test_a_position_that_was_moved_breaks_the_continuity() -> None:
    continuity = Continuity()
    continuity.start(HERE, 10, 12, None)
    assert continuity.start(HERE, 30, 31, None) == 30
    continuity.clear()
    assert continuity.start(HERE, 31, 32, 32) == 31


def test_what_retention_removed_is_skipped_and_never_back(positions: Positions) -> None:
    positions.skip(HERE, 13)
    assert offsets(positions.admit(HERE, polled(13))) == [13]
    positions.skip(HERE, 12)
    assert positions.position(HERE) == 14
    positions.skip(ELSEWHERE, 5)
    assert positions.position(ELSEWHERE) is None


def test_only_the_highest_release_counts(positions: Positions) -> None:
    positions.admit(HERE, polled(10, 11, 12))
    assert positions.released(HERE) is None
    assert positions.release(HERE, 13)
    assert positions.release(HERE, 11)
    assert positions.released(HERE) == 13


def test_what_was_not_delivered_cannot_be_released(positions: Positions) -> None:
    assert not positions.release(HERE, 11)
    assert positions.released(HERE) is None


def test_a_release_after_the_partition_was_revoked_has_no_effect(positions: Positions) -> None:
    positions.admit(HERE, polled(10))
    positions.start({ELSEWHERE: 0})
    assert not positions.release(HERE, 11)
    assert positions.released(HERE) is None
    assert positions.owned() == {ELSEWHERE}


def test_a_partition_number_is_on_one_worker_whatever_the_topic() -> None:
    shares = owners({"a": range(4), "b": range(4), "c": range(2)}, {topic: ["w1", "w2", "w3"] for topic in "abc"})
    for topics in shares.values():
        assert len({frozenset(p for p in numbers if p < 2) for numbers in topics.values() if min(numbers) < 2}) <= 1
    assert sorted(p for topics in shares.values() for p in topics["a"]) == [0, 1, 2, 3]


def test_a_worker_gets_only_topics_it_asked_for() -> None:
    assert owners({"a": [0, 1]}, {"a": ["w2"]}) == {"w2": {"a": [0, 1]}}
