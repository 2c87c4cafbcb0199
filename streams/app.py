"""The composition root: the only place that reads a clock, and where every part of a worker meets every other.

A worker is a Faust app with three agents of a few lines: metric batches and outcomes to the desk, intents to the
executor. What they need is opened before the consumer starts and closed after the last hand-over. What the operator can
put right is found out by `prepare`, before any of it.
"""

from __future__ import annotations

import gc
import os
import socket
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version
from typing import Any

import aiohttp
import structlog

from actions.catalogue import build
from actions.executor import Executor
from config.models import Config
from detectors.suite import Suite
from streams.contracts.envelopes import source_of
from streams.intake.dead_letters import Brake
from streams.kafka.batched_app import BatchedApp
from streams.kafka.batches import TP, RecordBatch
from streams.kafka.broadcast_consumer import BroadcastConsumer
from streams.kafka.producer import Publisher
from streams.kafka.required_topics import prepare_topics
from streams.kafka.settings import settings_of
from streams.kafka.transport import make_app
from streams.planning import plan_of
from streams.shard.snapshot import VERSION
from streams.state.ledger import TopicLedger
from streams.state.shard_manager import ShardManager
from streams.state.snapshots import Reason, TopicSnapshots
from streams.telemetry.metrics import Labels, Telemetry
from streams.telemetry.metrics_server import MetricsServer
from streams.telemetry.traces import Tracing
from streams.telemetry.watchdog import ProgressWatchdog
from streams.worker.action_worker import OWNER, ActionWorker, intent_record
from streams.worker.audit import Audit
from streams.worker.batch_processor import BatchProcessor, BrakeTripped, Identity
from streams.worker.control_consumer import ControlConsumer
from streams.worker.idleness import Idleness
from streams.worker.wall_clock import WallClock
from streams.worker.worker_loop import WorkerLoop

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.worker")
STALL_AFTER_S = 30.0
INCIDENTS_BACK_S = 7200.0
"""An open incident is told again within this time, or is none any more."""
CATCH_UP_S = 10.0
"""How long a start waits for what others have said already; without it silences would come late, and nothing worse."""


class PortTaken(ConnectionError):  # noqa: N818
    """The metrics server cannot have the address that the configuration gives it."""


