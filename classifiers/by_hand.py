"""What people decide by hand about incidents, requests, remedies and breakers: directives, signed by the person.

Each has `by`, the person, and `via`, the path by which it came. The signature says who it was; a record whose signer is
not its `by` is refused where it is verified. `ValueError` names the field, its value and what was expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from classifiers.directive_fields import ALL_PATHS, Path, Via, of_person, period, texts
from classifiers.reviews_by_hand import SetItem, SubmitReview
from classifiers.telling_by_hand import Escalate, Release
from classifiers.viewing_by_hand import Watch

Verb = Literal["approve", "reject", "break_glass"]
BreakerVerb = Literal["force_open", "disable", "clear"]
IncidentRole = Literal["commander", "scribe", "owner"]
OVERRIDE_AHEAD_S = 90 * 86_400.0


@dataclass(frozen=True, slots=True)
class Decide:
    """One person approves or rejects a request, or breaks the glass: the intent then runs past most limits.

    intent_key: of the request. digest: of the terms that were shown. comment: the reason, which a broken glass needs.
    source: the deployment. signed_by, signature: the key and the signature over the decision and what it is about, by
    which whoever has the request can check it alone (`actions/trust/decisions.py`).
    """

    intent_key: str
    digest: str
    verb: Verb
    by: str
    at_s: float
    source: str
    signed_by: str
    signature: str
    comment: str = ""
    via: Via = "cli"

    def __post_init__(self) -> None:
        of_person("decision", self.by, self.via, self.at_s, self.comment, intent_key=self.intent_key)
        texts("decision", digest=self.digest, source=self.source, signed_by=self.signed_by, signature=self.signature)
        if self.verb not in get_args(Verb):
            raise ValueError(f"decision: verb {self.verb!r}, expected one of {', '.join(get_args(Verb))}")
        if self.verb == "break_glass" and not self.comment:
            raise ValueError("decision: comment '', expected the reason why the glass is broken")

    @property
    def id(self) -> str:
        """One id for each request, person and time. Of several by one person, the first counts."""
        return f"decision/{self.intent_key}/{self.by}/{self.at_s:.3f}"

    @property
    def subject(self) -> str:
        """The request."""
        return self.intent_key


@dataclass(frozen=True, slots=True)
class Withdraw:
    """A request is taken back: nothing is done, and nobody is asked any more."""

    intent_key: str
    by: str
    at_s: float
    comment: str = ""
    via: Via = "cli"

    def __post_init__(self) -> None:
        of_person("withdraw", self.by, self.via, self.at_s, self.comment, intent_key=self.intent_key)

    @property
    def id(self) -> str:
        """One id for each request: it can be withdrawn once."""
        return f"withdraw/{self.intent_key}/{self.by}"

    @property
    def subject(self) -> str:
        """The request."""
        return self.intent_key


@dataclass(frozen=True, slots=True)
class Resolve:
    """An incident is over. Alarms after it open it anew."""

    incident_id: str
    by: str
    at_s: float
    comment: str = ""
    via: Path = "cli"

    def __post_init__(self) -> None:
        of_person("resolve", self.by, self.via, self.at_s, self.comment, ALL_PATHS, incident_id=self.incident_id)

    @property
    def id(self) -> str:
        """One id for each incident and time."""
        return f"resolve/{self.incident_id}/{self.at_s:.3f}"

    @property
    def subject(self) -> str:
        """The incident."""
        return self.incident_id


@dataclass(frozen=True, slots=True)
class Assign:
    """A person gets a role of an incident, or has it no more (remove). Of commanders and scribes the last one counts;
    owners are several, and the last one is responsible.
    """

    incident_id: str
    to: str
    by: str
    at_s: float
    via: Path = "cli"
    role: IncidentRole = "owner"
    remove: bool = False
    comment: str = ""

    def __post_init__(self) -> None:
        names = {"incident_id": self.incident_id, "to": self.to}
        of_person("assign", self.by, self.via, self.at_s, self.comment, ALL_PATHS, **names)
        if self.role not in get_args(IncidentRole):
            raise ValueError(f"assign: role {self.role!r}, expected one of {', '.join(get_args(IncidentRole))}")

    @property
    def id(self) -> str:
        """One id for each incident, person and time."""
        return f"assign/{self.incident_id}/{self.at_s:.3f}/{self.by}"

    @property
    def subject(self) -> str:
        """The incident."""
        return self.incident_id


@dataclass(frozen=True, slots=True)
class Update:
    """What people say about an incident while it goes on. comment: the text, which must not be empty."""

    incident_id: str
    by: str
    at_s: float
    comment: str
    via: Via = "cli"

    def __post_init__(self) -> None:
        of_person("update", self.by, self.via, self.at_s, "", incident_id=self.incident_id, comment=self.comment)

    @property
    def id(self) -> str:
        """One id for each incident, person and time."""
        return f"update/{self.incident_id}/{self.at_s:.3f}/{self.by}"

    @property
    def subject(self) -> str:
        """The incident."""
        return self.incident_id


@dataclass(frozen=True, slots=True)
class Undo:
    """A remedy in force is undone now. kind, target: of the remedy."""

    kind: str
    target: str
    by: str
    at_s: float
    comment: str = ""
    via: Via = "cli"

    def __post_init__(self) -> None:
        of_person("undo", self.by, self.via, self.at_s, self.comment, kind=self.kind, target=self.target)

    @property
    def id(self) -> str:
        """One id for each remedy and time."""
        return f"undo/{self.kind}/{self.target}/{self.at_s:.3f}"

    @property
    def subject(self) -> str:
        """The target."""
        return self.target


@dataclass(frozen=True, slots=True)
class Keep:
    """A remedy in force stays, whatever its terms say. kind, target: of the remedy."""

    kind: str
    target: str
    by: str
    at_s: float
    comment: str = ""
    via: Via = "cli"

    def __post_init__(self) -> None:
        of_person("keep", self.by, self.via, self.at_s, self.comment, kind=self.kind, target=self.target)

    @property
    def id(self) -> str:
        """One id for each remedy and time."""
        return f"keep/{self.kind}/{self.target}/{self.at_s:.3f}"

    @property
    def subject(self) -> str:
        """The target."""
        return self.target


@dataclass(frozen=True, slots=True)
class SetBreaker:
    """A circuit breaker is forced open or disabled until it is cleared."""

    target: str
    verb: BreakerVerb
    by: str
    at_s: float
    comment: str = ""
    via: Via = "cli"

    def __post_init__(self) -> None:
        of_person("breaker", self.by, self.via, self.at_s, self.comment, target=self.target)
        if self.verb not in get_args(BreakerVerb):
            raise ValueError(f"breaker: verb {self.verb!r}, expected one of {', '.join(get_args(BreakerVerb))}")

    @property
    def id(self) -> str:
        """One id for each target and time."""
        return f"breaker/{self.target}/{self.verb}/{self.at_s:.3f}"

    @property
    def subject(self) -> str:
        """The target."""
        return self.target


@dataclass(frozen=True, slots=True)
class ResetStorm:
    """The storm brake is released: actions may run again without a person."""

    by: str
    at_s: float
    comment: str = ""
    via: Via = "cli"

    def __post_init__(self) -> None:
        of_person("storm_reset", self.by, self.via, self.at_s, self.comment)

    @property
    def id(self) -> str:
        """One id for each time."""
        return f"storm-reset/{self.at_s:.3f}/{self.by}"

    @property
    def subject(self) -> str:
        """The brake, of which there is one."""
        return "storm"


@dataclass(frozen=True, slots=True)
class Override:
    """A person takes over a schedule from an instant until another, exclusive. Of several that overlap, the newest
    counts. It must end within `OVERRIDE_AHEAD_S` of being written, since whoever responds reads no further back."""

    schedule: str
    person: str
    from_s: float
    until_s: float
    by: str
    at_s: float
    comment: str = ""
    via: Via = "cli"

    def __post_init__(self) -> None:
        of_person("override", self.by, self.via, self.at_s, self.comment, schedule=self.schedule, person=self.person)
        period("override", "from_s", self.from_s, self.until_s)
        ahead_s = self.until_s - self.at_s
        if ahead_s > OVERRIDE_AHEAD_S:
            days, most = ahead_s / 86_400.0, OVERRIDE_AHEAD_S / 86_400.0
            raise ValueError(f"override: until_s {self.until_s!r} is in {days:.0f} days, expected at most {most:g}")

    @property
    def id(self) -> str:
        """One id for each schedule, person, begin and time of writing."""
        return f"override/{self.schedule}/{self.person}/{self.from_s:.0f}/{self.at_s:.3f}"

    @property
    def subject(self) -> str:
        """The schedule."""
        return self.schedule


ByHand = (
    Decide | Withdraw | Resolve | Assign | Update | Undo | Keep | SetBreaker | ResetStorm | Override | Release
    | Escalate | SubmitReview | SetItem | Watch
)
ForShards = Resolve | Assign | Update
"""What the shard that has the incident applies."""
ForApprovals = Decide | Withdraw
"""What the owner of the request applies."""
ForTargets = Undo | Keep | SetBreaker | ResetStorm
"""What the executor that owns the target applies."""
ForSchedules = Override
"""What decides who is on call."""
ForTexts = Release
"""What the owner of the notifications applies."""
ForReviews = SubmitReview | SetItem
"""What the owner of the review applies."""
ForViewers = Watch
"""What the shard that has the series shows; it decides nothing by it."""
ForEscalations = Escalate
"""What the owner of the escalation applies."""
