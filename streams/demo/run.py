"""One run of the demo, start to end: broker, gateway, worker, spectator and player, and everything stopped again.

The player and the worker agree on a clock that runs `speed` times as fast as the wall from the moment the demo began.
Whatever ends the run (its end, an error, Ctrl-C), what was started is stopped in reverse order, in bounded time.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path

import aiohttp
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]

from streams.demo.display import Display
from streams.demo.gateway import Fleet, Gateway, GatewayServer
from streams.demo.player import LoopTime, play
from streams.demo.process import WORKER, WorkerProcess
from streams.demo.scoring import Truth, read_truth
from streams.demo.spectator import is_ready, look_at_worker, watch_topics
from streams.demo.story import Story
from streams.kafka.embedded_broker import EmbeddedBroker
from streams.replay.recordings import NativeRecord, RecordingError, read_recording
from streams.worker.wall_clock import WallClock

TICK_S = 0.1
LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds of the wall clock: for the worker to be ready, and after the last record.

    settle_s: at most so long for the last verdicts. quiet_s: no longer, once nothing new was said for this time.
    """

    ready_within_s: float = 45.0
    settle_s: float = 10.0
    quiet_s: float = 2.0


class DemoError(Exception):
    """The demo could not do its part: the message says what and shows the end of the worker's log."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays in one run."""

    story: Story
    gateway: Gateway
    worker: WorkerProcess
    http: aiohttp.ClientSession
    clock: WallClock
    patience: Patience


async def run(
    recording: Path, speed: float, display: Display, *, patience: Patience | None = None,
    worker: Sequence[str] = WORKER,
) -> Story:
    """Play a recording once and tell the story of it. `worker` is the command that the worker's options are added to.

    Raises `DemoError`, `RecordingError`, `EmbeddedBrokerMissing`.
    """
    began_s = time.time()
    truth, records = read_truth(recording), list(read_recording(recording))
    if not records:
        raise RecordingError(recording, None, "no records", "at least one")
    story = Story(truth, speed)
    clock = WallClock(anchor_s=began_s, speed=speed)
    gateway = Gateway(fleet_of(records), clock.now)
    async with AsyncExitStack() as stack:
        stack.enter_context(display)
        brokers = stack.enter_context(EmbeddedBroker())
        server = GatewayServer(gateway)
        stack.push_async_callback(server.stop)
        process, http = await _start_worker(stack, worker, brokers, await server.start(), clock)
        cast = Cast(story, gateway, process, http, clock, patience or Patience())
        await stack.enter_async_context(_beside(watch_topics(brokers, story)))
        await stack.enter_async_context(_beside(_keep_looking(cast, display, began_s)))
        await _wait_until_ready(cast)
        await _play(cast, records, brokers, truth)
        await _settle(cast)
        story.phase = "done"
        story.worker = replace(await look_at_worker(http, story.worker), exit_code=await process.stop())
        _look(cast, began_s)
        display.update(story)
    return story


def fleet_of(records: list[NativeRecord]) -> Fleet:
    """The fleet that a recording tells of; versions in order of appearance, so that the first is in service."""
    def seen(values: list[str | None]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for value in values if value is not None))

    versions = seen([record.get("version") for record in records])
    return Fleet(
        records[0]["service"], records[0].get("model", "model"), versions or ("unknown",),
        seen([record.get("replica") for record in records]), seen([record.get("tenant") for record in records]),
    )


async def _start_worker(
    stack: AsyncExitStack, command: Sequence[str], brokers: str, gateway_url: str, clock: WallClock,
) -> tuple[WorkerProcess, aiohttp.ClientSession]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-demo-")))
    config = stack.enter_context(as_file(files("streams.demo") / "config.yaml"))
    port = _free_port()
    worker = WorkerProcess(
        [*command, "--config", str(config), "--clock-speed", repr(clock.speed), "--clock-anchor", repr(clock.anchor_s)],
        {
            "TOCSIN_BROKERS": brokers, "TOCSIN_DEMO_GATEWAY": gateway_url, "TOCSIN_DEMO_METRICS_PORT": str(port),
        },
        folder / "worker.log",
    )
    stack.push_async_callback(worker.stop)
    await worker.start()
    http = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{port}"))
    return worker, http


