"""Records of batched topics are handed out as the client parsed them, those of other topics as it usually does."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.fetcher import (  # type: ignore[import-untyped]
    READ_COMMITTED,
    FetchResult,
    PartitionRecords,
)
from aiokafka.errors import CorruptRecordException  # type: ignore[import-untyped]
from aiokafka.record.default_records import DefaultRecordBatchBuilder  # type: ignore[import-untyped]
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder  # type: ignore[import-untyped]
from aiokafka.record.memory_records import MemoryRecords  # type: ignore[import-untyped]
from aiokafka.structs import ConsumerRecord, TopicPartition  # type: ignore[import-untyped]

from streams.transport.client_changes import join, leave_parsed

HEADERS = [("traceparent", b"00-1")]
NEWEST_FIRST = 5


def current() -> bytes:
    """A batch of the present format, with offsets 3 to 6, of which the fetch asked for those from 5 on."""
    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 16)
    for offset in range(4):
        batch.append(offset, 1000 + offset, b"k", b"v%d" % (3 + offset), HEADERS)
    built = bytearray(batch.build())
    built[:8] = (3).to_bytes(8, "big")
    return bytes(built)


def legacy() -> bytes:
    """Records of the format before Kafka 0.11, which has no headers, with offsets 5 and 6."""
    batch = LegacyRecordBatchBuilder(1, 0, 1 << 16)
    for offset in (5, 6):
        batch.append(offset, 1000, b"k", b"v%d" % offset)
    return bytes(batch.build())


class Fetched:
    """A client that has fetched one partition."""

    def __init__(
        self, content: bytes, topic: str = "metrics", aborted: Sequence[tuple[int, int]] = (),
    ) -> None:
        self.tp = TopicPartition(topic, 1)
        self.records = PartitionRecords(
            self.tp, MemoryRecords(content), aborted, NEWEST_FIRST, None, None, True, READ_COMMITTED,
        )
        result = FetchResult(self.tp, assignment=None, partition_records=self.records, backoff=0.0)
        self.consumer = SimpleNamespace(_fetcher=SimpleNamespace(_records={self.tp: result}))

    def drained(self) -> list[Any]:
        """What one poll hands out; the client is asked before each, also where it has not polled yet."""
        for _ in range(2):
            leave_parsed(self.consumer, frozenset({"metrics"}))
        found = list(self.records)
        return list(join(found)) if self.tp.topic == "metrics" else found


@pytest.mark.parametrize(("content", "headers"), [(current(), HEADERS), (legacy(), [])], ids=["current", "legacy"])
def test_a_parsed_record_has_what_a_reader_needs(content: bytes, headers: list[tuple[str, bytes]]) -> None:
    fetched = Fetched(content)
    found = fetched.drained()
    assert [(one.offset, one.key, one.value, list(one.headers)) for one in found] == [
        (5, b"k", b"v5", headers), (6, b"k", b"v6", headers),
    ]
    assert all(one.timestamp >= 1000 for one in found)
    assert fetched.records.next_fetch_offset == 7
    assert not any(isinstance(one, ConsumerRecord) for one in found)


def transactions() -> bytes:
    """A batch that producer 7 aborted, with offsets 5 and 6, and one that producer 8 committed, with offset 9."""
    content = bytearray()
    for first, producer, values in ((5, 7, [b"aborted", b"aborted"]), (9, 8, [b"committed"])):
        batch = DefaultRecordBatchBuilder(2, 0, 1, producer, 0, 0, 1 << 16)
        for at, value in enumerate(values):
            batch.append(at, 1000, b"k", value, HEADERS)
        built = batch.build()
        built[:8] = first.to_bytes(8, "big")
        content += built
    return bytes(content)


def test_records_of_an_aborted_transaction_are_not_handed_out() -> None:
    fetched = Fetched(transactions(), aborted=[(7, 5)])
    assert [(one.offset, one.value) for one in fetched.drained()] == [(9, b"committed")]
    assert fetched.records.next_fetch_offset == 10


def test_a_batch_that_was_damaged_is_refused_by_the_client() -> None:
    content = bytearray(current())
    content[-1] ^= 1
    with pytest.raises(CorruptRecordException):
        Fetched(bytes(content)).drained()


def test_records_of_other_topics_are_those_of_the_client() -> None:
    (first, _) = Fetched(current(), "other").drained()
    assert isinstance(first, ConsumerRecord)
