"""How a shard is, for people to look at: its owner, how far it is, and what it left out since this owner began."""

from __future__ import annotations

from collections import Counter
from math import inf

from classifiers.series_windows import ShardReport
from streams.pipeline import Products, Shard
from streams.worker.effects import Clocks

EVERY_S = 5.0


class ShardReporter:
    """Counts what one owner of a shard sees; a new owner counts anew. worker: its name."""

    def __init__(self, number: int, worker: str, clocks: Clocks) -> None:
        self._number = number
        self._worker = worker
        self._clocks = clocks
        self._since_s = clocks.now_s()
        self._counts: Counter[str] = Counter()
        self._dead: Counter[str] = Counter()
        self._told_s = -inf

    def count(self, products: Products) -> None:
        """What a step saw."""
        self._counts.update({
            "late": products.late, "refused_series": products.refused_series,
            "overflowed": products.overflowed.total(), "dropped_values": products.dropped_values,
            "skipped": products.skipped_points.total(),
        })
        self._dead.update(one.reason for one in products.dead)

    def due(self, shard: Shard, blind_s: float) -> ShardReport | None:
        """The report, every `EVERY_S`; None in between."""
        mono_s = self._clocks.mono_s()
        if mono_s - self._told_s < EVERY_S:
            return None
        self._told_s = mono_s
        until_s, counts = shard.detection.evaluated_until_s, self._counts
        return ShardReport(
            self._number, self._worker, self._since_s, self._clocks.now_s(), None if until_s == -inf else until_s,
            round(blind_s, 3), counts["late"], counts["refused_series"], counts["overflowed"],
            counts["dropped_values"], counts["skipped"], dict(self._dead),
        )
