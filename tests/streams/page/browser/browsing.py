"""What tests of the page do in a browser: open a view, log in, and look for faults of accessibility."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, expect

from tests.streams.page.served import ServedPage

SERIOUS = ("serious", "critical")
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


async def opened(browser: Browser, served: ServedPage, view: str = "", width: int = 1360) -> Page:
    """A viewer with a session of its own, once the page is live."""
    context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark")
    page = await context.new_page()
    await page.goto(f"{served.url}{view}")
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
