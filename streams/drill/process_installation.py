"""A whole installation on the embedded broker: a worker process with all roles, the demo's gateway, people with keys.

Its folder is temporary, its broker in memory, and its ports are free ones, so nothing of another installation is read
or changed. However the block ends, everything is stopped in bounded time.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped]

from actions.trust.key_files import write_private
from actions.trust.keys import public_text
from config import load
from config.models import TopicsSection
from streams.cluster.embedded_broker import EmbeddedBroker
from streams.drill.simulated_fleet import MODEL, SERVICE, VERSION, Latency, SimulatedFleet
from streams.drill.verdict import DrillError
from streams.sandbox.gateway import Fleet, Gateway, GatewayServer
from streams.sandbox.process import WORKER, WorkerProcess, is_ready

INPUT = "drill.requests"
LOOK_EVERY_S = 0.1
SEND_EVERY_S = 0.25
READY_WITHIN_S = 60.0
CLI_WITHIN_S = 60.0
REPLICAS = ("r0", "r1", "r2", "r3")
BY_KEY, BY_TOKEN = "anna", "chi"
"""The person with a key of their own, and the one with a bearer token."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A record of a topic. at_s: when it was written, seconds since the epoch."""

    topic: str
    at_s: float
    key: str
    value: bytes


@dataclass
class ProcessInstallation:
    """What a drill works with. seen: the records of the topics, in order of reading. api: of the role respond."""

    brokers: str
    config_file: Path
    key_file: Path
    token: str
    gateway: Gateway
    worker: WorkerProcess
    api: aiohttp.ClientSession
    topics: TopicsSection
    seen: list[Seen] = field(default_factory=list)

    async def until(self, happened: Callable[[], bool], within_s: float) -> bool:
        """Wait for something; False where it did not happen in time. Raises `DrillError` when the worker ends."""
        deadline_s = time.monotonic() + within_s
        while not happened():
            if self.worker.exit_code is not None:
                raise DrillError(f"the worker ended with exit code {self.worker.exit_code}:\n{self.worker.tail()}")
            if time.monotonic() > deadline_s:
                return False
            await asyncio.sleep(LOOK_EVERY_S)
        return True

    async def cli(self, *arguments: str) -> int:
        """A command of `tocsin` with the key of `BY_KEY`; returns its exit code."""
        process = await asyncio.create_subprocess_exec(
            *WORKER[:-1], *arguments, "--config", str(self.config_file), "--key-file", str(self.key_file),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            return await asyncio.wait_for(process.wait(), CLI_WITHIN_S)
        except TimeoutError:
            process.kill()
            return await process.wait()

    async def post(self, path: str, body: dict[str, Any]) -> int:
        """A request to the HTTP interface with the token of `BY_TOKEN`; returns its status."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.api.post(f"/api/v1{path}", json=body, headers=headers) as answer:
            return answer.status

    @asynccontextmanager
    async def requests(self, history_s: float, latency: Callable[[Gateway], Latency]) -> AsyncIterator[None]:
        """Requests in the background: so many seconds of the past at once, then those of now. latency: as the gateway
        is set at the time."""
        producer = AIOKafkaProducer(bootstrap_servers=self.brokers, linger_ms=5)
        await producer.start()
        task = asyncio.create_task(self._send(producer, history_s, latency))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await producer.stop()

    async def _send(self, producer: Any, history_s: float, latency: Callable[[Gateway], Latency]) -> None:
        # From a whole second on, so that the records fall into the same windows in every run.
        fleet = SimulatedFleet(REPLICAS, float(round(time.time() - history_s)))
        sent_s = 0.0
        while True:
            until_s = (time.time() - fleet.start_s) // SEND_EVERY_S * SEND_EVERY_S
            for value in fleet.requests(sent_s, until_s, latency(self.gateway), per_s=8):
                await producer.send(INPUT, value, key=SERVICE.encode())
            sent_s = max(sent_s, until_s)
            await asyncio.sleep(SEND_EVERY_S)


@asynccontextmanager
async def process_installation(
    over: dict[str, Any], worker: Sequence[str] = WORKER,
) -> AsyncIterator[ProcessInstallation]:
    """Start one, ready to watch. over: sections of its configuration. worker: the command that options are added to.

    Raises `EmbeddedBrokerMissing`, and `DrillError` when the worker does not come up.
    """
    async with AsyncExitStack() as stack:
        brokers = stack.enter_context(EmbeddedBroker())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-drill-")))
        gateway = Gateway(Fleet(SERVICE, MODEL, (VERSION,), REPLICAS, ()))
        server = GatewayServer(gateway)
        stack.push_async_callback(server.stop)
        metrics_port, api_port = _free_port(), _free_port()
        token, key_file = secrets.token_hex(16), folder / "person.key"
        settings = _settings(folder, key_file, token, {
            "brokers": brokers, "gateway": await server.start(), "metrics": metrics_port, "api": api_port,
        })
        config_file = folder / "config.yaml"
        config_file.write_text(json.dumps({**settings, **over}), encoding="utf-8")
        process = WorkerProcess([*worker, "--config", str(config_file)], {}, folder / "worker.log")
        stack.push_async_callback(process.stop)
        await process.start()
        http = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{metrics_port}"))
        api = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{api_port}"))
        topics = load(config_file, {}).topics
        here = ProcessInstallation(brokers, config_file, key_file, token, gateway, process, api, topics)
        await _wait_until_ready(here, http)
        await stack.enter_async_context(_reading(here))
        yield here


def _settings(folder: Path, key_file: Path, token: str, at: dict[str, Any]) -> dict[str, Any]:
    signing_file = folder / "signing.key"
    public, own = (public_text(write_private(file).public_key()) for file in (signing_file, key_file))
    switch = f"{at['gateway']}/throttles/{{target}}"
    return {
        "version": 1, "kafka": {"brokers": [at["brokers"]], "group": "tocsin-drill"}, "inputs": [{"topic": INPUT}],
        "actions": {"throttle": {"url": switch, "verify_url": switch}, "notify": {}},
        "telemetry": {"port": at["metrics"]}, "respond": {"listen": f"127.0.0.1:{at['api']}"},
        "people": {
            BY_KEY: {"roles": ["approver"], "keys": [{"id": f"{BY_KEY}-1", "public": own}]},
            BY_TOKEN: {"roles": ["approver"], "token_sha256": hashlib.sha256(token.encode()).hexdigest()},
        },
        "signing": {
            "private_file": str(signing_file),
            "keys": [{"id": "drill", "for": ["watch", "execute", "respond"], "public": public}],
        },
    }


async def _wait_until_ready(here: ProcessInstallation, http: aiohttp.ClientSession) -> None:
    deadline_s = time.monotonic() + READY_WITHIN_S
    while not await is_ready(http):
        if here.worker.exit_code is not None or time.monotonic() > deadline_s:
            raise DrillError(f"the worker was not ready within {READY_WITHIN_S:.0f} s:\n{here.worker.tail()}")
        await asyncio.sleep(LOOK_EVERY_S)


@asynccontextmanager
async def _reading(here: ProcessInstallation) -> AsyncIterator[None]:
    """Read what the roles write, in the background of the block."""
    names = here.topics
    consumer = AIOKafkaConsumer(
        names.incidents, names.actions, names.outcomes, names.response, names.audit, bootstrap_servers=here.brokers,
        auto_offset_reset="earliest", enable_auto_commit=False, metadata_max_age_ms=2000,
    )
    await consumer.start()

    async def read() -> None:
        async for record in consumer:
            if record.value is not None:
                key = (record.key or b"").decode(errors="replace")
                here.seen.append(Seen(record.topic, record.timestamp / 1000.0, key, record.value))

    task = asyncio.create_task(read())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await consumer.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