async def _wait_until_ready(cast: Cast) -> None:
    cast.story.note = "waiting for the worker to join its group"
    within_s = cast.patience.ready_within_s
    deadline_s = time.monotonic() + within_s
    while not await is_ready(cast.http):
        if cast.worker.exit_code is not None:
            raise DemoError(f"the worker ended with exit code {cast.worker.exit_code}:\n{cast.worker.tail()}")
        if time.monotonic() > deadline_s:
            raise DemoError(f"the worker was not ready within {within_s:.0f} s:\n{cast.worker.tail()}")
        await asyncio.sleep(TICK_S)


async def _play(cast: Cast, records: list[NativeRecord], brokers: str, truth: Truth) -> None:
    story = cast.story
    producer = AIOKafkaProducer(bootstrap_servers=brokers, linger_ms=5)
    await producer.start()
    # Shifted by whole seconds, so that the records fall into the same windows in every run, and as in a replay.
    shift_s = math.ceil(cast.clock.now() - truth.start_epoch_s)
    story.origin_s = truth.start_epoch_s + shift_s
    story.phase = "playing"
    failed: list[BaseException] = []

    def delivered(future: asyncio.Future[object]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            failed.append(error)

    async def send(topic: str, key: bytes, value: bytes) -> None:
        if failed:
            raise DemoError(f"the broker refused a record: {failed[0]!r}")
        if cast.worker.exit_code is not None:
            raise DemoError(f"the worker ended with exit code {cast.worker.exit_code}:\n{cast.worker.tail()}")
        (await producer.send(topic, value, key=key)).add_done_callback(delivered)

    deployed = set(cast.gateway.fleet.labels[:1])

    def played(record: NativeRecord) -> None:
        story.sent += 1
        version = record.get("version")
        if version is not None and version not in deployed:
            deployed.add(version)
            cast.gateway.deploy(version)

    try:
        await play(records, send, clock=cast.clock, shift_s=shift_s, time=LoopTime(time.time), played=played)
        await producer.flush()
    finally:
        await producer.stop()


async def _settle(cast: Cast) -> None:
    """Wait until nothing waits and nothing new was said for a while."""
    story, patience = cast.story, cast.patience
    story.phase = "settling"
    quiet_since_s = time.monotonic()
    deadline_s = quiet_since_s + patience.settle_s
    said = None
    while time.monotonic() < deadline_s and time.monotonic() - quiet_since_s < patience.quiet_s:
        now_said = (len(story.acts), tuple(i.state for i in story.incidents.values()), len(cast.gateway.changes))
        if now_said != said or story.worker.lag != 0:
            said, quiet_since_s = now_said, time.monotonic()
        await asyncio.sleep(TICK_S)


async def _keep_looking(cast: Cast, display: Display, began_s: float) -> None:
    looked_s, sent = time.monotonic(), 0
    while True:
        _look(cast, began_s)
        display.update(cast.story)
        await asyncio.sleep(TICK_S)
        if _is_watched(cast.story) and (passed_s := time.monotonic() - looked_s) >= LOOK_EVERY_S:
            cast.story.requests_per_s = (cast.story.sent - sent) / passed_s
            looked_s, sent = time.monotonic(), cast.story.sent
            seen = await look_at_worker(cast.http, cast.story.worker)
            if _is_watched(cast.story):
                cast.story.worker = seen


def _is_watched(story: Story) -> bool:
    """Whether the worker should be at work: before, and while it is being stopped, its silence is no complaint."""
    return story.phase in ("playing", "settling")


def _look(cast: Cast, began_s: float) -> None:
    story, gateway = cast.story, cast.gateway
    story.wall_s = time.time() - began_s
    if story.phase != "starting":
        story.now_s = min(cast.clock.now() - story.origin_s, story.truth.duration_s)
    story.served, story.breakers, story.throttles = gateway.served, dict(gateway.breakers), dict(gateway.throttles)
    story.changes = tuple(gateway.changes)


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run the work beside the block; when it fails, the block is cancelled and ends with the work's error."""
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
