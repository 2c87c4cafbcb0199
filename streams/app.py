"""The composition root of a worker: it builds every part, connects them, and reads the clocks for all of them.

A worker is a Faust app with two agents: record batches go to the batch processor, intents to the action worker. Their
resources are opened before the consumer starts and closed after the last hand-over. `prepare` checks before that what
the operator can put right.

A shard imports river and scipy when it is made. Here they are imported first, because within the event loop that would
hold up heartbeats for seconds.
"""

from __future__ import annotations

import gc
import os
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import river.anomaly
import river.drift  # noqa: F401
import scipy.special  # noqa: F401
import structlog

import classifiers.learning.learner  # noqa: F401
from classifiers.by_hand import ForTargets
from config.models import Config
from streams.cluster.fencing import can_fence
from streams.cluster.group_members import require_free_name
from streams.cluster.required_topics import RequiredTopics
from streams.intake.dead_letters import Brake
from streams.intake.kafka_record import ConsumerRecord
from streams.kafka.broadcast_consumer import BroadcastConsumer, Process
from streams.kafka.broker_contact import BrokerContact
from streams.kafka.retry import while_unreachable
from streams.kafka.settings import KafkaSettings, settings_of
from streams.kafka.transactions import FencedProducer, PlainProducer, ShardProducer
from streams.planning import plan_of
from streams.reload.process_log import start_facts, stop_reason
from streams.reload.reloader import Reloader
from streams.reload.watch import ConfigWatch
from streams.respond.responder import Responder, ResponderClocks
from streams.shard.snapshot import READABLE
from streams.state.snapshots import RejectionReason, TopicSnapshots
from streams.state.tick_log import TickLog
from streams.telemetry.metrics_server import MetricsServer, Rendered, require_free_port
from streams.telemetry.process_metrics import ReloadResult
from streams.telemetry.watchdog import ProgressWatchdog
from streams.transport.batched_app import BatchedApp
from streams.transport.batches import TP, RecordBatch
from streams.transport.faust_app import make_app
from streams.trust.setup import log_notes
from streams.worker.batch_processor import BatchProcessor, BrakeTripped
from streams.worker.control_consumer import ControlConsumer
from streams.worker.effects import Effects, effects_of, worker_name
from streams.worker.execute.execution import Execution
from streams.worker.shard_manager import ShardManager, SnapshotSchedule
from streams.worker.take_over import ProducerUse, Stores
from streams.worker.wall_clock import WallClock
from streams.worker.worker_loop import WorkerLoop

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.worker")

STALL_AFTER_S = 30.0
INCIDENTS_BACK_S = 3600.0
"""How far back incidents are read at a start. An open one is published again every minute while its shard is owned."""
STATE_SCOPE = "state"
"""The flush scope of audit entries about stored states."""
CATCH_UP_S = 10.0
"""How long a start waits for the control records that exist already. Those read later take effect later."""


ALL_ROLES = frozenset({"watch", "execute", "respond"})


