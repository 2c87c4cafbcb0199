"""A click in Slack is the signed decision of a person who is known by team and user, or it is refused and audited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.approvals.decide import given_decision
from actions.approvals.desk import Desk
from actions.base import Secret
from actions.channels.kinds.slack import SlackParams
from actions.channels.notification import Draft, drafted
from actions.channels.texts import incident_message, release_text
from actions.outbox.releases import Releases
from actions.trust.approvals import ApprovalCheck
from actions.trust.keys import KeyRing, PublicKey, Signer
from actions.trust.people import Directory, Member
from classifiers.by_hand import Decide
from classifiers.directives import Acknowledge, Silence
from classifiers.incident_silence import matchers_of
from classifiers.telling_by_hand import Release
from streams.respond.notify.slack_clicks import SlackClicks
from streams.respond.notify.slack_socket import SlackSocket
from tests.actions.approvals.cases import SOURCE, T, incident, suggested
from tests.actions.channels.fakes.slack import APP, BOT, CHANNEL, FakeSlack
from tests.streams.respond.written_log import WrittenLog

PATIENCE_S = 20.0
PRIVATE = Ed25519PrivateKey.generate()
DIRECTORY = Directory(
    [
        Member("anna", frozenset({"approver"}), slack="T01/U7A"),
        Member("rob", frozenset({"responder"}), slack="T01/U9B"),
        Member("cleo", frozenset({"commander"}), slack="T01/UC1"),
    ],
    lambda _: (),
)
CHECK = ApprovalCheck(DIRECTORY, KeyRing([PublicKey("r1", PRIVATE.public_key(), frozenset({"respond"}))]), SOURCE)


class Buttons:
    """A desk with one open incident and one request, and the fake of Slack that it listens to."""

    def __init__(self, slack: FakeSlack, signer: Signer | None) -> None:
        self.slack = slack
        self.desk = Desk(CHECK)
        self.intent = suggested()
        self.desk.add_incident(incident(), T)
        self.desk.add_intent(self.intent, 2)
        for change in self.desk.changes(T, lambda *_: True):
            self.desk.record(change.request)
        self.releases = Releases(DIRECTORY)
        message = incident_message(incident(), "open", "n1", SOURCE)
        self.releases.record(drafted(message, "mail", Draft("customer", "chat", "f00d", ("commander",)), T))
        self.log = WrittenLog(signer)
        self.clicks = SlackClicks(self.desk, DIRECTORY, self.log, lambda: T + 5.0, self.releases, 86_400.0)

    @property
    def value(self) -> str:
        return f"{self.intent.key} {self.intent.digest or ''}".strip()

    async def click(self, envelope: str, user: str, action: str, value: str, team: str = "T01") -> str:
        """What the person was told."""
        await self.slack.click(envelope, user, action, value, team)
        return await asyncio.wait_for(self.slack.told.get(), PATIENCE_S)


    async def dialog(self, envelope: str, user: str) -> dict[str, Any]:
        """The dialog that a click on Silence opens."""
        await self.slack.click(envelope, user, "silence", incident().id)
        return await asyncio.wait_for(self.slack.views.get(), PATIENCE_S)

    async def submit(self, envelope: str, user: str, view: dict[str, Any], minutes: str, reason: str) -> str:
        """What the person was told."""
        await self.slack.submit(envelope, user, view, {"minutes": minutes, "reason": reason})
        return await asyncio.wait_for(self.slack.told.get(), PATIENCE_S)


@asynccontextmanager
async def buttons(signer: Signer | None = Signer("r1", PRIVATE)) -> AsyncIterator[Buttons]:  # noqa: B008 - frozen
    async with FakeSlack().running() as slack, aiohttp.ClientSession() as session:
        made = Buttons(slack, signer)
        params = SlackParams(CHANNEL, Secret(BOT), app_token=Secret(APP), url=f"{slack.url}/api")
        task = asyncio.create_task(SlackSocket(params, session, made.clicks.take).run())
        try:
            yield made
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_a_click_becomes_a_decision_via_slack_that_counts() -> None:
    async with buttons() as here:
        told = await here.click("e1", "U7A", "approve", here.value)
        (made,) = here.log.written
        assert told == "Written: approve by anna"
        assert isinstance(made, Decide)
        assert (made.by, made.verb, made.via, made.intent_key) == ("anna", "approve", "slack", here.intent.key)
        request = here.desk.requests[here.intent.key]
        assert not isinstance(given_decision(request, made, T + 5.0, CHECK), str)


async def test_an_envelope_that_comes_again_is_taken_once() -> None:
    async with buttons() as here:
        await here.click("e1", "U7A", "approve", here.value)
        here.slack.acknowledged.clear()
        await here.slack.click("e1", "U7A", "approve", here.value)
        await here.click("e2", "U9B", "acknowledge", incident().id)
        assert [type(one) for one in here.log.written] == [Decide, Acknowledge]


async def test_an_acknowledgement_is_by_the_person_for_an_hour() -> None:
    async with buttons() as here:
        await here.click("e1", "U9B", "acknowledge", incident().id)
        (made,) = here.log.written
        assert isinstance(made, Acknowledge)
        assert (made.by, made.until_s - made.at_s) == ("rob", 3600.0)


async def test_a_dialog_asks_how_long_and_why_and_names_what_will_be_silent() -> None:
    async with buttons() as here:
        assert "expected the role responder" in await here.click("e1", "U7A", "silence", incident().id)
        view = await here.dialog("e2", "U9B")
        assert 'service chat, version v2' in view["blocks"][0]["text"]["text"]
        assert here.log.written == []
        assert await here.submit("e3", "U9B", view, "90", "cards are moved") == "Written: silence by rob"
        (made,) = here.log.written
        assert isinstance(made, Silence)
        assert (made.by, made.until_s - made.from_s, made.matchers) == ("rob", 5400.0, matchers_of(incident()))
        assert made.comment == "cards are moved (in Slack)"


async def test_who_may_not_silence_cannot_submit_the_dialog_of_another_and_it_is_audited() -> None:
    async with buttons() as here:
        view = await here.dialog("e1", "U9B")
        assert "anna may not silence" in await here.submit("e2", "U7A", view, "60", "x")
        assert "is nobody under `people`" in await here.submit("e3", "U666", view, "60", "x")
        assert (here.log.written, [one.actor for one in here.log.refusals]) == ([], ["anna", None])


async def test_a_silence_of_something_else_than_the_dialog_said_is_refused() -> None:
    async with buttons() as here:
        view = await here.dialog("e1", "U9B")
        here.desk.add_incident(incident(version=None), T + 1.0)
        assert "was changed since the dialog opened" in await here.submit("e2", "U9B", view, "60", "x")
        assert here.log.written == []


@pytest.mark.parametrize(("minutes", "reason", "error"), [
    ("1441", "x", "1441 min, expected at most 1440"), ("0", "x", "minutes '0', expected a whole number"),
    ("1.5", "x", "minutes '1.5', expected a whole number"), ("60", "  ", "reason '', expected why nobody is told"),
    ("9" * 400, "x", "expected a whole number"),
])
async def test_what_slack_would_not_have_let_through_is_refused_here(minutes: str, reason: str, error: str) -> None:
    async with buttons() as here:
        view = await here.dialog("e1", "U9B")
        state = {name: {name: {"value": value}} for name, value in (("minutes", minutes), ("reason", reason))}
        told = await here.clicks.take({
            "type": "view_submission", "user": {"id": "U9B", "team_id": "T01"},
            "view": {**view, "state": {"values": state}},
        })
        assert isinstance(told, str)
        assert error in told
        assert here.log.written == []


async def test_a_dialog_that_slack_does_not_open_any_more_is_said_to_who_clicked() -> None:
    async with buttons() as here:
        here.slack.expire_triggers = True
        told = await here.click("e1", "U9B", "silence", incident().id)
        assert told == "The dialog was not opened (views.open: expired_trigger_id); click again."


async def test_another_dialog_than_that_of_silences_is_refused() -> None:
    async with buttons() as here:
        view = {**await here.dialog("e1", "U9B"), "callback_id": "tocsin_acknowledge"}
        assert (await here.submit("e2", "U9B", view, "60", "x")).startswith("Refused: the action ''")
        assert here.log.written == []


@pytest.mark.parametrize("version", ["<!channel> *x*", "v" * 900])
async def test_any_label_that_a_silence_takes_fits_the_dialog(version: str) -> None:
    async with buttons() as here:
        here.desk.add_incident(incident(version=version), T + 1.0)
        view = await here.dialog("e1", "U9B")
        assert version in view["blocks"][0]["text"]["text"]


async def test_the_button_asks_before_it_releases_and_names_who_is_told() -> None:
    text = incident_message(incident(), "open", "n1", SOURCE)
    message = release_text(text, Draft("customer", "chat", "f00d", ("commander",)), "n2")
    async with FakeSlack().running() as slack, aiohttp.ClientSession() as session:
        params = SlackParams(CHANNEL, Secret(BOT), app_token=Secret(APP), url=f"{slack.url}/api")
        await params.build(session).send(message)
        (posted,) = slack.messages
    (button,) = [one for one in posted["blocks"][-1]["elements"] if one["action_id"] == "tocsin_release"]
    assert button["confirm"]["text"]["text"] == "It is told to customer now, word for word, and cannot be taken back."


@pytest.mark.parametrize("verb", ["release", "withdraw"])
async def test_a_commander_decides_by_a_click_about_the_text_that_the_message_showed(verb: str) -> None:
    async with buttons() as here:
        assert await here.click("e1", "U9B", verb, "f00d") == "Refused: rob has responder for chat, expected commander"
        assert "was changed since" in await here.click("e2", "UC1", verb, "0ld")
        assert here.log.written == []
        await here.click("e3", "UC1", verb, "f00d")
        (made,) = here.log.written
        assert isinstance(made, Release)
        assert (made.text, made.verb, made.by, made.via) == ("f00d", verb, "cleo", "slack")


@pytest.mark.parametrize(("user", "team", "action", "reason"), [
    ("U666", "T01", "approve", "is nobody under `people`"),
    ("U7A", "T99", "approve", "the user T99/U7A of Slack is nobody"),  # who calls herself anna in another team
    ("U9B", "T01", "approve", "rob may not decide this request"),
    ("U7A", "T01", "erase", "expected approve, reject, acknowledge, silence, release or withdraw"),
])
async def test_who_is_not_known_or_may_not_is_refused_and_audited(
    user: str, team: str, action: str, reason: str,
) -> None:
    async with buttons() as here:
        told = await here.click("e1", user, action, here.value, team)
        (entry,) = here.log.refusals
        assert here.log.written == []
        assert reason in told
        assert reason in entry.reason


@pytest.mark.parametrize("value", ["nothing", "k1 another-digest", ""])
async def test_a_click_about_another_request_or_other_terms_is_refused(value: str) -> None:
    async with buttons() as here:
        assert (await here.click("e1", "U7A", "approve", value)).startswith("Refused: ")
        assert here.log.written == []


async def test_without_a_key_nothing_is_signed_for_people() -> None:
    async with buttons(signer=None) as here:
        assert "nothing can be signed" in await here.click("e1", "U7A", "approve", here.value)


async def test_a_connection_to_another_host_is_refused() -> None:
    async with FakeSlack().running() as slack, aiohttp.ClientSession() as session:
        params = SlackParams(CHANNEL, Secret(BOT), app_token=Secret(APP), url=f"{slack.url}/api")
        slack.url = "http://evil.example"

        async def take(_: object) -> str:
            raise AssertionError("nothing is to be taken")

        task = asyncio.create_task(SlackSocket(params, session, take).run())
        await asyncio.wait_for(slack.opened.wait(), PATIENCE_S)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert not slack.connected.is_set()
