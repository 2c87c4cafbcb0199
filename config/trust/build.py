"""From the sections of the configuration to the key ring and the directory of people."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping

from actions.trust.keys import KeyRing, PublicKey, read_public
from actions.trust.people import Directory, Member
from actions.trust.roles import Role
from classifiers.directive_fields import Vendor
from config.trust.sections import Person, PersonKey, SigningSection


def ring_of(people: Mapping[str, Person], signing: SigningSection) -> KeyRing:
    """All keys whose signatures count, of processes and of people."""
    return KeyRing([*_process_keys(signing), *_personal_keys(people)])


def directory_of(
    people: Mapping[str, Person], owners_of: Callable[[str], Collection[str]],
    vendor_roles: Mapping[Vendor, Collection[Role]] | None = None,
) -> Directory:
    """The people. owners_of: see `Config.owners_of`. vendor_roles: see `RespondSection`."""
    return Directory(
        (
            Member(name, frozenset(one.roles), one.slack, one.token_sha256, one.jwt_sub)
            for name, one in people.items()
        ),
        owners_of, vendor_roles,
    )


def accounts_of(people: Mapping[str, Person], channels: Collection[str]) -> dict[str, str]:
    """The person of an account at a vendor, by `contacts` at one of these channels and by `mail`. An account that two
    people name belongs to nobody.
    """
    named: dict[str, set[str]] = {}
    for name, person in people.items():
        known = [account for channel, account in person.contacts.items() if channel in channels]
        for account in [*known, *([] if person.mail is None else [person.mail])]:
            named.setdefault(account, set()).add(name)
    return {account: min(names) for account, names in named.items() if len(names) == 1}


def _process_keys(signing: SigningSection) -> Iterator[PublicKey]:
    for key in signing.keys:
        yield PublicKey(key.id, read_public(key.public), frozenset(key.for_), None, *_valid(key))


def _personal_keys(people: Mapping[str, Person]) -> Iterator[PublicKey]:
    for name, person in people.items():
        for key in person.keys:
            yield PublicKey(key.id, read_public(key.public), frozenset({"person"}), name, *_valid(key))


def _valid(key: PersonKey) -> tuple[float, float]:
    return -math.inf if key.from_s is None else key.from_s, math.inf if key.until_s is None else key.until_s
