"""The observer of a Kafka client: stamps `Sight` with what the broker's answers prove.

It also sends the requests for offsets over the connection of the heartbeats. A broker answers the requests of one
connection in their order, so they would wait for the fetch before them, which the broker holds back while there is no
record.

aiokafka logs most errors of a fetch or a heartbeat and goes on, so its own state does not tell an answer from a
failure. The answers themselves do. All requests of a consumer pass its client's `send`.
"""

from __future__ import annotations

from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NoError,
    NotCoordinatorForGroupError,
    RebalanceInProgressError,
)
from aiokafka.protocol.fetch import FetchRequest  # type: ignore[import-untyped]
from aiokafka.protocol.group import (  # type: ignore[import-untyped]
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    SyncGroupRequest,
)
from aiokafka.protocol.offset import OffsetRequest  # type: ignore[import-untyped]
from faust.types import TP

from streams.kafka.sight import Sight

FIRST_VERSION_WITH_STABLE_OFFSET = 4
UNKNOWN_OFFSET = -1
STILL_A_MEMBER = frozenset(error.errno for error in (
    # During a rebalance the group waits for this member, but it promises no further session.
    RebalanceInProgressError, GroupLoadInProgressError, GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError,
))
"""Errors that neither renew the lease nor end it."""


def observe(client: AIOKafkaClient, sight: Sight) -> None:
    """From here on each answer of the client writes its stamps."""
    send = client.send

    async def observed_send(node_id: int, request: Any, *, group: int = ConnectionGroup.DEFAULT) -> Any:
        sent_s = sight.now_s()
        if isinstance(request, JoinGroupRequest | LeaveGroupRequest):
            sight.lose_lease()
        elif isinstance(request, OffsetRequest):
            group = ConnectionGroup.COORDINATION
        response = await send(node_id, request, group=group)
        sight.contact.heard(sent_s)
        stamp(sight, request, response, sent_s)
        return response

    client.send = observed_send


def stamp(sight: Sight, request: Any, response: Any, sent_s: float) -> None:
    """Write what the answer to a request proves that was sent at `sent_s`."""
    if isinstance(request, FetchRequest):
        for topic, partitions in response.topics:
            for number, error, highwater, *more in partitions:
                if error == NoError.errno:
                    stable = more[0] if response.API_VERSION >= FIRST_VERSION_WITH_STABLE_OFFSET else highwater
                    sight.answered(
                        TP(topic, number), sent_s, highwater if stable == UNKNOWN_OFFSET else stable, highwater,
                    )
    elif isinstance(request, HeartbeatRequest | SyncGroupRequest):
        if response.error_code == NoError.errno:
            sight.renew(sent_s)
        elif response.error_code not in STILL_A_MEMBER:
            sight.lose_lease()
