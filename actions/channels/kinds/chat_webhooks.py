"""Microsoft Teams and Discord, by their incoming webhooks, whose URL is a secret.

Teams: a workflow "Post to a channel when a webhook request is received" with an Adaptive Card (version 1.4). Its texts
are `TextRun`s, which know no Markdown. Discord: "Execute Webhook", Markdown escaped and all mentions off. Neither has
threads by webhook, nor recognises a repeat: a message in doubt may be seen twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from actions.base import Secret
from actions.channels.http import ChannelHttp, host_of
from actions.channels.inert import for_markdown, one_line, plain, shortened
from actions.channels.message import Delivery, Message
from actions.channels.params import check_https
from actions.kinds.http import Access, JsonValue
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

TEAMS_MAX_TEXT = 10_000
DISCORD_MAX_CONTENT = 2_000
SUPPRESS_EMBEDS = 1 << 2
COLOURS = {"P0": "attention", "P1": "attention", "P2": "warning"}


@dataclass(frozen=True, slots=True)
class _WebhookParams:
    """webhook_url: as the vendor gave it. Raises `ValueError`."""

    webhook_url: Secret
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        check_https(f"{type(self).__name__}.webhook_url", self.webhook_url)
        check_number(self, "timeout_s", 0.1, 30.0)

    @property
    def host(self) -> str:
        """See `ChannelParams`."""
        return host_of(self.webhook_url.reveal())


@dataclass(frozen=True, slots=True)
class TeamsParams(_WebhookParams):
    """See the module."""

    kind: Literal["teams"] = "teams"

    def build(self, session: aiohttp.ClientSession) -> Teams:
        """See `ChannelParams`."""
        return Teams(self, session)


@dataclass(frozen=True, slots=True)
class DiscordParams(_WebhookParams):
    """See the module."""

    kind: Literal["discord"] = "discord"

    def build(self, session: aiohttp.ClientSession) -> Discord:
        """See `ChannelParams`."""
        return Discord(self, session)


class _ChatWebhook:
    """Posts JSON to a secret URL."""

    def __init__(self, params: _WebhookParams, session: aiohttp.ClientSession) -> None:
        self._url = params.webhook_url.reveal()
        access = Access(request_timeout_s=params.timeout_s)
        self._http = ChannelHttp(session, access, (params.host,), show_path=False)

    async def close(self) -> None:
        """Nothing is held open."""


class Teams(_ChatWebhook):
    """See the module."""

    async def send(self, message: Message) -> Delivery:
        """Post a card. Raises `ChannelRefused`."""
        title: dict[str, JsonValue] = {
            "type": "TextRun", "text": one_line(message.title, 300), "weight": "bolder",
            "color": COLOURS.get(message.severity, "default"),
        }
        text: dict[str, JsonValue] = {"type": "TextRun", "text": shortened(plain(message.text), TEAMS_MAX_TEXT)}
        card: dict[str, JsonValue] = {
            "type": "AdaptiveCard", "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "version": "1.4",
            "body": [{"type": "RichTextBlock", "inlines": [title]}, {"type": "RichTextBlock", "inlines": [text]}],
        }
        if message.link is not None:
            card["actions"] = [{"type": "Action.OpenUrl", "title": "Open", "url": message.link}]
        content_type = "application/vnd.microsoft.card.adaptive"
        attachments: list[JsonValue] = [{"contentType": content_type, "contentUrl": None, "content": card}]
        await self._http.call("POST", self._url, body={"type": "message", "attachments": attachments})
        return Delivery(None, "Teams accepted it")


class Discord(_ChatWebhook):
    """See the module."""

    async def send(self, message: Message) -> Delivery:
        """Post a message. Raises `ChannelRefused`."""
        title = for_markdown(one_line(message.title, 300))
        text = shortened(f"**{title}**\n{for_markdown(message.text)}", DISCORD_MAX_CONTENT)
        body: dict[str, JsonValue] = {
            "content": text, "allowed_mentions": {"parse": []}, "flags": SUPPRESS_EMBEDS,
        }
        answer = await self._http.call("POST", self._url, body=body, query={"wait": "true"})
        name = answer.get("id") if isinstance(answer, dict) else None
        return Delivery(None if name is None else str(name), "Discord accepted it")
