"""What people ask to see: a directive, as in `classifiers.by_hand`. Nothing is decided by it."""

from __future__ import annotations

from dataclasses import dataclass

from classifiers.directive_fields import Via, of_person, period

WATCH_S = 600.0
"""For how long at most a series is published because a person asks for it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The windows of a series are published for a while, although its level would not choose it. part: what of the
    service it is, such as `replica/r0`; empty for the whole service. until_s: exclusive, at most `WATCH_S` after at_s.
    """

    service: str
    model: str | None
    metric: str
    part: str
    by: str
    at_s: float
    until_s: float
    via: Via = "http"

    def __post_init__(self) -> None:
        of_person("watch", self.by, self.via, self.at_s, self.part, service=self.service, metric=self.metric)
        period("watch", "at_s", self.at_s, self.until_s)
        if self.until_s - self.at_s > WATCH_S:
            raise ValueError(f"watch: {self.until_s - self.at_s:.0f} s, expected at most {WATCH_S:.0f} s")

    @property
    def id(self) -> str:
        """One id for each series, person and time."""
        return f"watch/{self.service}/{self.model or ''}/{self.metric}/{self.part}/{self.at_s:.3f}/{self.by}"

    @property
    def subject(self) -> str:
        """The service."""
        return self.service
