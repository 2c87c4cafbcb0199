"""Every kind of channel refuses a server that it cannot trust before it shows anything, and an answer without end."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from actions.base import Secret
from actions.channels.catalogue import CHANNEL_KINDS
from actions.channels.kinds.alertmanager import AlertmanagerParams
from actions.channels.kinds.chat_webhooks import DiscordParams, TeamsParams
from actions.channels.kinds.email import EmailParams
from actions.channels.kinds.pagerduty import PagerDutyParams
from actions.channels.kinds.servicenow import ServiceNowParams
from actions.channels.kinds.slack import SlackParams
from actions.channels.kinds.webhook import WebhookChannelParams
from actions.channels.message import ChannelRefused
from actions.kinds.http import MAX_ANSWER_BYTES
from tests.actions.certificates import write_certificate
from tests.actions.channels.cases import MESSAGE

SECRET = "a-secret-of-this-test"
HTTP: dict[str, Callable[[str], Any]] = {
    "alertmanager": lambda url: AlertmanagerParams(url, token=Secret(SECRET)),
    "discord": lambda url: DiscordParams(Secret(f"{url}/{SECRET}")),
    "pagerduty": lambda url: PagerDutyParams(Secret(SECRET), url=url),
    "servicenow": lambda url: ServiceNowParams(url, "tocsin", password=Secret(SECRET)),
    "slack": lambda url: SlackParams("C0INF", Secret(SECRET), url=url),
    "teams": lambda url: TeamsParams(Secret(f"{url}/{SECRET}")),
    "webhook": lambda url: WebhookChannelParams(Secret(f"{url}/{SECRET}")),
}
ALL: dict[str, Callable[[str], Any]] = {
    **HTTP,
    "email": lambda url: EmailParams(
        url.replace("https", "smtps"), "tocsin@example.com", ("ops@example.com",), user="t", password=Secret(SECRET),
    ),
}


async def refusal(params: Any) -> ChannelRefused:
    async with aiohttp.ClientSession() as session:
        channel = params.build(session)
        try:
            with pytest.raises(ChannelRefused) as caught:
                await channel.send(MESSAGE)
        finally:
            await channel.close()
    return caught.value


@asynccontextmanager
async def untrusted(folder: Path) -> AsyncIterator[tuple[str, bytearray]]:
    """A server of TLS whose certificate no authority has signed: its URL, and all that it was shown."""
    shown = bytearray()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        shown.extend(await reader.read(100))
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write_certificate(folder, "untrusted"))
    async with await asyncio.start_server(take, "127.0.0.1", 0, ssl=context) as server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", shown


def test_every_kind_is_tried_here() -> None:
    assert set(ALL) == set(CHANNEL_KINDS)


@pytest.mark.parametrize("kind", ALL)
async def test_a_server_that_nobody_vouches_for_is_shown_nothing(kind: str, tmp_path: Path) -> None:
    async with untrusted(tmp_path) as (url, shown):
        refused = await refusal(ALL[kind](url))
    assert (bytes(shown), SECRET in refused.reason) == (b"", False)
    assert ("SMTPConnectError" if kind == "email" else "Certificate") in refused.reason, refused.reason


@pytest.mark.parametrize("kind", HTTP)
async def test_an_answer_above_the_limit_is_refused(kind: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b" " * (MAX_ANSWER_BYTES + 1), content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        refused = await refusal(HTTP[kind](str(server.make_url("/")).rstrip("/")))
    assert f"answered more than {MAX_ANSWER_BYTES} bytes" in refused.reason
    assert SECRET not in refused.reason
