"""Slack, by its Web API (`docs.slack.dev`, methods `chat.postMessage` and `conversations.history`).

One thread for each incident: the first message is its root, later ones are replies. Texts are `plain_text` blocks, so
nothing in a label is a mention, a link or a format. Duplicate: Slack does not recognise a repeat, so each message has
its id as metadata, and one that is in doubt is first looked for among the latest of the conversation or thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from actions.base import Secret
from actions.channels.http import ChannelHttp, host_of
from actions.channels.inert import for_slack, one_line, plain, shortened
from actions.channels.message import Button, ChannelRefused, Delivery, Message
from actions.channels.params import check_https
from actions.kinds.http import Access, JsonValue
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

MAX_HEADER = 150
MAX_SECTION = 3_000
MAX_BUTTON = 75
MAX_VALUE = 2_000
MAX_TITLE, MAX_CONFIRM = 100, 300
"""Of the dialog that asks before a click counts."""
EVENT_TYPE = "tocsin_notification"
TRANSIENT = frozenset({"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable",
                       "request_timeout", "team_added_to_org"})
"""Errors in answers of status 200 that a later attempt may not meet."""


@dataclass(frozen=True, slots=True)
class SlackParams:
    """channel: its id, such as C0INF. bot_token: of the app, with chat:write, metadata.message:read and
    channels:history. app_token: for buttons by Socket Mode (connections:write); None shows none. Raises `ValueError`.
    """

    channel: str
    bot_token: Secret
    kind: Literal["slack"] = "slack"
    app_token: Secret | None = None
    url: str = "https://slack.com/api"
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        check_https("SlackParams.url", self.url, is_base=True)
        check_number(self, "timeout_s", 0.1, 30.0)
        if not self.channel or self.channel[0] not in "CGDU":
            raise ValueError(f"SlackParams.channel: {self.channel!r}, expected the id of a channel, such as C0INF")

    @property
    def host(self) -> str:
        """See `ChannelParams`."""
        return host_of(self.url)

    def build(self, session: aiohttp.ClientSession) -> Slack:
        """See `ChannelParams`."""
        return Slack(self, session)


class Slack:
    """See the module."""

    def __init__(self, params: SlackParams, session: aiohttp.ClientSession) -> None:
        self._params = params
        access = Access(secret=params.bot_token, request_timeout_s=params.timeout_s)
        self._http = ChannelHttp(session, access, (params.host,))

    async def send(self, message: Message) -> Delivery:
        """Post the message, in its thread where there is one. Raises `ChannelRefused`."""
        channel = message.recipient or self._params.channel
        thread = thread_in(message.reference, channel)
        if message.in_doubt and (found := await self._find(channel, thread, message.id)) is not None:
            return Delivery(found, "Slack has it already")
        body: dict[str, JsonValue] = {
            "channel": channel, "text": shortened(for_slack(one_line(message.title, 1_000)), MAX_SECTION),
            "mrkdwn": False, "parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False,
            "blocks": blocks(message, self._params.app_token is not None),
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"id": message.id}},
        }
        if thread is not None:
            body["thread_ts"] = thread
            body["reply_broadcast"] = message.event == "page"
        answer = await self._call("chat.postMessage", body)
        return Delivery(f"{channel}/{answer.get('ts')}", "Slack accepted it")

    async def close(self) -> None:
        """Nothing is held open."""

    async def _find(self, channel: str, thread: str | None, name: str) -> str | None:
        """The reference of the message with this id among the latest; None where it is not there."""
        query = {"channel": channel, "limit": "100", "include_all_metadata": "true"}
        if thread is not None:
            query["ts"] = thread
        method = "conversations.history" if thread is None else "conversations.replies"
        answer = _checked(await self._http.call("GET", f"{self._params.url}/{method}", query=query))
        messages = answer.get("messages")
        for each in messages if isinstance(messages, list) else ():
            metadata = each.get("metadata") if isinstance(each, dict) else None
            payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
            if isinstance(payload, dict) and payload.get("id") == name and isinstance(each, dict):
                return f"{channel}/{each.get('ts')}"
        return None

    async def _call(self, method: str, body: JsonValue) -> dict[str, JsonValue]:
        return _checked(await self._http.call("POST", f"{self._params.url}/{method}", body=body))


def blocks(message: Message, has_buttons: bool) -> list[JsonValue]:
    """The blocks of a message: its title, its text, and its buttons."""
    made: list[JsonValue] = [
        {"type": "header", "text": _plain_text(one_line(message.title, MAX_HEADER))},
        {"type": "section", "text": _plain_text(shortened(plain(message.text) or "-", MAX_SECTION))},
    ]
    buttons: list[JsonValue] = [_button(each) for each in message.buttons if len(each.value) <= MAX_VALUE]
    if buttons and has_buttons:
        made.append({"type": "actions", "elements": buttons})
    return made


def thread_in(reference: str | None, channel: str) -> str | None:
    """The thread of a reference, where it is in this channel.

    >>> thread_in("C1/17.5", "C1"), thread_in("C2/17.5", "C1"), thread_in(None, "C1")
    ('17.5', None, None)
    """
    if reference is None:
        return None
    where, _, stamp = reference.partition("/")
    return stamp if where == channel and stamp else None


def _button(button: Button) -> dict[str, JsonValue]:
    made: dict[str, JsonValue] = {
        "type": "button", "action_id": f"tocsin_{button.action}", "value": button.value,
        "text": _plain_text(one_line(button.label, MAX_BUTTON)),
    }
    if button.action == "approve":
        made["style"] = "primary"
    if button.confirm is not None:
        made["confirm"] = {
            "title": _plain_text(one_line(button.label, MAX_TITLE)), "deny": _plain_text("Cancel"),
            "text": _plain_text(one_line(button.confirm, MAX_CONFIRM)), "confirm": _plain_text("Yes"),
        }
    return made


def _plain_text(text: str) -> dict[str, JsonValue]:
    return {"type": "plain_text", "text": text or "-", "emoji": False}


def _checked(answer: JsonValue) -> dict[str, JsonValue]:
    """The answer of a method that went well. Raises `ChannelRefused`: Slack tells most errors with status 200."""
    if not isinstance(answer, dict):
        raise ChannelRefused("Slack answered without JSON", final=False)
    if answer.get("ok") is not True:
        error = str(answer.get("error", "unknown"))
        raise ChannelRefused(f"Slack: {error}", final=error not in TRANSIENT)
    return answer
