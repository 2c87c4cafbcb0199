"""What the brokers let this principal do with each topic, compared with what its roles need (`docs/security.md`).

Asked by a Metadata request of version 8, which aiokafka has no class for; the layout is that of Kafka's protocol guide.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from aiokafka.protocol.api import Request, RequestStruct, Response  # type: ignore[import-untyped]
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String  # type: ignore[import-untyped]

from config.models import Config
from config.trust.sections import ProcessRole
from streams.client.examination.first_answer import ask_first

Operation = Literal["Read", "Write", "Describe"]

CODES: Mapping[Operation, int] = {"Read": 3, "Write": 4, "Describe": 8}
"""Of Kafka's `AclOperation`: the bit of the operation in the answer."""
TOPIC_AUTHORIZATION_FAILED = 29
NEEDED: Mapping[str, Mapping[ProcessRole, tuple[Operation, ...]]] = {
    "incidents": {"watch": ("Read", "Write"), "respond": ("Read",)},
    "actions": {"watch": ("Write",), "execute": ("Read",), "respond": ("Read",)},
    "outcomes": {"watch": ("Read",), "execute": ("Write",), "respond": ("Read", "Write")},
    "audit": {"watch": ("Write",), "execute": ("Write",), "respond": ("Read", "Write")},
    "dead_letters": {"watch": ("Write",), "execute": ("Write",), "respond": ("Write",)},
    "state": {"watch": ("Read", "Write")},
    "ledger": {"execute": ("Read", "Write")},
    "ticks": {"watch": ("Read", "Write")},
    "control": {"watch": ("Read",), "execute": ("Read",), "respond": ("Read", "Write")},
    "checkpoints": {"respond": ("Read", "Write")},
    "response": {"respond": ("Read", "Write")},
    "series": {"watch": ("Write",), "respond": ("Read",)},
}
"""Operations on Tocsin's own topics, by setting and role."""


@dataclass(frozen=True, slots=True)
class MissingPermission:
    """operations: those that the roles need and the principal has not."""

    topic: str
    operations: tuple[Operation, ...]


async def read_operations(config: Config, topics: Collection[str]) -> dict[str, frozenset[Operation]] | None:
    """By topic that exists, or that this principal may not see: what it may do. None where the brokers do not tell.

    Raises `KafkaError` and `OSError` when no broker answers.
    """
    return await ask_first(config, partial(_ask, topics))


def missing_permissions(
    config: Config, allowed: Mapping[str, frozenset[Operation]], roles: Collection[ProcessRole],
) -> list[MissingPermission]:
    """What roles need and do not have, of the topics of which something is known."""
    found = ((topic, needed - allowed[topic]) for topic, needed in _needed(config, roles) if topic in allowed)
    return [MissingPermission(topic, tuple(sorted(missing))) for topic, missing in found if missing]


def _needed(config: Config, roles: Collection[ProcessRole]) -> Iterator[tuple[str, set[Operation]]]:
    for source in config.inputs:
        yield source.topic, {"Describe", "Read"} if "watch" in roles else {"Describe"}
    for setting, by_role in NEEDED.items():
        needed = {operation for role in roles for operation in by_role.get(role, ())}
        yield getattr(config.topics, setting), {"Describe", *needed}


async def _ask(topics: Collection[str], connection: Any) -> dict[str, frozenset[Operation]] | None:
    answer = await connection.send(_OperationsRequest(sorted(topics)))
    if any(bits == NOT_TOLD and code == 0 for code, _, _, _, bits in answer.topics):
        return None
    found: dict[str, frozenset[Operation]] = {}
    for code, topic, _, _, bits in answer.topics:
        if code == TOPIC_AUTHORIZATION_FAILED:
            found[topic] = frozenset()
        elif code == 0:
            found[topic] = frozenset(name for name, number in CODES.items() if bits & 1 << number)
    return found


NOT_TOLD = -(1 << 31)
"""What a broker without ACLs says of the operations that are allowed."""


class _MetadataResponse(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = 3, 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", String()), ("port", Int32), ("rack", String()))),
        ("cluster_id", String()), ("controller_id", Int32),
        ("topics", Array(
            ("error_code", Int16), ("name", String()), ("is_internal", Boolean),
            ("partitions", Array(
                ("error_code", Int16), ("partition", Int32), ("leader", Int32), ("leader_epoch", Int32),
                ("replicas", Array(Int32)), ("isr", Array(Int32)), ("offline_replicas", Array(Int32)),
            )),
            ("authorized_operations", Int32),
        )),
        ("cluster_authorized_operations", Int32),
    )


class _MetadataRequest(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION, RESPONSE_TYPE = 3, 8, _MetadataResponse
    SCHEMA = Schema(
        ("topics", Array(String())), ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean), ("include_topic_authorized_operations", Boolean),
    )


class _OperationsRequest(Request[_MetadataRequest]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_MetadataRequest]) -> Any:
        return request_struct_class(self._topics, False, False, True)
