"""Sight: what this worker knows for certain of its group and its partitions, and since when. Pure.

Each stamp is the time *before* the request was sent. An answer proves the state of the broker at some time after it, so
no stamp is too young, however long the process, the machine or the broker was stopped in between. The Kafka client
writes the stamps in its thread (`observed_client.py`, `consumer_thread.py`). The application reads them in its event
loop. Each stamp is one value that is replaced as a whole, so no lock is needed. Memory: a few entries per partition.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from faust.types import TP

from streams.kafka.broker_contact import BrokerContact

LEASE_MARGIN_S = 1.0
"""The lease ends this long before the group may remove the member, for clocks that differ in rate."""
RECENT_S = 1.0
"""A fetch proves what it proves for this long after it was sent."""

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_s() -> float:
    """Seconds of a clock that never steps. On Linux it also counts the time in which the machine was suspended."""
    return time.clock_gettime(_CLOCK)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The last answered fetch of a partition. stable_since_s: when the last stable offset was first seen."""

    sent_s: float
    stable: int
    highwater: int
    stable_since_s: float


@dataclass(frozen=True, slots=True)
class _Drained:
    """What the client handed out. position: its next fetch. next_offset: after the last record handed out, if any."""

    position: int
    next_offset: int | None


class Sight:
    """The lease of the group, and per partition the last answered fetch. Times: seconds of `now_s`.

    contact: that several clients of a worker share; None makes one.
    """

    def __init__(
        self, session_timeout_s: float, now_s: Callable[[], float] = boot_s, contact: BrokerContact | None = None,
    ) -> None:
        self.now_s = now_s
        self.contact = contact or BrokerContact()
        self._lease_for_s = session_timeout_s - LEASE_MARGIN_S
        self._lease_s: float | None = None
        self._answers: dict[TP, _Answer] = {}
        self._drained: dict[TP, _Drained] = {}
        self._delivered_s: dict[TP, float] = {}

    # Stamps, written by the client

    def renew(self, sent_s: float) -> None:
        """The group answered a heartbeat or a sync that was sent then: this member counts until its session ends."""
        self._lease_s = sent_s

    def lose_lease(self) -> None:
        """The group removed this member, or is being joined: others may own its partitions from now on."""
        self._lease_s = None

    def answered(self, tp: TP, sent_s: float, stable: int, highwater: int) -> None:
        """A fetch sent then was answered without an error. stable: last stable offset, highwater: end of the log."""
        before = self._answers.get(tp)
        since_s = sent_s if before is None or before.stable != stable else before.stable_since_s
        self._answers[tp] = _Answer(sent_s, stable, highwater, since_s)

    def drained(self, tp: TP, position: int, next_offset: int | None) -> None:
        """The client handed out its records up to `next_offset` (None: no record) and now stands at `position`.

        The position also passes transaction markers, aborted records and holes of compaction.
        """
        before = self._drained.get(tp)
        handed_out = before.next_offset if next_offset is None and before is not None else next_offset
        self._drained[tp] = _Drained(position, handed_out)

    def delivered(self, tp: TP) -> None:
        """Records of the partition were delivered to the agent."""
        self._delivered_s[tp] = self.now_s()

    def forget(self) -> None:
        """Drop what is known of all partitions: they were assigned anew or lost."""
        for stamps in (self._answers, self._drained, self._delivered_s):
            stamps.clear()

    # What the stamps mean

    def holds_lease(self) -> bool:
        """Whether the group certainly counts on this member: nobody else can own its partitions before this ends."""
        lease_s = self._lease_s
        return lease_s is not None and self.now_s() - lease_s < self._lease_for_s

    def answered_s(self, tp: TP) -> float | None:
        """When the last fetch that was answered for this partition had been sent."""
        answer = self._answers.get(tp)
        return None if answer is None else answer.sent_s

    def end(self, tp: TP) -> int | None:
        """The last stable offset as of the last answered fetch: as far as the partition can be read."""
        answer = self._answers.get(tp)
        return None if answer is None else answer.stable

    def sees(self, tp: TP) -> bool:
        """Whether a recent fetch was answered, or records were delivered recently: a backlog is not blindness."""
        delivered_s = self._delivered_s.get(tp)
        return self._is_recent(self.answered_s(tp)) or self._is_recent(delivered_s)

    def position(self, tp: TP, processed: int) -> int:
        """The client's position where all it handed out is before `processed`; else `processed`."""
        drained = self._drained.get(tp)
        if drained is None or (drained.next_offset is not None and processed < drained.next_offset):
            return processed
        return max(processed, drained.position)

    def at_end(self, tp: TP, processed: int) -> bool:
        """Whether a recent fetch proves that the partition has no record from `processed` on.

        False while a transaction has been open for longer than `RECENT_S`: records of any producer may wait behind it.
        """
        answer = self._answers.get(tp)
        if answer is None or not self._is_recent(answer.sent_s) or self.position(tp, processed) < answer.stable:
            return False
        return answer.highwater <= answer.stable or self._is_recent(answer.stable_since_s)

    def _is_recent(self, at_s: float | None) -> bool:
        return at_s is not None and self.now_s() - at_s < RECENT_S
