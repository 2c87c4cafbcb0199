"""One Chromium for all tests of a module, which run in one event loop; each has a page of its own. Without a chromium
on the path its tests are skipped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.streams.page.browser.browsing import launched
from tests.streams.page.served import ServedPage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def browser(chromium: Browser, served: ServedPage) -> AsyncIterator[Browser]:
    """Its viewers leave after a test, and before the server does, which would wait for them."""
    del served
    yield chromium
    for context in chromium.contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def served() -> AsyncIterator[ServedPage]:
    async with ServedPage(reads_without_login=True).running() as served:
        yield served
