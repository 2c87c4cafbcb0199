"""The sections `people` and `signing`: who may do what, and whose signatures count. Public keys and hashes only."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from actions.trust.roles import Role
from config.fields import Listed, Name, Strict, matching

PUBLIC_PREFIX = "ed25519:"
PUBLIC_BYTES = 32
FORMER_NAMES = {"worker": "watch", "executor": "execute"}
"""Of the roles, as keys named them before; still accepted."""
ProcessRole = Literal["watch", "execute", "respond"]
"""What a key may sign: intents and incidents; outcomes; responses, and decisions of people without a key."""


def instant(value: object) -> object:
    """An instant as seconds since the epoch, from a date, a time with its zone, or seconds. None passes through.

    A date is its beginning in UTC. Anything else raises `PydanticCustomError`.

    >>> instant("1970-01-02"), instant("1970-01-01T01:00:00+01:00"), instant(5)
    (86400.0, 0.0, 5.0)
    """
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        when = datetime.fromisoformat(str(value))
    except ValueError:
        when = None
    if when is None or (when.tzinfo is None and len(str(value)) > len("2027-06-01")):
        raise PydanticCustomError("instant", "a date such as 2027-06-01, or a time with its zone")
    return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()


def _is_public(value: str) -> str:
    try:
        raw = base64.b64decode(value.removeprefix(PUBLIC_PREFIX), validate=True)
    except binascii.Error:
        raw = b""
    if not value.startswith(PUBLIC_PREFIX) or len(raw) != PUBLIC_BYTES:
        raise PydanticCustomError("public", "ed25519: and 32 bytes in base64, as `tocsin key new` prints it")
    return value


Instant = Annotated[
    float, BeforeValidator(instant), WithJsonSchema({"type": ["string", "number"], "examples": ["2027-06-01"]}),
]
"""Seconds since the epoch, written as a date or a time."""
PublicText = Annotated[str, AfterValidator(_is_public)]
"""A public key."""
Sha256 = Annotated[str, matching(r"[0-9a-f]{64}", "a SHA-256 as 64 digits of 0-9 and a-f")]
SlackUser = Annotated[str, matching(r"[TE][A-Z0-9]+/[UW][A-Z0-9]+", "the ids of team and user, such as T01/U7A")]
Mail = Annotated[str, matching(r"[^@\s]+@[^@\s]+", "an address such as ben@example.com")]


class _Period(Strict):
    from_s: Instant | None = None
    until_s: Instant | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_s is not None and self.until_s is not None and self.until_s <= self.from_s:
            raise ValueError("until is not later than from, expected a time after it")
        return self


class AbsenceSection(_Period):
    """From when until when a person cannot be reached."""

    from_s: Instant
    until_s: Instant



class PersonKey(_Period):
    """A personal key. from_s, until_s: when it is valid, None without a bound."""

    id: Name
    public: PublicText


class Person(Strict):
    """What a person may do, and by what the person is known: a key, a user of Slack, a token, the subject of a JWT.

    contacts: addresses in other channels, by the channel's name. away: when the person cannot be reached.
    """

    roles: Annotated[tuple[Role, ...], Listed, Field(min_length=1)]
    keys: tuple[PersonKey, ...] = ()
    slack: SlackUser | None = None
    token_sha256: Sha256 | None = None
    jwt_sub: Annotated[str, Field(min_length=1)] | None = None
    mail: Mail | None = None
    contacts: Mapping[Name, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    away: tuple[AbsenceSection, ...] = ()


def _by_new_name(value: object) -> object:
    return FORMER_NAMES.get(value, value) if isinstance(value, str) else value


class SigningKey(PersonKey):
    """A key of processes. for_: what it may sign."""

    for_: Annotated[
        tuple[Annotated[ProcessRole, BeforeValidator(_by_new_name)], ...], Listed, Field(min_length=1),
    ]


class SigningSection(Strict):
    """The keys of processes. private_file: of this one, None where it signs nothing.

    unsigned: whether, without any keys, the executor accepts what acts unsigned.
    """

    private_file: str | None
    keys: tuple[SigningKey, ...]
    unsigned: Literal["refuse", "accept"]
