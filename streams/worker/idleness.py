"""Which sources are idle: read to their end, and without a record for long enough. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a source of a shard is read. processed, highwater: offsets, None while not known."""

    processed: int | None
    highwater: int | None

    @property
    def lag(self) -> int | None:
        """Records not yet processed, None while not known."""
        if self.processed is None or self.highwater is None:
            return None
        return max(0, self.highwater - self.processed)

    @property
    def at_end(self) -> bool:
        """Whether the source is known to be read to its end."""
        return self.lag == 0


class Idleness:
    """The last arrivals by shard and source.

    A source without any record is idle as soon as it is known to be empty. A source with records is idle `idle_s` after
    its last batch. When this worker has not seen a batch of it yet, `idle_s` begins with the first call of `idle`.
    """

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._last_batch_s: dict[tuple[int, str], float] = {}

    def observe(self, shard: int, source: str, now_s: float) -> None:
        """A batch of the source arrived."""
        self._last_batch_s[shard, source] = now_s

    def idle(self, shard: int, readings: Mapping[str, Reading], now_s: float) -> frozenset[str]:
        """The idle sources of a shard. The watermark does not wait for them."""
        return frozenset(
            source for source, reading in readings.items() if self._is_idle((shard, source), reading, now_s)
        )

    def _is_idle(self, key: tuple[int, str], reading: Reading, now_s: float) -> bool:
        if not reading.at_end:
            return False
        return reading.processed == 0 or now_s - self._last_batch_s.setdefault(key, now_s) >= self._idle_s

    def forget(self, shards: Iterable[int]) -> None:
        """Forget shards that are not owned any more."""
        forgotten = set(shards)
        self._last_batch_s = {key: at_s for key, at_s in self._last_batch_s.items() if key[0] not in forgotten}
