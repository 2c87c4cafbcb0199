"""What is wrong with the schedules over a time: gaps, overlaps, and people who cannot be reached or cannot answer.

A finding says from when to when, so that somebody can put it right with an override. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from actions.oncall.periods import Period, periods
from actions.oncall.schedule import Roster, Schedule, Shift
from classifiers.by_hand import Override

Kind = Literal["gap", "overlap", "unreachable", "no_contact", "no_role", "unknown"]
"""gap: nobody is on call. overlap: two at once, of whom the later counts. unreachable: on call while away, or without
an address in any channel of the step. no_contact: no address at all. no_role: may not acknowledge. unknown: nobody of
this name."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. from_s, until_s: seconds since the epoch. text: for a human."""

    kind: Kind
    schedule: str
    from_s: float
    until_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Reach:
    """How people are reached. contacts: by person, the channels in which the person has an address. responders: who may
    acknowledge. asked: by schedule, the channels of each step that pages it; an empty step uses any."""

    contacts: Mapping[str, Collection[str]]
    responders: Collection[str]
    asked: Mapping[str, Collection[frozenset[str]]]


def findings(
    roster: Roster, overrides: Sequence[Override], reach: Reach, from_s: float, until_s: float,
) -> list[Finding]:
    """All findings of all schedules in a time, in order of schedule and time."""
    found: list[Finding] = []
    for name, schedule in roster.schedules.items():
        standing = periods(roster, overrides, name, from_s, until_s)
        found += [
            *_gaps(name, standing), *_overlaps(schedule, overrides, from_s, until_s), *_away(roster, name, standing),
            *_people(name, standing, reach),
        ]
    return sorted(found, key=lambda one: (one.schedule, one.from_s, one.kind, one.text))


def _gaps(name: str, standing: Sequence[Period]) -> Iterator[Finding]:
    for period in standing:
        if period.duty.person is None:
            yield Finding("gap", name, period.from_s, period.until_s, f"nobody is on call: {period.duty.reason}")


def _overlaps(
    schedule: Schedule, overrides: Sequence[Override], from_s: float, until_s: float,
) -> Iterator[Finding]:
    """Two fixed shifts, or two overrides, of different people at once."""
    given = [Shift(one.person, one.from_s, one.until_s) for one in overrides if one.schedule == schedule.name]
    for kind, shifts in (("shifts", schedule.shifts), ("overrides", given)):
        ordered = sorted(shifts, key=lambda shift: (shift.from_s, shift.until_s))
        for index, first in enumerate(ordered):
            for second in ordered[index + 1:]:
                if second.from_s >= first.until_s:
                    break
                begin_s, end_s = max(second.from_s, from_s), min(first.until_s, second.until_s, until_s)
                if begin_s < end_s and first.person != second.person:
                    text = f"two {kind} at once: {first.person} and {second.person}"
                    yield Finding("overlap", schedule.name, begin_s, end_s, text)


def _away(roster: Roster, name: str, standing: Sequence[Period]) -> Iterator[Finding]:
    for period in standing:
        person = period.duty.person
        if person is not None and roster.is_away(person, period.from_s):
            text = f"{person} is on call while away, and no backup takes over"
            yield Finding("unreachable", name, period.from_s, period.until_s, text)


def _people(name: str, standing: Sequence[Period], reach: Reach) -> Iterator[Finding]:
    """What is wrong with a person, told once for a schedule: at the first time that the person is on call."""
    personal = {channel for channels in reach.contacts.values() for channel in channels}
    first = {period.duty.person: period for period in reversed(standing) if period.duty.person is not None}
    for person, period in first.items():
        told = (name, period.from_s, period.until_s)
        if person not in reach.contacts:
            yield Finding("unknown", *told, f"{person} is nobody under people")
            continue
        if person not in reach.responders:
            yield Finding("no_role", *told, f"{person} lacks the role responder, so cannot acknowledge")
        own = reach.contacts[person]
        if not own:
            yield Finding("no_contact", *told, f"{person} has no address: mail, slack or contacts")
            continue
        for channels in reach.asked.get(name, ()):
            if channels and channels <= personal and not channels & set(own):
                text = f"{person} has no address in {', '.join(sorted(channels))}, by which a step pages {name}"
                yield Finding("unreachable", *told, text)
