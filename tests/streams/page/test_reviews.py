"""The page shows the review of an incident and its action items, and in History those of all reviews that are open."""

from __future__ import annotations

from datetime import date

import pytest
from playwright.async_api import Browser, expect

from actions.reviews.record import ActionItem, ItemState, Review
from classifiers.reviews_by_hand import SetItem
from streams.page.history_view import HistoryFilter, history_view
from streams.page.incident_view import incident_view
from streams.page.now_view import changes_view
from streams.page.state import PageState
from tests.actions.approvals.cases import T, incident
from tests.streams.page.browser.browsing import (
    HOSTILE,
    ONE_LOOP,
    is_wider_than_the_screen,
    log_in_as,
    opened,
    serious_faults,
)
from tests.streams.page.served import ServedPage

DAY_S = 86_400.0
TODAY = date(2026, 11, 23)
"""Of `T`, in UTC."""


def review(place: str = "https://wiki.example/inc-1", version: int = 1, summary: str = "The driver was new.") -> Review:
    return Review("inc-1", version, "published", place, summary, "anna", T)


def item(
    name: str, due: date | None, state: ItemState = "open", incident_id: str = "inc-1", version: int = 1,
    text: str = "Pin the driver",
) -> ActionItem:
    return ActionItem(name, incident_id, version, state, text, "ben", due, "anna", T)


def told(state: PageState) -> None:
    """Items of two reviews: one overdue, one due today, one without a date, one done and one removed."""
    state.add_incident(incident(state="resolved", resolved_at_s=T + 9.0))
    state.add_review(review())
    for one in (
        item("today", TODAY), item("late", date(2026, 11, 1), incident_id="inc-0"), item("never", None),
        item("done", date(2026, 11, 1), "done"), item("gone", TODAY, "removed"),
    ):
        state.add_item(one)


def test_an_incident_has_its_review_and_its_items_but_those_that_were_removed() -> None:
    state = PageState()
    told(state)
    found = state.incident("inc-1")
    assert found is not None
    shown = incident_view(found, state, {}, T)
    assert (shown["review"]["state"], shown["review"]["place"]) == ("published", "https://wiki.example/inc-1")
    assert [(one["id"], one["state"]) for one in shown["items"]] == [
        ("done", "done"), ("today", "open"), ("never", "open"),
    ]
    tomorrow = incident_view(found, state, {}, T + DAY_S)["items"]
    assert [(one["id"], one["state"]) for one in tomorrow] == [
        ("done", "done"), ("today", "overdue"), ("never", "open"),
    ]


def test_history_has_the_open_items_of_all_reviews_overdue_first_whatever_is_asked_for() -> None:
    state = PageState()
    told(state)
    shown = history_view(state, HistoryFilter(service="another"), now_s=T)
    assert shown["incidents"] == []
    assert [(one["id"], one["state"], one["incident_title"]) for one in shown["items"]] == [
        ("late", "overdue", None), ("today", "open", "v2 is slow"), ("never", "open", "v2 is slow"),
    ]


def test_a_review_that_changed_is_told_as_a_change_of_its_incident_and_an_older_version_is_not() -> None:
    state = PageState()
    told(state)
    seen = state.changes.revision
    state.add_review(review(version=2))
    assert state.changes.since(seen) == [("incident", "inc-1")]
    seen = state.changes.revision
    state.add_review(review())
    assert state.changes.since(seen) == []


def test_an_item_of_an_incident_that_is_not_known_any_more_is_told_as_a_change_too() -> None:
    state = PageState()
    seen = state.changes.revision
    state.add_item(item("late", TODAY, incident_id="inc-0"))
    changed = changes_view(state, state.changes.since(seen) or [])
    assert (changed["items"], changed["incidents"]) == (["late"], [])


@ONE_LOOP
async def test_the_review_and_its_items_are_shown_live_at_the_incident(browser: Browser, served: ServedPage) -> None:
    served.tell(incident(state="resolved", resolved_at_s=T + 9.0))
    page = await opened(browser, served, "#/incident/inc-1")
    panel = page.get_by_label("Review", exact=True)
    await expect(panel).to_contain_text("No review is on record yet.")
    told(served.page.state)
    served.page.feed.wake()
    for text in ("published", "by anna", "The driver was new.", "Pin the driver", "ben, due 2026-11-23", "no due date"):
        await expect(panel).to_contain_text(text)
    link = panel.get_by_role("link", name="https://wiki.example/inc-1")
    await expect(link).to_have_attribute("rel", "noreferrer noopener")


