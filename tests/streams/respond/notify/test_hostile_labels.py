"""Twenty labels that attack their readers are inert in every channel and in the review, in every message that there is.

Each channel is tried against the fake of its vendor, which refuses what the vendor refuses, or against a real server.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from actions.approvals.request import request_of
from actions.audiences.audience import READERS, Reach, TextEvent
from actions.audiences.decide import History
from actions.audiences.message import audience_text, messages_of
from actions.channels.catalogue import CHANNEL_KINDS
from actions.channels.message import Message
from actions.channels.notification import Draft
from actions.channels.texts import approval_text, incident_message, page_message, release_text
from actions.escalation.record import BY_HAND, Notify
from classifiers.accounting.slo_report import StageTargets
from classifiers.model import AuditEntry
from streams.review.document import markdown_of
from streams.review.facts import Settings, facts_of
from streams.review.page import html_of
from streams.review.plot import plot_of
from tests.actions.approvals.cases import suggested
from tests.actions.audiences.cases import HOSTILE, T, audience, poisoned
from tests.actions.channels.alertmanager_server import required_alertmanager
from tests.streams.respond.notify.receivers import RECEIVERS, Read, faults, told_alertmanager

SOURCE = "/tocsin/t"
ELSEWHERE = frozenset({"servicenow"})
"""Its records are looked at in `tests/actions/channels/test_servicenow.py`, with labels of the same kinds."""
SAID: tuple[TextEvent, ...] = ("open", "milestone")
ATTACKS = {
    "<script>": "HTML", "<!channel>": "a mention of Slack", "<https://": "a link of Slack", "@everyone": "Discord",
    "{{7*7}}": "a template", "\x1b[": "ANSI", "\r\nBcc:": "a header", "](javascript:": "a link of Markdown",
    "\u202e": "right to left", "x" * 1_000: "over-long",
}


def messages(label: str) -> Iterator[Message]:
    """Every kind of message, about an incident in which every label and every word of people is this text; each with a
    key of its own.
    """
    about = HOSTILE.index(label) if label in HOSTILE else "harmless"
    for number, one in enumerate(_messages(label)):
        yield replace(one, dedup_key=f"{SOURCE}/{about}/{number}")


def _messages(label: str) -> Iterator[Message]:
    one = poisoned(label)
    owners = ((label, (label,)),)
    yield incident_message(one, "open", "n1", SOURCE, owners=owners)
    page = Notify("p1", "page", one.id, label, 1, label, None, label, T)
    yield page_message(page, one, "n2", None, SOURCE)
    yield page_message(Notify("p2", "page", one.id, BY_HAND, 0, label, None, label, T), one, "n3", None, SOURCE)
    asked = suggested(kind=label, target=label, reason=label)
    yield approval_text(request_of(asked, 0, 1, T), "P1", "n4", SOURCE)
    for number, reader in enumerate(READERS):
        known = audience(reader, Reach())
        for event in SAID:
            text = audience_text(known, one, event, History(), T).text
            ((_, message),) = messages_of(known, one, event, text, SOURCE, str(number))
            yield message
    yield release_text(message, Draft("customer", label, "f00d", ("commander",)), "n5")


def inert(found: list[Read], label: str) -> None:
    """Fail where a text does something, and where a template in a label was evaluated."""
    assert [(fault, text[:200]) for syntax, text in found for fault in faults(syntax, text)] == []
    if label == "{{7*7}}":
        assert any("7*7" in text.replace("\\", "") for _, text in found)


def test_there_are_twenty_labels_for_each_attack_and_a_receiver_for_each_channel() -> None:
    assert len(set(HOSTILE)) == 20
    assert [name for part, name in ATTACKS.items() if not any(part in label for label in HOSTILE)] == []
    assert {*RECEIVERS, *ELSEWHERE, "alertmanager"} == CHANNEL_KINDS.keys()


@pytest.fixture(scope="module")
def alertmanager_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from required_alertmanager(tmp_path_factory)


@pytest.mark.parametrize("label", HOSTILE, ids=range(20))
@pytest.mark.parametrize("kind", sorted(CHANNEL_KINDS.keys() - ELSEWHERE))
async def test_a_hostile_label_is_inert_in_every_message_of_every_channel(
    kind: str, label: str, request: pytest.FixtureRequest,
) -> None:
    if kind == "alertmanager":
        tell = partial(told_alertmanager, url=request.getfixturevalue("alertmanager_url"))
    else:
        tell = partial(RECEIVERS[kind])
    told = list(messages(label))
    assert any(label[:8] in one.text or label[:8] in one.title for one in told)  # nothing was escaped before
    async with tell(told) as (found, shape), tell(list(messages("harmless"))) as (_, expected):
        assert len(found) >= len(told) - 4  # PagerDuty acknowledges the milestones without a text
        inert(found, label)
        assert shape == expected


@pytest.mark.parametrize("label", HOSTILE, ids=range(20))
def test_a_hostile_label_is_inert_in_the_review(label: str) -> None:
    one = poisoned(label)
    steps = (AuditEntry(T, one.id, label, label, label, label, label),)
    facts = facts_of(one, [one], steps, Settings({"P1": StageTargets(detect_s=10.0)}, "EUR", {}))
    text = markdown_of(facts, {})
    inert([("markdown", text), ("html", html_of(text, plot_of(facts), f"Review of {one.id}"))], label)
