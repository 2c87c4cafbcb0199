"""The record of the ledger's log. Each is self-contained, so a compacted topic may keep only the last per key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Literal, TypeVar, get_args

from actions.model import Intent, Mode, Outcome, Status

RecordEvent = Literal["claimed", "finished", "storm_tripped", "storm_reset", "ineffective"]
STORM_KEY = "storm-brake"
"""The log key of the storm brake; intent keys are hexadecimal and never collide with it."""

EVENTS: tuple[RecordEvent, ...] = get_args(RecordEvent)
MODES: tuple[Mode, ...] = get_args(Mode)
STATUSES: tuple[Status, ...] = get_args(Status)
T = TypeVar("T", bound=str)

Json = str | float | bool | None | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """One event of one key. at_s: its time, seconds since the epoch. status, detail, data: only of a finished key.

    owner: who claimed, for logs with several writers. expires_at_s: of the intent, None without a claim. service,
    step_id: of the intent, for the limits; empty in records of older releases. ineffective: a run did not help.
    """

    key: str
    event: RecordEvent
    at_s: float
    owner: str = ""
    incident_id: str = ""
    kind: str = ""
    target: str = ""
    mode: Mode = "auto"
    undo: bool = False
    decided_at_s: float | None = None
    expires_at_s: float | None = None
    status: Status | None = None
    detail: str = ""
    data: dict[str, str | float | bool | None] = field(default_factory=dict)
    service: str = ""
    step_id: str = ""

    @classmethod
    def claimed(cls, intent: Intent, now_s: float, owner: str = "") -> LedgerRecord:
        """The claim of an intent."""
        return cls(
            intent.key, "claimed", now_s, owner, intent.incident_id, intent.kind, intent.target, intent.mode,
            intent.undo, intent.decided_at_s, intent.expires_at_s, service=intent.service, step_id=step_of(intent),
        )

    @classmethod
    def ineffective(cls, intent: Intent, now_s: float) -> LedgerRecord:
        """The run of an intent did not help."""
        return cls(
            f"ineffective/{intent.key}", "ineffective", now_s, "", intent.incident_id, intent.kind, intent.target,
            intent.mode, service=intent.service, step_id=step_of(intent),
        )

    def in_vain(self, now_s: float) -> LedgerRecord:
        """The run of this claimed or finished key did not help."""
        return LedgerRecord(
            f"ineffective/{self.key}", "ineffective", now_s, "", self.incident_id, self.kind, self.target, self.mode,
            service=self.service, step_id=self.step_id,
        )

    @classmethod
    def finished(cls, outcome: Outcome, claim: LedgerRecord | None) -> LedgerRecord:
        """The outcome of a key, with the owner and expiry of its claim."""
        return cls(
            outcome.key, "finished", outcome.done_at_s, claim.owner if claim else "", outcome.incident_id, outcome.kind,
            outcome.target, outcome.mode, outcome.undo, outcome.decided_at_s, claim.expires_at_s if claim else None,
            outcome.status, outcome.detail, dict(outcome.data), claim.service if claim else "",
            claim.step_id if claim else "",
        )

    @classmethod
    def storm(cls, event: Literal["storm_tripped", "storm_reset"], now_s: float) -> LedgerRecord:
        """The storm brake tripped, or was released."""
        return cls(STORM_KEY, event, now_s)

    def outcome(self) -> Outcome:
        """The outcome of a finished key; raises `ValueError` for any other event."""
        if self.event != "finished" or self.status is None:
            raise ValueError(f"ledger record {self.key!r}: outcome of a {self.event!r} record, expected 'finished'")
        return self._outcome(self.status, self.detail, dict(self.data))

    def interrupted(self) -> Outcome:
        """The outcome of a claim that never finished. Its time is that of the claim: no later time is known."""
        detail = "a crash fell between claim and outcome: it may have run, and it will not run again"
        return self._outcome("interrupted", detail, {})

    def to_json(self) -> dict[str, Json]:
        """A JSON object of all fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> LedgerRecord:
        """Read `to_json` back; raises `ValueError` naming the field that is missing, unknown or of another type."""
        if not isinstance(value, Mapping):
            raise ValueError(f"ledger record: a {type(value).__name__}, expected an object")
        known = {f.name for f in fields(cls)}
        unknown = sorted(value.keys() - known)
        if unknown:
            raise ValueError(f"ledger record: unknown field {unknown[0]!r}, expected {sorted(known)}")
        event = _choice(value, "event", EVENTS)
        status = None if value.get("status") is None else _choice(value, "status", STATUSES)
        at_s = _number(value, "at_s")
        if at_s is None or (event == "finished") != (status is not None):
            raise ValueError(f"ledger record: at_s {at_s!r}, status {status!r}, expected both if finished, else at_s")
        undo, data = value.get("undo", False), value.get("data", {})
        if not isinstance(undo, bool) or not isinstance(data, dict):
            raise ValueError(f"ledger record: undo {undo!r}, data {data!r}, expected a boolean and an object")
        return cls(
            _text(value, "key"), event, at_s, _text(value, "owner", ""), _text(value, "incident_id", ""),
            _text(value, "kind", ""), _text(value, "target", ""), _choice(value, "mode", MODES, "auto"), undo,
            _number(value, "decided_at_s"), _number(value, "expires_at_s"), status,
            _text(value, "detail", ""), dict(data), _text(value, "service", ""), _text(value, "step_id", ""),
        )

    def _outcome(self, status: Status, detail: str, data: dict[str, str | float | bool | None]) -> Outcome:
        decided_at_s = self.at_s if self.decided_at_s is None else self.decided_at_s
        return Outcome(
            self.key, self.incident_id, self.kind, self.target, self.mode, status, detail, decided_at_s, self.at_s,
            self.undo, data,
        )


def step_of(intent: Intent) -> str:
    """The step of an intent: its id, else its kind."""
    return intent.step_id or intent.kind


def _text(value: Mapping[str, object], name: str, default: str | None = None) -> str:
    found = value.get(name, default)
    if not isinstance(found, str):
        raise ValueError(f"ledger record: {name} {found!r}, expected a string")
    return found


def _choice(value: Mapping[str, object], name: str, choices: tuple[T, ...], default: str | None = None) -> T:
    found = value.get(name, default)
    for choice in choices:
        if found == choice:
            return choice
    raise ValueError(f"ledger record: {name} {found!r}, expected one of {', '.join(choices)}")


def _number(value: Mapping[str, object], name: str) -> float | None:
    found = value.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ValueError(f"ledger record: {name} {found!r}, expected a number")
    return float(found)
