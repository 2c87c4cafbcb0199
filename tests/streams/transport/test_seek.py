"""Where a consumer goes on after a rebalance: at the position of a batched partition, else at the committed offset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from streams.transport.batches import TP, Positions
from streams.transport.consumer import BatchConsumer

BATCHED, COMMITTED, UNCOMMITTED = TP("metrics", 0), TP("actions", 0), TP("actions", 1)


class FakeThread:
    """The Kafka client: aiokafka seeks to a committed offset and leaves a partition without one where it is."""

    def __init__(self, assigned: Collection[TP]) -> None:
        self.assigned = set(assigned)
        self.sought: dict[TP, int] = {}

    def assignment(self) -> set[TP]:
        return self.assigned

    async def seek_to_committed(self) -> Mapping[TP, int | None]:
        return {tp: 5 if tp == COMMITTED else None for tp in self.assigned}

    async def beginnings(self, tps: Collection[TP]) -> dict[TP, int]:
        return dict.fromkeys(tps, 2)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        self.sought.update(partitions)


def consumer(thread: FakeThread) -> BatchConsumer:
    """A consumer with the parts that seeking needs."""
    made = BatchConsumer.__new__(BatchConsumer)
    made._batched, made._positions = frozenset({BATCHED.topic}), Positions()
    made._positions.start({BATCHED: 7})
    made._read_offset, made._committed_offset = defaultdict(lambda: None), defaultdict(lambda: None)
    made._thread = thread  # type: ignore[assignment]
    return made


async def test_a_plain_partition_without_a_committed_offset_is_read_from_its_beginning_again() -> None:
    thread = FakeThread([BATCHED, COMMITTED, UNCOMMITTED])
    await consumer(thread).perform_seek()
    assert thread.sought == {BATCHED: 7, UNCOMMITTED: 2}


async def test_a_partition_that_is_not_assigned_any_more_is_not_sought() -> None:
    thread = FakeThread([COMMITTED])
    await consumer(thread).perform_seek()
    assert thread.sought == {}
