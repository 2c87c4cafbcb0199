"""From the sections of the configuration to the roster, the policies, and how people are reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Protocol
from zoneinfo import ZoneInfo

from actions.channels.catalogue import PAGING, RECORDS
from actions.channels.contacts import Contacts
from actions.escalation.desk import Rules
from actions.escalation.policy import EarlyIf, EscalationPolicy, EscalationStep
from actions.oncall.duty import on_call
from actions.oncall.findings import Reach
from actions.oncall.schedule import (
    FIRST_DAY,
    Absence,
    Roster,
    Rotation,
    Schedule,
    Shift,
    read_handover,
    read_hours,
)
from actions.trust.people import Directory
from actions.trust.roles import may
from classifiers.accounting.slo_report import StageTargets
from classifiers.by_hand import Override
from classifiers.model import Severity
from config.channels.sections import ChannelSection
from config.oncall.sections import DAY_S, PolicySection, ScheduleSection
from config.trust.sections import Person

OWN_ADDRESS = frozenset({"slack", "email"})
"""Kinds of channels that write to an address of a person."""


class Settings(Protocol):
    """The part of the configuration that is read here."""

    @property
    def people(self) -> Mapping[str, Person]: ...
    @property
    def schedules(self) -> Mapping[str, ScheduleSection]: ...
    @property
    def escalation(self) -> Mapping[str, PolicySection]: ...
    @property
    def channels(self) -> Mapping[str, ChannelSection]: ...
    @property
    def targets(self) -> Mapping[Severity, StageTargets]: ...

    def policies_of(self, service: str) -> tuple[str, ...]:
        """The policies of a service by name."""


def roster_of(config: Settings) -> Roster:
    """All schedules and absences."""
    away = {
        name: tuple(Absence(one.from_s, one.until_s) for one in person.away)
        for name, person in config.people.items() if person.away
    }
    return Roster({name: _schedule(name, section) for name, section in config.schedules.items()}, away)


def policies_of(config: Settings, service: str) -> tuple[EscalationPolicy, ...]:
    """The policies of a service, in the order in which they are tried; empty where nobody is paged for it."""
    return tuple(_policy(name, config.escalation[name]) for name in config.policies_of(service))


def reach_of(config: Settings) -> Reach:
    """How people are reached, and by which channels each schedule is paged.

    A channel that needs no address of a person reaches everybody.
    """
    reached = channel_contacts_of(config)
    shared = [name for name, section in config.channels.items() if section.kind not in OWN_ADDRESS]
    asked: dict[str, list[frozenset[str]]] = {}
    for policy in config.escalation.values():
        for step in policy.steps:
            for target in step.page:
                if target in config.schedules:
                    asked.setdefault(target, []).append(frozenset(step.via))
    responders = {name for name, person in config.people.items() if may(person.roles, "acknowledge")}
    contacts = {
        name: {*contacts_of(person), *reached.addresses[name], *shared} for name, person in config.people.items()
    }
    return Reach(contacts, responders, asked)


def contacts_of(person: Person) -> Mapping[str, str]:
    """The addresses of a person by the name of the channel."""
    own = {"slack": person.slack, "mail": person.mail}
    return {**{name: address for name, address in own.items() if address is not None}, **person.contacts}


def channel_contacts_of(config: Settings) -> Contacts:
    """How people are reached by the channels: an address under `contacts` by the channel's name, else that of its kind.
    """
    kinds = {name: section.kind for name, section in config.channels.items()}
    addresses = {
        person: {name: found for name, kind in kinds.items() if (found := _address(section, name, kind)) is not None}
        for person, section in config.people.items()
    }
    paging = tuple(name for name, kind in kinds.items() if kind in PAGING)
    addressed = frozenset(name for name, kind in kinds.items() if kind in OWN_ADDRESS)
    return Contacts(tuple(kinds), paging, addressed, addresses)


def _address(person: Person, channel: str, kind: str) -> str | None:
    if kind in RECORDS:
        return None
    own = {"slack": None if person.slack is None else person.slack.partition("/")[2], "email": person.mail}
    return person.contacts.get(channel, own.get(kind))


def rules_of(
    config: Settings, directory: Directory, overrides: Callable[[], Sequence[Override]], now_s: Callable[[], float],
) -> Rules:
    """What escalations go by. overrides: that are known now. now_s: the clock by which somebody is on call."""
    roster = roster_of(config)

    def recipients(target: str, service: str) -> tuple[str, ...]:
        if target in roster.schedules:
            person = on_call(roster, overrides(), target, now_s()).person
            return () if person is None else (person,)
        return (target,) if target in config.people else directory.with_role(target, service)

    policies = cache(lambda service: policies_of(config, service))
    return Rules(
        policies, recipients, lambda who, service: directory.may(who, "acknowledge", service),
        lambda severity: config.targets[severity].resolve_s if severity in config.targets else None,
        lambda who, service: directory.may(who, "escalate", service),
    )


def _schedule(name: str, section: ScheduleSection) -> Schedule:
    rotation = None
    if section.people:
        days = int(section.every_s // DAY_S)
        first_day = FIRST_DAY if section.from_ is None else section.from_
        rotation = Rotation(section.people, read_handover(section.handover), days, first_day)
    return Schedule(
        name, ZoneInfo(section.tz), rotation,
        tuple(Shift(one.person, one.from_s, one.until_s) for one in section.shifts),
        tuple(read_hours(text) for text in section.hours), section.holidays, section.backup,
    )


def _policy(name: str, section: PolicySection) -> EscalationPolicy:
    steps = tuple(
        EscalationStep(
            one.id, one.after_s, one.page, one.via, one.tell, one.severity,
            EarlyIf(one.early_if.expected_resolve_s, one.early_if.tenants),
        )
        for one in section.steps
    )
    return EscalationPolicy(
        name, steps, section.severities, section.categories, section.grace, section.rounds, section.round_after_s,
        section.fallback, section.ack_lapses_s, section.approval_after_s,
    )
