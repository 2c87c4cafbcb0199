"""A real Chromium without a window, and a page for it. Without a chromium on the path its tests are skipped."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.streams.page.browser.browsing import launched
from tests.streams.page.served import ServedPage


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest.fixture
async def served() -> AsyncIterator[ServedPage]:
    async with ServedPage(reads_without_login=True).running() as served:
        yield served
