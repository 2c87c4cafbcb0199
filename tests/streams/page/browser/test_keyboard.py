"""Everything on the page is done with the keyboard alone, and the keyboard stays where it was."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from actions.model import ApprovalTerms
from classifiers.by_hand import Assign
from tests.actions.approvals.cases import T, incident, suggested
from tests.streams.page.browser.browsing import opened
from tests.streams.page.served import ServedPage

pytestmark = pytest.mark.asyncio(loop_scope="module")
MAX_STEPS = 40


async def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it is there."""
    for _ in range(MAX_STEPS):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"not reached by {MAX_STEPS} times Tab: {wanted}")


async def test_an_incident_is_reached_and_assigned(browser: Browser, served: ServedPage) -> None:
    served.tell(incident("inc-0", severity="P1", title="r1 is gone"), incident())
    page = await opened(browser, served, who="rob")
    rows = page.locator("a.row")
    for key, row in (("j", 0), ("j", 1), ("j", 1), ("k", 0), ("j", 1)):
        await page.keyboard.press(key)
        await expect(rows.nth(row)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main h1")).to_have_text("v2 is slow")
    await expect(page.locator("main")).to_be_focused()
    assign = page.get_by_role("button", name="Assign")
    await tab_to(page, assign)
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Assign")
    await expect(dialog.locator("[name=to]")).to_be_focused()
    await page.keyboard.press("Control+a")
    await page.keyboard.type("ann")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Control+a")
    await page.keyboard.type("scribe")
    await page.keyboard.press("Tab")
    await page.keyboard.type("on duty")
    await tab_to(page, dialog.get_by_role("button", name="Assign"))
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(assign).to_be_focused()
    assert served.log.written == [Assign("inc-1", "ann", "rob", T + 60.0, "http", "scribe", comment="on duty")]


async def test_escape_leads_back_to_the_button_though_the_incident_changed(
    browser: Browser, served: ServedPage,
) -> None:
    served.tell(incident())
    page = await opened(browser, served, "#/incident/inc-1", who="rob")
    resolve = page.get_by_role("button", name="Resolve")
    await tab_to(page, resolve)
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Resolve")
    await page.keyboard.type("over")
    served.tell(incident(scribe="ann"))
    await expect(page.locator(".incident-head")).to_contain_text("scribe ann")
    await expect(dialog.locator("textarea")).to_have_value("over")
    await expect(dialog.locator("textarea")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(resolve).to_be_focused()
    assert served.log.written == []


async def test_a_more_urgent_request_does_not_move_the_keyboard_to_itself(
    browser: Browser, served: ServedPage,
) -> None:
    """Enter must not approve what one has not looked at."""
    served.tell(incident())
    served.ask(suggested())
    page = await opened(browser, served, who="ann")
    approve = page.locator("[data-key=k1]").get_by_role("button", name="Approve")
    await approve.focus()
    served.ask(suggested("k0", approval=ApprovalTerms(expires_after_s=60.0)))
    await expect(page.locator("[data-key]").first).to_have_attribute("data-key", "k0")
    await expect(approve).to_be_focused()


async def test_in_a_dialog_no_key_goes_to_another_view(browser: Browser, served: ServedPage) -> None:
    served.tell(incident())
    page = await opened(browser, served, "#/incident/inc-1", who="rob")
    await page.get_by_role("button", name="Resolve").focus()
    await page.keyboard.press("Enter")
    await tab_to(page, page.get_by_role("button", name="Cancel"))
    for key in ("h", "s", "n", "?"):
        await page.keyboard.press(key)
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog")).to_be_hidden()
    assert page.url.endswith("#/incident/inc-1")
    await page.keyboard.press("h")
    await expect(page.locator("main h1")).to_have_text("History")


async def test_the_first_step_skips_to_the_content_of_the_same_view(browser: Browser, served: ServedPage) -> None:
    served.tell(incident())
    page = await opened(browser, served, "#/incident/inc-1", who="rob")
    await expect(page.locator("main h1")).to_have_text("v2 is slow")
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Acknowledge")).to_be_focused()
    await expect(page.locator("main h1")).to_have_text("v2 is slow")


async def test_one_logs_in_and_the_keyboard_is_where_one_logs_out(browser: Browser, served: ServedPage) -> None:
    page = await opened(browser, served)
    await tab_to(page, page.get_by_role("button", name="Log in"))
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog input")).to_be_focused()
    await page.keyboard.type("token-rob")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Log out")).to_be_focused()
