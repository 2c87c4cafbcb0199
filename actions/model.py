"""The values of the action stage: an intent is a decision to act, an outcome its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from classifiers.model import NOTIFICATIONS
from classifiers.model import UndoWhen as UndoWhen

Mode = Literal["observe", "suggest", "auto"]
Status = Literal[
    "executed", "dry_run", "suggested", "observed", "failed", "expired", "cooldown", "duplicate", "refused",
    "interrupted", "approved", "rejected", "withdrawn", "void",
]
BREAKERS = frozenset({"circuit_breaker"})
"""Kinds of action that have the machine of a circuit breaker (`actions/remedies/breaker.py`)."""
HARMLESS = NOTIFICATIONS
"""Kinds that only notify and change nothing: no limit but age applies to them, and they count towards none."""
INFORMATIVE = frozenset({"playbook", "severity", "category", "title", "fleet_size", "expected_duration_s"})
"""Parameters that tell about the incident and change nothing of what an action does."""
HTTP_OK = "http_ok"
"""The parameter with the URL of the prerequisite that only the executor can judge."""
TIMEOUT = "timeout_s"
"""The parameter with the deadline of one run, of a step that has a `timeout`; seconds."""
OF_DECISION = INFORMATIVE | {HTTP_OK, TIMEOUT}
"""Parameters that are for people and the executor, and no parameters of the action."""
Path = Literal["cli", "http", "slack"]
DecisionVerb = Literal["approve", "reject", "break_glass"]
"""break_glass: a commander lets it run without approval, past the limits that break-glass skips."""


@dataclass(frozen=True, slots=True)
class ApprovalTerms:
    """Whose consent an intent needs before it may run.

    roles: of which a person must hold one. count: of different persons. expires_after_s: life of the request.
    four_eyes: who asked for it by hand cannot approve it. via: paths by which a decision may come; empty for any.
    """

    roles: tuple[str, ...] = ("approver",)
    count: int = 1
    expires_after_s: float = 900.0
    four_eyes: bool = False
    via: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class RemedyTerms:
    """How long the effect of an intent stays in force, and how it is judged.

    hold_s: after so long without a decision it is undone. undo: when it is undone earlier. settle_s: after which its
    effect can be judged. within_s: until when it must have helped. min_samples: requests that the judgement needs.
    """

    hold_s: float = 14_400.0
    undo: UndoWhen = "when_over"
    settle_s: float = 30.0
    within_s: float = 180.0
    min_samples: int = 50


@dataclass(frozen=True, slots=True)
class Fleet:
    """The targets like the one of an intent (replicas of the service), as the shard saw them when it decided.

    size: all that are known. healthy: that are heard of and do not alarm. alarming: that alarm. alarming_for_s: since
    when the service as a whole alarms, None while it does not. None for what is not known.
    """

    size: int | None = None
    healthy: int | None = None
    alarming: int | None = None
    alarming_for_s: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person said to one intent, with a signature by which anybody can check it alone.

    who: the person, by the name in the configuration. key, digest: those of the intent. path: by which it came. at_s:
    when, seconds since the epoch. source: the deployment that it was made for. signed_by: id of the key: one of the
    person's own on the path `cli`, one of the role respond on the others. signature: Ed25519, 128 hexadecimal digits;
    `actions.trust.decisions` says over what.
    """

    who: str
    verb: DecisionVerb
    key: str
    digest: str | None
    path: Path
    at_s: float
    source: str
    signed_by: str
    signature: str


@dataclass(frozen=True, slots=True)
class Intent:
    """A decision to act, as written to the action topic.

    key: idempotency key, derived from incident id, kind, target, step and direction; each key executes at most once.
    kind: the action's catalogue name (`circuit_breaker`, `rollback`, ...). target: what it acts on, and the record key,
    so that intents on one target run in order. undo: True reverses an earlier intent of this kind and target.
    decided_at_s, expires_at_s: seconds since the epoch; an expired intent is refused. step_id, playbook, digest: the
    step, the name of its playbook, and the SHA-256 of the playbook's terms, in hexadecimal. attempt: of the step, from
    1. approval: None where nobody is asked. remedy: None where nothing stays in force. decisions: of the people
    who were asked, once they answered. asked_by: the person who asked for it by hand, None where a playbook did.
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
    step_id: str | None = None
    attempt: int = 1
    playbook: str | None = None
    digest: str | None = None
    approval: ApprovalTerms | None = None
    remedy: RemedyTerms | None = None
    fleet: Fleet | None = None
    decisions: tuple[Decision, ...] = ()
    asked_by: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an intent, as written to the outcome topic. detail: one sentence for a human.

    decisions: with the status `approved`, those of the people who approved.
    """

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
    decisions: tuple[Decision, ...] = ()
