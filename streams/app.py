"""The composition root of a worker: it builds every part, connects them, and reads the clocks for all of them.

A worker is a Faust app with two agents: record batches go to the batch processor, intents to the action worker. Their
resources are opened before the consumer starts and closed after the last hand-over. `prepare` checks before that what
the operator can put right.
"""

from __future__ import annotations

import gc
import os
import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version
from typing import Any

import aiohttp
import structlog

from actions.catalogue import build
from actions.executor import Executor
from actions.hooks import Hooks
from actions.remedies.incidents import KnownIncidents
from config.models import Config
from detectors.suite import Suite
from streams.cluster.fencing import can_fence
from streams.cluster.group_members import require_free_name
from streams.cluster.required_topics import RequiredTopics
from streams.contracts.envelopes import source_of
from streams.intake.dead_letters import Brake
from streams.intake.kafka_record import ConsumerRecord
from streams.kafka.broadcast_consumer import BroadcastConsumer, Process
from streams.kafka.broker_contact import BrokerContact
from streams.kafka.producer import Publisher
from streams.kafka.settings import KafkaSettings, settings_of
from streams.kafka.sight import boot_s
from streams.kafka.transactions import FencedProducer, PlainProducer, ShardProducer
from streams.planning import plan_of
from streams.shard.snapshot import VERSION
from streams.state.ledger import TopicLedger
from streams.state.snapshots import RejectionReason, TopicSnapshots
from streams.state.tick_log import TickLog
from streams.telemetry.metrics import Labels, Telemetry
from streams.telemetry.metrics_server import MetricsServer
from streams.telemetry.traces import Tracing
from streams.telemetry.watchdog import ProgressWatchdog
from streams.transport.batched_app import BatchedApp
from streams.transport.batches import TP, RecordBatch
from streams.transport.faust_app import make_app
from streams.worker.action_worker import SCOPE as ACTION_SCOPE
from streams.worker.action_worker import ActionWorker
from streams.worker.audit import Audit
from streams.worker.batch_processor import BatchProcessor, BrakeTripped
from streams.worker.control_consumer import ControlConsumer
from streams.worker.dead_letter_writer import DeadLetterWriter
from streams.worker.effects import Clocks, Effects, Identity
from streams.worker.shard_manager import ShardManager, SnapshotSchedule
from streams.worker.take_over import ProducerUse, Stores
from streams.worker.targets.remedy_loop import RemedyLoop, RemedyReporter
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


class PortTaken(ConnectionError):  # noqa: N818
    """The metrics server cannot have the address that the configuration gives it."""


