"""What keeps an incident from being told and acted on: silences, maintenance windows, and an acknowledgement. Pure.

A silenced incident is found, followed and published all the same; it only says by what it is silenced. Matchers, and
what they do with a label that is not there, are Alertmanager's. Crash: comes back with the shard's snapshot. Duplicate:
the same directive again changes nothing.
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
from classifiers.intervals import IntervalParams
from classifiers.model import Acknowledgement, Incident

MAX_KEPT = 2_000
"""Silences, and acknowledgements, of one shard; beyond it those that end first are dropped."""
MAX_ANSWERS = 10_000
LOOK_EVERY_S = 60.0
"""Maintenance windows begin and end on whole minutes, in every time zone of today."""

Test = Callable[[Incident], bool]
_LABELS = attrgetter(*get_args(Label))
_MATCHER = re.compile(r"\s*(\w+)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_UNQUOTED = re.compile(r"[^\"{},\\]*")


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """Routine work: incidents that every matcher fits (all, where there are none) are silenced in these intervals.

    matchers: as Alertmanager writes them, `service="chat"`. Raises `ValueError` naming the field.
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


class Silences:
    """The silences and acknowledgements of one shard. windows: the operator's routine ones; they come first."""

    def __init__(self, windows: Sequence[MaintenanceWindow] = ()) -> None:
        self._windows = [
            (window.name, [_test(parse_matcher(text)) for text in window.matchers],
             [interval.build() for interval in window.time_intervals])
            for window in windows
        ]
        self._silences: dict[str, tuple[Silence, list[Test]]] = {}
        self._expired_s: dict[str, float] = {}
        self._acknowledged: dict[str, Acknowledge] = {}
        self._in_force: list[tuple[str, list[Test]]] = []
        self._in_force_until_s = -inf
        self._answers: dict[tuple[object, ...], str | None] = {}

    def silence(self, silence: Silence) -> None:
        """Take a silence in; it begins and ends by itself."""
        self._silences.setdefault(silence.id, (silence, [_test(matcher) for matcher in silence.matchers]))
        self._in_force_until_s = -inf

    def expire(self, expire: Expire) -> None:
        """End a silence, also one that has not come in yet."""
        self._expired_s.setdefault(expire.silence_id, expire.at_s)
        self._in_force_until_s = -inf

    def acknowledge(self, said: Acknowledge) -> None:
        """Somebody works on an incident; who said so last counts."""
        known = self._acknowledged.get(said.incident_id)
        if known is None or (known.at_s, known.by) <= (said.at_s, said.by):
            self._acknowledged[said.incident_id] = said

    def over(self, incident: Incident, now_s: float) -> str | None:
        """What silences an incident now: the window's name, or the id of the silence that began first; None if nothing.

        About 0.5 us, and as much for each that is in force when it is asked of other labels than before. To be asked in
        order of time.
        """
        if now_s >= self._in_force_until_s:
            self._look(now_s)
        if not self._in_force:
            return None
        labels = _LABELS(incident)
        if labels not in self._answers:
            if len(self._answers) >= MAX_ANSWERS:
                self._answers.clear()
            fitting = (name for name, tests in self._in_force if all(test(incident) for test in tests))
            self._answers[labels] = next(fitting, None)
        return self._answers[labels]

    def author(self, name: str | None) -> str | None:
        """Who asked for a silence; None for a window, and for one that is not known."""
        known = self._silences.get(name) if name is not None else None
        return None if known is None else known[0].by

    def acknowledged(self, incident_id: str, now_s: float) -> Acknowledgement | None:
        """Who works on an incident now, if anybody."""
        said = self._acknowledged.get(incident_id)
        if said is None or not said.at_s <= now_s < said.until_s:
            return None
        return Acknowledgement(said.by, said.at_s, said.until_s)

    def forget(self, now_s: float) -> None:
        """Drop what is over, and above `MAX_KEPT` what ends first."""
        for gone in _over({each: self._until_s(silence) for each, (silence, _) in self._silences.items()}, now_s):
            del self._silences[gone]
            self._expired_s.pop(gone, None)
        for gone in _over({each: said.until_s for each, said in self._acknowledged.items()}, now_s):
            del self._acknowledged[gone]
        for gone in list(self._expired_s)[: max(0, len(self._expired_s) - MAX_KEPT)]:
            del self._expired_s[gone]
        self._in_force_until_s = -inf

    def dump(self) -> dict[str, Any]:
        """Silences, expiries and acknowledgements as JSON values."""
        silences = [silence for silence, _ in self._silences.values()]
        return asdict(_Kept(silences, self._expired_s, list(self._acknowledged.values())))

    def load(self, data: object) -> None:
        """Put a dump back; raises `ValueError` when it is not one."""
        try:
            kept = _KEPT.validate_python(data)
        except ValidationError as error:
            raise ValueError(f"silences: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None
        for silence in kept.silences:
            self.silence(silence)
        self._expired_s.update(kept.expired_s)
        for said in kept.acknowledged:
            self.acknowledge(said)

    def _until_s(self, silence: Silence) -> float:
        return min(silence.until_s, self._expired_s.get(silence.id, silence.until_s))

    def _look(self, now_s: float) -> None:
        """Find what is in force now, and until when that and every answer about it holds."""
        self._answers.clear()
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
            edges_s.append((now_s // LOOK_EVERY_S + 1) * LOOK_EVERY_S)
        self._in_force_until_s = min((edge_s for edge_s in edges_s if edge_s > now_s), default=inf)


@dataclass(frozen=True, slots=True)
class _Kept:
    silences: list[Silence] = field(default_factory=list)
    expired_s: dict[str, float] = field(default_factory=dict)
    acknowledged: list[Acknowledge] = field(default_factory=list)


_KEPT: TypeAdapter[_Kept] = TypeAdapter(_Kept)


def parse_matcher(text: str) -> Matcher:
    r"""A matcher as Alertmanager writes it: `service=chat`, `tenant=~"batch-.*"`. `ValueError` says what is wrong.

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
        return Matcher(name, op, value)  # type: ignore[arg-type]  # both were looked at above
    except ValueError as error:
        raise ValueError(f"matchers: {text!r}, expected {str(error).partition('expected ')[2]}") from None


def fits(matcher: Matcher, incident: Incident) -> bool:
    """Whether one condition holds; a label that the incident does not have is the empty text."""
    return _test(matcher)(incident)


def _test(matcher: Matcher) -> Test:
    name, value, wanted = matcher.name, matcher.value, not matcher.op.startswith("!")
    if not matcher.op.endswith("~"):
        return lambda incident: ((getattr(incident, name) or "") == value) is wanted
    pattern = re.compile(value)
    return lambda incident: (pattern.fullmatch(getattr(incident, name) or "") is not None) is wanted


def _over(ends_s: dict[str, float], now_s: float) -> list[str]:
    """The keys of what has ended, and of what ends first above the bound."""
    over = [each for each, until_s in ends_s.items() if until_s <= now_s]
    rest = sorted((until_s, each) for each, until_s in ends_s.items() if until_s > now_s)
    return over + [each for _, each in rest[: max(0, len(rest) - MAX_KEPT)]]
