"""The members of the consumer group by the name of their worker: no two workers may run under one `instance_id`.

Kafka gives the partitions of a static member to whoever joins last under its name, and the older process joins again.
Both would evict each other for ever. So a worker looks at the group before it joins: another running process of its
name makes the later one stop. A former process of its own does not: a restart in place continues at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.coordinator.protocol import ConsumerProtocol  # type: ignore[import-untyped]
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, for_code  # type: ignore[import-untyped]

from streams.cluster.topics import BrokerUnavailable
from streams.kafka.settings import KafkaSettings
from streams.kafka.worker_process import Standing, WorkerProcess, standing

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.group_members")

RETRY_S = 0.25
STABLE_WITHIN_S = 1.0
"""How long to wait for the end of a rebalance. During one, the group does not show the metadata of its members."""
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


async def require_free_name(settings: KafkaSettings, *, timeout_s: float = 15.0) -> None:
    """Return when no other process runs under this worker's `instance_id`; to be called before it joins the group.

    A process of another host is waited for: it runs if the group still has it after `session_timeout_s`. A process of
    this host is looked up. Does nothing without a name, and with a broker that cannot describe groups.
    Raises `NameTaken`, and `BrokerUnavailable` when the broker does not answer within `timeout_s`.
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
        members = await asyncio.wait_for(named_workers(settings, timeout_s=EVICTION_TIMEOUT_S), EVICTION_TIMEOUT_S)
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
        members = await named_workers(settings, timeout_s=timeout_s)
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable(settings.brokers, timeout_s, error) from error
    judged = [(other, standing(other, own)) for other in members if other.instance == own.instance and other != own]
    return sorted((each for each in judged if each[1] != "gone"), key=lambda each: each[1] != "running")


async def named_workers(settings: KafkaSettings, *, timeout_s: float = 15.0) -> list[WorkerProcess]:
    """The named workers in the group; none when the broker cannot describe groups. Raises KafkaError and OSError."""
    admin = AIOKafkaAdminClient(
        bootstrap_servers=settings.brokers.split(","), request_timeout_ms=5000, **settings.security.options(),
    )
    try:
        await admin.start()
        return await _until_stable(admin, settings.group, time.monotonic() + timeout_s)
    except IncompatibleBrokerVersion:
        return []
    finally:
        await admin.close()


async def _until_stable(admin: AIOKafkaAdminClient, group: str, deadline_s: float) -> list[WorkerProcess]:
    stable_by_s = min(deadline_s, time.monotonic() + STABLE_WITHIN_S)
    while True:
        try:
            state, members = await _describe(admin, group)
        except KafkaError as error:
            if not error.retriable or time.monotonic() >= deadline_s:
                raise
        else:
            if state not in ("PreparingRebalance", "CompletingRebalance") or time.monotonic() >= stable_by_s:
                return members
        await asyncio.sleep(RETRY_S)


async def _describe(admin: AIOKafkaAdminClient, group: str) -> tuple[str, list[WorkerProcess]]:
    response = (await admin.describe_consumer_groups([group]))[0]
    error_code, _, state, _, _, members = response.groups[0][:6]
    if error_code:
        raise for_code(error_code)(f"group {group!r} could not be described")
    return state, named_members(members)


def named_members(members: Sequence[Sequence[Any]]) -> list[WorkerProcess]:
    """The named workers among members as the broker describes them: (member id, client id, host, metadata, ...).

    The metadata counts. A process that takes over a static membership leaves the client id of the former one in place.
    """
    found = []
    for _, client_id, _, metadata, *_ in members:
        text = ConsumerProtocol.METADATA.decode(metadata).user_data.decode("utf-8", "replace") if metadata else ""
        process = WorkerProcess.parse(text or client_id)
        if process is not None:
            found.append(process)
    return found
