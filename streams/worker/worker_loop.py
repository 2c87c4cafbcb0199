"""What a worker does between records: silent sources, due snapshots, lag, and the watchdog's look. Two tasks run it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Protocol

from streams.kafka.batches import TP
from streams.state.shard_manager import ShardManager
from streams.telemetry.metrics import Telemetry
from streams.telemetry.watchdog import ProgressWatchdog
from streams.worker.batch_processor import BatchProcessor
from streams.worker.idleness import Idleness, Reading

TICK_S = 0.1
LOOK_EVERY_TICKS = 10


class Offsets(Protocol):
    """What the rounds ask of the transport; None while not known."""

    def position(self, tp: TP) -> int | None: ...

    def highwater(self, tp: TP) -> int | None: ...


class WorkerLoop:
    """sources: the metric topics. now_s: clock of decisions. mono_s: monotonic seconds, for the watchdog."""

    def __init__(
        self, keeper: ShardManager, desk: BatchProcessor, idleness: Idleness, watchdog: ProgressWatchdog,
        telemetry: Telemetry, offsets: Offsets, sources: Collection[str],
        now_s: Callable[[], float], mono_s: Callable[[], float],
    ) -> None:
        self._keeper = keeper
        self._desk = desk
        self._idleness = idleness
        self._watchdog = watchdog
        self._telemetry = telemetry
        self._offsets = offsets
        self._sources = tuple(sources)
        self._now_s = now_s
        self._mono_s = mono_s

    async def run(self) -> None:
        """Go round until cancelled: silence first, which is looked for every `TICK_S`."""
        ticks = 0
        while True:
            await asyncio.sleep(TICK_S)
            for number in list(self._keeper.shards):
                idle = self._idleness.idle(number, self._readings(number), self._now_s())
                await self._desk.pass_time(number, idle)
            ticks += 1
            if ticks % LOOK_EVERY_TICKS == 0:
                self.look()

    async def keep(self) -> None:
        """Store what is due until cancelled, in a task of its own: a slow store must not hold up the rest.

        Raises what storing raises: the worker must not go on as if all were kept.
        """
        while True:
            await asyncio.sleep(TICK_S)
            await self._keeper.keep_due()

    def look(self) -> None:
        """Publish lag, watermarks, series and the watchdog's verdicts as metrics."""
        mono_s, now_s = self._mono_s(), self._now_s()
        statuses = {number: shard.status() for number, shard in self._keeper.shards.items()}
        for number, status in statuses.items():
            watermark_s = status.evaluated_until_s
            behind_s = None if watermark_s is None else now_s - watermark_s
            for source, reading in self._readings(number).items():
                self._telemetry.lag(source, number, records=reading.lag, watermark_lag_s=behind_s)
                self._watchdog.observe(mono_s, (source, number), reading.processed, reading.highwater)
        for verdict in self._watchdog.verdicts(mono_s):
            self._telemetry.stalled(*verdict.partition, verdict.condition == "stalled")
        self._telemetry.series({"ready": sum(status.series for status in statuses.values())})
        # Every shard receives all feedback, so the advisor of one stands for all.
        for status in list(statuses.values())[:1]:
            self._telemetry.advisor("severity", status.severity)
            self._telemetry.advisor("category", status.category)
        self._telemetry.incidents_open(sum(status.incidents_open for status in statuses.values()))

    def _readings(self, number: int) -> dict[str, Reading]:
        shard = self._keeper.shard(number)
        if shard is None:
            return {}
        found: dict[str, Reading] = {}
        for source in self._sources:
            tp = TP(source, number)
            processed = shard.offsets.get(source)
            found[source] = Reading(
                self._offsets.position(tp) if processed is None else processed, self._offsets.highwater(tp),
            )
        return found
