"""The loop of a worker between records: ticks that are due, due snapshots, metrics and the watchdog."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

import structlog
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from classifiers.model import Incident
from config.models import TopicsSection
from streams.cluster.recreated import RecreatedTopics
from streams.contracts.envelopes import incident_message
from streams.kafka.producer import Unacknowledged
from streams.ownership.blind_report import BlindReport
from streams.telemetry.watchdog import ProgressWatchdog
from streams.transport.batches import TP
from streams.worker.effects import Effects
from streams.worker.shard_manager import ShardManager
from streams.worker.shard_owner import ShardOwner

log = structlog.get_logger(__name__)

LOOP_S = 0.1
REPORT_EVERY = 10
LATENESS_LOGGED_S = 10.0
"""A learned lateness above it is logged: incidents come later by it."""
BLIND_AFTER_S = 5.0
"""A worker with a shard that is blind for longer is not ready."""
SCOPE = "blindness"
"""The flush scope of what the worker publishes about itself."""


class Transport(Protocol):
    """The side of the transport that the loop needs. Offsets are None while not known."""

    def position(self, tp: TP) -> int | None: ...

    def highwater(self, tp: TP) -> int | None: ...

    def rejoin(self, reason: str) -> None: ...


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


class WorkerLoop:
    """sources: the metric topics."""

    def __init__(
        self, manager: ShardManager, effects: Effects, watchdog: ProgressWatchdog, transport: Transport,
        sources: Collection[str], topics: TopicsSection,
    ) -> None:
        self._manager = manager
        self._effects = effects
        self._watchdog = watchdog
        self._transport = transport
        self._recreated = RecreatedTopics()
        self._sources = tuple(sources)
        self._topics = topics
        self._blind_s = 0.0
        self._logged_late: set[TP] = set()
        self._blind_report = BlindReport(effects.identity.source, effects.identity.worker)

    async def run(self) -> None:
        """Until cancelled: write the ticks that are due every `LOOP_S`, report every `REPORT_EVERY` rounds."""
        rounds = 0
        while True:
            await asyncio.sleep(LOOP_S)
            await self._manager.tick()
            rounds += 1
            if rounds % REPORT_EVERY == 0:
                self.report()

    def complaints(self) -> tuple[str, ...]:
        """The shards that have been blind for too long; empty while there are none."""
        return tuple(
            f"shard {number}: blind for {blind_s:.0f} s" for number, blind_s in self._manager.blind_for_s().items()
            if blind_s >= BLIND_AFTER_S
        )

    async def report_blindness(self) -> None:
        """Until cancelled: publish that the worker could not judge its shards. While the broker is away this waits."""
        while True:
            await asyncio.sleep(LOOP_S)
            await self.note_blindness()

    async def note_blindness(self) -> None:
        """One round of `report_blindness`: `LOOP_S` have passed since the last one."""
        # A round that comes late was not blind, but frozen: only time in which the worker ran is counted.
        self._blind_s = self._blind_s + LOOP_S if self._manager.blind_for_s() else 0.0
        incident = self._blind_report.observe(self._blind_s, self._effects.clocks.wall_s())
        if incident is not None:
            await self._publish(incident)

    async def _publish(self, incident: Incident) -> None:
        """One that cannot be published is dropped: while it lasts it is repeated."""
        publisher, source = self._effects.publisher, self._effects.identity.source
        try:
            message = incident_message(incident, source, self._effects.clocks.wall_s())
            signed = self._effects.authenticity.signed(self._topics.incidents, message, "watch")
            await publisher.send(SCOPE, self._topics.incidents, [signed])
            await publisher.flush(SCOPE)
        except (KafkaError, Unacknowledged) as error:
            publisher.forget(SCOPE)
            log.warning("blindness_not_published", incident_id=incident.id, reason=repr(error))

    async def store_snapshots(self) -> None:
        """Until cancelled: store the snapshots that are due. In a task of its own, a slow store delays nothing else."""
        while True:
            await asyncio.sleep(LOOP_S)
            await self._manager.store_due()

    def report(self) -> None:
        """Publish lag, watermarks, series, incidents and the findings of the watchdog as metrics."""
        telemetry, mono_s = self._effects.telemetry, self._effects.clocks.mono_s()
        now_s = self._effects.clocks.now_s()
        owners = self._manager.owners
        shards = {number: owner.shard.status() for number, owner in owners.items()}
        for number, status in shards.items():
            watermark_s = status.evaluated_until_s
            behind_s = None if watermark_s is None else now_s - watermark_s
            telemetry.blind(number, owners[number].blind_for_s())
            for source, reading in self._readings(number, owners[number]).items():
                telemetry.lag(source, number, records=reading.lag, watermark_lag_s=behind_s)
                cadence = owners[number].cadence(source)
                telemetry.cadence(source, number, cadence)
                self._note_lateness(TP(source, number), cadence.lateness_s)
                self._watchdog.observe(mono_s, (source, number), reading.processed, reading.highwater)
                self._check_recreated(TP(source, number), reading)
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
        telemetry.incidents_open(sum((shard.incidents_open for shard in shards.values()), Counter()))

    def _note_lateness(self, tp: TP, lateness_s: float) -> None:
        """Log, once each time, that incidents come later as the records of a source are far out of order."""
        if lateness_s <= LATENESS_LOGGED_S:
            self._logged_late.discard(tp)
        elif tp not in self._logged_late:
            self._logged_late.add(tp)
            log.warning(
                "records_out_of_order", topic=tp.topic, shard=tp.partition, lateness_s=round(lateness_s, 1),
                effect="windows close later by so much; it fades when the order is better",
            )

    def _check_recreated(self, tp: TP, reading: Reading) -> None:
        """A source that is another log now is read from its start by whoever takes the shard over."""
        steady_s = self._effects.clocks.steady_s()
        if reading.processed is not None and self._recreated.observe(
            tp, reading.processed, reading.highwater, steady_s,
        ):
            self._recreated.forget(frozenset({tp}))
            self._transport.rejoin(f"{tp.topic}[{tp.partition}] was created again")

    def _readings(self, number: int, owner: ShardOwner) -> dict[str, Reading]:
        found: dict[str, Reading] = {}
        for source in self._sources:
            tp = TP(source, number)
            processed = owner.shard.offsets.get(source)
            found[source] = Reading(
                self._transport.position(tp) if processed is None else processed, self._transport.highwater(tp),
            )
        return found
