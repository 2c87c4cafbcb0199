"""How the page looks to people: in both themes, with dialogs open, on paper, on a phone, and in their time zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from actions.model import RemedyTerms
from classifiers.directives import Matcher, Silence
from classifiers.model import Acknowledgement
from tests.actions.approvals.cases import T, incident, suggested
from tests.streams.page.browser.browsing import is_wider_than_the_screen, opened, serious_faults
from tests.streams.page.browser.deeds import DEEDS, tell_all
from tests.streams.page.served import ServedPage
from tests.streams.page.simulated import told

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
    for number in range(ON_PAPER):
        matchers = (Matcher("service", "=", f"chat-{number}"),)
        served.page.state.add_silence(Silence(f"s{number}", matchers, T, T + 3600.0, "ann", f"racks {LONG}" * 8))
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


async def test_times_are_in_the_zone_of_the_viewer_and_in_utc(browser: Browser, served: ServedPage) -> None:
    told(served.page.state)
    served.ask(suggested())
    at = datetime.fromtimestamp(T, UTC)
    both = f"{at + timedelta(hours=5, minutes=30):%H:%M:%S} ({at:%H:%M:%S} UTC)"
    acknowledged = incident(acknowledged=Acknowledgement("ann", T - 60.0, T))
    served.tell(acknowledged)
    page = await opened(browser, served, zone="Asia/Kolkata")
    await expect(page.locator("main")).to_contain_text(f"acknowledged by ann until {both}")
    await page.evaluate("location.hash = '#/incident/inc-1'")
    for place in (page.locator(".incident-head"), page.get_by_label("Facts")):
        await expect(place).to_contain_text(f"{at:%H:%M:%S} UTC")
    shown = page.get_by_label("Timeline").locator("time").first
    seen_s = datetime.fromisoformat(await shown.get_attribute("datetime") or "").timestamp()
    local = datetime.fromtimestamp(seen_s + 19_800.0, UTC)
    await expect(shown).to_have_text(f"{local:%H:%M:%S}{datetime.fromtimestamp(seen_s, UTC):%H:%M:%S} UTC")


async def test_who_is_asked_to_approve_sees_what_would_be_done(browser: Browser, served: ServedPage) -> None:
    served.tell(incident())
    served.ask(suggested(version="v2", params={"factor": 0.5}, remedy=RemedyTerms(hold_s=600.0)))
    page = await opened(browser, served, who="ann")
    for button in ("", "Approve"):
        if button:
            await page.get_by_role("button", name=button).click()
        place = page.locator("dialog" if button else "[data-key]")
        for name, text in (("what is hit", "version v2"), ("factor", "0.5"), ("stays", "for 10 min at most")):
            await expect(place.locator("dt", has_text=name).locator("+ dd")).to_contain_text(text)


async def test_on_a_phone_the_header_leaves_room_and_what_is_seen_and_happened_comes_first(
    browser: Browser, served: ServedPage,
) -> None:
    told(served.page.state)
    (known,) = served.page.state.incidents()
    page = await opened(browser, served, f"#/incident/{known.id}", width=390, who="rob")
    await expect(page.get_by_label("Runbook")).to_be_visible()
    header = await page.locator("header.bar").bounding_box()
    assert header is not None
    assert header["height"] < 100.0
    assert not await is_wider_than_the_screen(page)
    order = await page.evaluate(
        "[...document.querySelectorAll('main .panel')].map((one) => [one.getBoundingClientRect().top, "
        "one.querySelector('h2').textContent]).sort((a, b) => a[0] - b[0]).map((one) => one[1])",
    )
    assert order[:4] == ["Series", "Timeline", "Actions", "Runbook"]
