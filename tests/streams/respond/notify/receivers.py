"""For each kind of channel, and for the review: what its reader gets, and how the reader interprets each text."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Any, Literal

import aiohttp
from markdown_it import MarkdownIt

from actions.base import Secret
from actions.channels.kinds.alertmanager import AlertmanagerParams
from actions.channels.kinds.chat_webhooks import DiscordParams, TeamsParams
from actions.channels.kinds.email import EmailParams
from actions.channels.kinds.pagerduty import PagerDutyParams
from actions.channels.kinds.slack import SlackParams
from actions.channels.kinds.webhook import WebhookChannelParams
from actions.channels.message import Channel, Message
from tests.actions.channels.fakes.mailbox import Mailbox
from tests.actions.channels.fakes.pagerduty import KEY, FakePagerDuty
from tests.actions.channels.fakes.slack import APP, BOT, CHANNEL, FakeSlack
from tests.actions.channels.fakes.webhooks import SECRET, FakeDiscord, FakeReceiver, FakeTeams

Syntax = Literal["plain", "line", "mrkdwn", "markdown", "discord", "html"]
"""plain: shown as it is. line: as plain, and a line break would begin something else, such as a header."""
Read = tuple[Syntax, str]
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
HARMLESS = frozenset({
    "html", "head", "body", "p", "br", "pre", "h1", "h2", "h3", "h4", "ul", "ol", "li", "strong", "em", "code", "table",
    "thead", "tbody", "tr", "th", "td", "blockquote", "hr", "meta", "title", "style", "main", "section", "svg", "g",
    "path", "line", "text", "rect", "circle", "polyline", "figure", "figcaption", "div", "span",
})


def faults(syntax: Syntax, text: str) -> Iterator[str]:
    """What a text does beside showing itself."""
    text = text.replace("\r\n", "\n")
    if HIDDEN.search(text):
        yield "it has characters that are not seen, or turn it around"
    if syntax == "line" and "\n" in text:
        yield "it has more than one line"
    if syntax == "mrkdwn" and re.search("[<>]", text):
        yield "Slack reads a mention or a link in it"
    if syntax == "discord" and re.search(r"(?<!\\)(?:@(?:everyone|here)|<[@#!])", text):
        yield "it mentions somebody"
    if syntax in ("markdown", "discord"):
        yield from faults("html", MarkdownIt("commonmark").enable("table").render(text))
    if syntax == "html":
        page = _Page()
        page.feed(text)
        yield from page.found


class _Page(HTMLParser):
    """Collects what could run, load or lead elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in HARMLESS:
            self.found.append(f"the tag {tag}")
        self.found += [f"{tag} {name}" for name, _ in attrs if name.startswith("on") or name in ("src", "href")]


def shape_of(value: object) -> object:
    """The keys and lengths of a JSON value, without its texts: a label that adds a field changes it."""
    if isinstance(value, dict):
        return {key: shape_of(each) for key, each in value.items()}
    return [shape_of(each) for each in value] if isinstance(value, list) else type(value).__name__


@asynccontextmanager
async def _told(params: Any, messages: list[Message]) -> AsyncIterator[None]:
    async with aiohttp.ClientSession() as session:
        channel: Channel = params.build(session)
        for one in messages:
            await channel.send(one)
        yield


@asynccontextmanager
async def _slack(messages: list[Message]) -> AsyncIterator[tuple[list[Read], object]]:
    async with FakeSlack().running() as fake, _told(
        SlackParams(CHANNEL, Secret(BOT), app_token=Secret(APP), url=f"{fake.url}/api"), messages,
    ):
        found: list[Read] = []
        for one in fake.messages:
            assert (one["mrkdwn"], one["parse"], one["link_names"]) == (False, "none", False)
            found.append(("mrkdwn", one["text"]))
            found += [("plain" if each["type"] == "plain_text" else "mrkdwn", each["text"]) for each in _texts(one)]
        yield found, [[block["type"] for block in one["blocks"]] for one in fake.messages]


