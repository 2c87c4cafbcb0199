"""What one reads at a glance: views agree with each other, and a phone shows what counts without scrolling sideways."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from classifiers.model import Acknowledgement, Anomaly, Scope
from tests.actions.approvals.cases import T, incident, suggested
from tests.streams.page.browser.browsing import opened
from tests.streams.page.browser.deeds import tell_all
from tests.streams.page.served import ServedPage
from tests.streams.page.simulated import told

pytestmark = pytest.mark.asyncio(loop_scope="module")
PHONE = 390


async def goes_to(page: Page, view: str) -> None:
    await page.evaluate("view => { location.hash = view; }", view)


@pytest.mark.parametrize(("held", "who"), [
    ({"commander": "ann"}, "commander ann"), ({"scribe": "ann"}, "scribe ann"),
    ({"owners": ("ann",), "assigned_to": "ann"}, "owner ann"),
    ({"acknowledged": Acknowledgement("ann", T, T + 900.0)}, "acknowledged by ann"),
])
async def test_who_has_an_incident_on_one_view_has_it_on_all(
    browser: Browser, served: ServedPage, held: dict[str, Any], who: str,
) -> None:
    served.tell(incident(**held))
    page = await opened(browser, served)
    await expect(page.locator("a.row")).to_contain_text(who)
    await goes_to(page, "#/incident/inc-1")
    await expect(page.locator(".incident-head")).to_contain_text(who)
    await goes_to(page, "#/status")
    await expect(page.locator("main .item")).to_contain_text("Somebody works on it.")


async def test_of_what_is_over_one_reads_that_nobody_took_it(browser: Browser, served: ServedPage) -> None:
    served.tell(incident(state="resolved", resolved_at_s=T + 30.0))
    page = await opened(browser, served, "#/incident/inc-1")
    await expect(page.locator(".incident-head")).to_contain_text("nobody took it")


async def test_a_request_links_to_its_incident_where_that_is_not_shown(browser: Browser, served: ServedPage) -> None:
    served.tell(incident())
    served.ask(suggested())
    page = await opened(browser, served)
    asked = page.get_by_label("Waiting for approval")
    await expect(asked.get_by_role("link", name="incident")).to_have_count(1)
    await goes_to(page, "#/incident/inc-1")
    await expect(page.locator(".incident-head")).to_be_visible()
    await expect(asked).to_contain_text("0 of 1 approval given; needs the role")
    await expect(asked.get_by_role("link", name="incident")).to_have_count(0)


async def test_who_undoes_a_breaker_reads_where_the_traffic_goes(browser: Browser, served: ServedPage) -> None:
    tell_all(served)
    page = await opened(browser, served, who="rob")
    force = page.get_by_label("In force at targets")
    for target, says in (("chat/v2", None), ("chat/r 1#?", "chat/r 1#? gets all of its traffic again")):
        await force.locator(".item", has_text=target).get_by_role("button", name="Undo").click()
        dialog = page.get_by_role("dialog", name="Undo")
        await expect(dialog).to_contain_text(f"{target} is taken back now.")
        await expect(dialog.get_by_text(says or "traffic again")).to_have_count(0 if says is None else 1)
        await page.keyboard.press("Escape")


async def test_the_tab_counts_what_is_open_whatever_is_shown(browser: Browser, served: ServedPage) -> None:
    page = await opened(browser, served, "#/configuration", who="vera")
    await expect(page.locator("h1")).to_have_text("Configuration in force")
    served.tell(incident(), incident("other"))
    await expect(page).to_have_title("(2) Tocsin")
    served.tell(incident(state="resolved", resolved_at_s=T + 30.0))
    await expect(page).to_have_title("(1) Tocsin")


@pytest.mark.parametrize("width", [1360, PHONE])
async def test_the_severity_of_an_incident_stands_beside_its_title_however_long_that_is(
    browser: Browser, served: ServedPage, width: int,
) -> None:
    served.tell(incident(title="chat, replica r0: requests take longer than those of all others, " * 4))
    page = await opened(browser, served, "#/incident/inc-1", width)
    of_badge = await page.locator(".incident-head .sev").bounding_box()
    of_title = await page.locator(".incident-head h1").bounding_box()
    assert of_badge is not None
    assert of_title is not None
    assert of_title["x"] > of_badge["x"] + of_badge["width"]
    assert of_title["y"] < of_badge["y"] + of_badge["height"]


async def test_on_a_phone_an_incident_shows_a_few_plots_first_and_all_of_them_if_asked(
    browser: Browser, served: ServedPage,
) -> None:
    served.tell(incident(evidence=tuple(
        Anomaly(Scope("chat", replica=f"r{number}"), "latency_ms", "cusum", T, T + 1.0, 900.0, 300.0, 1.5, "up", 20, T)
        for number in range(6)
    )))
    desk = await opened(browser, served, "#/incident/inc-1")
    await expect(desk.locator("figure")).to_have_count(6)
    phone = await opened(browser, served, "#/incident/inc-1", width=PHONE)
    await expect(phone.locator("figure")).to_have_count(4)
    await phone.get_by_role("link", name="Show all 6").click()
    await expect(phone.locator("figure")).to_have_count(6)
    await expect(phone.get_by_role("link", name="Show all")).to_have_count(0)


@pytest.mark.parametrize("view", ["#/history", "#/service/chat?model=gpt"])
async def test_on_a_phone_no_column_of_a_table_is_out_of_sight(
    browser: Browser, served: ServedPage, view: str,
) -> None:
    told(served.page.state)
    page = await opened(browser, served, view, width=PHONE, who="vera")
    await expect(page.locator(".scroll table").first).to_be_visible()
    cut = await page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth)"
        ".map((one) => one.getAttribute('aria-label'))",
    )
    assert cut == []


async def test_no_label_of_an_axis_is_cut_off(browser: Browser, served: ServedPage) -> None:
    """The last one is as wide as a time, and stands in the middle of its tick."""
    told(served.page.state)
    page = await opened(browser, served, "#/service/chat?model=gpt")
    await expect(page.locator("figure canvas").first).to_be_visible()
    room = await page.evaluate(
        "(() => { const end = (name) => document.querySelector(`figure ${name}`).getBoundingClientRect().right;"
        " return end('.uplot') - end('.u-over'); })()",
    )
    assert room >= 24.0
