"""Ticks for records that come without any: event time follows from the timestamps alone.

A recording says what happened, and not when it arrived. So a source's watermark is its highest timestamp less the
lateness, and windows close up to the lowest watermark of the sources that are not idle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from math import inf

from actions.model import Outcome
from classifiers.directives import Directive
from classifiers.model import Incident
from streams.contracts.ticks import Tick
from streams.intake.kafka_record import KafkaRecord
from streams.pipeline import Products, Shard
from streams.shard.event_time import LEAST_LATENESS_S
from streams.windows.windower import Watermark


class RecordClock:
    """Feeds a shard and ticks it after each batch. One source that has not delivered yet and is not idle holds event
    time; only the caller can know that there is nothing to read."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        lateness_s = shard.plan.cadence.lateness_s
        self.lateness_s = LEAST_LATENESS_S if lateness_s is None else lateness_s
        self.highest_s = dict.fromkeys(shard.plan.sources, -inf)
        self._directives: list[Directive] = []
        if shard.ticked_at_s is None:
            shard.apply_tick(self._tick())

    def add_directives(self, directives: Iterable[Directive]) -> None:
        """Directives for the next tick."""
        self._directives += directives

    def ingest(self, source: str, records: Sequence[KafkaRecord], idle: Set[str] = frozenset()) -> list[Products]:
        """Records of one source, and the tick that follows. idle: sources that hold nothing back."""
        ingested = self.shard.ingest(source, records, Watermark(self.highest_s[source], self.lateness_s))
        if ingested.times is not None:
            self.highest_s[source] = max(self.highest_s[source], ingested.times.newest_s)
        return [ingested, self.tick(idle=idle)]

    def tick(
        self, until_s: float | None = None, idle: Set[str] = frozenset(), incidents: Sequence[Incident] = (),
    ) -> Products:
        """Close up to what the timestamps allow, or up to `until_s`, and flush the codecs of idle sources if given."""
        watermark_s = self.watermark_s(idle) if until_s is None else until_s
        return self.shard.apply_tick(self._tick(watermark_s, () if until_s is None else sorted(idle), incidents))

    def watermark_s(self, idle: Set[str]) -> float:
        """The lowest watermark of the sources that are not idle; the highest of all when every one is."""
        busy = [highest_s for source, highest_s in self.highest_s.items() if source not in idle]
        return (min(busy) if busy else max(self.highest_s.values(), default=-inf)) - self.lateness_s

    def answer(self, topic: str, outcomes: Sequence[Outcome]) -> Products:
        """Outcomes, applied at once."""
        offset = self.shard.offsets.get(topic, 0) + len(outcomes)
        self.shard.add_outcomes(topic, outcomes, offset)
        return self.shard.apply_tick(self._tick())

    def _tick(
        self, until_s: float = -inf, flush: Iterable[str] = (), incidents: Sequence[Incident] = (),
    ) -> Tick:
        directives, self._directives = tuple(self._directives), []
        at_s = max(until_s, self.shard.ticked_at_s or 0.0)
        return Tick(
            1, at_s, dict(self.shard.offsets), None if until_s == -inf else until_s, tuple(flush), directives,
            tuple(incidents),
        )
