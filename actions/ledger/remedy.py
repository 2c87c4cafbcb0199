"""The ledger's record of a remedy: what is in force at a target, for which incidents, until when, and how it ends.

One record a kind and target, under the key `remedy/<kind>/<target>`; the record with the highest version counts. It is
written before each effect, so a crash loses no remedy. The terms in it are those of the decision: a changed
configuration does not change what is in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from actions.model import Intent, RemedyTerms
from classifiers.model import BreakerState as BreakerState
from classifiers.validation_errors import describe_first

RemedyState = Literal["applying", "applied", "kept", "drifted", "undoing", "undo_failed", "undone"]
LetGo = Literal["resolved", "undone", "lost", "unowned"]
IN_FORCE = frozenset({"applying", "applied", "drifted", "undoing", "undo_failed"})
"""States in which the target is, or may be, changed by us, and somebody has to end it."""
REMEDY_EVENT = "remedy"
"""The `event` by which a record of the log is recognised as a remedy."""
MAX_HOLDERS = 50


@dataclass(frozen=True, slots=True)
class Holder:
    """An incident for which a remedy is in force. key: of its intent. at_s: since when. shard: that decided the intent,
    None if unknown.

    let_go: why it no longer needs the remedy, None while it does. let_go_s: since when.
    """

    incident_id: str
    key: str
    at_s: float
    shard: int | None = None
    let_go: LetGo | None = None
    let_go_s: float | None = None


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state of a circuit breaker. n: openings that count: each makes the next longer. until_s: when `open` is over.

    unproven: half-open phases in a row without a verdict. confirmed: whether the target is known to have this state.
    partial: whether the gateway lets only a share through while half open.
    """

    state: BreakerState
    n: int
    since_s: float
    until_s: float | None = None
    unproven: int = 0
    confirmed: bool = True
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is, or was last, in force at a target by one kind of action.

    intent: what put it in force. undo: the whole intent that undoes it. sure: False when it may not have run.
    applied_s: since when. changed_s: when `state` or `breaker` changed last. hold_until_s: when it ends without any
    decision. next_s: when the next attempt to undo is due. paged_s: when people were last paged about it. told: whether
    the change was reported. page: the event that people are paged for, None for none. by_hand_s: of the last command of
    a person. owner: the writer.
    """

    version: int
    state: RemedyState
    intent: Intent
    undo: Intent
    terms: RemedyTerms
    applied_s: float
    changed_s: float
    hold_until_s: float
    reason: str
    holders: tuple[Holder, ...] = ()
    sure: bool = True
    breaker: Breaker | None = None
    next_s: float | None = None
    paged_s: float | None = None
    told: bool = True
    page: str | None = None
    by_hand_s: float | None = None
    owner: str = ""

    @property
    def key(self) -> str:
        """The key in the ledger."""
        return remedy_key(self.kind, self.target)

    @property
    def kind(self) -> str:
        """The kind of action."""
        return self.intent.kind

    @property
    def target(self) -> str:
        """What it acts on."""
        return self.intent.target

    @property
    def in_force(self) -> bool:
        """Whether somebody has to end it."""
        return self.state in IN_FORCE

    @property
    def is_kept(self) -> bool:
        """Whether only a person ends it: somebody kept it, or holds the breaker."""
        is_held = self.breaker is not None and self.breaker.state in ("forced_open", "disabled")
        return is_held or (self.state == "kept" and self.by_hand_s is not None)

    @property
    def is_shown(self) -> bool:
        """Whether people are told of it: it is in force, by its terms or because a person wants it."""
        return self.in_force or self.is_kept or (self.breaker is not None and self.breaker.state != "closed")

    def holding(self) -> tuple[Holder, ...]:
        """The holders that still need it."""
        return tuple(holder for holder in self.holders if holder.let_go is None)

    def to_json(self) -> dict[str, Any]:
        """A JSON object of all fields."""
        return {"event": REMEDY_EVENT, "key": self.key, **asdict(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Remedy:
        """Read `to_json` back; raises `ValueError` naming the field. Unknown fields are ignored."""
        try:
            return _REMEDY.validate_python({name: each for name, each in value.items() if name not in ("event", "key")})
        except ValidationError as error:
            raise ValueError(f"remedy record {value.get('key')!r}: {describe_first(error)}") from None


_REMEDY: TypeAdapter[Remedy] = TypeAdapter(Remedy)


def remedy_key(kind: str, target: str) -> str:
    """The key of a remedy in the ledger.

    >>> remedy_key("throttle", "chat/r0")
    'remedy/throttle/chat/r0'
    """
    return f"remedy/{kind}/{target}"