class Worker:
    """One worker process. `clock` is the clock of decisions; intervals are measured on the monotonic one. file: of the
    configuration, which is watched; None for the shipped default."""

    def __init__(
        self, config: Config, clock: WallClock, roles: frozenset[str] = ALL_ROLES, file: Path | None = None,
    ) -> None:
        self.config = config
        self._file = file
        self._roles = roles
        self._executes = "execute" in roles and config.executor.enabled
        self.settings = _settings(config, self._executes)
        self.app: BatchedApp = make_app(self.settings)
        self._name = worker_name(config)
        self.effects = effects_of(config, self.settings, clock, self._name)
        plan = plan_of(config)
        self.store = TopicSnapshots(
            self.settings.brokers, config.topics.state, security=self.settings.security,
            versions=READABLE, rejected=self._note_rejected,
        )
        self.ticks = TickLog(self.settings.brokers, config.topics.ticks, security=self.settings.security)
        self.manager = ShardManager(
            plan, Stores(self.store, self.ticks, self._shard_producer),
            SnapshotSchedule(config.snapshot.every_s, config.snapshot.every_records), self.app, self.effects,
            config.topics, self._note_rejected,
        )
        brake = Brake(config.codec.brake.max_ratio, config.codec.brake.window, config.codec.brake.min_volume)
        self.topics = RequiredTopics(config, self.settings.security)
        self.processor = BatchProcessor(self.manager, self.effects, config.topics, brake, self.topics)
        self.control = ControlConsumer(self.manager, self.effects, config, self._ask_execution)
        self.broadcast = _broadcast_consumer(
            config, self.settings, self._process_broadcast, self.effects, self.app.sight.contact,
        )
        self.watchdog = ProgressWatchdog(STALL_AFTER_S)
        self.loop = WorkerLoop(
            self.manager, self.effects, self.watchdog, self.app, plan.sources, config.topics,
        )
        self.execution: Execution | None = None
        clocks = self.effects.clocks
        self.responder = None if "respond" not in roles else Responder(
            config, self.settings, ResponderClocks(clocks.now_s, clocks.wall_s, clocks.mono_s),
            lambda: self.topics.plan.shards, self.topics.partitions, file,
        )
        self._reloader = None if file is None else Reloader(
            config, file, os.environ, self._reconfigure, self._note_reload,
        )
        self._owned: frozenset[TP] = frozenset()
        self._rejections: list[tuple[int, str]] = []
        self._is_restored = False
        self._fences = False
        self.stopped_by: str | None = None
        """Why the worker stopped itself; the command line prints it last."""
        self._resources = AsyncExitStack()
        self._attach()

    def _attach(self) -> None:
        app, topics = self.app, self.config.topics
        app.on_open, app.on_close = self._open, self._close
        app.on_assigned, app.on_revoked = self._assigned, self._revoked
        app.on_removed, app.on_recreated = self._removed, self.manager.note_recreated
        inputs = sorted(self.settings.batched - {topics.actions})
        app.agent(app.batch_topic(*inputs), name="batch_processor")(self._process_batches)
        if self._executes:
            app.agent(app.batch_topic(topics.actions), name="execution")(self._process_intents)
        app.task(self.loop.run)
        app.task(self.loop.report_blindness)
        app.task(self.loop.store_snapshots)

    async def prepare(self) -> None:
        """Check what the operator can put right; to be awaited before the app runs, in any event loop.

        Raises `BrokerUnavailable`, `TopicError`, `NameTaken`, and `PortTaken` for the metrics server.
        """
        require_free_port(self.config.telemetry.host, self.config.telemetry.port)
        await self.topics.prepare()
        await require_free_name(self.settings)

    async def _open(self) -> None:
        enter = self._resources.enter_async_context
        self._resources.callback(self.effects.tracing.close)
        await while_unreachable("start the publisher", lambda: enter(self.effects.publisher))
        await while_unreachable("open the store of snapshots", lambda: enter(self.store))
        await while_unreachable("open the log of ticks", lambda: enter(self.ticks))
        self._resources.push_async_callback(self.manager.close)
        probe = f"{self.settings.group}/fencing-probe/{uuid.uuid4().hex}"
        self._fences = await while_unreachable(
            "ask whether the broker fences", lambda: can_fence(self.settings.brokers, self.settings.security, probe),
        )
        if not self._fences:
            log.warning("broker_does_not_fence", effect="after a take-over a former owner may still publish")
        if self._executes:
            await self._open_execution()
        self.app.add_future(self.broadcast.run())
        if self.responder is not None:
            self.app.add_future(self.responder.run())
        if not await self.broadcast.caught_up(CATCH_UP_S):
            log.warning("control_topic_not_caught_up", waited_s=CATCH_UP_S)
        served: list[Rendered] = [self.effects.telemetry]
        if self.responder is not None:
            served.append(self.responder.metrics)
        server = MetricsServer(
            *served, health=self._complaints, ready=self._missing,
            degraded=self._degradations, host=self.config.telemetry.host, port=self.config.telemetry.port,
        )
        await server.start()
        self._resources.push_async_callback(server.stop)
        if self._reloader is not None and self._file is not None:
            self.app.add_future(ConfigWatch(self._reloader, self._file).run())
        log_notes(self.config, self.effects.authenticity, self.effects.clocks.wall_s())
        log.info(
            "started", worker=self._name, roles=sorted(self._roles), shards=self.topics.plan.shards,
            metrics_port=server.port, **start_facts(self.config, self._file, self.settings.group),
        )

    async def _close(self) -> None:
        log.info("stopping", worker=self._name, reason=stop_reason(self.app, self.stopped_by))
        await self._resources.aclose()

    def _reconfigure(self, config: Config) -> None:
        """Decide by another configuration from the next ticks on."""
        self.config = config
        self.manager.reconfigure(plan_of(config))
        self.control.reconfigure(config.triage)
        if self.execution is not None:
            self.execution.reconfigure(config.limits)
        if self.responder is not None:
            self.responder.reconfigure(config)

    def _note_reload(self, result: ReloadResult, config_hash: str) -> None:
        self.effects.telemetry.process.reloaded(result, config_hash, self.effects.clocks.wall_s())
        if self.responder is not None and self._reloader is not None:
            self.responder.page.configuration.reloaded(result, self._reloader.config, self._reloader.notes())

    async def _open_execution(self) -> None:
        self.execution = execution = Execution(
            self.config, self.settings, self.app, self.effects, self._name, lambda: self.topics.plan.shards,
            self.broadcast.is_current,
        )
        await execution.open(self._resources)
        for work in execution.tasks():
            self.app.add_future(work)

    async def _ask_execution(self, directive: ForTargets) -> None:
        if self.execution is not None:
            await self.execution.ask(directive)

    async def _process_broadcast(self, topic: str, records: Sequence[ConsumerRecord]) -> None:
        await self.control.process(topic, records)
        if self.execution is not None and topic == self.config.topics.incidents:
            await self.execution.follow(records)

    async def _assigned(self, tps: frozenset[TP]) -> Mapping[TP, int]:
        if await while_unreachable("grow the topics", lambda: self.topics.grow(tps)):
            outcomes, shards = self.config.topics.outcomes, self.topics.plan.shards
            await while_unreachable(
                "learn the new partitions", lambda: self.effects.publisher.learn_partitions(outcomes, shards),
            )
        self._forget(self._owned - tps)
        self._owned = tps
        self._rejections.clear()
        offsets = await self.manager.restore(tps)
        self.control.replay_to_shards()
        output = self.effects.publisher.output(STATE_SCOPE)
        for shard, reason in self._rejections:
            await self.effects.audit.state_rejected(output, shard, reason, self.effects.clocks.now_s())
        self.app.add_future(self._reconcile())
        if self.execution is not None:
            await self.execution.assigned({tp for tp in tps if tp.topic == self.config.topics.actions})
        self._is_restored = True
        _freeze_garbage_collector()
        return offsets

    async def _reconcile(self) -> None:
        """Once everything published so far was read: resolve what this worker's shards published and do not know."""
        await self.broadcast.caught_up_again()
        self.manager.reconcile(self.control.open_incidents(), self.topics.plan.shards)

    def _shard_producer(self, number: int, use: ProducerUse) -> ShardProducer:
        client = {"bootstrap_servers": self.settings.brokers.split(","), **self.settings.security.options()}
        if not self._fences:
            return PlainProducer(client)
        return FencedProducer(client, f"{self.settings.group}/{number}/{use}")

    def _note_rejected(self, reason: RejectionReason, shard: int, detail: str) -> None:
        self.effects.telemetry.restore(reason)
        self._rejections.append((shard, detail))

    async def _revoked(self, tps: frozenset[TP]) -> None:
        try:
            await self.manager.hand_over(tps)
        finally:
            # A worker that gets no partition in the next assignment is not called again. It is on standby and healthy.
            self._forget(tps)
            self._owned -= tps

    def _removed(self, tp: TP, count: int) -> None:
        self.effects.telemetry.records_removed(tp.topic, count)
        first = self.app.position(tp)
        if first is not None:
            self.manager.note_removed(tp, first)

    def _forget(self, tps: frozenset[TP]) -> None:
        partitions = [(tp.topic, tp.partition) for tp in tps]
        self.watchdog.revoke(partitions)
        self.effects.telemetry.revoke(partitions)
        self.processor.revoke(partitions)

    async def _process_batches(self, batches: Any) -> None:
        async for batch in batches:
            assert isinstance(batch, RecordBatch)
            try:
                await self.processor.process(batch)
            except BrakeTripped as reason:
                self.stopped_by = str(reason)
                raise

    async def _process_intents(self, stream: Any) -> None:
        async for batch in stream:
            assert isinstance(batch, RecordBatch)
            assert self.execution is not None
            await self.execution.take(batch)

    def _degradations(self) -> tuple[str, ...]:
        reloads = () if self._reloader is None else self._reloader.notes()
        trust = self.effects.authenticity.notes(self.effects.clocks.wall_s())
        return reloads + self.processor.degradations() + trust

    def _complaints(self) -> tuple[str, ...]:
        own = self.watchdog.complaints(self.effects.clocks.mono_s()) + self.broadcast.complaints()
        return own if self.responder is None else own + self.responder.complaints()

    def _missing(self) -> tuple[str, ...]:
        if not self._is_restored:
            return ("no partitions assigned and restored yet",)
        return self.loop.complaints()


def _settings(config: Config, executes: bool) -> KafkaSettings:
    """Of a process that watches; who does not execute does not read the intents."""
    settings = settings_of(config)
    return settings if executes else replace(settings, batched=settings.batched - {config.topics.actions})


def _broadcast_consumer(
    config: Config, settings: KafkaSettings, process: Process, effects: Effects, contact: BrokerContact,
) -> BroadcastConsumer:
    back_s = {config.topics.control: config.control.remember_s, config.topics.incidents: INCIDENTS_BACK_S}
    return BroadcastConsumer(
        settings.brokers, back_s, process, now_s=effects.clocks.wall_s, mono_s=effects.clocks.mono_s,
        lag=effects.telemetry.broadcast_lag, security=settings.security, contact=contact,
    )


def _freeze_garbage_collector() -> None:
    """Exclude the objects that the start and the restore made from garbage collection, which would scan them each time.

    A poll makes thousands of objects that live for a moment. At Python's own thresholds the collector takes a third of
    the worker's time (benchmarks/throughput.py). Unfreezing first frees the shards of an earlier assignment.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
