"""Whether the broker answers this worker, whatever shards it owns, and when it lately did not.

A worker that takes over a shard has to know whether the former owner alone was gone, or the broker was: only then were
producers cut off. Its Kafka clients that ask at short intervals say here which of their requests were answered. Time
without any answer is a gap. A stop of this process makes one, since it can see nothing meanwhile. With several brokers
only the absence of all of them is seen.
"""

from __future__ import annotations

import threading
from math import inf
from typing import NamedTuple

GAP_FROM_S = 2.0
"""Longer without an answer is a gap. The broadcast consumer asks twice a second, whatever the group does."""
GAPS_KEPT = 4


class Gap(NamedTuple):
    """Time without an answer, by the steady clock of `sight`: from the last request answered before it to the first
    after it."""

    begun_s: float
    ended_s: float


class BrokerContact:
    """What the clients of one worker saw. To be used from any thread."""

    def __init__(self) -> None:
        self.since_s = inf
        """When the first request that was answered had been sent; infinity before it."""
        self.gaps: tuple[Gap, ...] = ()
        """The last `GAPS_KEPT` that have ended, the oldest first."""
        self._heard_s = inf
        self._lock = threading.Lock()

    def heard(self, sent_s: float) -> None:
        """A request sent then was answered: the broker was there at some time after it."""
        with self._lock:
            if self._heard_s == inf:
                self.since_s = self._heard_s = sent_s
            if sent_s - self._heard_s >= GAP_FROM_S:
                self.gaps = (*self.gaps, Gap(self._heard_s, sent_s))[-GAPS_KEPT:]
            self._heard_s = max(self._heard_s, sent_s)
