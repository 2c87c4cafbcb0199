"""Cumulative readings to what was added between them: one state a series, resets noticed, duplicates left out.

A series goes on from its last reading, unless it began anew: its start time moved past that reading, or it fell. Then
all of the new reading was added since the start. A start that equals the reading's own time says "unknown" (as the
OpenTelemetry data model has it, and as a collector does that was restarted), so only a fall is a reset then. The first
reading of a series tells nothing yet, unless it began after its resource was first seen: then all of it is new.

State is bounded: beyond `capacity` series those unseen for `IDLE_S` go, else the quarter seen longest ago; one that
comes back begins with a first reading. All in event time, so a replay does the same. About 150 bytes a series, and 16
a bucket.

Source: OpenTelemetry metrics data model, resets and gaps; single writer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.base import State
from streams.intake.aggregated.histograms import Buckets, Exponential, Plain, Reading, unpack
from streams.intake.codec import Skip

IDLE_S = 3600.0
NS = 1_000_000_000
KINDS: tuple[type[Reading], ...] = (Plain, Buckets, Exponential)

R = TypeVar("R", bound=Reading)


def digest(*parts: object) -> bytes:
    """The identity of a series in 16 bytes, the same in every process."""
    return blake2b(repr(parts).encode(), digest_size=16).digest()


@dataclass(slots=True)
class _Series:
    last_ns: int
    start_ns: int
    reading: Reading


class Cumulative:
    """The states of one topic's series within a shard. points: what gave no value, by reason."""

    def __init__(self, capacity: int, points: Counter[Skip]) -> None:
        self.capacity = capacity
        self.points = points
        self._series: dict[bytes, _Series] = {}

    def __len__(self) -> int:
        return len(self._series)

    def since_ns(self, key: bytes) -> int | None:
        """When the first reading of this series was taken: only for series read by `seen`."""
        known = self._series.get(key)
        return None if known is None else known.start_ns

    def seen(self, key: bytes, ts_ns: int) -> float | None:
        """Note an instant of what is not cumulative; seconds since the one before, 0 for the first. None: not newer."""
        known = self._series.get(key)
        if known is None:
            self._take(key, _Series(ts_ns, ts_ns, Plain(0.0)))
            return 0.0
        if ts_ns <= known.last_ns:
            return None
        span_s = (ts_ns - known.last_ns) / NS
        known.last_ns = ts_ns
        return span_s

    def added(
        self, key: bytes, ts_ns: int, start_ns: int, reading: R, since_ns: int | None = None,
    ) -> tuple[R, float] | None:
        """What was added since the last reading, and over how many seconds; None where that cannot be told.

        start_ns: when the series began by its source, 0 for unknown. since_ns: when its resource was first seen.
        """
        known = self._series.get(key)
        if known is None or type(known.reading) is not type(reading):
            self._take(key, _Series(ts_ns, start_ns, reading))
            if since_ns is not None and since_ns <= start_ns < ts_ns:
                return reading, (ts_ns - start_ns) / NS
            self.points["first"] += 1
            return None
        if ts_ns <= known.last_ns:
            self.points["stale"] += 1
            return None
        older: Any = known.reading
        last_ns = known.last_ns
        renewed = start_ns != known.start_ns and last_ns <= start_ns < ts_ns
        known.last_ns, known.start_ns, known.reading = ts_ns, start_ns, reading
        step = None if renewed else reading.minus(older)
        if step is not None:
            return step, (ts_ns - last_ns) / NS
        if renewed or reading.fell(older):
            self.points["reset"] += 1
            begun_ns = start_ns if last_ns < start_ns < ts_ns else last_ns
            return reading, (ts_ns - begun_ns) / NS
        self.points["rebased"] += 1
        return None

    def _take(self, key: bytes, series: _Series) -> None:
        if key not in self._series and len(self._series) >= self.capacity:
            self._make_room(series.last_ns)
        self._series[key] = series

    def _make_room(self, now_ns: int) -> None:
        oldest_ns = now_ns - int(IDLE_S * NS)
        idle = [key for key, series in self._series.items() if series.last_ns < oldest_ns]
        if not idle:
            # By key as well: the order of insertion is another after a restart.
            ranked = sorted(self._series, key=lambda key: (self._series[key].last_ns, key))
            idle = ranked[: max(1, self.capacity // 4)]
        for key in idle:
            del self._series[key]

    def snapshot(self) -> State:
        """Everything, in a few arrays: about 1 us a series and 20 ns a bucket."""
        series = list(self._series.values())
        numbers = [one.reading.pack() for one in series]
        return {
            "key": np.frombuffer(b"".join(self._series), np.uint8).reshape(-1, 16).copy(),
            "last_ns": np.array([one.last_ns for one in series], np.int64),
            "start_ns": np.array([one.start_ns for one in series], np.int64),
            "kind": np.array([KINDS.index(type(one.reading)) for one in series], np.int64),
            "width": np.array([len(each) for each in numbers], np.int64),
            "number": np.array([number for each in numbers for number in each], np.float64),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a snapshot; raises ValueError or LookupError when it is not one."""
        keys = state["key"].astype(np.uint8).reshape(-1, 16)
        columns = [state[name].astype(np.int64).tolist() for name in ("last_ns", "start_ns", "kind", "width")]
        numbers: list[float] = state["number"].astype(np.float64).tolist()
        if len({len(keys), *map(len, columns)}) != 1 or sum(columns[3]) != len(numbers):
            raise ValueError(f"input state: {len(keys)} series with other numbers of columns, expected the same in all")
        at = 0
        self._series = {}
        for key, last_ns, start_ns, kind, width in zip(keys, *columns, strict=True):
            self._series[key.tobytes()] = _Series(last_ns, start_ns, unpack(KINDS[kind], numbers[at : at + width]))
            at += width
