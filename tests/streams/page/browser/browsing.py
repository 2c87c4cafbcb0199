"""What tests of the page do in a browser: open a view, log in, and look for faults of accessibility."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, async_playwright, expect

from streams.respond.page.sessions import COOKIE
from tests.streams.page.served import ServedPage, log_in

ONE_LOOP = pytest.mark.asyncio(loop_scope="module")
"""Of what uses the browser or the page of its module."""
REQUIRED = os.environ.get("TOCSIN_REQUIRE_BROWSER") == "1"
SERIOUS = ("serious", "critical")
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
PATIENCE_MS = 20_000
"""How long a test waits for what the page does at once: the machine may be slow."""
expect.set_options(timeout=PATIENCE_MS)


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A Chromium; skips the test where there is none, unless TOCSIN_REQUIRE_BROWSER=1 makes that a failure."""
    chromium = shutil.which("chromium")
    if chromium is None and not REQUIRED:
        pytest.skip("no chromium on the path, so the page is not tested in a browser")
    assert chromium is not None, "TOCSIN_REQUIRE_BROWSER=1, and no chromium on the path"
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


async def opened(
    browser: Browser, served: ServedPage, view: str = "", width: int = 1360, *, who: str | None = None,
    scheme: Literal["dark", "light"] = "dark", address: str | None = None, zone: str = "UTC",
) -> Page:
    """A viewer with a session of its own, once the page is live. who: has logged in. address: if not that of served.
    zone: of the viewer.
    """
    context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, timezone_id=zone)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    if who is not None:
        await context.add_cookies([{"name": COOKIE, "value": await log_in(served, who), "url": served.url}])
    await page.goto(f"{address or served.url}{view}")
    await expect(page.locator("#live")).to_have_text("live")
    return page


async def log_in_as(page: Page, who: str) -> None:
    """Log in with the token of a person, as one does it."""
    await page.get_by_role("button", name="Log in").click()
    await page.locator("dialog input").fill(f"token-{who}")
    await page.locator("dialog button[type=submit]").click()
    await expect(page.get_by_role("button", name="Log out")).to_be_visible()


async def serious_faults(page: Page) -> list[tuple[Any, Any]]:
    """What axe-core finds that is serious or critical: the rule, and the first element."""
    found = (await Axe().run(page)).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS]


async def is_wider_than_the_screen(page: Page) -> bool:
    """Whether one has to scroll sideways."""
    wider: bool = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return wider
