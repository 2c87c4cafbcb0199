"""The nouns of control: what people and pipelines tell Tocsin on the control topic. Plain frozen values that check
themselves; whether a record may be believed is decided where it is read, by its signature.

Every directive has an `id` (it is applied once), a time `at_s` in seconds of event time (from then on it holds) and a
`subject` (what it is about; its key on the topic). `ValueError` names the field, its value and what was expected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal, get_args

from classifiers.model import Category, Severity

Operator = Literal["=", "!=", "=~", "!~"]
Label = Literal["service", "model", "version", "replica", "tenant", "category", "severity"]
MAX_TEXT = 1000
"""Characters of a comment, a name or a regular expression, and more than any of them needs."""
MAX_MATCHERS = 32


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on an incident, as in Alertmanager: a label that an incident does not have is the empty text, and
    a regular expression fits the whole value. severity: the current one.
    """

    name: Label
    op: Operator
    value: str

    def __post_init__(self) -> None:
        if self.name not in get_args(Label):
            raise ValueError(f"matcher: name {self.name!r}, expected one of {', '.join(get_args(Label))}")
        if self.op not in get_args(Operator):
            raise ValueError(f"matcher: operator {self.op!r}, expected one of {', '.join(get_args(Operator))}")
        if len(self.value) > MAX_TEXT:
            raise ValueError(f"matcher: {self.name} of {len(self.value)} characters, expected at most {MAX_TEXT}")
        if self.op in ("=~", "!~"):
            try:
                re.compile(self.value)
            except re.error as error:
                raise ValueError(f"matcher: {self.name}{self.op}{self.value!r}, expected a regular expression "
                                 f"({error})") from None


@dataclass(frozen=True, slots=True)
class Silence:
    """Do not tell of, nor act on, incidents that all matchers fit, from `from_s` until before `until_s`."""

    id: str
    matchers: tuple[Matcher, ...]
    from_s: float
    until_s: float
    by: str
    comment: str

    def __post_init__(self) -> None:
        _named("silence", id=self.id, by=self.by)
        _texts("silence", comment=self.comment)
        if not 1 <= len(self.matchers) <= MAX_MATCHERS:
            raise ValueError(f"silence: {len(self.matchers)} matchers, expected 1 to {MAX_MATCHERS}")
        _period("silence", "from_s", self.from_s, self.until_s)

    @property
    def at_s(self) -> float:
        """When it begins."""
        return self.from_s

    @property
    def subject(self) -> str:
        """Its own id."""
        return self.id


@dataclass(frozen=True, slots=True)
class Expire:
    """End a silence before its time, from `at_s` on. One that has not begun never will."""

    silence_id: str
    by: str
    at_s: float

    def __post_init__(self) -> None:
        _named("expire", silence_id=self.silence_id, by=self.by)
        _finite("expire", at_s=self.at_s)

    @property
    def id(self) -> str:
        """One a silence: it can end once."""
        return f"expire/{self.silence_id}"

    @property
    def subject(self) -> str:
        """The silence."""
        return self.silence_id


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Somebody works on an incident until `until_s`: nobody else is notified of it meanwhile. The last one counts."""

    incident_id: str
    by: str
    at_s: float
    until_s: float
    comment: str = ""

    def __post_init__(self) -> None:
        _named("acknowledge", incident_id=self.incident_id, by=self.by)
        _texts("acknowledge", comment=self.comment)
        _period("acknowledge", "at_s", self.at_s, self.until_s)

    @property
    def id(self) -> str:
        """Of one person at one time."""
        return f"ack/{self.incident_id}/{self.at_s:.3f}/{self.by}"

    @property
    def subject(self) -> str:
        """The incident."""
        return self.incident_id


@dataclass(frozen=True, slots=True)
class Feedback:
    """What an incident was, as a human found out. confirmed: it was one; a false alarm otherwise.

    category, severity: what it should have been called, None where nothing is said. features: the numbers that the
    published incident was judged by, by name, so that the record can be learned from without it. resolve_s: from onset
    to the end, None while unknown.
    """

    id: str
    incident_id: str
    by: str
    at_s: float
    category: Category | None
    severity: Severity | None
    confirmed: bool
    features: dict[str, float] = field(default_factory=dict)
    resolve_s: float | None = None

    def __post_init__(self) -> None:
        _named("feedback", id=self.id, incident_id=self.incident_id, by=self.by)
        _finite("feedback", at_s=self.at_s, **{f"features.{name}": value for name, value in self.features.items()})
        for name, said, choices in (
            ("category", self.category, get_args(Category)), ("severity", self.severity, get_args(Severity)),
        ):
            if said is not None and said not in choices:
                raise ValueError(f"feedback: {name} {said!r}, expected one of {', '.join(choices)}")
        if self.resolve_s is not None and not (isfinite(self.resolve_s) and self.resolve_s >= 0):
            raise ValueError(f"feedback: resolve_s {self.resolve_s!r}, expected seconds, 0 or more")

    @property
    def subject(self) -> str:
        """The incident."""
        return self.incident_id


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version of a service went live; what goes wrong right after it is its first suspect."""

    service: str
    model: str | None
    version: str
    at_s: float

    def __post_init__(self) -> None:
        _named("deployment", service=self.service, version=self.version)
        _finite("deployment", at_s=self.at_s)

    @property
    def id(self) -> str:
        """Of one version at one time."""
        return f"deploy/{self.service}/{self.model or ''}/{self.version}/{self.at_s:.3f}"

    @property
    def subject(self) -> str:
        """The service."""
        return self.service


Directive = Silence | Expire | Acknowledge | Feedback | Deployment


def _named(kind: str, **texts: str) -> None:
    for name, text in texts.items():
        if not text or len(text) > MAX_TEXT:
            raise ValueError(f"{kind}: {name} {text[:40]!r}, expected 1 to {MAX_TEXT} characters")


def _texts(kind: str, **texts: str) -> None:
    for name, text in texts.items():
        if len(text) > MAX_TEXT:
            raise ValueError(f"{kind}: {name} of {len(text)} characters, expected at most {MAX_TEXT}")


def _finite(kind: str, **numbers: float) -> None:
    for name, number in numbers.items():
        if not isfinite(number):
            raise ValueError(f"{kind}: {name} {number!r}, expected a finite number")


def _period(kind: str, begin: str, from_s: float, until_s: float) -> None:
    _finite(kind, **{begin: from_s, "until_s": until_s})
    if until_s <= from_s:
        raise ValueError(f"{kind}: until_s {until_s!r}, expected a time after {begin} {from_s!r}")
