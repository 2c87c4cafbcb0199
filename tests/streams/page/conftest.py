"""A real Chromium without a window, and a page for it. Without a chromium on the path its tests are skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from tests.streams.page.served import ServedPage

REQUIRED = os.environ.get("TOCSIN_REQUIRE_BROWSER") == "1"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
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


@pytest.fixture
async def served() -> AsyncIterator[ServedPage]:
    async with ServedPage(reads_without_login=True).running() as served:
        yield served
