"""Two workers under one `instance_id`: one runs, the other ends with exit code 2 and names the first."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer  # type: ignore[import-untyped]

from config import load
from streams.cluster.group_description import describe_group
from streams.kafka.settings import settings_of
from streams.kafka.worker_process import WorkerProcess
from streams.transport.assignor import assignor_of
from tests.kafka.brokers import RealKafka
from tests.kafka.harness import until
from tests.kafka.pipeline import Deployment


@pytest.fixture
def deployment(real: RealKafka, tmp_path: Path) -> Iterator[Deployment]:
    found = Deployment(real.address, tmp_path, "http://127.0.0.1:9")
    yield found
    found.dispose()


async def running(deployment: Deployment, process: subprocess.Popen[bytes], starts: int) -> None:
    """Wait until the group counts on the worker."""
    def is_restored() -> bool:
        assert process.poll() is None, deployment.log.read_text()[-2000:]
        return deployment.log.read_text().count('"event": "started"') == starts

    await until(is_restored, "the worker runs")
    while (await deployment.get("/readyz"))[0] != 200:
        assert process.poll() is None, deployment.log.read_text()[-2000:]


async def refused(deployment: Deployment, named: int) -> None:
    later = deployment.start()
    await until(lambda: later.poll() is not None, "the later worker ended")
    assert later.returncode == 2
    last = deployment.log.read_text().splitlines()[-1]
    assert f"process {named} on host {socket.gethostname()}" in last
    assert f"kafka.instance_id: '{deployment.name}-w0'" in last


async def test_the_later_one_is_refused_also_after_a_restart_in_place(deployment: Deployment) -> None:
    first = deployment.start()
    await running(deployment, first, 1)
    await refused(deployment, first.pid)
    await deployment.end(first, signal.SIGKILL)
    second = deployment.start()
    await running(deployment, second, 2)
    assert "waiting_for_former_worker" not in deployment.log.read_text()
    await refused(deployment, second.pid)  # the group still shows the client id of the first
    assert await deployment.end(second) == 0


async def test_a_worker_that_was_frozen_until_another_took_its_name_stops(deployment: Deployment) -> None:
    frozen = deployment.start()
    await running(deployment, frozen, 1)
    frozen.send_signal(signal.SIGSTOP)
    settings = settings_of(load(deployment.config, {}))
    while (group := await describe_group(settings)) is not None and group.named_workers:  # noqa: ASYNC110 - the broker waits for the end of the session
        await asyncio.sleep(0.2)
    successor = deployment.start()
    await running(deployment, successor, 2)
    frozen.send_signal(signal.SIGCONT)
    await until(lambda: frozen.poll() is not None, "the frozen worker stopped")
    assert frozen.returncode == 2
    assert f"process {successor.pid} on host" in deployment.log.read_text()
    assert await deployment.end(successor) == 0


async def test_a_worker_whose_name_another_host_took_over_stops_with_code_2(deployment: Deployment) -> None:
    worker = deployment.start()
    await running(deployment, worker, 1)
    other = WorkerProcess(f"{deployment.name}-w0", "elsewhere", 7, 1)
    joining = AIOKafkaConsumer(
        *deployment.inputs, deployment.topics["outcomes"], deployment.topics["actions"],
        bootstrap_servers=deployment.address, client_id=str(other), group_id=deployment.name,
        group_instance_id=other.instance, partition_assignment_strategy=[assignor_of(str(other))],
        enable_auto_commit=False, session_timeout_ms=6000, heartbeat_interval_ms=1000,
    )
    await joining.start()
    try:
        await until(lambda: worker.poll() is not None, "the former worker stopped")
        assert worker.returncode == 2
        assert "process 7 on host elsewhere" in deployment.log.read_text().splitlines()[-1]

        began_s = time.monotonic()
        later = deployment.start()
        await until(lambda: later.poll() is not None, "the later worker was refused")
        assert later.returncode == 2
        assert time.monotonic() - began_s > 6.0
        assert joining.assignment()
    finally:
        await joining.stop()
