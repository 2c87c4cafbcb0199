"""The loop of a worker between records: idle sources, due snapshots, metrics and the watchdog. Two tasks run it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Protocol

from streams.state.shard_manager import ShardManager
from streams.telemetry.watchdog import ProgressWatchdog
from streams.transport.batches import TP
from streams.worker.batch_processor import BatchProcessor
from streams.worker.effects import Effects
from streams.worker.idleness import Idleness, Reading

TICK_S = 0.1
REPORT_EVERY_TICKS = 10


class Offsets(Protocol):
    """The offsets that the transport knows; None while not known."""

    def position(self, tp: TP) -> int | None: ...

    def highwater(self, tp: TP) -> int | None: ...


class WorkerLoop:
    """sources: the metric topics."""

    def __init__(
        self, manager: ShardManager, processor: BatchProcessor, effects: Effects, idleness: Idleness,
        watchdog: ProgressWatchdog, offsets: Offsets, sources: Collection[str],
    ) -> None:
        self._manager = manager
        self._processor = processor
        self._effects = effects
        self._idleness = idleness
        self._watchdog = watchdog
        self._offsets = offsets
        self._sources = tuple(sources)

    async def run(self) -> None:
        """Until cancelled: advance the time of the shards every `TICK_S`, report every `REPORT_EVERY_TICKS` ticks."""
        ticks = 0
        while True:
            await asyncio.sleep(TICK_S)
            for number in list(self._manager.shards):
                idle = self._idleness.idle(number, self._readings(number), self._effects.clocks.now_s())
                await self._processor.advance_time(number, idle)
            ticks += 1
            if ticks % REPORT_EVERY_TICKS == 0:
                self.report()

    async def store_snapshots(self) -> None:
        """Until cancelled: store the snapshots that are due. In a task of its own, a slow store delays nothing else.

        Raises what storing raises: the worker must stop when its state cannot be stored.
        """
        while True:
            await asyncio.sleep(TICK_S)
            await self._manager.store_due()

    def report(self) -> None:
        """Publish lag, watermarks, series, incidents and the findings of the watchdog as metrics."""
        telemetry, mono_s = self._effects.telemetry, self._effects.clocks.mono_s()
        now_s = self._effects.clocks.now_s()
        shards = {number: shard.status() for number, shard in self._manager.shards.items()}
        for number, shard in shards.items():
            watermark_s = shard.evaluated_until_s
            behind_s = None if watermark_s is None else now_s - watermark_s
            for source, reading in self._readings(number).items():
                telemetry.lag(source, number, records=reading.lag, watermark_lag_s=behind_s)
                self._watchdog.observe(mono_s, (source, number), reading.processed, reading.highwater)
        for partition in self._watchdog.statuses(mono_s):
            telemetry.stalled(*partition.partition, partition.condition == "stalled")
        counts = [shard.series for shard in shards.values()]
        telemetry.series({
            "warming": sum(count.warming for count in counts), "ready": sum(count.ready for count in counts),
            "silent": sum(count.silent for count in counts),
        })
        # Every shard receives all feedback, so the advisor of one stands for all.
        for shard in list(shards.values())[:1]:
            telemetry.advisor("severity", shard.severity)
            telemetry.advisor("category", shard.category)
        telemetry.incidents_open(sum(shard.incidents_open for shard in shards.values()))

    def _readings(self, number: int) -> dict[str, Reading]:
        shard = self._manager.shard(number)
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
