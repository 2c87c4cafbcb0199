"""Directives: what people and other systems write to the control topic. Frozen plain values that validate themselves.

Every directive has an `id` (it is applied once), a time `at_s` in seconds of event time (from then on it is in force)
and a `subject` (what it is about; its key on the topic). `ValueError` names the field, its value and what was expected.
The signature of a record is verified where it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Literal, get_args

from classifiers.by_hand import ByHand
from classifiers.directive_fields import MAX_TEXT, finite, named, period, texts
from classifiers.expectations import Expectation
from classifiers.model import Category, FeedbackKind, Severity
from detectors.regex import compiled

Operator = Literal["=", "!=", "=~", "!~"]
Label = Literal["service", "model", "version", "replica", "tenant", "category", "severity"]
MAX_MATCHERS = 32
MAX_EXPECTATIONS = 32
MAX_EXPECTED_S = 604_800.0
"""For how long a change may be expected: what was normal before it says less and less."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on an incident, as in Alertmanager.

    A label that an incident does not have is the empty text. A regular expression, in the syntax of RE2, must
    match the whole value. The label `severity` is the current severity.
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
                compiled(self.value)
            except ValueError as error:
                raise ValueError(f"matcher: {self.name}{self.op}{self.value!r}, expected a regular expression "
                                 f"of RE2 ({error})") from None


@dataclass(frozen=True, slots=True)
class Silence:
    """No notification and no action for incidents that fit all matchers, from `from_s` until before `until_s`."""

    id: str
    matchers: tuple[Matcher, ...]
    from_s: float
    until_s: float
    by: str
    comment: str

    def __post_init__(self) -> None:
        named("silence", id=self.id, by=self.by)
        texts("silence", comment=self.comment)
        if not 1 <= len(self.matchers) <= MAX_MATCHERS:
            raise ValueError(f"silence: {len(self.matchers)} matchers, expected 1 to {MAX_MATCHERS}")
        period("silence", "from_s", self.from_s, self.until_s)

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
    """Ends a silence before its time, from `at_s` on. A silence that has not begun never takes effect."""

    silence_id: str
    by: str
    at_s: float
    comment: str = ""

    def __post_init__(self) -> None:
        named("expire", silence_id=self.silence_id, by=self.by)
        texts("expire", comment=self.comment)
        finite("expire", at_s=self.at_s)

    @property
    def id(self) -> str:
        """One id for each silence: it can end once."""
        return f"expire/{self.silence_id}"

    @property
    def subject(self) -> str:
        """The silence."""
        return self.silence_id


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Somebody works on an incident until `until_s`. Nobody else is notified of it meanwhile. The last one counts."""

    incident_id: str
    by: str
    at_s: float
    until_s: float
    comment: str = ""

    def __post_init__(self) -> None:
        named("acknowledge", incident_id=self.incident_id, by=self.by)
        texts("acknowledge", comment=self.comment)
        period("acknowledge", "at_s", self.at_s, self.until_s)

    @property
    def id(self) -> str:
        """One id for each incident, person and time."""
        return f"ack/{self.incident_id}/{self.at_s:.3f}/{self.by}"

    @property
    def subject(self) -> str:
        """The incident."""
        return self.incident_id


@dataclass(frozen=True, slots=True)
class Feedback:
    """The true category and severity of an incident, as a human found out. confirmed: False for a false alarm.

    category, severity: None where the human does not give it. features: of the published incident, by name, so that the
    advisor can learn from this record alone. resolve_s: from onset to the end, None while unknown. expected: it was a
    planned change, so it ends, and until `until_s` deviations up to its size are expected; never of a confirmed fault.
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
    expected: bool = False
    until_s: float | None = None

    def __post_init__(self) -> None:
        named("feedback", id=self.id, incident_id=self.incident_id, by=self.by)
        finite("feedback", at_s=self.at_s, **{f"features.{name}": value for name, value in self.features.items()})
        for name, value, choices in (
            ("category", self.category, get_args(Category)), ("severity", self.severity, get_args(Severity)),
        ):
            if value is not None and value not in choices:
                raise ValueError(f"feedback: {name} {value!r}, expected one of {', '.join(choices)}")
        if self.resolve_s is not None and not (isfinite(self.resolve_s) and self.resolve_s >= 0):
            raise ValueError(f"feedback: resolve_s {self.resolve_s!r}, expected seconds, 0 or more")
        if self.expected and self.confirmed:
            raise ValueError("feedback: both confirmed and expected, expected one of them")
        _expected_until("feedback", self.expected, self.at_s, self.until_s)

    @property
    def subject(self) -> str:
        """The incident."""
        return self.incident_id

    @property
    def kind(self) -> FeedbackKind:
        """What the incident was."""
        if self.expected:
            return "planned_change"
        return "fault" if self.confirmed else "false_alarm"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version of a service went live. It is suspected first when an incident begins soon after.

    expected: by how much metrics of the service may depart from what was expected before, from `at_s` until before
    `until_s`. What follows from that is expected as well (`causes/planned_shifts.py`).
    """

    service: str
    model: str | None
    version: str
    at_s: float
    expected: tuple[Expectation, ...] = ()
    until_s: float | None = None

    def __post_init__(self) -> None:
        named("deployment", service=self.service, version=self.version)
        finite("deployment", at_s=self.at_s)
        if len(self.expected) > MAX_EXPECTATIONS:
            raise ValueError(f"deployment: {len(self.expected)} expectations, expected at most {MAX_EXPECTATIONS}")
        _expected_until("deployment", bool(self.expected), self.at_s, self.until_s)

    @property
    def id(self) -> str:
        """One id for each version and time."""
        return f"deploy/{self.service}/{self.model or ''}/{self.version}/{self.at_s:.3f}"

    @property
    def subject(self) -> str:
        """The service."""
        return self.service


Directive = Silence | Expire | Acknowledge | Feedback | Deployment | ByHand
OfPerson = ByHand | Acknowledge | Silence | Expire
"""What may be signed for a person."""


def _expected_until(kind: str, is_expected: bool, at_s: float, until_s: float | None) -> None:
    if until_s is None:
        if is_expected:
            raise ValueError(f"{kind}: until_s is missing, expected a time until which the change is expected")
        return
    if not is_expected:
        raise ValueError(f"{kind}: until_s {until_s!r} without anything expected")
    period(kind, "at_s", at_s, until_s)
    if until_s - at_s > MAX_EXPECTED_S:
        raise ValueError(f"{kind}: expected for {until_s - at_s:.0f} s, expected at most {MAX_EXPECTED_S:.0f} s")
