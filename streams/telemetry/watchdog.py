"""The progress watchdog: is every partition that has records waiting also being worked on?

Pure: the time is an argument, the verdict a value with its reason. It exists because a stream processor can stall
without any error (a lost coordinator, a stuck task) and would look idle. No more than a table of four numbers a
partition; it acts on nothing itself, health and metrics read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Condition = Literal["idle", "working", "stalled", "blind"]
Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Progress:
    """What was last seen of a partition.

    position: next offset to process, highwater: end of the log, both None while unknown. progress_s: when the position
    last moved or nothing was waiting. observed_s: when both numbers were last known. Times are monotonic seconds.
    """

    position: int | None
    highwater: int | None
    progress_s: float
    observed_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The condition of one partition and the sentence that says why."""

    partition: Partition
    condition: Condition
    reason: str

    @property
    def healthy(self) -> bool:
        return self.condition in ("idle", "working")


def judge(partition: Partition, seen: Progress, now_s: float, stall_after_s: float) -> Verdict:
    """The verdict on one partition.

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
    quiet_s, unseen_s = now_s - seen.progress_s, now_s - seen.observed_s
    waiting = None if seen.position is None or seen.highwater is None else max(0, seen.highwater - seen.position)
    if waiting and quiet_s >= stall_after_s:
        return Verdict(partition, "stalled", f"{name}: {waiting} records wait, none processed for {quiet_s:.1f} s")
    if unseen_s >= stall_after_s:
        return Verdict(partition, "blind", f"{name}: position and end of log unknown for {unseen_s:.1f} s")
    if waiting == 0:
        return Verdict(partition, "idle", f"{name}: nothing waits")
    return Verdict(partition, "working", f"{name}: last progress {quiet_s:.1f} s ago")


class ProgressWatchdog:
    """The table of assigned partitions. Feed it about once a second; ask it at any time.

    A crash loses the table and the next assignment starts it afresh, so a restart gets the full `stall_after_s` again.
    Repeated observations change nothing. A position that jumps back (a rewind after a rebalance) counts as progress.
    """

    def __init__(self, stall_after_s: float) -> None:
        if not stall_after_s > 0:
            raise ValueError(f"stall_after_s: {stall_after_s!r}, expected more than 0 seconds")
        self._stall_after_s = stall_after_s
        self._seen: dict[Partition, Progress] = {}

    def observe(self, now_s: float, partition: Partition, position: int | None, highwater: int | None) -> None:
        """Take in the two numbers of a partition; the first observation assigns it. None where one is not known."""
        before = self._seen.get(partition)
        known = position is not None and highwater is not None
        if before is None:
            self._seen[partition] = Progress(position, highwater, now_s, now_s)
            return
        if not known:
            position, highwater = before.position, before.highwater
        # Nothing waited until now: the clock of a stall starts when the first record does.
        was_caught_up = before.position is not None and before.highwater is not None and (
            before.position >= before.highwater
        )
        moved = known and position != before.position
        self._seen[partition] = Progress(
            position, highwater,
            progress_s=now_s if moved or (known and was_caught_up) else before.progress_s,
            observed_s=now_s if known else before.observed_s,
        )

    def revoke(self, partitions: Iterable[Partition]) -> None:
        """Stop watching partitions that moved away; unknown ones are ignored."""
        for partition in partitions:
            self._seen.pop(partition, None)

    def verdicts(self, now_s: float) -> tuple[Verdict, ...]:
        """The verdict on every assigned partition, in order of topic and number."""
        return tuple(judge(key, self._seen[key], now_s, self._stall_after_s) for key in sorted(self._seen))

    def complaints(self, now_s: float) -> tuple[str, ...]:
        """Why the worker is not healthy; empty when the watchdog is content."""
        return tuple(verdict.reason for verdict in self.verdicts(now_s) if not verdict.healthy)
