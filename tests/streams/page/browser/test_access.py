"""How one comes to the page: behind a path prefix, with the JWT of a proxy, and again after a session is over."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from classifiers.directives import Acknowledge
from streams.respond.http.authentication import MAX_FAILURES
from streams.respond.page.sessions import LASTS_S
from tests.actions.approvals.cases import T, incident
from tests.streams.page.browser.browsing import log_in_as, opened
from tests.streams.page.browser.proxy import Proxy, issuer
from tests.streams.page.served import ServedPage
from tests.streams.page.simulated import told

pytestmark = pytest.mark.asyncio(loop_scope="module")
BY_ROB = Acknowledge("inc-1", "rob", T + 60.0, T + 3660.0)


async def acknowledge(page: Page) -> None:
    await page.get_by_role("button", name="Acknowledge").click()
    await page.locator("dialog button[type=submit]").click()
    await expect(page.locator("#toast")).to_contain_text("Written: acknowledged")


async def test_behind_a_path_prefix_files_interface_events_and_login_work(browser: Browser) -> None:
    async with ServedPage().running() as served, Proxy(served.url, "/tocsin/").running() as proxy:
        told(served.page.state)
        page = await (await browser.new_context()).new_page()
        faults: list[str] = []
        page.on("response", lambda one: faults.append(f"{one.status} {one.url}") if one.status >= 400 else None)
        page.on("console", lambda one: faults.append(one.text) if one.type == "error" else None)
        await page.goto(proxy.url)
        await log_in_as(page, "rob")
        await expect(page.locator("#live")).to_have_text("live")
        served.tell(incident(title="told by an event"))
        for view, text in (
            ("services", "Watching 18 series"), ("history", "History"), ("configuration", "Configuration in force"),
            ("status", "As of"), ("service/chat?model=gpt", "chat, model gpt"), ("", "told by an event"),
        ):
            await page.evaluate("view => { location.hash = `#/${view}`; }", view)
            await expect(page.locator("main")).to_contain_text(text)
        await page.get_by_text("told by an event").click()
        await acknowledge(page)
        assert served.log.written == [BY_ROB]
        await expect(page.locator(".bar")).to_have_css("position", "sticky")
        icon = page.locator("img[src$='icon.svg']")
        assert await icon.evaluate("one => one.complete && one.naturalWidth > 0")
        assert (faults, proxy.outside) == ([], [])
        await page.context.close()


async def test_a_jwt_of_the_proxy_names_who_acts_and_without_one_all_can_only_be_read(browser: Browser) -> None:
    known = issuer()
    async with (
        ServedPage(reads_without_login=True, jwt=known, keys=known.keys).running() as served,
        Proxy(served.url).running() as proxy,
    ):
        served.tell(incident())
        page = await opened(browser, served, "#/incident/inc-1", address=proxy.url)
        await expect(page.locator("main h1")).to_have_text("v2 is slow")
        await expect(page.locator(".incident-head").get_by_role("button")).to_have_count(0)
        await proxy.authorize(known.header("rob"))
        await page.reload()
        await expect(page.locator("#who")).to_contain_text("rob")
        await expect(page.locator("#who").get_by_role("button")).to_have_count(0)  # the proxy would name rob again
        await acknowledge(page)
        assert served.log.written == [BY_ROB]
        await proxy.authorize(known.header("vera"))
        await page.reload()
        await expect(page.get_by_role("button", name="Acknowledge")).to_be_disabled()
        await page.context.close()


async def test_a_jwt_that_does_not_count_is_told_and_does_not_lock_anybody_out(browser: Browser) -> None:
    """A page that stays open over night asks rarely, and goes on by itself once the proxy has a new one."""
    known = issuer()
    async with (
        ServedPage(jwt=known, keys=known.keys).running() as served,
        Proxy(served.url, authorization=known.header("rob", -100.0)).running() as proxy,
    ):
        served.tell(incident())
        page = await (await browser.new_context()).new_page()
        await page.clock.install()
        await page.goto(proxy.url)
        await expect(page.locator("main")).to_contain_text("the JWT does not count")
        for _ in range(2 * MAX_FAILURES):
            await page.clock.run_for(2_900)
        await expect(page.locator("main")).to_contain_text("the JWT does not count")
        assert 0 < len(served.log.refusals) < MAX_FAILURES / 2
        await proxy.authorize(known.header("rob"))
        await page.clock.run_for(60_000)
        await expect(page.locator("main h1")).to_have_text("1 incident open: 1 P2")
        await page.context.close()


async def test_a_session_that_is_over_is_said_and_one_logs_in_again(browser: Browser) -> None:
    """After a restart of the role respond no session is known any more."""
    async with ServedPage().running() as served:
        page = await opened(browser, served, who="rob")
        served.mono_s += LASTS_S
        served.cut_connections()
        await expect(page.locator("main")).to_contain_text("Reading wants a login")
        await expect(page.locator("#live")).to_have_text("not logged in")
        assert len(served.log.refusals) < MAX_FAILURES / 2
        await log_in_as(page, "rob")
        await expect(page.locator("main h1")).to_have_text("No incident is open, and no service is watched yet")
        served.tell(incident())
        await expect(page.locator("main h1")).to_have_text("1 incident open: 1 P2")
        await page.context.close()
