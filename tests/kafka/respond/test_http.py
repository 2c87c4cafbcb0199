"""Over HTTP on a real topic: a bearer of a token approves, and a person with a JWT of the proxy rejects."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from actions.trust.key_files import write_private
from actions.trust.keys import public_text
from streams.respond.responder import Responder
from tests.kafka.brokers import EmbeddedKafka, RealKafka
from tests.kafka.respond.installation import Installation, eventually

TOKEN = "a-long-enough-token-of-anna"


class Idp:
    """A provider of identities that publishes its keys over HTTP."""

    def __init__(self) -> None:
        self._key = ECKey.generate_key("P-256", {"kid": "k1"})
        self._runner = web.AppRunner(self._app(), access_log=None)
        self.url = ""

    async def __aenter__(self) -> Idp:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def token(self, subject: str) -> str:
        claims = {"iss": self.url, "aud": "tocsin", "sub": subject, "exp": time.time() + 600.0}
        return jwt.encode({"alg": "ES256", "kid": "k1"}, claims, self._key)

    def _app(self) -> web.Application:
        async def jwks(_: web.Request) -> web.Response:
            return web.json_response(KeySet([self._key]).as_dict(private=False))

        app = web.Application()
        app.router.add_get("/jwks", jwks)
        return app


def settings(folder: Path, idp: Idp) -> dict[str, Any]:
    """People without keys of their own, and a key for the process."""
    private: Ed25519PrivateKey = write_private(folder / "respond.pem")
    return {
        "people": {
            "anna": {"roles": ["approver", "responder"], "token_sha256": hashlib.sha256(TOKEN.encode()).hexdigest()},
            "ben": {"roles": ["approver"], "jwt_sub": "ben@example.com"},
        },
        "signing": {
            "private_file": str(folder / "respond.pem"),
            "keys": [
                {"id": "r1", "for": ["respond", "watch", "execute"], "public": public_text(private.public_key())},
            ],
        },
        "respond": {
            "listen": "127.0.0.1:0",
            "jwt": {"issuer": idp.url, "audience": "tocsin", "jwks_url": f"{idp.url}/jwks"},
        },
    }


async def port_of(responder: Responder) -> int:
    async def bound() -> int | None:
        return responder.http.port

    return await eventually(bound, "the interface serves")


async def test_people_decide_over_http_with_a_token_and_with_a_jwt(real: RealKafka, tmp_path: Path) -> None:
    async with Idp() as idp, aiohttp.ClientSession() as session:
        here = Installation(real.address, tmp_path, **settings(tmp_path, idp))
        await here.prepare()
        async with here.responder(lambda: time.time() + 30.0) as responder:
            url = f"http://127.0.0.1:{await port_of(responder)}/api/v1"
            await here.suggest("k1", digest="d1")
            await here.suggest("k2", "inc-2", digest="d2")
            await asyncio.gather(here.request("k1", "requested"), here.request("k2", "requested"))

            async def decide(key: str, token: str, body: dict[str, Any]) -> int:
                headers = {"Authorization": f"Bearer {token}"}
                async with session.post(f"{url}/approvals/{key}/decision", json=body, headers=headers) as answer:
                    return answer.status

            assert await decide("k1", "guessed", {"verb": "approve", "digest": "d1"}) == 401
            assert await decide("k1", TOKEN, {"verb": "approve", "digest": "d1"}) == 202
            token = idp.token("ben@example.com")
            assert await decide("k2", token, {"verb": "reject", "digest": "d2", "comment": "no"}) == 202
            approved = await here.request("k1", "approved")
            assert [(each.by, each.via) for each in approved.given] == [("anna", "http")]
            assert approved.given[0].at_s > time.time() + 20.0  # what people do has the clock of decisions
            assert (await here.request("k2", "rejected")).reason == "rejected by ben: no"
            async with session.get(f"{url}/healthz") as health:
                assert health.status == 200
    ((_, outcome),) = await here.outcomes("k1")
    assert [(each.who, each.path, each.signed_by) for each in outcome.decisions] == [("anna", "http", "r1")]
    audited = [record.value.decode() for record in await here.records(here.config.topics.audit)]
    assert any("POST /api/v1/approvals/k1/decision" in entry and "refused" in entry for entry in audited)


async def test_what_people_do_counts_also_where_the_clock_of_decisions_runs_ahead_of_the_wall_clock(
    embedded: EmbeddedKafka, tmp_path: Path,
) -> None:
    """As in a demo, whose clock is soon ahead by more than `control.max_skew`."""
    async with Idp() as idp, aiohttp.ClientSession() as session:
        here = Installation(embedded.address, tmp_path, **settings(tmp_path, idp))
        await here.prepare()
        async with here.responder(lambda: time.time() + 600.0) as responder:
            url = f"http://127.0.0.1:{await port_of(responder)}/api/v1"
            await here.suggest("k1", digest="d1")
            await here.request("k1", "requested")
            headers, body = {"Authorization": f"Bearer {TOKEN}"}, {"for_s": 600, "comment": "moving"}
            async with session.post(f"{url}/incidents/inc-1/silence", json=body, headers=headers) as answer:
                assert answer.status == 202

            async def silenced() -> dict[str, Any] | None:
                return next(iter(responder.page.state.silences.rows()), None)

            shown = await eventually(silenced, "the silence counts")
            assert (shown["by"], shown["comment"]) == ("anna", "moving")


@pytest.mark.parametrize("listen", ["127.0.0.1:0"])
async def test_without_anybody_who_could_come_over_http_nothing_is_served(
    real: RealKafka, tmp_path: Path, listen: str,
) -> None:
    here = Installation(real.address, tmp_path, respond={"listen": listen})
    await here.prepare()
    async with here.responder() as responder:
        await here.suggest("k1")
        await here.request("k1", "requested")
        assert (responder.http.wanted, responder.http.port) == (False, None)
