"""How the page looks to people: in the light and the dark theme, with dialogs open, and on paper."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from tests.actions.approvals.cases import incident
from tests.streams.page.browser.browsing import opened, serious_faults
from tests.streams.page.browser.deeds import DEEDS, tell_all
from tests.streams.page.served import ServedPage

pytestmark = pytest.mark.asyncio(loop_scope="module")
Theme = Literal["light", "dark"]
PANEL = {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 27, 34)"}
ON_PAPER = 12
"""Incidents that are open while one prints, beside the worst."""
LONG = "more slowly than the others of its version, and they are late as well; the cause is most likely its accelerator"


async def choose(page: Page, theme: Theme) -> None:
    """By the button, which outlasts loading the page anew."""
    await page.get_by_role("button", name="Change between light and dark").click()
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-theme", theme)
    await expect(page.locator("#live")).to_have_text("live")


@pytest.mark.parametrize("chosen", [True, False], ids=["chosen", "of the system"])
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_with_a_dialog_open_nobody_is_kept_out_by_the_colours(
    browser: Browser, served: ServedPage, theme: Theme, chosen: bool,
) -> None:
    tell_all(served)
    other: Theme = "light" if theme == "dark" else "dark"
    page = await opened(browser, served, who="carl", scheme=other if chosen else theme)
    if chosen:
        await choose(page, theme)
    assert await serious_faults(page) == []
    (glass,) = (one for one in DEEDS if one.button == "Break glass")
    await (await glass.shown_to(page, "vault")).click()
    dialog = page.get_by_role("dialog", name="Break glass")
    await expect(dialog).to_have_css("background-color", PANEL[theme])
    await dialog.locator("textarea").fill("all is down")
    await dialog.get_by_role("button", name="Break glass").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("carl may not break_glass")
    assert await serious_faults(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_dialogs_with_fields_and_that_of_the_login_can_be_read_by_all(
    browser: Browser, served: ServedPage, theme: Theme,
) -> None:
    tell_all(served)
    page = await opened(browser, served, "#/incident/chat-open", who="rob", scheme=theme)
    for button in ("Silence", "Assign", "Log in"):
        if button == "Log in":
            await page.get_by_role("button", name="Log out").click()
        await page.get_by_role("button", name=button).click()
        dialog = page.get_by_role("dialog", name=button)
        await expect(dialog).to_have_css("background-color", PANEL[theme])
        assert await serious_faults(page) == []
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_status_page_is_one_sheet_of_paper_without_what_one_clicks(
    browser: Browser, served: ServedPage, theme: Theme,
) -> None:
    """However many incidents are open: the worst are named, the others counted."""
    served.tell(*(
        incident(f"inc-{number}", severity="P3", title=f"replica r{number} answers {LONG}", replica=f"r{number}")
        for number in range(ON_PAPER)
    ))
    served.tell(incident("worst", severity="P0", title="nothing answers"))
    page = await opened(browser, served, "#/status", scheme="light" if theme == "dark" else "dark")
    await choose(page, theme)
    named = page.locator(".report .item")
    await expect(named.first).to_contain_text("nothing answers")
    more = ON_PAPER + 1 - await named.count()
    await expect(page.locator(".report")).to_contain_text(f"{more} more are open, none of them worse.")
    await expect(page.locator(".report")).to_contain_text("the storm brake is released")
    await page.emulate_media(media="print")
    await expect(page.locator("nav")).to_be_hidden()
    for part in ("header.bar", ".report button"):
        await expect(page.locator(part)).to_be_hidden()
    assert await serious_faults(page) == []
    sheets = re.findall(rb"/Type\s*/Page\b", await page.pdf(format="A4", print_background=True))
    assert len(sheets) == 1
