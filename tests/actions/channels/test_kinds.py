"""Each kind of channel against a strict fake of its vendor: what is accepted, refused and tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from actions.base import Secret
from actions.channels.http import ChannelHttp
from actions.channels.kinds.chat_webhooks import DiscordParams, TeamsParams
from actions.channels.kinds.pagerduty import PagerDuty, PagerDutyParams
from actions.channels.kinds.slack import Slack, SlackParams
from actions.channels.kinds.webhook import WebhookChannelParams
from actions.channels.message import ChannelRefused
from actions.kinds.http import Access
from tests.actions.channels.cases import MESSAGE, said
from tests.actions.channels.fakes.pagerduty import KEY, FakePagerDuty
from tests.actions.channels.fakes.slack import APP, BOT, CHANNEL, FakeSlack
from tests.actions.channels.fakes.webhooks import SECRET, FakeDiscord, FakeReceiver, FakeTeams


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture
async def pagerduty() -> AsyncIterator[FakePagerDuty]:
    async with FakePagerDuty().running() as fake:
        yield fake


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack().running() as fake:
        yield fake


def pager(fake: FakePagerDuty, session: aiohttp.ClientSession, key: str = KEY, timeout_s: float = 5.0) -> PagerDuty:
    return PagerDutyParams(Secret(key), url=f"{fake.url}/v2/enqueue", timeout_s=timeout_s).build(session)


def chat(fake: FakeSlack, session: aiohttp.ClientSession, token: str = BOT) -> Slack:
    return SlackParams(CHANNEL, Secret(token), app_token=Secret(APP), url=f"{fake.url}/api").build(session)


async def test_pagerduty_has_one_alert_for_one_key_through_its_life(
    pagerduty: FakePagerDuty, session: aiohttp.ClientSession,
) -> None:
    channel = pager(pagerduty, session)
    for message in (MESSAGE, said(event="change", severity="P0"), said(event="milestone"), said(event="close")):
        await channel.send(message)
    assert [one["event_action"] for one in pagerduty.events] == ["trigger", "trigger", "acknowledge", "resolve"]
    assert [one["payload"]["severity"] for one in pagerduty.events[:2]] == ["error", "critical"]
    assert pagerduty.alerts == {MESSAGE.dedup_key: "resolved"}


async def test_a_key_that_is_too_long_for_pagerduty_is_sent_by_its_hash(
    pagerduty: FakePagerDuty, session: aiohttp.ClientSession,
) -> None:
    long = said(dedup_key="k" * 300)
    await pager(pagerduty, session).send(long)
    await pager(pagerduty, session).send(long)
    assert len(pagerduty.alerts) == 1


@pytest.mark.parametrize(
    ("status", "headers", "final", "retry_after_s"),
    [(429, {"Retry-After": "7"}, False, 7.0), (503, {}, False, None), (408, {}, False, None), (403, {}, True, None)],
)
async def test_what_may_be_tried_again_is_told_from_what_is_final(
    pagerduty: FakePagerDuty, session: aiohttp.ClientSession, status: int, headers: dict[str, str], final: bool,
    retry_after_s: float | None,
) -> None:
    pagerduty.answers.append((status, headers))
    with pytest.raises(ChannelRefused, match=f"answered {status}") as caught:
        await pager(pagerduty, session).send(MESSAGE)
    assert (caught.value.final, caught.value.retry_after_s) == (final, retry_after_s)


async def test_a_channel_that_hangs_is_given_up_in_time_and_may_be_tried_again(
    pagerduty: FakePagerDuty, session: aiohttp.ClientSession,
) -> None:
    pagerduty.hang = asyncio.Event()
    with pytest.raises(ChannelRefused) as caught:
        await pager(pagerduty, session, timeout_s=0.1).send(MESSAGE)
    assert not caught.value.final


async def test_a_wrong_key_is_final_and_not_in_the_reason(
    pagerduty: FakePagerDuty, session: aiohttp.ClientSession,
) -> None:
    with pytest.raises(ChannelRefused) as caught:
        await pager(pagerduty, session, key="very-secret-key").send(MESSAGE)
    assert caught.value.final
    assert "very-secret-key" not in caught.value.reason


async def test_a_redirect_is_not_followed(pagerduty: FakePagerDuty, session: aiohttp.ClientSession) -> None:
    async with FakePagerDuty().running() as elsewhere:
        pagerduty.answers.append((307, {"Location": f"{elsewhere.url}/v2/enqueue"}))
        with pytest.raises(ChannelRefused, match="answered 307") as caught:
            await pager(pagerduty, session).send(MESSAGE)
        assert (caught.value.final, elsewhere.arrived) == (True, 0)


async def test_a_host_that_is_not_the_channels_own_is_never_called(
    pagerduty: FakePagerDuty, session: aiohttp.ClientSession,
) -> None:
    http = ChannelHttp(session, Access(), ("hooks.example",))
    with pytest.raises(ChannelRefused, match=r"expected one of hooks\.example"):
        await http.call("POST", pagerduty.url, body={})
    assert pagerduty.arrived == 0


async def test_slack_tells_an_incident_in_one_thread(slack: FakeSlack, session: aiohttp.ClientSession) -> None:
    channel = chat(slack, session)
    first = await channel.send(MESSAGE)
    await channel.send(said(id="n2", event="close", reference=first.reference))
    root, reply = slack.messages
    assert (root.get("thread_ts"), reply["thread_ts"]) == (None, root["ts"])
    assert [one["type"] for one in root["blocks"]] == ["header", "section", "actions"]


async def test_slack_does_not_get_a_message_twice_whose_first_answer_was_lost(
    slack: FakeSlack, session: aiohttp.ClientSession,
) -> None:
    channel = chat(slack, session)
    first = await channel.send(MESSAGE)
    again = await channel.send(said(in_doubt=True))
    assert (again.reference, len(slack.messages)) == (first.reference, 1)
    await channel.send(said(id="n2", in_doubt=True))
    assert len(slack.messages) == 2


async def test_slack_refuses_with_status_200_and_the_token_is_not_shown(
    slack: FakeSlack, session: aiohttp.ClientSession,
) -> None:
    with pytest.raises(ChannelRefused, match="invalid_auth") as caught:
        await chat(slack, session, token="xoxb-wrong-secret").send(MESSAGE)
    assert caught.value.final
    assert "wrong-secret" not in caught.value.reason


async def test_a_webhook_gets_the_templated_body_with_a_signature_that_verifies(
    session: aiohttp.ClientSession,
) -> None:
    async with FakeReceiver().running() as fake:
        body = {"summary": "{{ severity }}: {{ title }}", "tags": ["{{ event|upper }}"], "n": 1}
        params = WebhookChannelParams(Secret(f"{fake.url}/secret-path"), body=body, signing_secret=Secret(SECRET))
        await params.build(session).send(said(title="{{7*7}}"))
        assert fake.bodies == [{"summary": "P1: {{7*7}}", "tags": ["OPEN"], "n": 1}]
        fake.answers.append((500, {}))
        with pytest.raises(ChannelRefused) as caught:
            await params.build(session).send(MESSAGE)
    assert "secret-path" not in caught.value.reason


@pytest.mark.parametrize("template", ["{{ nope }}", "{{ title", "{{ title.__class__.__mro__ }}"])
def test_a_template_that_cannot_be_used_is_refused_at_the_start(template: str) -> None:
    with pytest.raises(ValueError, match=r"WebhookChannelParams\.body"):
        WebhookChannelParams(Secret("https://hooks.example/x"), body={"text": template})


@pytest.mark.parametrize("url", ["http://hooks.example/x", "https://me:pw@hooks.example/x", "ftp://x", "x"])
def test_a_url_without_tls_or_with_credentials_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="expected https") as caught:
        WebhookChannelParams(Secret(url))
    assert "pw" not in str(caught.value)


async def test_teams_and_discord_accept_the_message(session: aiohttp.ClientSession) -> None:
    async with FakeTeams().running() as teams, FakeDiscord().running() as discord:
        await TeamsParams(Secret(f"{teams.url}/hook")).build(session).send(said(link="https://t.example/1"))
        await DiscordParams(Secret(f"{discord.url}/hook")).build(session).send(said(text="x" * 5_000))
        assert teams.cards[0]["body"][0]["inlines"][0]["text"] == MESSAGE.title
        assert teams.cards[0]["actions"][0]["url"] == "https://t.example/1"
        assert discord.messages[0]["allowed_mentions"] == {"parse": []}
