"""A request is somebody's by a token or a JWT of the issuer, and by nothing else."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from actions.trust.people import Directory, Member
from streams.respond.http.authentication import (
    FAILURES_WITHIN_S,
    FRESH_AFTER_S,
    MAX_FAILURES,
    Authenticator,
    IssuerKeys,
    TooMany,
    Unauthenticated,
)

TOKEN = "a-long-enough-token-of-ben"
PEOPLE = Directory(
    [
        Member("ben", frozenset({"responder"}), token_sha256=hashlib.sha256(TOKEN.encode()).hexdigest()),
        Member("chi", frozenset({"approver"}), jwt_sub="chi@example.com"),
    ],
    lambda _: (),
)


@dataclass(frozen=True)
class Settings:
    issuer: str = "https://idp"
    audience: str = "tocsin"
    jwks_url: str = "https://idp/jwks"


class Issuer:
    """An issuer of JWTs, and the clock of who reads its keys."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "k1"})
        self.reads = 0
        self.now_s = 0.0
        self.is_down = False
        self.keys = IssuerKeys(self.jwks, lambda: self.now_s)
        self.authenticator = Authenticator(PEOPLE, Settings(), self.keys, lambda: self.now_s)

    async def jwks(self) -> dict[str, Any]:
        self.reads += 1
        if self.is_down:
            raise TimeoutError
        return dict(KeySet([self.key]).as_dict(private=False))

    def token(self, key: Any = None, algorithm: str = "ES256", **over: Any) -> str:
        claims = {
            "iss": "https://idp", "aud": "tocsin", "sub": "chi@example.com", "exp": time.time() + 600.0, **over,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        signer = key or self.key
        return jwt.encode({"alg": algorithm, "kid": signer.kid or "k1"}, kept, signer, algorithms=[algorithm])

    async def person(self, header: str | None, remote: str = "10.0.0.1") -> str:
        return await self.authenticator.person(header, remote)


async def test_a_bearer_token_names_its_person() -> None:
    assert await Issuer().person(f"Bearer {TOKEN}") == "ben"


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer a.b.c"],
)
async def test_nobody_is_named_without_a_token_that_is_known(header: str | None) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await Issuer().person(header)
    assert TOKEN not in str(refused.value)


async def test_a_jwt_of_the_issuer_names_the_person_with_its_subject() -> None:
    issuer = Issuer()
    assert await issuer.person(f"Bearer {issuer.token()}") == "chi"
    assert await issuer.person(f"Bearer {issuer.token()}") == "chi"
    assert issuer.reads == 1


@pytest.mark.parametrize("over", [
    {"iss": "https://evil"}, {"aud": "another"}, {"exp": time.time() - 3600.0}, {"exp": None}, {"aud": None},
    {"sub": "ben"}, {"sub": None}, {"nbf": time.time() + 3600.0},
], ids=["issuer", "audience", "expired", "no expiry", "no audience", "no person", "no subject", "not yet"])
async def test_a_jwt_with_other_claims_names_nobody(over: dict[str, Any]) -> None:
    issuer = Issuer()
    with pytest.raises(Unauthenticated):
        await issuer.person(f"Bearer {issuer.token(**over)}")


async def test_a_jwt_that_is_signed_by_anybody_else_names_nobody() -> None:
    issuer = Issuer()
    with pytest.raises(Unauthenticated):
        await issuer.person(f"Bearer {issuer.token(ECKey.generate_key('P-256', {'kid': 'k1'}))}")
    with pytest.raises(Unauthenticated):
        await issuer.person(f"Bearer {issuer.token(OctKey.import_key('secret' * 8), 'HS256')}")
    head, body, _ = issuer.token().split(".")
    with pytest.raises(Unauthenticated):
        await issuer.person(f"Bearer {head}.{body}.")


async def test_a_new_key_of_the_issuer_is_read_when_a_token_needs_it() -> None:
    issuer = Issuer()
    await issuer.person(f"Bearer {issuer.token()}")
    issuer.key = ECKey.generate_key("P-256", {"kid": "k2"})
    issuer.now_s += FRESH_AFTER_S + 1.0
    assert await issuer.person(f"Bearer {issuer.token()}") == "chi"
    assert issuer.reads == 2


async def test_an_issuer_that_is_down_is_asked_seldom_while_its_last_keys_are_known() -> None:
    issuer = Issuer()
    await issuer.person(f"Bearer {issuer.token()}")
    issuer.is_down = True
    issuer.now_s += 1000.0
    assert await issuer.person(f"Bearer {issuer.token()}") == "chi"
    assert await issuer.person(f"Bearer {issuer.token()}") == "chi"
    assert issuer.reads == 2


async def test_who_fails_too_often_is_not_asked_for_a_while_and_others_are() -> None:
    issuer = Issuer()
    for _ in range(MAX_FAILURES):
        with pytest.raises(Unauthenticated):
            await issuer.person("Bearer guess")
    with pytest.raises(TooMany):
        await issuer.person(f"Bearer {TOKEN}")
    assert await issuer.person(f"Bearer {TOKEN}", "10.0.0.2") == "ben"
    issuer.now_s += FAILURES_WITHIN_S + 1.0
    assert await issuer.person(f"Bearer {TOKEN}") == "ben"
