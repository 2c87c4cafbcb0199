"""The page shows each text that waits for a person as it will be told, and only who may releases it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.async_api import Browser, expect

from actions.channels.notification import Draft, Notification, decided, drafted, redrafted
from actions.channels.texts import incident_message
from actions.outbox.waiting_texts import WaitingTexts
from classifiers.telling_by_hand import Release
from streams.page.now_view import changes_view, now_view
from streams.page.state import PageState
from streams.page.waiting_texts import MAX_NOTIFICATIONS
from tests.actions.approvals.cases import SOURCE, T, incident
from tests.streams.page.browser.browsing import (
    HOSTILE,
    ONE_LOOP,
    is_wider_than_the_screen,
    log_in_as,
    opened,
    serious_faults,
)
from tests.streams.page.served import ServedPage

DRAFT = Draft("customer", "chat", "f00d", ("commander",))


def waiting(
    name: str = "n1", digest: str = "f00d", recipient: str = "status@example.com", incident_id: str = "inc-1",
    at_s: float = T, title: str = "Chat is slow",
) -> Notification:
    message = replace(
        incident_message(incident(incident_id), "open", name, SOURCE), recipient=recipient, title=title,
        text=f"{title}.\n\nWe work on it.",
    )
    return drafted(message, "mail", replace(DRAFT, digest=digest), at_s)


def test_a_text_for_several_recipients_is_shown_once_with_all_of_them() -> None:
    state = PageState()
    state.add_incident(incident())
    for name, recipient in (("n1", "b@example.com"), ("n2", "a@example.com")):
        state.add_notification(waiting(name, recipient=recipient))
    (shown,) = now_view(state)["texts"]
    assert (shown["digest"], shown["to"]) == ("f00d", ["a@example.com by mail", "b@example.com by mail"])
    assert (shown["text"], shown["incident_title"]) == ("Chat is slow.\n\nWe work on it.", "v2 is slow")


def test_a_text_that_was_decided_or_changed_or_removed_is_told_as_ended() -> None:
    for after in (
        decided(waiting(), "release", "carl", "", T + 5.0),
        redrafted(waiting(), waiting().message, replace(DRAFT, digest="beef"), T + 5.0),
    ):
        state = PageState()
        state.add_notification(waiting())
        seen = state.changes.revision
        state.add_notification(after)
        assert {"digest": "f00d", "state": "ended"} in changes_view(state, state.changes.since(seen) or [])["texts"]
    state = PageState()
    state.add_notification(waiting())
    state.forget_notification("n1")
    assert now_view(state)["texts"] == []


def test_texts_are_shown_oldest_first_and_those_of_one_incident_apart() -> None:
    known = WaitingTexts()
    known.record(waiting("n1", "late", at_s=T + 9.0))
    known.record(waiting("n2", "early", incident_id="inc-2"))
    assert [told[0].id for told in known.waiting()] == ["n2", "n1"]
    assert [told[0].id for told in known.waiting("inc-1")] == ["n1"]


def test_of_too_many_texts_the_oldest_leaves_and_is_told_as_changed() -> None:
    known = WaitingTexts(MAX_NOTIFICATIONS)
    for number in range(MAX_NOTIFICATIONS):
        known.record(waiting(f"n{number}", f"d{number}"))
    assert known.record(waiting("one-more", "last")) == {"d0", "last"}
    assert len(known.waiting()) == MAX_NOTIFICATIONS


@ONE_LOOP
@pytest.mark.parametrize(("button", "verb"), [("Release", "release"), ("Withdraw", "withdraw")])
async def test_a_commander_decides_after_it_was_said_what_will_happen(
    browser: Browser, served: ServedPage, button: str, verb: str,
) -> None:
    served.tell(incident())
    page = await opened(browser, served)
    served.draft(waiting())
    panel = page.get_by_label("Waiting to be released")
    for text in ("Text for customer: open", "waits for", "status@example.com by mail", "f00d", "We work on it."):
        await expect(panel).to_contain_text(text)
    await expect(page.locator(".headline")).to_contain_text("1 text to be released waits for people.")
    await expect(page.locator("a.row")).to_contain_text("1 text to be released")
    await log_in_as(page, "carl")
    await panel.get_by_role("button", name=button).click()
    await expect(page.locator("dialog")).to_contain_text('the text "Chat is slow" (f00d)')
    await page.locator("dialog textarea").fill("checked")
    await page.locator("dialog button[type=submit]").click()
    await expect(page.locator("#toast")).to_contain_text("Written")
    (written,) = served.log.written
    assert isinstance(written, Release)
    assert (written.text, written.verb, written.by, written.via, written.comment) == (
        "f00d", verb, "carl", "http", "checked",
    )
    served.draft(decided(waiting(), "release", "carl", "", T + 5.0))
    await expect(panel).to_have_count(0)


@ONE_LOOP
async def test_who_has_not_the_role_sees_the_text_and_cannot_decide(browser: Browser, served: ServedPage) -> None:
    served.tell(incident())
    served.draft(waiting())
    page = await opened(browser, served, "#/incident/inc-1")
    panel = page.get_by_label("Waiting to be released")
    await expect(panel).to_contain_text("We work on it.")
    await expect(panel.get_by_role("button")).to_have_count(0)
    await log_in_as(page, "rob")
    await expect(panel.get_by_role("button", name="Release")).to_be_disabled()


@ONE_LOOP
@pytest.mark.parametrize("width", [1360, 390])
@pytest.mark.parametrize("view", ["#/", "#/incident/inc-1"])
async def test_a_hostile_text_is_shown_and_not_run_and_the_view_can_be_read_by_all(
    browser: Browser, served: ServedPage, view: str, width: int,
) -> None:
    served.tell(incident())
    served.draft(waiting(title=HOSTILE))
    page = await opened(browser, served, view, width)
    await log_in_as(page, "carl")
    await expect(page.locator("blockquote strong")).to_have_text(HOSTILE)
    assert (await page.title(), await page.locator("main img, main script").count()) == ("(1) Tocsin", 0)
    assert await serious_faults(page) == []
    assert not await is_wider_than_the_screen(page)
