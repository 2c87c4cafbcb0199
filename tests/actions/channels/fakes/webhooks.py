"""Strict fakes of webhooks: a receiver that verifies Standard Webhooks 1.0.0 signatures; Discord ("Execute Webhook":
2,000 characters, allowed_mentions); Teams workflows with Adaptive Cards 1.4 (adaptivecards.io schema, 28 KB)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from aiohttp import web
from typing_extensions import override

from tests.actions.channels.fakes.server import FakeServer, Refused

SECRET = "a-long-signing-secret"


class FakeReceiver(FakeServer):
    """bodies: what was received and verified."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[Any] = []

    @override
    async def handle(self, request: web.Request) -> web.StreamResponse:
        body, headers = await request.read(), request.headers
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
        if headers["webhook-signature"] != f"v1,{expected}":
            raise Refused(401, {"error": "signature"})
        self.bodies.append(json.loads(body))
        return web.json_response({})


class FakeDiscord(FakeServer):
    """messages: as executed."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []

    @override
    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        unknown = set(body) - {"content", "username", "avatar_url", "tts", "embeds", "allowed_mentions", "flags"}
        if unknown or not 0 < len(body.get("content", "")) <= 2_000:
            raise Refused(400, {"message": "Invalid Form Body", "code": 50035})
        self.messages.append(body)
        return web.json_response({"id": str(len(self.messages))}, status=200 if "wait" in request.query else 204)


class FakeTeams(FakeServer):
    """cards: as posted."""

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[dict[str, Any]] = []

    @override
    async def handle(self, request: web.Request) -> web.StreamResponse:
        if len(await request.read()) > 28_000:
            raise Refused(413, {"error": "too large"})
        body = await request.json()
        (attachment,) = body["attachments"]
        card = attachment["content"]
        kinds = {inline["type"] for block in card["body"] for inline in block["inlines"]}
        is_card = attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
        if body["type"] != "message" or not is_card or card["type"] != "AdaptiveCard" or kinds != {"TextRun"}:
            raise Refused(400, {"error": "card"})
        self.cards.append(card)
        return web.Response(status=202)
