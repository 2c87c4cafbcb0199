"""A process that executes and does not watch: it reads intents in a group of its own, with its own credentials.

Its group is `<group>-execute`: the group of the shards would give it partitions of their inputs. It reads the control
topic for what people want done to targets, and the incidents, by which it ends what nobody needs any more.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from classifiers.directives import Directive
from classifiers.model import Incident
from classifiers.viewing_by_hand import Watch
from config.models import Config
from streams.cluster.group_members import require_free_name
from streams.cluster.required_topics import RequiredTopics
from streams.intake.kafka_record import ConsumerRecord
from streams.kafka.broadcast_consumer import BroadcastConsumer
from streams.kafka.retry import while_unreachable
from streams.kafka.settings import settings_of
from streams.reload.process_log import start_facts, stop_reason
from streams.reload.reloader import Reloader
from streams.reload.watch import ConfigWatch
from streams.telemetry.metrics_server import MetricsServer, require_free_port
from streams.telemetry.process_metrics import ReloadResult
from streams.transport.batched_app import BatchedApp
from streams.transport.batches import TP, RecordBatch
from streams.transport.faust_app import make_app
from streams.trust.setup import log_notes
from streams.worker.control_consumer import NEW_WITHIN_S, ControlConsumer
from streams.worker.effects import effects_of, worker_name
from streams.worker.execute.execution import Execution
from streams.worker.wall_clock import WallClock

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.execution")

GROUP_SUFFIX = "-execute"


class NoShards:
    """For a process that has none."""

    def add_directives(self, directives: Collection[Directive]) -> None:
        """Does nothing."""

    def add_incidents(self, incidents: Sequence[Incident]) -> None:
        """Does nothing."""

    def watch(self, asked: Collection[Watch]) -> None:
        """Does nothing."""


class ExecuteProcess:
    """The role execute alone. Run its `app` with `run_worker`, after `prepare`."""

    def __init__(self, config: Config, clock: WallClock, file: Path | None = None) -> None:
        self.config = config
        self._file = file
        settings = settings_of(config)
        self.settings = replace(
            settings, group=settings.group + GROUP_SUFFIX, batched=frozenset({config.topics.actions}),
        )
        self.app: BatchedApp = make_app(self.settings)
        self.stopped_by: str | None = None
        self._name = worker_name(config)
        self._effects = effects_of(config, self.settings, clock, self._name)
        self._topics = RequiredTopics(config, self.settings.security)
        self._execution: Execution | None = None
        self._reloader = None if file is None else Reloader(
            config, file, os.environ, self._reconfigure, self._note_reload,
        )
        self._is_assigned = False
        self._resources = AsyncExitStack()
        app = self.app
        app.on_open, app.on_close = self._open, self._close
        app.on_assigned = self._assigned
        app.agent(app.batch_topic(config.topics.actions), name="execution")(self._process)

    async def prepare(self) -> None:
        """Check what the operator can put right. Raises `BrokerUnavailable`, `TopicError`, `NameTaken`, `PortTaken`."""
        require_free_port(self.config.telemetry.host, self.config.telemetry.port)
        await self._topics.prepare()
        await require_free_name(self.settings)

    async def _open(self) -> None:
        self._resources.callback(self._effects.tracing.close)
        await while_unreachable(
            "start the publisher", lambda: self._resources.enter_async_context(self._effects.publisher),
        )
        execution = Execution(
            self.config, self.settings, self.app, self._effects, self._name, lambda: self._topics.plan.shards,
            lambda: broadcast.is_current(),
        )
        self._execution = execution
        clocks, topics = self._effects.clocks, self.config.topics
        control = ControlConsumer(NoShards(), self._effects, self.config, execution.ask)

        async def process(topic: str, records: Sequence[ConsumerRecord]) -> None:
            await control.process(topic, records)
            if topic == topics.incidents:
                await execution.follow(records)

        back_s = {topics.control: NEW_WITHIN_S, topics.incidents: NEW_WITHIN_S}
        broadcast = BroadcastConsumer(
            self.settings.brokers, back_s, process, now_s=clocks.wall_s,
            mono_s=clocks.mono_s, lag=self._effects.telemetry.broadcast_lag, security=self.settings.security,
            contact=self.app.sight.contact,
        )
        await execution.open(self._resources)
        for work in (*execution.tasks(), broadcast.run()):
            self.app.add_future(work)
        server = MetricsServer(
            self._effects.telemetry, health=broadcast.complaints, ready=self._missing,
            degraded=self._degradations, host=self.config.telemetry.host,
            port=self.config.telemetry.port,
        )
        await server.start()
        if self._reloader is not None and self._file is not None:
            self.app.add_future(ConfigWatch(self._reloader, self._file).run())
        self._resources.push_async_callback(server.stop)
        log_notes(self.config, self._effects.authenticity, self._effects.clocks.wall_s())
        log.info(
            "started", worker=self._name, roles=["execute"], metrics_port=server.port,
            **start_facts(self.config, self._file, self.settings.group),
        )

    async def _close(self) -> None:
        log.info("stopping", worker=self._name, reason=stop_reason(self.app, self.stopped_by))
        await self._resources.aclose()

    def _reconfigure(self, config: Config) -> None:
        if self._execution is not None:
            self._execution.reconfigure(config.limits)

    def _note_reload(self, result: ReloadResult, config_hash: str) -> None:
        self._effects.telemetry.process.reloaded(result, config_hash, self._effects.clocks.wall_s())

    def _degradations(self) -> tuple[str, ...]:
        reloads = () if self._reloader is None else self._reloader.notes()
        trust = self._effects.authenticity.notes(self._effects.clocks.wall_s())
        return reloads + trust

    async def _assigned(self, tps: frozenset[TP]) -> Mapping[TP, int]:
        assert self._execution is not None
        await self._execution.assigned(tps)
        self._is_assigned = True
        return {}

    async def _process(self, batches: Any) -> None:
        async for batch in batches:
            assert isinstance(batch, RecordBatch)
            assert self._execution is not None
            await self._execution.take(batch)

    def _missing(self) -> tuple[str, ...]:
        return () if self._is_assigned else ("no partitions assigned yet",)
