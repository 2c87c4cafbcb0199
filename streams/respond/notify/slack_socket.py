"""Socket Mode of Slack (`docs.slack.dev`, "Using Socket Mode"): clicks reach this process by a WebSocket that it opens.

Each envelope is acknowledged at once, before it is worked on, because Slack sends it again after 3 s. Guarantee on a
repeat: an envelope is taken once while the process lives; after that the first decision of a person counts. Guarantee
on failure: it connects again, for as long as it takes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import structlog

from actions.channels.http import ChannelHttp, host_of
from actions.channels.kinds.slack import SlackParams
from actions.channels.kinds.slack_views import about_of
from actions.channels.message import ChannelRefused
from actions.channels.params import LOCAL
from actions.kinds.http import Access, JsonValue
from streams.respond.notify.slack_clicks import Dialog

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.slack")

RETRY_S = 2.0
HEARTBEAT_S = 30.0
MAX_ENVELOPE_BYTES = 1 << 20
MAX_REMEMBERED = 1_000
Take = Callable[[Mapping[str, Any]], Awaitable[str | Dialog]]


class SlackSocket:
    """Listens for the clicks of one app. take: what each comes to, as a sentence for the person who clicked, or the
    dialog that is to be opened first.
    """

    def __init__(self, params: SlackParams, session: aiohttp.ClientSession, take: Take) -> None:
        assert params.app_token is not None, "buttons need an app token"
        self._params = params
        self._session = session
        self._take = take
        hosts = (params.host,)
        self._app = ChannelHttp(session, Access(secret=params.app_token, request_timeout_s=params.timeout_s), hosts)
        self._bot = ChannelHttp(session, Access(secret=params.bot_token, request_timeout_s=params.timeout_s), hosts)
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen(await self._open())
            except ChannelRefused as refusal:
                log.warning("slack_socket_failed", reason=refusal.reason)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                log.warning("slack_socket_failed", reason=type(error).__name__)
            await asyncio.sleep(RETRY_S)

    async def _open(self) -> str:
        """The URL to connect to, of the host of Slack. Raises `ChannelRefused`. It holds a ticket: never log it."""
        answer = await self._app.call("POST", f"{self._params.url}/apps.connections.open", body={})
        url = answer.get("url") if isinstance(answer, dict) and answer.get("ok") is True else None
        if not isinstance(url, str):
            error = answer.get("error") if isinstance(answer, dict) else None
            raise ChannelRefused(f"apps.connections.open: {error or 'no URL'}", final=False)
        host, home = urlsplit(url).hostname or "", urlsplit(self._params.url).hostname or ""
        is_local = host in LOCAL and home in LOCAL
        if not (url.startswith("wss://") and (host == home or host.endswith(f".{home}"))) and not is_local:
            raise ChannelRefused(f"Socket Mode at host {host_of(url)!r}, expected wss at {home}", final=False)
        return url

    async def _listen(self, url: str) -> None:
        """Take envelopes until Slack or the network ends the connection."""
        async with self._session.ws_connect(
            url, heartbeat=HEARTBEAT_S, max_msg_size=MAX_ENVELOPE_BYTES,
        ) as socket, asyncio.TaskGroup() as work:
            async for frame in socket:
                if frame.type != aiohttp.WSMsgType.TEXT:
                    continue
                try:
                    envelope = orjson.loads(frame.data)
                except orjson.JSONDecodeError:
                    continue
                kind = envelope.get("type") if isinstance(envelope, dict) else None
                if kind == "hello":
                    log.info("slack_socket_open")
                elif kind == "disconnect":
                    return
                elif kind is not None and isinstance(envelope.get("envelope_id"), str):
                    await socket.send_json({"envelope_id": envelope["envelope_id"]})
                    payload = envelope.get("payload")
                    if kind == "interactive" and isinstance(payload, dict) and self._is_new(envelope["envelope_id"]):
                        work.create_task(self._work(payload))

    def _is_new(self, envelope: str) -> bool:
        is_new = envelope not in self._seen
        self._seen[envelope] = None
        while len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)
        return is_new

    async def _open_dialog(self, dialog: Dialog, payload: Mapping[str, Any]) -> str | None:
        """Show a dialog to who clicked, which Slack allows for 3 s; why it is not shown, None where it is."""
        body: dict[str, JsonValue] = {"trigger_id": _text(payload, "trigger_id"), "view": dialog.view}
        try:
            answer = await self._bot.call("POST", f"{self._params.url}/views.open", body=body)
        except ChannelRefused as refusal:
            return refusal.reason
        if isinstance(answer, dict) and answer.get("ok") is True:
            return None
        return f"views.open: {answer.get('error') if isinstance(answer, dict) else 'no JSON'}"

    async def _work(self, payload: Mapping[str, Any]) -> None:
        try:
            answer = await self._take(payload)
        except Exception as error:  # a click must not end the connection
            log.exception("click_failed")
            answer = f"It was not written ({type(error).__name__}); try again."
        if isinstance(answer, Dialog):
            fault = await self._open_dialog(answer, payload)
            if fault is None:
                return
            answer = f"The dialog was not opened ({fault}); click again."
        log.info("slack_click", answer=answer)
        user, channel = _id(payload, "user"), _id(payload, "channel") or _text(about_of(payload), "channel")
        if user is None or channel is None:
            return
        body: dict[str, JsonValue] = {
            "channel": channel, "user": user, "text": answer.replace("<", "&lt;"), "mrkdwn": False,
        }
        try:
            await self._bot.call("POST", f"{self._params.url}/chat.postEphemeral", body=body)
        except ChannelRefused as refusal:
            log.warning("click_not_answered", reason=refusal.reason)


def _id(payload: Mapping[str, Any], name: str) -> str | None:
    part = payload.get(name)
    return _text(part, "id") if isinstance(part, dict) else None


def _text(part: Mapping[str, Any], name: str) -> str | None:
    found = part.get(name)
    return found if isinstance(found, str) else None
