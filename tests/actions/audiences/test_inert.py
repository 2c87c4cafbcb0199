"""Hostile labels in every shipped template, and in every syntax in which a channel shows the text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from actions.audiences.audience import EVENTS, READERS, Reader, TextEvent
from actions.audiences.decide import History
from actions.audiences.message import as_html, audience_text
from actions.audiences.sandbox import MAX_OUTPUT, Text
from actions.channels.inert import for_markdown, for_slack
from tests.actions.audiences.cases import HOSTILE, T, audience, incident, poisoned

TAGS = {"h3", "p", "br"}
SLACK_ACTIVE = re.compile(r"<(?:[!@#]|https?:)")


class Tags(HTMLParser):
    """Collects the tags that a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag if not attrs else f"{tag} with attributes")


def told(reader: Reader, event: TextEvent, text: str) -> Text:
    found = poisoned(text)
    return audience_text(audience(reader), found, event, History(), T).text


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("reader", READERS)
def test_twenty_hostile_labels_are_inert_in_every_shipped_template(reader: Reader, event: TextEvent) -> None:
    assert len(HOSTILE) == 20
    shape = told(reader, event, "plain").body.count("\n")
    for label in HOSTILE:
        text = told(reader, event, label)
        whole = f"{text.title}\n{text.body}"
        tags = Tags()
        tags.feed(as_html(text))
        assert tags.seen <= TAGS, label
        assert "49" not in whole, label
        assert not re.search(r"@|://|[\x00-\x08\x0b-\x1f\u202a-\u202e]", whole), label
        assert text.body.count("\n") == shape, label
        assert len(text.title) <= 250, label
        assert len(whole) <= MAX_OUTPUT, label
        assert not SLACK_ACTIVE.search(for_slack(whole)), label
        shown = MarkdownIt("commonmark").enable("table").render(for_markdown(whole))
        assert not re.search(r"<(?!/?(?:p|br|pre|code)\b)", shown), label


def test_a_harmless_label_is_shown_as_it_is() -> None:
    text = audience_text(audience(), incident(), "open", History(), T).text
    assert "replica r0 of chat" in text.body


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("reader", READERS)
def test_every_shipped_text_says_where_it_stands_and_what_comes_next(reader: Reader, event: TextEvent) -> None:
    over = {"resolved_at_s": T + 60, "state": "resolved"} if event == "close" else {}
    text = audience_text(audience(reader), incident(**over), event, History(), T).text
    assert "\n" not in text.title
    assert re.search(r"Next|next|last update", text.body)
    assert re.search(r"UTC|lasts", f"{text.title}\n{text.body}")


def test_an_end_that_nobody_saw_is_not_told_as_one() -> None:
    lost = incident(state="resolved", resolved_at_s=T + 60, resolution="lost")
    for reader in READERS:
        text = audience_text(audience(reader), lost, "close", History(), T).text
        assert not re.search(r"over:|is over$|works again|works as usual", f"{text.title}\n{text.body}"), reader
