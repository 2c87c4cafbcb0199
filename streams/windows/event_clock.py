"""The event-time clock of a shard: how far its sources have come, and up to where they all have."""

from __future__ import annotations

from collections.abc import Mapping, Set
from math import inf


class ShardClock:
    """A watermark per source (its highest timestamp less the lateness); the clock is the lowest of them.

    A source that was expected but has delivered nothing holds the clock at minus infinity until it delivers or is said
    to be idle: only the owner can know that there is nothing to read.
    """

    def __init__(self, lateness_s: float) -> None:
        self.lateness_s = lateness_s
        self._highest_s: dict[str, float] = {}

    def expect(self, source: str) -> None:
        """Expect this source before its first record."""
        self._highest_s.setdefault(source, -inf)

    def forget(self, source: str) -> None:
        """Expect it no longer."""
        self._highest_s.pop(source, None)

    def highest_s(self, source: str) -> float:
        """The highest timestamp seen of this source, minus infinity before its first."""
        return self._highest_s.get(source, -inf)

    def observe(self, source: str, ts_max_s: float) -> None:
        """Move a source's watermark; it never moves back."""
        self._highest_s[source] = max(self.highest_s(source), ts_max_s)

    def clock_s(self, idle: Set[str]) -> float:
        """The lowest watermark among the sources that are not idle; the highest of all when every one is.

        Windows that end here or before are complete. Minus infinity when no source is known.
        """
        busy = [highest for source, highest in self._highest_s.items() if source not in idle]
        if busy:
            return min(busy) - self.lateness_s
        return max(self._highest_s.values(), default=-inf) - self.lateness_s

    def snapshot(self) -> dict[str, float | None]:
        """Highest timestamp by source, None for one that has delivered nothing; JSON-able."""
        return {source: None if highest == -inf else highest for source, highest in self._highest_s.items()}

    def restore(self, highest_s: Mapping[str, float | None]) -> None:
        """Take a snapshot's watermarks instead of what is there."""
        self._highest_s = {source: -inf if highest is None else highest for source, highest in highest_s.items()}
