"""Which sources have nothing to say: read to their end, and silent for long enough. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a source of a shard is read. processed, highwater: offsets, None while unknown."""

    processed: int | None
    highwater: int | None

    @property
    def lag(self) -> int | None:
        """Records not yet processed, None while unknown."""
        if self.processed is None or self.highwater is None:
            return None
        return max(0, self.highwater - self.processed)

    @property
    def at_end(self) -> bool:
        """Known to have nothing left; False while either number is unknown."""
        return self.lag == 0


class Idleness:
    """Last arrivals by shard and source.

    A source without any record is idle as soon as it is known to be empty. One that has delivered, to whoever held the
    shard before or to a buffer of ours, is given `idle_s` from the first look.
    """

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._arrived_s: dict[tuple[int, str], float] = {}

    def arrived(self, shard: int, source: str, now_s: float) -> None:
        """A batch came."""
        self._arrived_s[shard, source] = now_s

    def idle(self, shard: int, readings: Mapping[str, Reading], now_s: float) -> frozenset[str]:
        """The sources of a shard that hold nothing back."""
        return frozenset(
            source for source, reading in readings.items() if self._is_idle((shard, source), reading, now_s)
        )

    def _is_idle(self, key: tuple[int, str], reading: Reading, now_s: float) -> bool:
        if not reading.at_end:
            return False
        return reading.processed == 0 or now_s - self._arrived_s.setdefault(key, now_s) >= self._idle_s

    def forget(self, shards: Iterable[int]) -> None:
        """Shards that went to another worker."""
        gone = set(shards)
        self._arrived_s = {key: at_s for key, at_s in self._arrived_s.items() if key[0] not in gone}
