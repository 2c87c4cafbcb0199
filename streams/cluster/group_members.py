"""The members of the consumer group by the name of their worker: no two workers may run under one `instance_id`.

Kafka gives the partitions of a static member to whoever joins last under its name, and the older process joins again.
Both would evict each other for ever. So a worker looks at the group before it joins: another running process of its
name makes the later one stop. A former process of its own does not: a restart in place continues at once.
"""

from __future__ import annotations

import asyncio
import time

import structlog
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.cluster.group_description import RETRY_S, describe_group
from streams.cluster.topics import BrokerUnavailable
from streams.kafka.retry import while_unreachable
from streams.kafka.settings import KafkaSettings
from streams.kafka.worker_process import Standing, WorkerProcess, standing

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.group_members")

SESSION_MARGIN_S = 1.0
EVICTION_TIMEOUT_S = 5.0


class NameTaken(ConnectionError):  # noqa: N818
    """Another process runs under this worker's `instance_id`. The command line shows the text and ends with code 2."""

    def __init__(self, other: WorkerProcess, own: WorkerProcess) -> None:
        self.exit_message = (
            f"kafka.instance_id: {own.instance!r} is the name of a running worker, process {other.pid} on host "
            f"{other.host}, expected a name of its own for each worker (this is process {own.pid} on host {own.host})"
        )
        super().__init__(self.exit_message)


async def require_free_name(settings: KafkaSettings, *, timeout_s: float = 5.0) -> None:
    """Return when no other process runs under this worker's `instance_id`; to be called before it joins the group.

    A process of another host is waited for: it runs if the group still has it after `session_timeout_s`. A process of
    this host is looked up. Does nothing without a name, and with a broker that cannot describe groups. timeout_s: of
    each attempt; one that went away is waited for. Raises `NameTaken`, and `BrokerUnavailable` as `while_unreachable`.
    """
    own = WorkerProcess.parse(settings.client)
    if own is None:
        return
    limit_s = settings.session_timeout_s + SESSION_MARGIN_S
    began_s = time.monotonic()
    while others := await _others(settings, own, timeout_s):
        other, how = others[0]
        waited_s = time.monotonic() - began_s
        if how == "running" or waited_s > limit_s:
            raise NameTaken(other, own)
        if waited_s < RETRY_S:
            log.info("waiting_for_former_worker", instance=own.instance, host=other.host, pid=other.pid)
        await asyncio.sleep(RETRY_S)


async def raise_if_evicted(settings: KafkaSettings) -> None:
    """Raise `NameTaken` when another process joined under this worker's name; to be called before joining again.

    Returns without a name, when the membership was lost for another reason, and when the broker does not answer.
    """
    own = WorkerProcess.parse(settings.client)
    if own is None:
        return
    try:
        members = await asyncio.wait_for(_named_workers(settings, EVICTION_TIMEOUT_S), EVICTION_TIMEOUT_S)
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("group_not_described", reason=repr(error))
        return
    for other in members:
        # The own process id with another start time is another container with this host name. It joined later.
        may_run = other.pid == own.pid or standing(other, own) != "gone"
        if other.instance == own.instance and other != own and may_run:
            raise NameTaken(other, own)


async def _others(
    settings: KafkaSettings, own: WorkerProcess, timeout_s: float,
) -> list[tuple[WorkerProcess, Standing]]:
    """The other processes of this name that may run, those that certainly run first."""
    try:
        members = await while_unreachable(
            "look for a worker of the same name", lambda: _named_workers(settings, timeout_s),
        )
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable(settings.brokers, timeout_s, error) from error
    judged = [(other, standing(other, own)) for other in members if other.instance == own.instance and other != own]
    return sorted((each for each in judged if each[1] != "gone"), key=lambda each: each[1] != "running")


async def _named_workers(settings: KafkaSettings, timeout_s: float) -> list[WorkerProcess]:
    """The named workers in the group; none when the broker cannot describe groups. Raises KafkaError and OSError."""
    found = await describe_group(settings, timeout_s=timeout_s)
    return [] if found is None else found.named_workers
