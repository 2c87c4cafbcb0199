"""A process that responds and neither watches nor executes. It needs no credentials of inputs or targets."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress

import structlog

from config.models import Config
from streams.cluster.required_topics import RequiredTopics
from streams.kafka.settings import settings_of
from streams.respond.responder import Responder, ResponderClocks
from streams.telemetry.metrics_server import MetricsServer

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.respond")

STOP_S = 15.0
"""How long a stop may take."""


async def respond(config: Config) -> None:
    """Respond until SIGTERM or SIGINT.

    Raises `BrokerUnavailable`, `TopicError`, and `OSError` where an address is taken.
    """
    settings = settings_of(config)
    topics = RequiredTopics(config, settings.security)
    await topics.prepare()
    clocks = ResponderClocks(time.time, time.time, time.monotonic)
    responder = Responder(config, settings, clocks, lambda: topics.plan.shards, topics.partitions)
    server = MetricsServer(
        responder.metrics, health=responder.complaints, ready=responder.complaints, host=config.telemetry.host,
        port=config.telemetry.port,
    )
    await server.start()
    work = asyncio.create_task(responder.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    log.info("started", roles=["respond"], group=responder.group, metrics_port=server.port)
    try:
        with suppress(asyncio.CancelledError):
            await work
    finally:
        await server.stop()
