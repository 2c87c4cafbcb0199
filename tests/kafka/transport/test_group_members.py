"""Before a worker joins, it looks for another running process of its name in the group."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaConsumer  # type: ignore[import-untyped]
from structlog.testing import capture_logs

from streams.cluster.group_members import NameTaken, raise_if_evicted, require_free_name
from streams.cluster.topics import BrokerUnavailable, TopicSpec, ensure_topics
from streams.kafka import retry
from streams.kafka.settings import KafkaSettings
from streams.kafka.worker_process import WorkerProcess
from streams.transport.assignor import assignor_of
from tests.kafka.brokers import EmbeddedKafka, RealKafka
from tests.kafka.harness import unique

OWN = WorkerProcess.current("w0")
ELSEWHERE = replace(OWN, host="elsewhere")
RUNNING = replace(OWN, pid=os.getppid(), started=0)
ENDED = replace(OWN, pid=os.getppid(), started=1)


def settings_at(address: str, session_timeout_s: float = 6.0) -> KafkaSettings:
    return KafkaSettings(
        address, unique("group"), client=str(OWN), instance=OWN.instance, session_timeout_s=session_timeout_s,
        heartbeat_s=0.5,
    )


@asynccontextmanager
async def member(settings: KafkaSettings, process: WorkerProcess) -> AsyncIterator[None]:
    """A member of the group under this name. It does not leave the group at the end, as a static member does not."""
    await ensure_topics(settings.brokers, [TopicSpec(settings.group, 1)])
    consumer = AIOKafkaConsumer(
        settings.group, bootstrap_servers=settings.brokers, client_id=str(process), group_id=settings.group,
        group_instance_id=process.instance, partition_assignment_strategy=[assignor_of(str(process))],
        enable_auto_commit=False, session_timeout_ms=int(settings.session_timeout_s * 1000), heartbeat_interval_ms=500,
    )
    await consumer.start()
    try:
        yield
    finally:
        await consumer.stop()


async def test_a_running_process_of_this_host_is_named_at_once(real: RealKafka) -> None:
    settings = settings_at(real.address)
    async with member(settings, RUNNING):
        began_s = time.monotonic()
        with pytest.raises(NameTaken, match=f"'w0' is the name of a running worker, process {os.getppid()} on host"):
            await require_free_name(settings)
        assert time.monotonic() - began_s < settings.session_timeout_s
        with pytest.raises(NameTaken):
            await raise_if_evicted(settings)


async def test_a_former_process_and_workers_of_other_names_are_no_reason_to_wait(real: RealKafka) -> None:
    settings = settings_at(real.address)
    with capture_logs() as logs:
        await require_free_name(settings)
        async with member(settings, replace(RUNNING, instance="w1")):
            async with member(settings, ENDED):
                await require_free_name(settings)
                await raise_if_evicted(settings)
            async with member(settings, OWN):
                await raise_if_evicted(settings)
    assert logs == []


async def test_the_own_process_id_is_a_former_process_at_the_start_and_a_later_one_afterwards(real: RealKafka) -> None:
    settings = settings_at(real.address)
    async with member(settings, replace(OWN, started=OWN.started + 1)):
        await require_free_name(settings)
        with pytest.raises(NameTaken):
            await raise_if_evicted(settings)


async def test_a_process_of_another_host_has_the_name_if_it_outlives_its_session(real: RealKafka) -> None:
    settings = settings_at(real.address, session_timeout_s=2.0)
    async with member(settings, ELSEWHERE):
        began_s = time.monotonic()
        with pytest.raises(NameTaken, match="on host elsewhere"):
            await require_free_name(settings)
        assert time.monotonic() - began_s > settings.session_timeout_s


async def test_a_process_of_another_host_that_died_is_waited_for(real: RealKafka) -> None:
    settings = settings_at(real.address)
    async with member(settings, ELSEWHERE):
        pass
    with capture_logs() as logs:
        await require_free_name(settings)
    assert [entry["event"] for entry in logs] == ["waiting_for_former_worker"]


async def test_a_broker_that_cannot_describe_groups_is_not_asked(embedded: EmbeddedKafka) -> None:
    await require_free_name(settings_at(embedded.address))
    await raise_if_evicted(settings_at(embedded.address))


async def test_a_broker_that_is_gone_refuses_a_start_and_no_return_to_the_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "PATIENCE_S", 0.0)
    with pytest.raises(BrokerUnavailable, match="did not answer"):
        await require_free_name(settings_at("127.0.0.1:1"))
    await raise_if_evicted(settings_at("127.0.0.1:1"))
    await require_free_name(replace(settings_at("127.0.0.1:1"), client="tocsin", instance=None))