class Worker:
    """One worker process. `clock` is the clock of decisions; intervals are measured on the monotonic one."""

    def __init__(self, config: Config, clock: WallClock) -> None:
        self.config = config
        self.clock = clock
        self.settings = settings_of(config)
        self.app: BatchedApp = make_app(self.settings)
        release = version("tocsin")
        name = f"tocsin/{config.kafka.instance_id or f'{socket.gethostname()}-{os.getpid()}'}"
        source = source_of(config.kafka.group)
        self.telemetry = Telemetry(
            Labels(
                topics=tuple(sorted(self.settings.batched)), detectors=(*Suite.names, "absence"),
                action_kinds=tuple(config.actions),
            ),
            version=release,
        )
        self.telemetry.config_loaded(True, time.time())
        self.tracing = Tracing.to_endpoint(config.telemetry.traces.endpoint, version=release, instance=name)
        plan = plan_of(config)
        self.publisher = Publisher(
            {"bootstrap_servers": self.settings.brokers.split(","), **self.settings.security.options()},
        )
        self.store = TopicSnapshots(
            self.settings.brokers, config.topics.state, security=self.settings.security,
            versions=frozenset({VERSION}), rejected=self._reject,
        )
        self.ledger = TopicLedger(
            self.settings.brokers, config.topics.ledger, owner=name, security=self.settings.security,
        )
        self.keeper = ShardManager(
            plan, self.store, self.publisher, self.app, self.telemetry, self.telemetry.stage,
            config.snapshot.every_s, config.snapshot.every_records, time.monotonic, self._reject,
        )
        brake = Brake(config.codec.brake.max_ratio, config.codec.brake.window, config.codec.brake.min_volume)
        identity = Identity(source, config.kafka.group, clock.now)
        self.audit = Audit(self.publisher, config.topics.audit, source, self.tracing)
        self.desk = BatchProcessor(
            self.keeper, self.publisher, config.topics, self.telemetry, self.tracing, brake, identity, self.audit,
        )
        self.intake = ControlConsumer(
            self.desk, config.control, config.topics, self.audit, self.publisher, self.telemetry, time.time,
        )
        heard_back_s = {config.topics.control: config.control.remember_s}
        if config.triage.dependencies:  # without, incidents of other shards explain nothing, and cost 0.1 ms each
            heard_back_s[config.topics.incidents] = INCIDENTS_BACK_S
        self.broadcast = BroadcastConsumer(
            self.settings.brokers, heard_back_s, self.intake.take, now_s=time.time, mono_s=time.monotonic,
            lag=self.telemetry.broadcast_lag, security=self.settings.security,
        )
        self.idleness = Idleness(plan.idle_s)
        self.watchdog = ProgressWatchdog(STALL_AFTER_S)
        self.rounds = WorkerLoop(
            self.keeper, self.desk, self.idleness, self.watchdog, self.telemetry, self.app, plan.sources, clock.now,
            time.monotonic,
        )
        self.acting: ActionWorker | None = None
        self._held: frozenset[TP] = frozenset()
        self._rejections: list[tuple[int, str]] = []
        self._name, self._source = name, source
        self._restored = False
        self._shards = 0
        self.stopped_by: str | None = None
        """Why the worker stopped itself, for whoever reads the end of its log."""
        self._opened = AsyncExitStack()
        self._attach()

    def _attach(self) -> None:
        app, topics = self.app, self.config.topics
        app.on_open, app.on_close = self._open, self._opened.aclose
        app.on_assigned, app.on_revoked = self._assigned, self._revoked
        app.agent(app.batch_topic(*sorted(self.settings.batched)), name="desk")(self._watch)
        if self.config.executor.enabled:
            intents = app.topic(topics.actions, key_serializer="raw", value_serializer="raw", maxsize=1000)
            app.agent(intents, name="acting")(self._act)
        app.task(self.rounds.run)
        app.task(self.rounds.keep)

    async def prepare(self) -> None:
        """Look at what the operator can still put right; to be awaited before the app runs, in any loop.

        Raises `BrokerUnavailable`, `TopicError`, and `PortTaken` for the metrics server.
        """
        asked = self.config.telemetry
        family = socket.AF_INET6 if ":" in asked.host else socket.AF_INET
        try:
            with socket.create_server((asked.host, asked.port), family=family):
                pass
        except OSError as error:
            place = f"telemetry: {asked.host}:{asked.port}"
            raise PortTaken(f"{place}: {error.strerror}, expected a free address of this machine") from error
        self._shards = await prepare_topics(self.config, self.settings.security)

    async def _open(self) -> None:
        enter = self._opened.enter_async_context
        self._opened.callback(self.tracing.close)
        await enter(self.publisher)
        await enter(self.store)
        if self.config.executor.enabled:
            await enter(self.ledger)
            session = await enter(aiohttp.ClientSession())
            executor = Executor(
                build(self.config.actions.values(), session), self.ledger, self.config.limits, self.clock.now,
                self.config.executor.dry_run, partial(self.audit.claimed, OWNER),
            )
            self.acting = ActionWorker(
                executor, self.ledger, self.publisher, self.desk, self.config.topics, self.telemetry, self.tracing,
                self._source, self.clock.now, self._shards, self.audit,
            )
            self.app.add_future(self.acting.tidy())
        self.app.add_future(self.broadcast.run())
        if not await self.broadcast.caught_up(CATCH_UP_S):
            log.warning("control_not_read_yet", waited_s=CATCH_UP_S)
        server = MetricsServer(
            self.telemetry, health=self._complaints, ready=self._missing, host=self.config.telemetry.host,
            port=self.config.telemetry.port,
        )
        await server.start()
        self._opened.push_async_callback(server.stop)
        log.info("started", worker=self._name, shards=self._shards, metrics_port=server.port)

    async def _assigned(self, tps: frozenset[TP]) -> Mapping[TP, int]:
        self._forget(self._held - tps)
        self._held = tps
        self._rejections.clear()
        offsets = await self.keeper.restore(tps)
        await self.intake.brief()
        for shard, reason in self._rejections:
            await self.audit.rejected(shard, shard, reason, self.clock.now())
        if self.acting is not None:
            await self.acting.take_over({tp.partition for tp in tps})
        self._restored = True
        _spare_the_collector()
        return offsets

    def _reject(self, reason: Reason, shard: int, detail: str) -> None:
        self.telemetry.restore(reason)
        self._rejections.append((shard, detail))

    async def _revoked(self, tps: frozenset[TP]) -> None:
        try:
            await self.keeper.hand_over(tps)
        finally:
            # Who is given nothing in the next assignment is not called again: a worker in waiting is healthy.
            self._forget(tps)
            self._held -= tps

    def _forget(self, tps: frozenset[TP]) -> None:
        gone = [(tp.topic, tp.partition) for tp in tps]
        self.watchdog.revoke(gone)
        self.telemetry.revoke(gone)
        self.idleness.forget({tp.partition for tp in tps})

    async def _watch(self, batches: Any) -> None:
        async for batch in batches:
            assert isinstance(batch, RecordBatch)
            self.idleness.arrived(batch.partition, batch.topic, self.clock.now())
            try:
                await self.desk.take(batch)
            except BrakeTripped as reason:
                self.stopped_by = str(reason)
                raise

    async def _act(self, stream: Any) -> None:
        async for event in stream.events():
            assert self.acting is not None
            await self.acting.take(intent_record(event.message))

    def _complaints(self) -> tuple[str, ...]:
        return self.watchdog.complaints(time.monotonic()) + self.broadcast.complaints()

    def _missing(self) -> tuple[str, ...]:
        return () if self._restored else ("no partitions assigned and restored yet",)


def _spare_the_collector() -> None:
    """Take what start and restore made out of the garbage collector's sight: it would walk it again and again.

    A poll makes thousands of objects that live for a moment; at Python's own thresholds the collector takes a third
    of the worker's time (benchmarks/throughput.py). Unfreezing first frees the shards of an earlier assignment.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
