"""Takes the pictures of the page for the README from the real demo: `make screenshots`.

`python -m tests.streams.page.screenshots` plays the demo, waits until an incident is open, and takes Now; at the end it
takes an incident that an action ended. Beside the pictures it writes what they show as text, without numbers, by which
`browser/test_views.py` tells whether they are current.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from pathlib import Path

import orjson
from playwright.async_api import Page, ViewportSize, async_playwright

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "page"
SHOWN = FOLDER / "shown.json"
VIEWPORT: ViewportSize = {"width": 1280, "height": 860}
RUN = "from streams.cli import main; main()"
WORDS = "main h2, main dt:not(.name), main th, nav a"
OPEN_TIMEOUT_MS = 120_000


async def shown_text(page: Page) -> list[str]:
    """The headings and names of a view, numbers left out, each once and sorted."""
    texts = await page.locator(WORDS).all_inner_texts()
    return sorted({re.sub(r"\d+", "#", text).strip() for text in texts} - {""})


async def main() -> None:
    """Play the demo, take the pictures, stop the demo."""
    FOLDER.mkdir(exist_ok=True)
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, "demo", "--keep", stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, cwd=ROOT,
    )
    try:
        address = await asyncio.wait_for(_address(demo), 180.0)
        await _take(address)
    finally:
        if demo.returncode is None:
            demo.terminate()
            await demo.wait()


async def _address(demo: asyncio.subprocess.Process) -> str:
    assert demo.stdout is not None
    async for line in demo.stdout:
        if found := re.search(rb"http://[\d.]+:\d+/?", line):
            asyncio.get_running_loop().create_task(_drain(demo.stdout))
            return found.group().decode()
    raise SystemExit("the demo ended without an address of its page")


async def _drain(out: asyncio.StreamReader) -> None:
    async for _ in out:
        pass


async def _take(address: str) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("no chromium on the path")
    shown: dict[str, object] = {}
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await (await browser.new_context(viewport=VIEWPORT, color_scheme="dark")).new_page()
        await page.goto(address)
        await page.locator("a.row").first.wait_for(timeout=OPEN_TIMEOUT_MS)
        await page.wait_for_timeout(3000)
        await page.screenshot(path=FOLDER / "now.png")
        shown["now"] = {"text": await shown_text(page)}
        await page.goto(f"{address}#/history")
        acted = page.locator("a.row", has_text="replica").first
        await acted.wait_for(timeout=OPEN_TIMEOUT_MS)
        await page.wait_for_timeout(20_000)  # until it is over, and after its end
        await acted.click()
        await page.locator("figure canvas").first.wait_for(timeout=OPEN_TIMEOUT_MS)
        await page.wait_for_timeout(1500)
        await page.screenshot(path=FOLDER / "incident.png")
        shown["incident"] = {"text": await shown_text(page), "title": await page.locator("main h1").inner_text()}
        await browser.close()
    SHOWN.write_bytes(orjson.dumps(shown, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    asyncio.run(main())
