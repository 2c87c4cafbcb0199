"""A process that responds and neither watches nor executes. It needs no credentials of inputs or targets."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry

from config import config_hash
from config.models import Config
from streams.cluster.required_topics import RequiredTopics
from streams.kafka.settings import settings_of
from streams.reload.process_log import start_facts
from streams.reload.reloader import Reloader
from streams.reload.watch import ConfigWatch
from streams.respond.responder import Responder, ResponderClocks
from streams.telemetry.metrics_server import MetricsServer, require_free_port
from streams.telemetry.process_metrics import ProcessMetrics, ReloadResult

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.respond")

STOP_S = 15.0
"""How long a stop may take."""


async def respond(config: Config, file: Path | None = None) -> None:
    """Respond until SIGTERM or SIGINT. file: of the configuration, which is watched.

    Raises `BrokerUnavailable`, `TopicError`, and `PortTaken` for the metrics server.
    """
    require_free_port(config.telemetry.host, config.telemetry.port)
    settings = settings_of(config)
    topics = RequiredTopics(config, settings.security)
    await topics.prepare()
    clocks = ResponderClocks(time.time, time.time, time.monotonic)
    responder = Responder(config, settings, clocks, lambda: topics.plan.shards, topics.partitions, file)
    metrics = ProcessMetrics(CollectorRegistry(), version("tocsin"))
    metrics.started(config_hash(config), time.time())

    def reloaded(result: ReloadResult, digest: str) -> None:
        metrics.reloaded(result, digest, time.time())
        responder.page.configuration.reloaded(result, reloader.config, reloader.notes())

    reloader = Reloader(config, file or Path(), os.environ, responder.reconfigure, reloaded)
    server = MetricsServer(
        responder.metrics, metrics, health=responder.complaints, ready=responder.complaints, degraded=reloader.notes,
        host=config.telemetry.host, port=config.telemetry.port,
    )
    await server.start()
    work = asyncio.create_task(responder.run())
    watching = None if file is None else asyncio.create_task(ConfigWatch(reloader, file).run())
    stop_signals: list[str] = []

    def stop(number: signal.Signals) -> None:
        stop_signals.append(number.name)
        work.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    log.info(
        "started", roles=["respond"], metrics_port=server.port, **start_facts(config, file, responder.group),
    )
    try:
        with suppress(asyncio.CancelledError):
            await work
    finally:
        log.info("stopping", reason=stop_signals[0] if stop_signals else "the work ended")
        if watching is not None:
            watching.cancel()
        await server.stop()
