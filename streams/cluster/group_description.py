"""What the broker tells of the consumer group: its members, their processes, and who has which partitions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.coordinator.protocol import ConsumerProtocol  # type: ignore[import-untyped]
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, for_code  # type: ignore[import-untyped]
from faust.types import TP

from streams.kafka.settings import KafkaSettings
from streams.kafka.worker_process import WorkerProcess, release_of

RETRY_S = 0.25
STABLE_WITHIN_S = 1.0
"""How long to wait for the end of a rebalance. During one, the group does not show the metadata of its members."""
REBALANCING = ("PreparingRebalance", "CompletingRebalance")


@dataclass(frozen=True, slots=True)
class GroupMember:
    """process: None for one without a name. assigned: its partitions, none during a rebalance. release: its version,
    None where it does not tell it."""

    process: WorkerProcess | None
    assigned: frozenset[TP]
    release: str | None

    @classmethod
    def parse(cls, described: Sequence[Any]) -> Self:
        """A member as the broker describes it: (member id, client id, host, metadata, assignment).

        The metadata counts more than the client id. A process that takes over a static membership leaves the client id
        of the former one in place.
        """
        _, client_id, _, metadata, assignment = described[:5]
        text = ConsumerProtocol.METADATA.decode(metadata).user_data.decode("utf-8", "replace") if metadata else ""
        partitions = ConsumerProtocol.ASSIGNMENT.decode(assignment).partitions() if assignment else ()
        return cls(WorkerProcess.parse(text or client_id), frozenset(TP(*tp) for tp in partitions), release_of(text))


@dataclass(frozen=True, slots=True)
class GroupDescription:
    """is_rebalancing: then what the members have is not known."""

    is_rebalancing: bool
    members: tuple[GroupMember, ...]

    @property
    def named_workers(self) -> list[WorkerProcess]:
        """The processes of the members that have a name."""
        return [member.process for member in self.members if member.process is not None]

    @property
    def assigned(self) -> frozenset[TP]:
        """The partitions that a member has."""
        return frozenset().union(*(member.assigned for member in self.members))


async def describe_group(settings: KafkaSettings, *, timeout_s: float = 15.0) -> GroupDescription | None:
    """The group, after a rebalance if it ends soon; None when the broker cannot describe groups.

    Raises KafkaError and OSError.
    """
    admin = AIOKafkaAdminClient(
        bootstrap_servers=settings.brokers.split(","), request_timeout_ms=5000, **settings.security.options(),
    )
    try:
        await admin.start()
        return await _until_stable(admin, settings.group, time.monotonic() + timeout_s)
    except IncompatibleBrokerVersion:
        return None
    finally:
        await admin.close()


async def _until_stable(admin: AIOKafkaAdminClient, group: str, deadline_s: float) -> GroupDescription:
    stable_by_s = min(deadline_s, time.monotonic() + STABLE_WITHIN_S)
    while True:
        try:
            found = await _describe(admin, group)
        except KafkaError as error:
            if not error.retriable or time.monotonic() >= deadline_s:
                raise
        else:
            if not found.is_rebalancing or time.monotonic() >= stable_by_s:
                return found
        await asyncio.sleep(RETRY_S)


async def _describe(admin: AIOKafkaAdminClient, group: str) -> GroupDescription:
    response = (await admin.describe_consumer_groups([group]))[0]
    error_code, _, state, _, _, members = response.groups[0][:6]
    if error_code:
        raise for_code(error_code)(f"group {group!r} could not be described")
    return GroupDescription(state in REBALANCING, tuple(map(GroupMember.parse, members)))
