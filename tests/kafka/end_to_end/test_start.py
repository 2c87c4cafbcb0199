"""A broker that goes away while a worker starts ends no worker: it waits, and takes its shards over afterwards."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.kafka.brokers import RealKafka
from tests.kafka.harness import until
from tests.kafka.pipeline import Deployment

SHARDS = 4
PATIENCE_S = 30.0
ATTEMPTS = 5


class Start:
    """The start of one worker, followed in its log."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._before = len(deployment.log.read_text()) if deployment.log.exists() else 0
        self.process = deployment.start()

    def count(self, event: str) -> int:
        """How often the worker has logged an event."""
        text = self._deployment.log.read_text()[self._before:]
        lines = [line for line in text.splitlines() if line.startswith("{")]
        return sum(json.loads(line)["event"] == event for line in lines)

    async def until(self, event: str, times: int = 1) -> None:
        """Wait for an event of a worker that lives."""
        def came() -> bool:
            assert self.process.poll() is None, f"the worker ended: {self._deployment.log.read_text()[-2000:]}"
            return self.count(event) >= times

        await until(came, f"{event} {times} times")


async def interrupted(real: RealKafka, deployment: Deployment, step: str) -> Start:
    """A start in whose course the broker went away. One that was over before it did is tried again."""
    for _ in range(ATTEMPTS):
        start = Start(deployment)
        await start.until(step)
        real.kill()
        if start.count("shard_taken_over") < SHARDS:
            return start
        real.start()
        await deployment.end(start.process)
    raise AssertionError(f"{ATTEMPTS} starts were over before the broker went away")


@pytest.mark.parametrize("step", ["topics_ready", "started"])
async def test_a_broker_that_goes_away_during_a_start_is_waited_for(
    real: RealKafka, tmp_path: Path, step: str,
) -> None:
    deployment = Deployment(real.address, tmp_path, "http://127.0.0.1:9")
    try:
        start = await interrupted(real, deployment, step)
        try:
            await start.until("broker_not_reached")
        finally:
            real.start()
        await start.until("shard_taken_over", SHARDS)
        async with asyncio.timeout(PATIENCE_S):
            while (await deployment.get("/readyz"))[0] != 200:  # noqa: ASYNC110 - another process starts
                await asyncio.sleep(0.1)
        assert await deployment.end(start.process) == 0
    finally:
        deployment.dispose()


async def test_a_worker_that_waits_for_its_broker_can_be_stopped(real: RealKafka, tmp_path: Path) -> None:
    deployment = Deployment(real.address, tmp_path, "http://127.0.0.1:9")
    try:
        start = Start(deployment)
        await start.until("topics_ready")
        real.kill()
        try:
            await start.until("broker_not_reached")
            await deployment.end(start.process)
        finally:
            real.start()
    finally:
        deployment.dispose()
