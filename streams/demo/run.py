"""One run of the demo: starts broker, gateway, worker, observer and player, and stops them again.

The player and the worker share a clock that runs `speed` times as fast as the wall clock, from the start of the demo.
However the run ends (normally, by an error, by Ctrl-C), everything is stopped in reverse order and in bounded time.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]

from streams.cluster.embedded_broker import EmbeddedBroker
from streams.demo.display import Display
from streams.demo.observer import read_worker, watch_topics
from streams.demo.people import APPROVES_AFTER_S, LETS_OTHERS_S, Signed, approve_what_waits, write_config
from streams.demo.player import LoopTime, play
from streams.demo.scoring import GroundTruth, read_truth
from streams.demo.state import DemoState
from streams.replay.recordings import RecordedRequest, RecordingError, read_recording
from streams.sandbox.gateway import Fleet, Gateway, GatewayServer
from streams.sandbox.process import WORKER, WorkerProcess, is_ready
from streams.worker.wall_clock import WallClock

TICK_S = 0.1
POLL_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class WaitLimits:
    """How long to wait, in seconds of the wall clock.

    ready_timeout_s: for the worker to be ready. settle_s: at most, after the last record, for the last results.
    quiet_s: the wait ends earlier when nothing changed for this time.
    """

    ready_timeout_s: float = 45.0
    settle_s: float = 10.0
    quiet_s: float = 2.0


class DemoError(Exception):
    """The demo itself failed. The message says why, and shows the end of the log of the worker."""


@dataclass(frozen=True, slots=True)
class PageAddress:
    """Where the page of the demo is, and the token with which one acts on it."""

    url: str
    token: str


@dataclass(frozen=True, slots=True)
class Components:
    """The components of one run."""

    demo: DemoState
    gateway: Gateway
    worker: WorkerProcess
    http: aiohttp.ClientSession
    clock: WallClock
    limits: WaitLimits


async def run(
    recording: Path, speed: float, display: Display, *, limits: WaitLimits | None = None,
    worker: Sequence[str] = WORKER, on_page: Callable[[PageAddress], None] = lambda _: None,
    keep: Callable[[], Awaitable[None]] | None = None,
) -> DemoState:
    """Play a recording once; returns the final state. worker: the command that the options of the worker are added to.
    on_page: called once the page is served. keep: awaited at the end, before everything is stopped.

    Raises `DemoError`, `RecordingError`, `EmbeddedBrokerMissing`.
    """
    began_s = time.time()
    truth, records = read_truth(recording), list(read_recording(recording))
    if not records:
        raise RecordingError(recording, None, "no records", "at least one")
    demo = DemoState(truth, speed)
    clock = WallClock(anchor_s=began_s, speed=speed)
    gateway = Gateway(fleet_of(records), clock.now)
    async with AsyncExitStack() as stack:
        stack.enter_context(display)
        brokers = stack.enter_context(EmbeddedBroker())
        server = GatewayServer(gateway)
        stack.push_async_callback(server.stop)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-demo-")))
        page_port = _free_port()
        signed = write_config(folder, page_port)
        process, http = await _start_worker(stack, worker, brokers, await server.start(), clock, signed)
        parts = Components(demo, gateway, process, http, clock, limits or WaitLimits())
        await stack.enter_async_context(_in_background(watch_topics(brokers, demo)))
        await stack.enter_async_context(_in_background(_refresh(parts, display, began_s)))
        await _wait_until_ready(parts)
        on_page(PageAddress(f"http://127.0.0.1:{page_port}/", signed.token))
        after_s = APPROVES_AFTER_S if keep is None else LETS_OTHERS_S
        await stack.enter_async_context(_in_background(approve_what_waits(brokers, demo, signed, clock, after_s)))
        await _play(parts, records, brokers, truth)
        await _drain(parts)
        if keep is not None:
            await keep()
        demo.phase = "done"
        demo.worker = replace(await read_worker(http, demo.worker), exit_code=await process.stop())
        _update_state(parts, began_s)
        display.update(demo)
    return demo


def fleet_of(records: list[RecordedRequest]) -> Fleet:
    """The fleet of a recording; versions in order of appearance, so that the first one is in service."""
    def distinct(values: list[str | None]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for value in values if value is not None))

    versions = distinct([record.get("version") for record in records])
    return Fleet(
        records[0]["service"], records[0].get("model", "model"), versions or ("unknown",),
        distinct([record.get("replica") for record in records]), distinct([record.get("tenant") for record in records]),
    )


async def _start_worker(
    stack: AsyncExitStack, command: Sequence[str], brokers: str, gateway_url: str, clock: WallClock,
    signed: Signed,
) -> tuple[WorkerProcess, aiohttp.ClientSession]:
    config = signed.config
    port = _free_port()
    worker = WorkerProcess(
        [*command, "--config", str(config), "--clock-speed", repr(clock.speed), "--clock-anchor", repr(clock.anchor_s)],
        {
            "TOCSIN_BROKERS": brokers, "TOCSIN_DEMO_GATEWAY": gateway_url, "TOCSIN_DEMO_METRICS_PORT": str(port),
        },
        config.with_name("worker.log"),
    )
    stack.push_async_callback(worker.stop)
    await worker.start()
    http = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{port}"))
    return worker, http


async def _wait_until_ready(parts: Components) -> None:
    parts.demo.note = "waiting for the worker to join its group"
    within_s = parts.limits.ready_timeout_s
    deadline_s = time.monotonic() + within_s
    while not await is_ready(parts.http):
        if parts.worker.exit_code is not None:
            raise DemoError(f"the worker ended with exit code {parts.worker.exit_code}:\n{parts.worker.tail()}")
        if time.monotonic() > deadline_s:
            raise DemoError(f"the worker was not ready within {within_s:.0f} s:\n{parts.worker.tail()}")
        await asyncio.sleep(TICK_S)


async def _play(parts: Components, records: list[RecordedRequest], brokers: str, truth: GroundTruth) -> None:
    demo = parts.demo
    producer = AIOKafkaProducer(bootstrap_servers=brokers, linger_ms=5)
    await producer.start()
    # Shifted by whole seconds, so that the records fall into the same windows in every run, and as in a replay.
    shift_s = math.ceil(parts.clock.now() - truth.start_epoch_s)
    demo.origin_s = truth.start_epoch_s + shift_s
    demo.phase = "playing"
    failed: list[BaseException] = []

    def delivered(future: asyncio.Future[object]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            failed.append(error)

    async def send(topic: str, key: bytes, value: bytes) -> None:
        if failed:
            raise DemoError(f"the broker refused a record: {failed[0]!r}")
        if parts.worker.exit_code is not None:
            raise DemoError(f"the worker ended with exit code {parts.worker.exit_code}:\n{parts.worker.tail()}")
        (await producer.send(topic, value, key=key)).add_done_callback(delivered)

    deployed = set(parts.gateway.fleet.labels[:1])

    def on_sent(record: RecordedRequest) -> None:
        demo.sent += 1
        version = record.get("version")
        if version is not None and version not in deployed:
            deployed.add(version)
            parts.gateway.deploy(version)

    try:
        await play(records, send, clock=parts.clock, shift_s=shift_s, time=LoopTime(time.time), on_sent=on_sent)
        await producer.flush()
    finally:
        await producer.stop()


async def _drain(parts: Components) -> None:
    """Wait until the lag is 0 and nothing changed for a while."""
    demo, limits = parts.demo, parts.limits
    demo.phase = "settling"
    quiet_since_s = time.monotonic()
    deadline_s = quiet_since_s + limits.settle_s
    progress = None
    while time.monotonic() < deadline_s and time.monotonic() - quiet_since_s < limits.quiet_s:
        now = (len(demo.actions), tuple(i.state for i in demo.incidents.values()), len(parts.gateway.changes))
        if now != progress or demo.worker.lag != 0:
            progress, quiet_since_s = now, time.monotonic()
        await asyncio.sleep(TICK_S)


async def _refresh(parts: Components, display: Display, began_s: float) -> None:
    polled_s, sent = time.monotonic(), 0
    while True:
        _update_state(parts, began_s)
        display.update(parts.demo)
        await asyncio.sleep(TICK_S)
        if _must_answer(parts.demo) and (passed_s := time.monotonic() - polled_s) >= POLL_EVERY_S:
            parts.demo.requests_per_s = (parts.demo.sent - sent) / passed_s
            polled_s, sent = time.monotonic(), parts.demo.sent
            status = await read_worker(parts.http, parts.demo.worker)
            if _must_answer(parts.demo):
                parts.demo.worker = status


def _must_answer(demo: DemoState) -> bool:
    """Whether the worker must answer: while it starts or stops, a missing answer is no problem."""
    return demo.phase in ("playing", "settling")


def _update_state(parts: Components, began_s: float) -> None:
    demo, gateway = parts.demo, parts.gateway
    demo.wall_s = time.time() - began_s
    if demo.phase != "starting":
        demo.now_s = min(parts.clock.now() - demo.origin_s, demo.truth.duration_s)
    demo.served, demo.breakers, demo.throttles = gateway.served, dict(gateway.breakers), dict(gateway.throttles)
    demo.changes, demo.told = tuple(gateway.changes), tuple(gateway.notifications)


@asynccontextmanager
async def _in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run the work in the background of the block; when it fails, the block is cancelled and ends with its error."""
    block = asyncio.current_task()
    task = asyncio.create_task(work)

    def ended(done: asyncio.Task[None]) -> None:
        if block is not None and not done.cancelled() and done.exception() is not None:
            block.cancel()

    task.add_done_callback(ended)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
