"""Record batches and their positions: what was delivered to the agent, and how far it may be committed. Pure.

A metric topic reaches its agent as one `RecordBatch` per partition and poll. `Positions` keeps, for every batched
partition this worker owns, the next offset to deliver and the highest offset the application released. It gives three
guarantees: no record is delivered twice within one ownership, none is skipped, none is committed before its release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faust.types import TP

from streams.intake.kafka_record import KafkaRecord

__all__ = ["TP", "Positions", "RecordBatch", "Reread"]


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records of one partition, in order of offset, never empty; offsets may have gaps (compaction, transactions)."""

    topic: str
    partition: int
    records: Sequence[KafkaRecord]
    first_offset: int
    last_offset: int

    @property
    def tp(self) -> TP:
        return TP(self.topic, self.partition)

    @property
    def next_offset(self) -> int:
        """What to release once this batch is contained in stored state."""
        return self.last_offset + 1


@dataclass(frozen=True, slots=True)
class Reread:
    """Offsets are missing between the last batch and this one: the consumer must fetch again from `offset`."""

    offset: int


class Positions:
    """Delivered and released offsets of the batched partitions this worker owns; a few dict entries each."""

    def __init__(self) -> None:
        self._next: dict[TP, int] = {}
        self._released: dict[TP, int] = {}
        self._reread_from: dict[TP, int] = {}

    def start(self, starts: Mapping[TP, int]) -> None:
        """Own exactly these partitions, to be delivered from these offsets."""
        self.clear()
        self._next.update(starts)

    def clear(self) -> None:
        """Own nothing: records that arrive are dropped, releases are ignored."""
        self._next.clear()
        self._released.clear()
        self._reread_from.clear()

    def owned(self) -> frozenset[TP]:
        return frozenset(self._next)

    def position(self, tp: TP) -> int | None:
        """The next offset to be delivered; None for a partition that is not owned."""
        return self._next.get(tp)

    def released(self, tp: TP) -> int | None:
        """The highest released offset of this ownership; None if nothing was released."""
        return self._released.get(tp)

    def admit(self, tp: TP, records: Sequence[KafkaRecord]) -> RecordBatch | Reread | None:
        """What to do with a polled list: deliver it, read again, or drop it (not owned, or all of it delivered before).

        A gap before the list is read again once. A client that lost records over a rebalance then finds them. A gap
        that is in the log (compaction, transaction markers) appears a second time and is accepted.
        """
        expected = self._next.get(tp)
        if expected is None:
            return None
        if records[0].offset > expected and self._reread_from.get(tp) != expected:
            self._reread_from[tp] = expected
            return Reread(expected)
        fresh = records if records[0].offset >= expected else [r for r in records if r.offset >= expected]
        if not fresh:
            return None
        self._next[tp] = fresh[-1].offset + 1
        return RecordBatch(tp.topic, tp.partition, fresh, fresh[0].offset, fresh[-1].offset)

    def release(self, tp: TP, next_offset: int) -> bool:
        """Allow commits up to `next_offset`. Returns False, without effect, if the partition is not owned any more.

        The same holds for an offset that this ownership has not delivered. Such a release belongs to an earlier
        ownership: storing the state took until the partition was revoked and assigned again. The present state is
        another one.
        """
        delivered = self._next.get(tp)
        if delivered is None or next_offset > delivered:
            return False
        self._released[tp] = max(next_offset, self._released.get(tp, next_offset))
        return True