class Worker:
    """One worker process. `clock` is the clock of decisions; intervals are measured on the monotonic one."""

    def __init__(self, config: Config, clock: WallClock) -> None:
        self.config = config
        self.settings = settings_of(config)
        self.app: BatchedApp = make_app(self.settings)
        self._name = f"tocsin/{config.kafka.instance_id or f'{socket.gethostname()}-{os.getpid()}'}"
        self.effects = _effects(config, self.settings, clock, self._name)
        plan = plan_of(config)
        self.store = TopicSnapshots(
            self.settings.brokers, config.topics.state, security=self.settings.security,
            versions=frozenset({VERSION}), rejected=self._note_rejected,
        )
        self.ledger = TopicLedger(
            self.settings.brokers, config.topics.ledger, owner=self._name, security=self.settings.security,
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
        self.control = ControlConsumer(self.manager, self.effects, config)
        self.broadcast = _broadcast_consumer(
            config, self.settings, self._process_broadcast, self.effects, self.app.sight.contact,
        )
        self.watchdog = ProgressWatchdog(STALL_AFTER_S)
        self.loop = WorkerLoop(
            self.manager, self.effects, self.watchdog, self.app, plan.sources, config.topics,
        )
        self.action_worker: ActionWorker | None = None
        self.remedies: RemedyLoop | None = None
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
        app.on_open, app.on_close = self._open, self._resources.aclose
        app.on_assigned, app.on_revoked = self._assigned, self._revoked
        app.on_removed, app.on_recreated = self._removed, self.manager.note_recreated
        inputs = sorted(self.settings.batched - {topics.actions})
        app.agent(app.batch_topic(*inputs), name="batch_processor")(self._process_batches)
        if self.config.executor.enabled:
            app.agent(app.batch_topic(topics.actions), name="action_worker")(self._process_intents)
        app.task(self.loop.run)
        app.task(self.loop.report_blindness)
        app.task(self.loop.store_snapshots)

    async def prepare(self) -> None:
        """Check what the operator can put right; to be awaited before the app runs, in any event loop.

        Raises `BrokerUnavailable`, `TopicError`, `NameTaken`, and `PortTaken` for the metrics server.
        """
        configured = self.config.telemetry
        family = socket.AF_INET6 if ":" in configured.host else socket.AF_INET
        try:
            with socket.create_server((configured.host, configured.port), family=family):
                pass
        except OSError as error:
            place = f"telemetry.port: {configured.host}:{configured.port}"
            expected = "a free address of this machine, or 0 for any free port"
            raise PortTaken(f"{place}: {error.strerror}, expected {expected}") from error
        await self.topics.prepare()
        await require_free_name(self.settings)

    async def _open(self) -> None:
        enter = self._resources.enter_async_context
        self._resources.callback(self.effects.tracing.close)
        await enter(self.effects.publisher)
        await enter(self.store)
        await enter(self.ticks)
        self._resources.push_async_callback(self.manager.close)
        probe = f"{self.settings.group}/fencing-probe/{uuid.uuid4().hex}"
        self._fences = await can_fence(self.settings.brokers, self.settings.security, probe)
        if not self._fences:
            log.warning("broker_does_not_fence", effect="after a take-over a former owner may still publish")
        if self.config.executor.enabled:
            await enter(self.ledger)
            self.action_worker = self._action_worker(await enter(aiohttp.ClientSession()))
            self._resources.push_async_callback(self.action_worker.queues.close)
            self.app.add_future(self.action_worker.prune_ledger())
            self.app.add_future(self.action_worker.queues.failure())
            assert self.remedies is not None
            self.app.add_future(self.remedies.run())
        self.app.add_future(self.broadcast.run())
        if not await self.broadcast.caught_up(CATCH_UP_S):
            log.warning("control_topic_not_caught_up", waited_s=CATCH_UP_S)
        server = MetricsServer(
            self.effects.telemetry, health=self._complaints, ready=self._missing,
            degraded=self.processor.degradations, host=self.config.telemetry.host, port=self.config.telemetry.port,
        )
        await server.start()
        self._resources.push_async_callback(server.stop)
        log.info("started", worker=self._name, shards=self.topics.plan.shards, metrics_port=server.port)

    def _action_worker(self, session: aiohttp.ClientSession) -> ActionWorker:
        config, effects = self.config, self.effects
        incidents = KnownIncidents()
        reporter = RemedyReporter(effects, config.topics, lambda: self.topics.plan.shards)
        hooks = Hooks(
            on_claimed=partial(effects.audit.claimed, effects.publisher.output(ACTION_SCOPE)), report=reporter.report,
        )
        executor = Executor(
            build(config.actions.values(), session), self.ledger, config.limits, effects.clocks.now_s,
            config.executor.dry_run, hooks, incidents,
        )
        self.remedies = RemedyLoop(
            executor.keeper, incidents, self.ledger, effects, self._owns_target, self.broadcast.is_current,
        )
        return ActionWorker(
            executor, self.ledger, self.app, self.effects, config.topics, lambda: self.topics.plan.shards,
        )

    def _owns_target(self, target: str) -> bool:
        tp = TP(self.config.topics.actions, self.ledger.partition_of(target))
        return self._is_restored and self.app.holds_lease() and self.app.owns(tp)

    async def _process_broadcast(self, topic: str, records: Sequence[ConsumerRecord]) -> None:
        await self.control.process(topic, records)
        if self.remedies is not None and topic == self.config.topics.incidents:
            await self.remedies.follow(records)

    async def _assigned(self, tps: frozenset[TP]) -> Mapping[TP, int]:
        if await self.topics.grow(tps):
            await self.effects.publisher.learn_partitions(self.config.topics.outcomes, self.topics.plan.shards)
        self._forget(self._owned - tps)
        self._owned = tps
        self._rejections.clear()
        offsets = await self.manager.restore(tps)
        self.control.replay_to_shards()
        output = self.effects.publisher.output(STATE_SCOPE)
        for shard, reason in self._rejections:
            await self.effects.audit.state_rejected(output, shard, reason, self.effects.clocks.now_s())
        self.app.add_future(self._reconcile())
        if self.action_worker is not None:
            await self.action_worker.recover({tp.partition for tp in tps})
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
            assert self.action_worker is not None
            await self.action_worker.process_batch(batch)

    def _complaints(self) -> tuple[str, ...]:
        return self.watchdog.complaints(self.effects.clocks.mono_s()) + self.broadcast.complaints()

    def _missing(self) -> tuple[str, ...]:
        if not self._is_restored:
            return ("no partitions assigned and restored yet",)
        return self.loop.complaints()


def _effects(config: Config, settings: KafkaSettings, clock: WallClock, name: str) -> Effects:
    release = version("tocsin")
    telemetry = Telemetry(
        Labels(
            topics=tuple(sorted(settings.batched)), detectors=(*Suite.names, "absence"),
            action_kinds=tuple(config.actions),
        ),
        version=release,
    )
    telemetry.config_loaded(True, time.time())
    tracing = Tracing.to_endpoint(config.telemetry.traces.endpoint, version=release, instance=name)
    publisher = Publisher({"bootstrap_servers": settings.brokers.split(","), **settings.security.options()})
    identity = Identity(source_of(config.kafka.group), config.kafka.group, name)
    return Effects(
        identity=identity,
        clocks=Clocks(
            now_s=clock.now, wall_s=time.time, steady_s=lambda: boot_s() * clock.speed, mono_s=time.monotonic,
        ),
        publisher=publisher,
        audit=Audit(config.topics.audit, identity.source, tracing),
        dead_letters=DeadLetterWriter(config.topics.dead_letters, telemetry),
        telemetry=telemetry,
        tracing=tracing,
    )


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
