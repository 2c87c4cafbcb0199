"""The people of an installation: what each may do for a service, and by what a request is known to be theirs.

A person is known by a key, a token, the subject of a JWT, or a user of Slack, never by a name that somebody typed. Who
is known by none of these is nobody.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from actions.trust.roles import Role, Verb, may
from classifiers.directive_fields import Vendor


@dataclass(frozen=True, slots=True)
class Member:
    """One person. slack: the ids of team and user, `T01/U7A`. token_sha256: of a bearer token, in hexadecimal."""

    name: str
    roles: frozenset[Role]
    slack: str | None = None
    token_sha256: str | None = None
    jwt_sub: str | None = None


class Directory:
    """Everybody, by name. owners_of: the people whose roles count for a service; empty where everybody's do.

    vendor_roles: of accounts at a vendor that belong to no person; they are called `VENDOR:NAME`.
    """

    def __init__(
        self, members: Iterable[Member], owners_of: Callable[[str], Collection[str]],
        vendor_roles: Mapping[Vendor, Collection[Role]] | None = None,
    ) -> None:
        self._members = {member.name: member for member in members}
        self._owners_of = owners_of
        self._vendor_roles: dict[str, frozenset[Role]] = {
            vendor: frozenset(roles) for vendor, roles in (vendor_roles or {}).items()
        }

    def roles(self, who: str, service: str) -> frozenset[Role]:
        """The roles of a person for a service; none for somebody unknown, or who does not own the service."""
        member = self._members.get(who)
        owners = self._owners_of(service)
        if owners and who not in owners:
            return frozenset()
        return self._roles_at_vendor(who) if member is None else member.roles

    def _roles_at_vendor(self, who: str) -> frozenset[Role]:
        vendor, is_account, _ = who.partition(":")
        return self._vendor_roles.get(vendor, frozenset()) if is_account else frozenset()

    def knows(self, who: str) -> bool:
        """Whether there is a person of this name."""
        return who in self._members

    def may(self, who: str, verb: Verb, service: str) -> bool:
        """Whether a person may do this for a service."""
        return may(self.roles(who, service), verb)

    def may_anywhere(self, who: str, verb: Verb) -> bool:
        """Whether a person may do what concerns no service."""
        return may(self.roles_anywhere(who), verb)

    def may_somewhere(self, who: str, verb: Verb) -> bool:
        """Whether a person, or an account at a vendor, may do this for some service."""
        member = self._members.get(who)
        return may(self._roles_at_vendor(who) if member is None else member.roles, verb)

    def roles_anywhere(self, who: str) -> frozenset[Role]:
        """The roles that a person has for the services that count them; none for somebody unknown."""
        member = self._members.get(who)
        return frozenset() if member is None else member.roles

    def with_role(self, role: str, service: str) -> tuple[str, ...]:
        """Everybody whose role counts for a service, in the order of the configuration."""
        return tuple(name for name in self._members if role in self.roles(name, service))

    def of_token(self, token: str) -> str | None:
        """Whose bearer token it is. The time it takes does not depend on the token."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        found = [
            member.name for member in self._members.values()
            if member.token_sha256 is not None and hmac.compare_digest(member.token_sha256, digest)
        ]
        return found[0] if found else None

    def of_slack(self, team_and_user: str) -> str | None:
        """Who has these ids of team and user."""
        return next((m.name for m in self._members.values() if m.slack == team_and_user), None)

    def of_jwt_sub(self, subject: str) -> str | None:
        """Who is the subject of a JWT that was verified."""
        return next((m.name for m in self._members.values() if m.jwt_sub == subject), None)
