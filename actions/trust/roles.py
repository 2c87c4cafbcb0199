"""The roles of people and what each may do. Roles do not contain each other: a person has those that are listed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

Role = Literal["viewer", "responder", "approver", "commander"]
Verb = Literal[
    "read", "acknowledge", "assign", "update", "resolve", "undo", "keep", "force_open", "clear", "approve", "reject",
    "disable", "storm_reset", "withdraw", "break_glass", "release", "override", "escalate",
    "silence", "review",
]
"""What a person can ask for. force_open, disable and clear: of a breaker. release: of a text for customers.
override: of a schedule. escalate: by hand. silence: incidents of a service, and the end of that. review: record
reviews of incidents and their action items."""

MAY: Mapping[Role, frozenset[Verb]] = {
    "viewer": frozenset({"read"}),
    "responder": frozenset({
        "read", "acknowledge", "assign", "update", "resolve", "undo", "keep", "force_open", "clear", "override",
        "escalate", "silence", "review",
    }),
    "approver": frozenset({"read", "approve", "reject", "disable", "clear", "storm_reset"}),
    "commander": frozenset({"read", "withdraw", "break_glass", "release", "escalate", "review"}),
}


def may(roles: Collection[Role], verb: Verb) -> bool:
    """Whether one of the roles allows it."""
    return any(verb in MAY[role] for role in roles)


def roles_that_may(verb: Verb) -> tuple[Role, ...]:
    """The roles that allow it, for the message of a refusal."""
    return tuple(role for role, verbs in MAY.items() if verb in verbs)


def may_not(who: str, verb: Verb, service: str | None = None) -> str:
    """The message of a refusal. service: for which it is refused, None where the message need not say so.

    >>> may_not("ann", "undo"), may_not("ann", "undo", "chat")
    ('ann may not undo, expected the role responder', 'ann may not undo for chat, expected the role responder')
    """
    what = verb if service is None else f"{verb} for {service}"
    return f"{who} may not {what}, expected the role {' or '.join(roles_that_may(verb))}"
