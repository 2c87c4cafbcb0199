"""Twenty labels that try to do something are inert in each channel over HTTP; e-mail is in `test_email.py`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from actions.base import Secret
from actions.channels.inert import for_markdown, plain
from actions.channels.kinds.chat_webhooks import DiscordParams, TeamsParams
from actions.channels.kinds.pagerduty import PagerDutyParams
from actions.channels.kinds.slack import SlackParams
from actions.channels.kinds.webhook import WebhookChannelParams
from tests.actions.channels.cases import HOSTILE, with_label
from tests.actions.channels.fakes.pagerduty import KEY, FakePagerDuty
from tests.actions.channels.fakes.slack import BOT, CHANNEL, FakeSlack
from tests.actions.channels.fakes.webhooks import SECRET, FakeDiscord, FakeReceiver, FakeTeams

HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def test_there_are_twenty() -> None:
    assert len(set(HOSTILE)) == 20


@pytest.mark.parametrize("label", HOSTILE)
async def test_nothing_in_slack_reads_a_label_as_markup(label: str, session: aiohttp.ClientSession) -> None:
    async with FakeSlack().running() as fake:
        await SlackParams(CHANNEL, Secret(BOT), url=f"{fake.url}/api").build(session).send(with_label(label))
        (message,) = fake.messages
    texts = [block["text"] for block in message["blocks"]]
    assert {text["type"] for text in texts} == {"plain_text"}
    assert (message["parse"], message["link_names"], message["mrkdwn"]) == ("none", False, False)
    assert not re.search("[<>]", message["text"])
    assert not HIDDEN.search(message["text"] + "".join(text["text"] for text in texts))


@pytest.mark.parametrize("label", HOSTILE)
async def test_nothing_in_discord_and_teams_reads_a_label_as_markup(
    label: str, session: aiohttp.ClientSession,
) -> None:
    async with FakeDiscord().running() as discord, FakeTeams().running() as teams:
        await DiscordParams(Secret(discord.url)).build(session).send(with_label(label))
        await TeamsParams(Secret(teams.url)).build(session).send(with_label(label))
        (message,), (card,) = discord.messages, teams.cards
    assert message["allowed_mentions"] == {"parse": []}
    assert for_markdown(label.replace("\n", " ").replace("\r", "")).split(" ")[0] in message["content"]
    assert not re.search(r"(?<!\\)[<@\[`]", message["content"])
    assert {inline["type"] for block in card["body"] for inline in block["inlines"]} == {"TextRun"}
    assert not HIDDEN.search(message["content"] + str(card["body"][1]["inlines"][0]["text"]))


@pytest.mark.parametrize("label", HOSTILE)
async def test_pagerduty_and_webhooks_get_a_label_as_data(label: str, session: aiohttp.ClientSession) -> None:
    template = {"text": "{{ title }}", "more": {"text": "{{ text }}"}}
    async with FakePagerDuty().running() as pager, FakeReceiver().running() as receiver:
        await PagerDutyParams(Secret(KEY), url=f"{pager.url}/v2/enqueue").build(session).send(with_label(label))
        params = WebhookChannelParams(Secret(receiver.url), body=template, signing_secret=Secret(SECRET))
        await params.build(session).send(with_label(label))
        (event,), (body,) = pager.events, receiver.bodies
    summary = event["payload"]["summary"]
    assert "\n" not in summary
    assert not HIDDEN.search(summary)
    assert set(body) == {"text", "more"}
    assert body["more"]["text"] == f"replica {plain(label)}\nis slow"
