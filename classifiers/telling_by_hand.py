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
