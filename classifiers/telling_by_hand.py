"""What people decide by hand about who is told what: directives, as in `classifiers.by_hand`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from classifiers.directive_fields import Via, of_person

ReleaseVerb = Literal["release", "withdraw"]


@dataclass(frozen=True, slots=True)
class Release:
    """A text that waits for a person is sent as it stands, or is not sent. text: its digest, so that the decision
    counts for exactly the text that the person saw.
    """

    text: str
    verb: ReleaseVerb
    by: str
    at_s: float
    comment: str = ""
    via: Via = "cli"

    def __post_init__(self) -> None:
        of_person("release", self.by, self.via, self.at_s, self.comment, text=self.text)
        if self.verb not in get_args(ReleaseVerb):
            raise ValueError(f"release: verb {self.verb!r}, expected one of {', '.join(get_args(ReleaseVerb))}")

    @property
    def id(self) -> str:
        """One id for each text, verb, person and time. Of several decisions that count, the first does."""
        return f"release/{self.text}/{self.verb}/{self.by}/{self.at_s:.3f}"

    @property
    def subject(self) -> str:
        """The text."""
        return self.text


@dataclass(frozen=True, slots=True)
class Escalate:
    """The next step of the escalation of an incident is due now; or, with `to`, that person, the person on call by that
    schedule, or everybody with that role is paged, and the steps go on as before. comment: why, which is needed.
    """

    incident_id: str
    by: str
    at_s: float
    comment: str
    to: str | None = None
    via: Via = "cli"

    def __post_init__(self) -> None:
        names = {"incident_id": self.incident_id, "comment": self.comment}
        of_person("escalate", self.by, self.via, self.at_s, "", **names, **({} if self.to is None else {"to": self.to}))

    @property
    def id(self) -> str:
        """One id for each incident, person and time."""
        return f"escalate/{self.incident_id}/{self.at_s:.3f}/{self.by}"

    @property
    def subject(self) -> str:
        """The incident."""
        return self.incident_id