def _texts(value: object) -> Iterator[dict[str, str]]:
    """All text objects of Block Kit."""
    if isinstance(value, dict):
        if value.get("type") in ("plain_text", "mrkdwn"):
            yield value
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


@asynccontextmanager
async def _pagerduty(messages: list[Message]) -> AsyncIterator[tuple[list[Read], object]]:
    async with FakePagerDuty().running() as fake, _told(
        PagerDutyParams(Secret(KEY), url=f"{fake.url}/v2/enqueue"), messages,
    ):
        shown = [one["payload"] for one in fake.events if "payload" in one]
        found: list[Read] = [("line", one["summary"]) for one in shown]
        found += [("plain", one["custom_details"]["text"]) for one in shown]
        yield found, shape_of(fake.events)


@asynccontextmanager
async def told_alertmanager(messages: list[Message], url: str) -> AsyncIterator[tuple[list[Read], object]]:
    """As the others. url: of a real Alertmanager, which may have other alerts."""
    keys = {one.dedup_key for one in messages}
    async with (
        _told(AlertmanagerParams(url), messages), aiohttp.ClientSession() as session,
        session.get(f"{url}/api/v2/alerts") as response,
    ):
        alerts = [one for one in await response.json() if one["labels"]["incident"] in keys]
    found: list[Read] = [("plain", text) for one in alerts for text in one["annotations"].values()]
    yield found, sorted((sorted(one["labels"]), sorted(one["annotations"])) for one in alerts)


@asynccontextmanager
async def _teams(messages: list[Message]) -> AsyncIterator[tuple[list[Read], object]]:
    async with FakeTeams().running() as fake, _told(TeamsParams(Secret(fake.url)), messages):
        inlines = [each for one in fake.cards for block in one["body"] for each in block["inlines"]]
        assert {each["type"] for each in inlines} == {"TextRun"}  # the only text of a card that is not Markdown
        yield [("plain", each["text"]) for each in inlines], [len(one["body"]) for one in fake.cards]


@asynccontextmanager
async def _discord(messages: list[Message]) -> AsyncIterator[tuple[list[Read], object]]:
    async with FakeDiscord().running() as fake, _told(DiscordParams(Secret(fake.url)), messages):
        assert all(one["allowed_mentions"] == {"parse": []} for one in fake.messages)
        yield [("discord", one["content"]) for one in fake.messages], [sorted(one) for one in fake.messages]


@asynccontextmanager
async def _email(messages: list[Message]) -> AsyncIterator[tuple[list[Read], object]]:
    box = Mailbox()
    with box.served() as address:
        async with _told(EmailParams(address, "tocsin@example.com", ("ops@example.com",)), messages):
            found: list[Read] = []
            for _, mail in box.mails:
                text, page = mail.get_body(("plain",)), mail.get_body(("html",))
                assert text is not None
                assert page is not None
                found += [("line", mail["Subject"]), ("plain", text.get_content()), ("html", page.get_content())]
            yield found, [(receivers, sorted(mail.keys())) for receivers, mail in box.mails]


@asynccontextmanager
async def _webhook(messages: list[Message]) -> AsyncIterator[tuple[list[Read], object]]:
    body = {"summary": "{{ severity }}: {{ title }}", "more": {"text": "{{ text }}"}, "key": "{{ dedup_key }}"}
    async with FakeReceiver().running() as fake, _told(
        WebhookChannelParams(Secret(fake.url), body=body, signing_secret=Secret(SECRET)), messages,
    ):
        found: list[Read] = [("plain", text) for one in fake.bodies for text in (one["summary"], one["more"]["text"])]
        yield found, shape_of(fake.bodies)


RECEIVERS = {
    "slack": _slack, "pagerduty": _pagerduty, "teams": _teams, "discord": _discord,
    "email": _email, "webhook": _webhook,
}
"""By the kind of the channel, as the configuration names it; all but Alertmanager."""