@ONE_LOOP
@pytest.mark.parametrize("view", ["#/incident/inc-1", "#/history"])
async def test_a_person_changes_an_item_after_it_was_said_what_will_happen(
    browser: Browser, served: ServedPage, view: str,
) -> None:
    told(served.page.state)
    page = await opened(browser, served, view)
    row = page.locator("[data-item=today]")
    await expect(row).to_contain_text("Pin the driver")
    await expect(row.get_by_role("button")).to_have_count(0)
    await log_in_as(page, "rob")
    for button, says, given in (
        ("Change", "Who does this, and until which day", {"owner": "cleo", "due": "2026-12-24"}),
        ("Done", "This is recorded as done, by you", {}),
        ("Drop", "something that will not be done", {"comment": "moved off"}),
    ):
        await row.get_by_role("button", name=button).click()
        dialog = page.locator("dialog")
        await expect(dialog).to_contain_text(says)
        await expect(dialog).to_contain_text("Pin the driver")
        for name, text in given.items():
            await dialog.locator(f"[name={name}]").fill(text)
        if button == "Change":
            assert await serious_faults(page) == []
        await dialog.locator("button[type=submit]").click()
        await expect(page.locator("#toast")).to_contain_text("Written: action item")
        await expect(dialog).to_be_hidden()
    at_s = T + 60.0
    assert served.log.written == [
        SetItem("today", "inc-1", "rob", at_s, owner="cleo", due=date(2026, 12, 24), via="http"),
        SetItem("today", "inc-1", "rob", at_s, "done", via="http"),
        SetItem("today", "inc-1", "rob", at_s, "dropped", comment="moved off", via="http"),
    ]


@ONE_LOOP
async def test_a_finished_item_is_opened_again_and_a_reason_is_needed_to_drop_one(
    browser: Browser, served: ServedPage,
) -> None:
    told(served.page.state)
    page = await opened(browser, served, "#/incident/inc-1")
    await log_in_as(page, "rob")
    await page.locator("[data-item=today]").get_by_role("button", name="Drop").click()
    await page.locator("dialog button[type=submit]").click()
    await expect(page.locator("dialog textarea:invalid")).to_have_count(1)
    await page.get_by_role("button", name="Cancel").click()
    served.page.state.add_item(item("today", TODAY, "dropped", version=2))
    served.page.feed.wake()
    for name in ("done", "today"):
        row = page.locator(f"[data-item={name}]")
        await expect(row.get_by_role("button")).to_have_text(["Open again"])
    await page.locator("[data-item=today]").get_by_role("button").click()
    await page.locator("dialog button[type=submit]").click()
    await expect(page.locator("#toast")).to_contain_text("Written")
    assert served.log.written == [SetItem("today", "inc-1", "rob", T + 60.0, "open", via="http")]


@ONE_LOOP
async def test_who_has_not_the_role_sees_the_items_and_cannot_change_them(
    browser: Browser, served: ServedPage,
) -> None:
    told(served.page.state)
    page = await opened(browser, served, "#/incident/inc-1")
    await log_in_as(page, "vera")
    for name in ("Done", "Change", "Drop"):
        await expect(page.locator("[data-item=today]").get_by_role("button", name=name)).to_be_disabled()


@ONE_LOOP
async def test_a_draft_without_a_person_says_so_and_how_its_text_is_written(
    browser: Browser, served: ServedPage,
) -> None:
    served.tell(incident(state="resolved", resolved_at_s=T + 9.0))
    served.page.state.add_review(Review("inc-1", 1, "draft", "", "", "tocsin", T, is_automatic=True))
    page = await opened(browser, served, "#/incident/inc-1")
    panel = page.get_by_label("Review", exact=True)
    for text in ("draft", "by tocsin", "Recorded after the end, without a person", "tocsin review draft inc-1"):
        await expect(panel).to_contain_text(text)
    await expect(panel).not_to_contain_text("No place")


@ONE_LOOP
@pytest.mark.parametrize("place", ["javascript:document.title='owned'", "data:text/html,x", "//elsewhere.example"])
async def test_a_place_that_is_no_address_of_the_web_is_text(
    browser: Browser, served: ServedPage, place: str,
) -> None:
    served.tell(incident(state="resolved", resolved_at_s=T + 9.0))
    served.page.state.add_review(review(place))
    page = await opened(browser, served, "#/incident/inc-1")
    panel = page.get_by_label("Review", exact=True)
    await expect(panel).to_contain_text(place)
    await expect(panel.get_by_role("link")).to_have_count(0)


@ONE_LOOP
@pytest.mark.parametrize("width", [1360, 390])
@pytest.mark.parametrize("view", ["#/incident/inc-1", "#/history"])
async def test_hostile_reviews_are_shown_and_not_run_and_can_be_read_by_all(
    browser: Browser, served: ServedPage, view: str, width: int,
) -> None:
    told(served.page.state)
    served.page.state.add_review(review(version=2, place=HOSTILE, summary=HOSTILE))
    served.page.state.add_item(item("today", TODAY, version=2, text=HOSTILE))
    page = await opened(browser, served, view, width)
    await log_in_as(page, "rob")
    await expect(page.locator("[data-item=today]")).to_contain_text(HOSTILE)
    assert (await page.title(), await page.locator("main img, main script").count()) == ("Tocsin", 0)
    if view == "#/history":
        await expect(page.locator(".action-item .tag").first).to_have_text("overdue")
    assert await serious_faults(page) == []
    assert not await is_wider_than_the_screen(page)
