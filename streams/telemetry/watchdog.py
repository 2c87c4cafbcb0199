"""The progress watchdog: it finds partitions that have records waiting and make no progress.

Pure: the time is an argument, the status of a partition a value with its reason. A stream processor can stall without
any error (a lost coordinator, a stuck task) and would then look idle. The watchdog keeps four numbers per partition. It
takes no action; health and metrics read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Condition = Literal["idle", "working", "stalled", "blind"]
Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Progress:
    """The last observation of a partition.

    position: next offset to process, highwater: end of the log, both None while unknown. progress_s: when the position
    last moved or nothing was waiting. observed_s: when both numbers were last known. Times are monotonic seconds.
    """

    position: int | None
    highwater: int | None
    progress_s: float
    observed_s: float


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """The condition of one partition, and its reason as a sentence."""

    partition: Partition
    condition: Condition
    reason: str

    @property
    def healthy(self) -> bool:
        return self.condition in ("idle", "working")


def status_of(partition: Partition, progress: Progress, now_s: float, stall_after_s: float) -> PartitionStatus:
    """The status of one partition.

    =======================  ==========================  =========
    waiting                  for `stall_after_s`         condition
    =======================  ==========================  =========
    numbers unknown or old   yes                         blind
    numbers unknown or old   no                          working
    none                     either                      idle
    some                     no                          working
    some                     yes, without progress       stalled
    =======================  ==========================  =========
    """
    name = f"{partition[0]}-{partition[1]}"
    quiet_s, unseen_s = now_s - progress.progress_s, now_s - progress.observed_s
    waiting = None
    if progress.position is not None and progress.highwater is not None:
        waiting = max(0, progress.highwater - progress.position)
    if waiting and quiet_s >= stall_after_s:
        reason = f"{name}: {waiting} records wait, none processed for {quiet_s:.1f} s"
        return PartitionStatus(partition, "stalled", reason)
    if unseen_s >= stall_after_s:
        return PartitionStatus(partition, "blind", f"{name}: position and end of log unknown for {unseen_s:.1f} s")
    if waiting == 0:
        return PartitionStatus(partition, "idle", f"{name}: nothing waits")
    return PartitionStatus(partition, "working", f"{name}: last progress {quiet_s:.1f} s ago")


class ProgressWatchdog:
    """The table of assigned partitions. Observe about once a second.

    Crash: the table is lost, so a restarted worker has the full `stall_after_s` again. A repeated observation changes
    nothing. A position that goes back (a rewind after a rebalance) counts as progress.
    """

    def __init__(self, stall_after_s: float) -> None:
        if not stall_after_s > 0:
            raise ValueError(f"stall_after_s: {stall_after_s!r}, expected more than 0 seconds")
        self._stall_after_s = stall_after_s
        self._progress: dict[Partition, Progress] = {}

    def observe(self, now_s: float, partition: Partition, position: int | None, highwater: int | None) -> None:
        """Record the two offsets of a partition, None where not known; the first observation assigns the partition."""
        before = self._progress.get(partition)
        known = position is not None and highwater is not None
        if before is None:
            self._progress[partition] = Progress(position, highwater, now_s, now_s)
            return
        if not known:
            position, highwater = before.position, before.highwater
        # Nothing waited until now: a stall is measured from the arrival of the first record.
        was_caught_up = before.position is not None and before.highwater is not None and (
            before.position >= before.highwater
        )
        moved = known and position != before.position
        self._progress[partition] = Progress(
            position, highwater,
            progress_s=now_s if moved or (known and was_caught_up) else before.progress_s,
            observed_s=now_s if known else before.observed_s,
        )

    def revoke(self, partitions: Iterable[Partition]) -> None:
        """Stop watching partitions that moved away; unknown ones are ignored."""
        for partition in partitions:
            self._progress.pop(partition, None)

    def statuses(self, now_s: float) -> tuple[PartitionStatus, ...]:
        """The status of every assigned partition, in order of topic and number."""
        return tuple(status_of(key, self._progress[key], now_s, self._stall_after_s) for key in sorted(self._progress))

    def complaints(self, now_s: float) -> tuple[str, ...]:
        """Why the worker is not healthy; empty when it is."""
        return tuple(status.reason for status in self.statuses(now_s) if not status.healthy)
