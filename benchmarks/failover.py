"""How long a shard is not watched after SIGKILL of its worker: restarted in place, and taken over by another worker.

`python -m benchmarks.failover [--json FILE]`. A stream of 1,000 records a second goes on meanwhile. Silence is the
wall time from the kill to the first sample of /metrics that shows a batch of the dead worker's partitions processed:

- in place: the same command is started again at once, under its name in the group (static membership). The new
  process counts from 0, so its first record counted is the end of the silence. Imports and restore are in it.
- restored: as in place, with 99,600 series that are to be restored.
- taken over: two workers share the partitions, and the stream goes to those of one of them only. It is killed and not
  restarted; the other one's count, which stood still, moves when the session has run out and the partitions are its.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median

import orjson
from rich.table import Table

from benchmarks.broker.live import Change, Stream
from benchmarks.broker.load import Fleet, records, requests
from benchmarks.broker.rig import (
    PARTITIONS,
    Feeder,
    WorkerProcess,
    WorkerSample,
    broker,
    console,
    fill,
    make_topic,
    partition_of,
    unique,
)
from streams.replay.recordings import RecordedRequest

FLEET = Fleet(services=8, replicas=4, tenants=3)
LARGE = Fleet(services=200, replicas=50, tenants=31)
LARGE_RATE_PER_S = 5000.0
HISTORY_S = 100.0
"""Of the large fleet before it is live, so that all its series are known."""
RATE_PER_S = 1000.0
SAMPLE_EVERY_S = 0.02
RUN_FIRST_S = 7.0
"""How long a worker watches before it is killed: more than the 5 s after which a snapshot is stored."""
BARS_S = {"restarted in place": 6.0, "restored": 20.0, "taken over": 12.0}
AIMS_S = {"restarted in place": 3.0, "restored": 10.0, "taken over": 8.0}


@asynccontextmanager
async def stream(
    address: str, source: str, change: Change, fleet: Fleet = FLEET, rate_per_s: float = RATE_PER_S,
) -> AsyncIterator[None]:
    """Live load for the length of the block."""
    feeder = Feeder.at(address, source)
    sending = asyncio.ensure_future(
        Stream(feeder, requests(fleet, rate_per_s, time.time(), 1), change).run(float("inf")),
    )
    try:
        yield
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await asyncio.to_thread(feeder.flush)


async def _restart_in_place(worker: WorkerProcess) -> float:
    """Kill a worker and start it again at once; returns the silence in seconds."""
    killed_s = time.time()
    worker.kill()
    worker.start()
    sample = await worker.until(lambda sample: sample.records > 0, SAMPLE_EVERY_S)
    return sample.wall_s - killed_s


async def restarted(address: str, folder: Path, times: int) -> list[float]:
    """Silences in seconds of one worker, killed and started again at once."""
    group, source = unique("tocsin"), unique("bench-restart")
    await asyncio.to_thread(make_topic, address, source)
    silences = []
    async with AsyncExitStack() as stack:
        worker = stack.enter_context(WorkerProcess(address, group, source, folder))
        await worker.ready()
        await stack.enter_async_context(stream(address, source, lambda request: request))
        for _ in range(times):
            await worker.until(lambda sample: sample.records > RUN_FIRST_S * RATE_PER_S, 0.2)
            silences.append(await _restart_in_place(worker))
    return silences


async def restored(address: str, folder: Path, times: int) -> list[float]:
    """Silences in seconds of one worker of the large fleet, killed and started again at once."""
    group, source = unique("tocsin"), unique("bench-restore")
    await asyncio.to_thread(make_topic, address, source)
    count = int(HISTORY_S * LARGE_RATE_PER_S)
    history = records(LARGE, count, LARGE_RATE_PER_S, time.time() - HISTORY_S, 1)
    silences = []
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(fill, address, source, history)
        worker = stack.enter_context(WorkerProcess(address, group, source, folder))
        await worker.until(lambda sample: sample.records >= count, 0.2)
        await stack.enter_async_context(stream(address, source, lambda request: request, LARGE, LARGE_RATE_PER_S))
        for _ in range(times):
            await asyncio.sleep(2.0 * RUN_FIRST_S)
            silences.append(await _restart_in_place(worker))
    return silences


async def taken_over(address: str, folder: Path, times: int) -> list[float]:
    """Silences in seconds of the partitions of one worker out of two, each time taken over by the other."""
    group, source = unique("tocsin"), unique("bench-takeover")
    await asyncio.to_thread(make_topic, address, source)
    streamed: set[int] = set(range(PARTITIONS))
    silences = []

    def only_streamed(request: RecordedRequest) -> RecordedRequest | None:
        return request if partition_of(request["service"].encode()) in streamed else None

    async with AsyncExitStack() as stack:
        victim = stack.enter_context(WorkerProcess(address, group, source, folder))
        heir = stack.enter_context(WorkerProcess(address, group, source, folder))
        await asyncio.gather(victim.ready(), heir.ready())
        await stack.enter_async_context(stream(address, source, only_streamed))
        for _ in range(times):
            shards = await _shared(victim, heir)
            streamed.clear()
            streamed.update(shards)
            await asyncio.sleep(RUN_FIRST_S)
            before = await heir.until(lambda _: True, 0.1)
            still = await heir.until(lambda _: True, 0.1)
            if still.records != before.records:
                raise RuntimeError("records still come to the other worker: its count cannot show the take-over")
            killed_s = time.time()
            victim.kill()
            sample = await heir.until(partial(_moved, still.records), SAMPLE_EVERY_S)
            silences.append(sample.wall_s - killed_s)
            streamed.update(range(PARTITIONS))
            victim.start()
    return silences


def _moved(records: int, sample: WorkerSample) -> bool:
    return sample.records > records


async def _shared(one: WorkerProcess, other: WorkerProcess) -> frozenset[int]:
    """Wait until two workers have each a share of the partitions, and return the first one's."""
    while True:
        mine = (await one.until(lambda sample: 0 < len(sample.shards) < PARTITIONS, 0.2)).shards
        theirs = (await other.until(lambda sample: 0 < len(sample.shards) < PARTITIONS, 0.2)).shards
        if len(mine) + len(theirs) == len(mine | theirs) == PARTITIONS:
            return mine


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.failover", description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="kills of each sort")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    with broker() as where, tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        silences = {
            "restarted in place": asyncio.run(restarted(where.address, Path(folder), options.times)),
            "restored": asyncio.run(restored(where.address, Path(folder), options.times)),
            "taken over": asyncio.run(taken_over(where.address, Path(folder), options.times)),
        }
    table = Table(title="silence after SIGKILL, s", title_justify="left")
    for column in ("worker", "kills", "median", "max", "bar", "aim"):
        table.add_column(column, justify="left" if column == "worker" else "right")
    for how, seconds in silences.items():
        table.add_row(
            how, str(len(seconds)), f"{median(seconds):.2f}", f"{max(seconds):.2f}", f"{BARS_S[how]:g}",
            f"{AIMS_S[how]:g}",
        )
    console.print(table)
    if options.json is not None:
        options.json.write_bytes(orjson.dumps(silences, option=orjson.OPT_INDENT_2))
    return 1 if where.real and any(max(seconds) > BARS_S[how] for how, seconds in silences.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
