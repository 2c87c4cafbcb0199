"""The page is small, strict, and read by who may; it acts for its own person and for no other site."""

from __future__ import annotations

import re
from typing import Any

import pytest

from streams.respond.page.assets import Assets
from streams.respond.page.sessions import COOKIE, PAGE_HEADER
from tests.actions.approvals.cases import incident
from tests.streams.page.served import OF_PAGE, ServedPage, log_in


async def acknowledge(served: ServedPage, headers: dict[str, str]) -> int:
    async with served.client.post("/api/v1/incidents/inc-1/acknowledge", json={}, headers=headers) as answer:
        return answer.status


def test_the_page_weighs_less_than_400_kb() -> None:
    assert Assets().size_bytes < 400_000


async def test_each_colour_is_defined_once_for_both_themes() -> None:
    async with ServedPage().running() as served, served.client.get("/assets/page.css") as answer:
        names = re.findall(r"(--[\w-]+): ", await answer.text())
    assert names
    assert [name for name in names if names.count(name) > 1] == []


async def test_nothing_inline_runs() -> None:
    async with ServedPage().running() as served, served.client.get("/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        text = await answer.text()
        assert ("<script>" in text, " style=" in text, "://" in text) == (False, False, False)


@pytest.mark.parametrize("path", ["now", "history", "events", "incidents/inc-1"])
async def test_reading_wants_a_login_unless_it_is_open_to_all(path: str) -> None:
    async with ServedPage().running() as served, served.client.get(f"/page/{path}") as answer:
        assert answer.status == 401
    async with ServedPage(reads_without_login=True).running() as served:
        served.tell(incident())
        async with served.client.get(f"/page/{path}") as answer:
            assert answer.status == 200


async def test_who_reads_without_login_cannot_act() -> None:
    async with ServedPage(reads_without_login=True).running() as served:
        served.tell(incident())
        assert await acknowledge(served, OF_PAGE) == 401
        assert served.log.written == []


async def test_a_person_acts_from_the_page_and_no_other_site_can() -> None:
    async with ServedPage().running() as served:
        served.tell(incident())
        await log_in(served, "rob")
        for foreign in (
            {}, {PAGE_HEADER: "1"}, {**OF_PAGE, "Sec-Fetch-Site": "cross-site"},
            {PAGE_HEADER: "1", "Origin": "https://elsewhere.example"},
        ):
            assert await acknowledge(served, foreign) == 403
        assert len(served.log.refusals) == 4
        assert await acknowledge(served, OF_PAGE) == 202
        (written,) = served.log.written
        assert (written.by, written.subject) == ("rob", "inc-1")


async def test_a_session_ends_at_log_out() -> None:
    async with ServedPage().running() as served:
        served.tell(incident())
        value = await log_in(served, "rob")
        await served.client.delete("/page/session", headers=OF_PAGE)
        assert await acknowledge(served, {**OF_PAGE, "Cookie": f"{COOKIE}={value}"}) == 401


async def test_a_wrong_token_is_refused_and_audited() -> None:
    async with ServedPage().running() as served:
        body: Any = {"token": "guessed"}
        async with served.client.post("/page/session", json=body, headers=OF_PAGE) as answer:
            assert (answer.status, COOKIE in answer.cookies) == (401, False)
        assert [one.event for one in served.log.refusals] == ["refused"]
