"""The values of the action stage: an intent is a decision to act, an outcome its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from classifiers.model import NOTIFICATIONS

Mode = Literal["observe", "suggest", "auto"]
Status = Literal[
    "executed", "dry_run", "suggested", "observed", "failed", "expired", "cooldown", "duplicate", "refused",
    "interrupted",
]
HARMLESS = NOTIFICATIONS
"""Kinds that only notify and change nothing: no limit but age applies to them, and they count towards none."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A decision to act, as written to the action topic.

    key: idempotency key, derived from incident id, kind, target, step and direction; each key executes at most once.
    kind: the action's catalogue name (`circuit_breaker`, `rollback`, ...). target: what it acts on, and the record key,
    so that intents on one target run in order. undo: True reverses an earlier intent of this kind and target.
    decided_at_s, expires_at_s: seconds since the epoch; an expired intent is refused.
    """

    key: str
    incident_id: str
    kind: str
    target: str
    mode: Mode
    reason: str
    decided_at_s: float
    expires_at_s: float
    service: str
    model: str | None = None
    version: str | None = None
    replica: str | None = None
    tenant: str | None = None
    undo: bool = False
    params: dict[str, str | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an intent, as written to the outcome topic. detail: one sentence for a human."""

    key: str
    incident_id: str
    kind: str
    target: str
    mode: Mode
    status: Status
    detail: str
    decided_at_s: float
    done_at_s: float
    undo: bool = False
    data: dict[str, str | float | bool | None] = field(default_factory=dict)
