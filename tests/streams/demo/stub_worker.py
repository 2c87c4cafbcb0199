"""A worker that knows one trick, for testing the demo around it: a slow request on a replica opens that breaker.

It speaks the real contracts (options, configuration, pages, topics, actions), so that the demo meets what it will meet.
`STUB` in the environment makes it misbehave: `dies` before it is ready, `deaf` never gets ready.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp
import click
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped]

from actions.base import RunContext
from actions.kinds.gateway.circuit_breaker import CircuitBreakerParams
from actions.model import Intent, Outcome
from classifiers.model import Incident
from config import load
from config.models import Config
from streams.telemetry.metrics import Labels, Telemetry
from streams.telemetry.metrics_server import MetricsServer
from streams.worker.wall_clock import WallClock

SLOW_MS = 1000.0


@click.command()
@click.option("--config", type=click.Path(path_type=Path), required=True)
@click.option("--clock-speed", type=float, required=True)
@click.option("--clock-anchor", type=float, required=True)
def main(config: Path, clock_speed: float, clock_anchor: float) -> None:
    """Run until SIGTERM."""
    if os.environ.get("STUB") == "dies":
        sys.exit("the stub dies on request")
    asyncio.run(work(load(config, os.environ), WallClock(clock_anchor, clock_speed)))


async def work(config: Config, clock: WallClock) -> None:
    """Watch `inference.latency`, serve the pages."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    telemetry = Telemetry(Labels(), version="stub")
    missing = ("never ready",) if os.environ.get("STUB") == "deaf" else ()
    server = MetricsServer(telemetry, health=tuple, ready=lambda: missing, port=config.telemetry.port)
    brokers = list(config.kafka.brokers)
    consumer = AIOKafkaConsumer("inference.latency", bootstrap_servers=brokers, auto_offset_reset="earliest")
    producer = AIOKafkaProducer(bootstrap_servers=brokers)
    await consumer.start()
    await producer.start()
    await server.start()
    task = asyncio.create_task(watch(config, clock, telemetry, consumer, producer))
    await stopped.wait()
    task.cancel()
    await server.stop()
    await producer.stop()
    await consumer.stop()


async def watch(
    config: Config, clock: WallClock, telemetry: Telemetry, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer,
) -> None:
    """Open the breaker of the first replica that is slow."""
    telemetry.lag("inference.latency", 0, records=0, watermark_lag_s=None)
    acted = False
    async for record in consumer:
        telemetry.batch("inference.latency", accepted=1, late=0, dead=0)
        seen = orjson.loads(record.value)
        if not acted and seen["metrics"]["latency_ms"] > SLOW_MS:
            acted = True
            for topic, value in await answer(config, clock, seen["ts"], seen["replica"]):
                await producer.send_and_wait(topic, orjson.dumps(value))


async def answer(
    config: Config, clock: WallClock, ts: float, replica: str,
) -> list[tuple[str, Incident | Intent | Outcome]]:
    """An incident, and what was done about it."""
    params = config.actions["circuit_breaker"]
    assert isinstance(params, CircuitBreakerParams)
    incident = Incident(
        "i1", "open", ts, ts, None, "performance_degradation", "P1", "P1", "serving", "bytegpt", None, replica, None,
        "a slow request",
    )
    intent = Intent(
        "k1", "i1", "circuit_breaker", f"serving/{replica}", "auto", "slow", clock.now(), clock.now() + 60, "serving",
        replica=replica,
    )
    async with aiohttp.ClientSession() as session:
        done = await params.build(session).run(intent, RunContext())
    outcome = Outcome(
        "k1", "i1", "circuit_breaker", intent.target, "auto", "executed", done.detail, intent.decided_at_s, clock.now(),
    )
    return [("tocsin.incidents", incident), ("tocsin.actions", intent), ("tocsin.outcomes", outcome)]


if __name__ == "__main__":
    main()
