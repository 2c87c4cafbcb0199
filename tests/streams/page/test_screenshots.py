"""The pictures of the page in the README are current: they show what the views show now, and an incident of the demo.

Headings and names are compared, numbers left out. Where this fails, `make screenshots` takes them anew.
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.house.tree import ROOT
from tests.streams.demo.test_picture import replayed
from tests.streams.page.screenshots import SHOWN, shown_text
from tests.streams.page.served import ServedPage
from tests.streams.page.simulated import played, told
from tests.streams.page.test_browser import browser, opened

__all__ = ["browser"]


def pictured(view: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(SHOWN.read_bytes())[view]
    return found


@pytest.mark.parametrize("view", ["now", "incident"])
async def test_a_picture_has_the_headings_and_names_of_its_view(browser: Any, view: str) -> None:
    async with ServedPage(reads_without_login=True).running() as served:
        told(served.page.state)
        (incident,) = played().incidents
        page = await opened(browser, served, "#/" if view == "now" else f"#/incident/{incident}")
        await page.locator("main h2").first.wait_for()
        assert await shown_text(page) == pictured(view)["text"]


def test_the_pictured_incident_is_one_of_the_demo() -> None:
    assert pictured("incident")["title"] in {one.title for one in replayed().incidents.values()}


def test_the_readme_shows_the_pictures() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("now", "incident"):
        assert f"docs/page/{name}.png" in text
        assert (ROOT / "docs" / "page" / f"{name}.png").stat().st_size > 10_000
