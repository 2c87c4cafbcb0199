"""Whether this principal may use the groups and transactional ids that its roles need (`docs/security.md`).

Asked by FindCoordinator requests. By Kafka's protocol guide, a broker answers one only to who has Describe on the group
or the transactional id, and Read or Write includes Describe. Nothing is written and no group is joined.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiokafka.protocol.coordination import FindCoordinatorRequest  # type: ignore[import-untyped]

from config.models import Config
from config.trust.sections import ProcessRole
from streams.client.examination.first_answer import ask_first

GROUP, TRANSACTION = 0, 1
"""Types of coordinators."""
AUTHORIZATION_FAILED = frozenset({30, 53})
"""Error codes: of a group, of a transactional id."""
ANY = "doctor"
"""Stands for the rest of a transactional id: the ACL is for a prefix."""


@dataclass(frozen=True, slots=True)
class NeededName:
    """kind: GROUP or TRANSACTION. name: of the group; for transactional ids, what they begin with."""

    kind: int
    name: str

    def __str__(self) -> str:
        return f"group {self.name}" if self.kind == GROUP else f"transactional ids {self.name}*"

    @property
    def operation(self) -> str:
        """The operation of the ACL."""
        return "Read" if self.kind == GROUP else "Write"


def needed_names(config: Config, roles: Collection[ProcessRole]) -> list[NeededName]:
    """What the processes of these roles use. One process of the roles watch and execute needs no group for both."""
    group = config.kafka.group
    names = []
    if "watch" in roles:
        names += [NeededName(GROUP, group), NeededName(TRANSACTION, f"{group}/")]
    elif "execute" in roles:
        names.append(NeededName(GROUP, f"{group}-execute"))
    if "respond" in roles:
        names += [NeededName(GROUP, f"{group}-respond"), NeededName(TRANSACTION, f"{group}-respond/")]
    return names


async def refused_names(config: Config, roles: Collection[ProcessRole]) -> list[NeededName]:
    """Those that this principal may not use. Raises `KafkaError` and `OSError` when no broker answers."""
    return await ask_first(config, partial(_ask, needed_names(config, roles))) or []


async def _ask(names: Collection[NeededName], connection: Any) -> list[NeededName]:
    found = []
    for one in names:
        key = one.name if one.kind == GROUP else f"{one.name}{ANY}"
        answer = await connection.send(FindCoordinatorRequest(key, one.kind))
        if answer.error_code in AUTHORIZATION_FAILED:
            found.append(one)
    return found
