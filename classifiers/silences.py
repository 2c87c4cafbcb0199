"""Silences, maintenance windows and acknowledgements: what suppresses notifications and actions of an incident. Pure.

A silenced incident is still detected, updated and published; it names what silences it. Matchers have the semantics of
Alertmanager, also for a label that an incident does not have. Crash: the state comes back with the shard's snapshot.
Duplicate: applying the same directive again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from math import inf
from operator import attrgetter
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from classifiers.directives import Acknowledge, Expire, Label, Matcher, Silence
from classifiers.intervals import IntervalParams, ends_s
from classifiers.model import Acknowledgement, Incident
from classifiers.validation_errors import describe_first
from detectors.regex import compiled

MAX_KEPT = 2_000
"""Silences, and acknowledgements, of one shard. Beyond that those that end first are dropped."""
MAX_CACHED = 10_000
"""Label sets whose silence is cached."""
REFRESH_EVERY_S = 60.0
"""Maintenance windows begin and end on whole minutes, in every current time zone."""

Test = Callable[[Incident], bool]
_LABELS = attrgetter(*get_args(Label))
_MATCHER = re.compile(r"\s*(\w+)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_UNQUOTED = re.compile(r"[^\"{},\\]*")


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """Routine work: incidents that fit every matcher are silenced in these intervals; all incidents without matchers.

    matchers: in the syntax of Alertmanager, `service="chat"`. Raises `ValueError` naming the field.
    """

    name: str
    time_intervals: tuple[IntervalParams, ...]
    matchers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError(f"name: {self.name!r}, expected a name")
        if not self.time_intervals:
            raise ValueError("time_intervals: none, expected at least one")
        for text in self.matchers:
            parse_matcher(text)

    def until_s(self, now_s: float) -> float | None:
        """When it ends, None while it does not last, and where that is more than a month away."""
        intervals = [interval.build() for interval in self.time_intervals]
        return ends_s(intervals, now_s) if any(each.contains(now_s) for each in intervals) else None


class Silences:
    """The silences and acknowledgements of one shard. windows: of maintenance; they take precedence over silences."""

    def __init__(self, windows: Sequence[MaintenanceWindow] = ()) -> None:
        self._windows = [
            (window.name, [_test(parse_matcher(text)) for text in window.matchers],
             [interval.build() for interval in window.time_intervals])
            for window in windows
        ]
        self._silences: dict[str, tuple[Silence, list[Test]]] = {}
        self._expired_s: dict[str, float] = {}
        self._expiries: dict[str, Expire] = {}
        self._acknowledged: dict[str, Acknowledge] = {}
        self._in_force: list[tuple[str, list[Test]]] = []
        self._in_force_until_s = -inf
        self._cache: dict[tuple[object, ...], str | None] = {}

    def silence(self, silence: Silence) -> None:
        """Add a silence. It begins and ends by its own times."""
        self._silences.setdefault(silence.id, (silence, [_test(matcher) for matcher in silence.matchers]))
        self._in_force_until_s = -inf

    def expire(self, expire: Expire) -> None:
        """End a silence, also one that has not been added yet."""
        known = self.silence_named(expire.silence_id)
        if expire.silence_id not in self._expired_s and (known is None or expire.at_s < known.until_s):
            self._expiries[expire.silence_id] = expire
        self._expired_s.setdefault(expire.silence_id, expire.at_s)
        self._in_force_until_s = -inf

    def acknowledge(self, acknowledge: Acknowledge) -> None:
        """Add an acknowledgement of an incident. The last one counts."""
        known = self._acknowledged.get(acknowledge.incident_id)
        if known is None or (known.at_s, known.by) <= (acknowledge.at_s, acknowledge.by):
            self._acknowledged[acknowledge.incident_id] = acknowledge

    def silenced_by(self, incident: Incident, now_s: float) -> str | None:
        """The window's name, or the id of the first silence, that silences an incident now; None if nothing does.

        About 0.5 us, and as much again for each silence in force if the labels are not cached. To be called in order of
        time.
        """
        if now_s >= self._in_force_until_s:
            self._refresh(now_s)
        if not self._in_force:
            return None
        labels = _LABELS(incident)
        if labels not in self._cache:
            if len(self._cache) >= MAX_CACHED:
                self._cache.clear()
            fitting = (name for name, tests in self._in_force if all(test(incident) for test in tests))
            self._cache[labels] = next(fitting, None)
        return self._cache[labels]

    def silence_named(self, name: str) -> Silence | None:
        """A silence; None for a window, and for an unknown silence."""
        known = self._silences.get(name)
        return None if known is None else known[0]

    def expiry(self, name: str) -> Expire | None:
        """By what a person ended a silence before its time, of those that were ended last; None where nobody did."""
        return self._expiries.get(name)

    def acknowledge_comment(self, incident_id: str) -> str:
        """The reason that the last acknowledgement of an incident gives; empty without."""
        known = self._acknowledged.get(incident_id)
        return "" if known is None else known.comment

    def acknowledged(self, incident_id: str, now_s: float) -> Acknowledgement | None:
        """The acknowledgement of an incident that is in force now, if any."""
        known = self._acknowledged.get(incident_id)
        if known is None or not known.at_s <= now_s < known.until_s:
            return None
        return Acknowledgement(known.by, known.at_s, known.until_s)

    def drop_ended(self, now_s: float) -> None:
        """Drop silences and acknowledgements that have ended, and beyond `MAX_KEPT` those that end first."""
        for ended in _ended({each: self._until_s(silence) for each, (silence, _) in self._silences.items()}, now_s):
            del self._silences[ended]
            self._expired_s.pop(ended, None)
        for ended in _ended({each: known.until_s for each, known in self._acknowledged.items()}, now_s):
            del self._acknowledged[ended]
        for oldest in list(self._expired_s)[: max(0, len(self._expired_s) - MAX_KEPT)]:
            del self._expired_s[oldest]
        for oldest in list(self._expiries)[: max(0, len(self._expiries) - MAX_KEPT)]:
            del self._expiries[oldest]
        self._in_force_until_s = -inf

    def dump(self) -> dict[str, Any]:
        """Silences, expiries and acknowledgements as JSON values."""
        silences = [silence for silence, _ in self._silences.values()]
        acknowledged = list(self._acknowledged.values())
        return asdict(_SilencesSnapshot(silences, self._expired_s, acknowledged, list(self._expiries.values())))

    def load(self, data: object) -> None:
        """Restore a dump; raises `ValueError` when it is not one."""
        try:
            snapshot = _SNAPSHOT.validate_python(data)
        except ValidationError as error:
            raise ValueError(f"silences: {describe_first(error)}") from None
        for silence in snapshot.silences:
            self.silence(silence)
        self._expired_s.update(snapshot.expired_s)
        self._expiries.update((one.silence_id, one) for one in snapshot.expiries)
        for acknowledge in snapshot.acknowledged:
            self.acknowledge(acknowledge)

    def _until_s(self, silence: Silence) -> float:
        return min(silence.until_s, self._expired_s.get(silence.id, silence.until_s))

    def _refresh(self, now_s: float) -> None:
        """Compute what is in force now, and the time until which that and the cache are valid."""
        self._cache.clear()
        begun = sorted(
            (silence.from_s, each) for each, (silence, _) in self._silences.items()
            if silence.from_s <= now_s < self._until_s(silence)
        )
        windows = [
            (name, tests) for name, tests, intervals in self._windows
            if any(interval.contains(now_s) for interval in intervals)
        ]
        self._in_force = [*windows, *((each, self._silences[each][1]) for _, each in begun)]
        edges_s = [edge for silence, _ in self._silences.values() for edge in (silence.from_s, self._until_s(silence))]
        if self._windows:
            edges_s.append((now_s // REFRESH_EVERY_S + 1) * REFRESH_EVERY_S)
        self._in_force_until_s = min((edge_s for edge_s in edges_s if edge_s > now_s), default=inf)


@dataclass(frozen=True, slots=True)
class _SilencesSnapshot:
    """expiries: empty in a state of an older release."""

    silences: list[Silence] = field(default_factory=list)
    expired_s: dict[str, float] = field(default_factory=dict)
    acknowledged: list[Acknowledge] = field(default_factory=list)
    expiries: list[Expire] = field(default_factory=list)


_SNAPSHOT: TypeAdapter[_SilencesSnapshot] = TypeAdapter(_SilencesSnapshot)


def parse_matcher(text: str) -> Matcher:
    r"""Parses a matcher in the syntax of Alertmanager: `service=chat`, `tenant=~"batch-.*"`. Raises `ValueError`.

    >>> parse_matcher('tenant=~"batch-.*"')
    Matcher(name='tenant', op='=~', value='batch-.*')
    """
    expected = f'a matcher such as service="chat" or tenant=~"batch-.*", of {", ".join(get_args(Label))}'
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise ValueError(f"matchers: {text!r}, expected {expected}")
    name, op, value = found.groups()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = re.sub(r'\\([\\"])', r"\1", value[1:-1])
    elif _UNQUOTED.fullmatch(value) is None:
        raise ValueError(f"matchers: {text!r}, expected quotes around the value")
    if name not in get_args(Label):
        raise ValueError(f"matchers: {text!r}, expected {expected}")
    try:
        return Matcher(name, op, value)  # type: ignore[arg-type]  # both were checked above
    except ValueError as error:
        raise ValueError(f"matchers: {text!r}, expected {str(error).partition('expected ')[2]}") from None


def fits(matcher: Matcher, incident: Incident) -> bool:
    """Whether an incident fits a matcher. A label that the incident does not have is the empty text."""
    return _test(matcher)(incident)


def fits_value(matcher: Matcher, value: str) -> bool:
    """Whether a value of its label fits a matcher."""
    return _value_test(matcher)(value)


def _test(matcher: Matcher) -> Test:
    name, fits_label = matcher.name, _value_test(matcher)
    return lambda incident: fits_label(getattr(incident, name) or "")


def _value_test(matcher: Matcher) -> Callable[[str], bool]:
    value, wanted = matcher.value, not matcher.op.startswith("!")
    if not matcher.op.endswith("~"):
        return lambda label: (label == value) is wanted
    pattern = compiled(value)
    return lambda label: (pattern.fullmatch(label) is not None) is wanted


def _ended(ends_s: dict[str, float], now_s: float) -> list[str]:
    """The keys of what has ended, and beyond the bound of what ends first."""
    ended = [each for each, until_s in ends_s.items() if until_s <= now_s]
    rest = sorted((until_s, each) for each, until_s in ends_s.items() if until_s > now_s)
    return ended + [each for _, each in rest[: max(0, len(rest) - MAX_KEPT)]]
