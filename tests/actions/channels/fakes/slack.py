"""A strict fake of Slack, after docs.slack.dev: chat.postMessage (token, channel, known arguments, 50 blocks, lengths
of Block Kit), conversations.history and .replies with metadata, apps.connections.open and Socket Mode, whose envelopes
are sent again until they are acknowledged; views.open with a trigger that can be used once, and "Modal views" with the
elements of input blocks."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web
from typing_extensions import override

from tests.actions.channels.fakes.server import FakeServer

BOT, APP, CHANNEL = "xoxb-secret-bot", "xapp-secret-app", "C0INF"
ARGUMENTS = {
    "channel", "text", "blocks", "attachments", "thread_ts", "reply_broadcast", "mrkdwn", "parse", "link_names",
    "unfurl_links", "unfurl_media", "metadata", "username", "icon_emoji", "icon_url",
}
LIMITS = {"header": 150, "section": 3_000, "button": 75}
DIALOG = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
"""The confirmation dialog object, with the lengths of its texts."""
RESEND_S = 0.2
"""Slack waits for 3 s; tests do not."""


class FakeSlack(FakeServer):
    """messages: as posted, with `ts`. told: what single users were told. opened: somebody asked for a connection.
    acknowledged: ids of envelopes. views: the dialogs that were opened. triggers: that were not used yet.
    expire_triggers: those of later clicks are too old at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.acknowledged: list[str] = []
        self.connected = asyncio.Event()
        self.opened = asyncio.Event()
        self.told: asyncio.Queue[str] = asyncio.Queue()
        self.views: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.triggers: set[str] = set()
        self.expire_triggers = False
        self._socket: web.WebSocketResponse | None = None

    @override
    async def handle(self, request: web.Request) -> web.StreamResponse:
        method = request.path.removeprefix("/api/")
        if method == "socket":
            return await self._serve_socket(request)
        expected = APP if method == "apps.connections.open" else BOT
        if request.headers.get("Authorization") != f"Bearer {expected}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        if method == "apps.connections.open":
            self.opened.set()
            return web.json_response({"ok": True, "url": f"ws{self.url.removeprefix('http')}/api/socket?ticket=secret"})
        if method in ("conversations.history", "conversations.replies"):
            thread = request.query.get("ts")
            found = [one for one in self.messages if thread is None or thread in (one["ts"], one.get("thread_ts"))]
            return web.json_response({"ok": True, "messages": found})
        body = await request.json()
        if method == "chat.postEphemeral":
            self.told.put_nowait(body["text"])
            return web.json_response({"ok": True})
        if method == "views.open":
            return web.json_response(self._open_view(body))
        fault = "unknown_method" if method != "chat.postMessage" else self._fault(body)
        if fault is not None:
            return web.json_response({"ok": False, "error": fault})
        posted = {**body, "ts": f"1700000000.{len(self.messages):06d}"}
        self.messages.append(posted)
        return web.json_response({"ok": True, "channel": body["channel"], "ts": posted["ts"]})

    def _fault(self, body: dict[str, Any]) -> str | None:
        if set(body) - ARGUMENTS:
            return "invalid_arguments"
        if body.get("channel") != CHANNEL:
            return "channel_not_found"
        if not body.get("text") or len(body["text"]) > 40_000:
            return "no_text" if not body.get("text") else "msg_too_long"
        thread = body.get("thread_ts")
        if thread is not None and thread not in [one["ts"] for one in self.messages]:
            return "thread_not_found"
        blocks = body.get("blocks", [])
        texts = [(one["type"], one["text"]) for one in blocks if "text" in one]
        texts += [("button", each["text"]) for one in blocks for each in one.get("elements", ())]
        fine = len(blocks) <= 50 and all(
            text["type"] in ("plain_text", "mrkdwn") and 0 < len(text["text"]) <= LIMITS[kind] for kind, text in texts
        )
        asked = [each["confirm"] for one in blocks for each in one.get("elements", ()) if "confirm" in each]
        fine = fine and all(
            set(one) == set(DIALOG) and all(
                one[name]["type"] == "plain_text" and 0 < len(one[name]["text"]) <= DIALOG[name] for name in DIALOG
            ) for one in asked
        )
        return None if fine else "invalid_blocks"

    def _open_view(self, body: dict[str, Any]) -> dict[str, Any]:
        if set(body) != {"trigger_id", "view"}:
            return {"ok": False, "error": "invalid_arguments"}
        if body["trigger_id"] not in self.triggers:
            return {"ok": False, "error": "expired_trigger_id"}
        fault = view_fault(body["view"])
        if fault is not None:
            return {"ok": False, "error": "invalid_arguments", "response_metadata": {"messages": [fault]}}
        self.triggers.discard(body["trigger_id"])
        self.views.put_nowait(body["view"])
        return {"ok": True, "view": {**body["view"], "id": "V1"}}

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("ticket") != "secret":
            raise web.HTTPUnauthorized
        self._socket = web.WebSocketResponse()
        await self._socket.prepare(request)
        await self._socket.send_json({"type": "hello", "num_connections": 1})
        self.connected.set()
        async for frame in self._socket:
            if frame.type == WSMsgType.TEXT:
                self.acknowledged.append(json.loads(frame.data)["envelope_id"])
        return self._socket

    async def click(self, envelope: str, user: str, action: str, value: str, team: str = "T01") -> None:
        """A person clicks a button; the envelope is sent until it is acknowledged."""
        await self.connected.wait()
        assert self._socket is not None
        payload: dict[str, Any] = {
            "type": "block_actions", "team": {"id": team}, "user": {"id": user, "team_id": team, "username": "anna"},
            "channel": {"id": CHANNEL},
            "actions": [{"action_id": f"tocsin_{action}", "value": value, "type": "button"}],
            "trigger_id": f"{envelope}.1",
        }
        if not self.expire_triggers:
            self.triggers.add(payload["trigger_id"])
        await self._send(envelope, payload)

    async def submit(self, envelope: str, user: str, view: dict[str, Any], values: dict[str, str]) -> None:
        """A person submits a dialog; `values` by block. Slack lets nobody submit what the elements do not allow."""
        inputs = {one["block_id"]: one["element"] for one in view["blocks"] if one["type"] == "input"}
        assert set(values) == set(inputs)
        for name, value in values.items():
            _check_value(inputs[name], value)
        state = {
            name: {one["action_id"]: {"type": one["type"], "value": values[name]}} for name, one in inputs.items()
        }
        payload = {
            "type": "view_submission", "team": {"id": "T01"}, "user": {"id": user, "team_id": "T01"},
            "view": {**view, "id": "V1", "state": {"values": state}},
        }
        await self._send(envelope, payload)

    async def _send(self, envelope: str, payload: dict[str, Any]) -> None:
        assert self._socket is not None
        frame = {"envelope_id": envelope, "type": "interactive", "payload": payload, "accepts_response_payload": False}
        while envelope not in self.acknowledged:
            await self._socket.send_json(frame)
            await asyncio.sleep(RESEND_S)


