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
class Drain:
    """Records that the client handed out at once. start: see `Continuity.start`, None if it is not known."""

    records: Sequence[KafkaRecord]
    start: int | None


@dataclass(frozen=True, slots=True)
class Reread:
    """Offsets are missing between the last batch and this one: the consumer must fetch again from `offset`."""

    offset: int


class Continuity:
    """From where each partition's log was read without a record, up to the client's position."""

    def __init__(self) -> None:
        self._read: dict[TP, tuple[int, int]] = {}

    def start(self, tp: TP, before: int, after: int, next_offset: int | None) -> int:
        """The offset from which all was read whose only records are those of this drain.

        before, after: the client's position before and after the drain. next_offset: after its last record, None
        without one. Transaction markers, aborted records and holes after the last record, and drains without a record,
        count with the next drain that has some, unless the client's position was moved in between.
        """
        start, end = self._read.get(tp, (before, before))
        if end != before:
            start = before
        self._read[tp] = (start if next_offset is None else next_offset, after)
        return start

    def clear(self) -> None:
        """Forget all: the partitions were assigned anew."""
        self._read.clear()


class Positions:
    """Delivered and released offsets of the batched partitions this worker owns; a few dict entries each."""

    def __init__(self) -> None:
        self._next: dict[TP, int] = {}
        self._released: dict[TP, int] = {}

    def start(self, starts: Mapping[TP, int]) -> None:
        """Own exactly these partitions, to be delivered from these offsets."""
        self.clear()
        self._next.update(starts)

    def clear(self) -> None:
        """Own nothing: records that arrive are dropped, releases are ignored."""
        self._next.clear()
        self._released.clear()

    def owned(self) -> frozenset[TP]:
        return frozenset(self._next)

    def position(self, tp: TP) -> int | None:
        """The next offset to be delivered; None for a partition that is not owned."""
        return self._next.get(tp)

    def released(self, tp: TP) -> int | None:
        """The highest released offset of this ownership; None if nothing was released."""
        return self._released.get(tp)

    def admit(self, tp: TP, drain: Drain) -> RecordBatch | Reread | None:
        """What to do with a drain: deliver it, read again, or drop it (not owned, or all of it delivered before).

        A drain that starts at or before the expected offset contains all that the log has from there on. A gap before
        its first record is then in the log: compaction, transaction markers, aborted records. A drain that starts later
        follows one that was lost over a rebalance, and the records in between must be read again.
        """
        expected = self._next.get(tp)
        if expected is None:
            return None
        fresh = drain.records
        if fresh[0].offset < expected:
            fresh = [record for record in fresh if record.offset >= expected]
        if not fresh:
            return None
        if fresh[0].offset > expected and (drain.start is None or drain.start > expected):
            return Reread(expected)
        self._next[tp] = fresh[-1].offset + 1
        return RecordBatch(tp.topic, tp.partition, fresh, fresh[0].offset, fresh[-1].offset)

    def skip(self, tp: TP, offset: int) -> None:
        """Expect `offset` next: the log has nothing before it any more. No effect if not owned or delivered further."""
        expected = self._next.get(tp)
        if expected is not None:
            self._next[tp] = max(expected, offset)

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