def view_fault(view: dict[str, Any]) -> str | None:
    """What Slack does not accept in a view; None for nothing."""
    known = {"type", "callback_id", "private_metadata", "title", "submit", "close", "blocks"}
    blocks = view.get("blocks", [])
    faults = [
        ("fields", set(view) - known or view.get("type") != "modal"),
        ("texts", not all(_is_text(view.get(name), 24) for name in ("title", "submit", "close"))),
        ("callback_id", len(view.get("callback_id", "")) > 255),
        ("private_metadata", len(view.get("private_metadata", "")) > 3_000),
        ("blocks", not 1 <= len(blocks) <= 100 or not all(_is_block(one) for one in blocks)),
        ("block_id", len({one.get("block_id", number) for number, one in enumerate(blocks)}) < len(blocks)),
    ]
    return next((name for name, is_wrong in faults if is_wrong), None)


def _is_block(one: dict[str, Any]) -> bool:
    if one["type"] == "section":
        return set(one) == {"type", "text"} and _is_text(one["text"], 3_000)
    if one["type"] != "input" or set(one) - {"type", "block_id", "label", "element", "optional", "hint"}:
        return False
    element = one["element"]
    if element["type"] == "number_input":
        fine = {"type", "action_id", "is_decimal_allowed", "initial_value", "min_value", "max_value"}
        texts = all(isinstance(element[name], str) for name in ("initial_value", "min_value", "max_value"))
        return set(element) == fine and isinstance(element["is_decimal_allowed"], bool) and texts
    fine = {"type", "action_id", "multiline", "min_length", "max_length"}
    lengths = 0 <= element["min_length"] <= element["max_length"] <= 3_000
    return element["type"] == "plain_text_input" and set(element) == fine and lengths and _is_text(one["label"], 2_000)


def _is_text(text: Any, longest: int) -> bool:
    fine = isinstance(text, dict) and set(text) == {"type", "text", "emoji"} and text["type"] == "plain_text"
    return fine and 0 < len(text["text"]) <= longest


def _check_value(element: dict[str, Any], value: str) -> None:
    if element["type"] == "number_input":
        assert int(element["min_value"]) <= int(value) <= int(element["max_value"])
    else:
        assert element["min_length"] <= len(value) <= element["max_length"]
