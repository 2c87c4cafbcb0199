"""Action items over HTTP: role and record are those of the command line, and what is refused changes nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from actions.reviews.record import ActionItem, ItemState
from classifiers.reviews_by_hand import SetItem
from tests.actions.approvals.cases import T
from tests.streams.page.served import OF_PAGE, ServedPage, log_in

DUE = date(2026, 12, 1)


def item(name: str = "item-1", state: ItemState = "open") -> ActionItem:
    return ActionItem(name, "inc-1", 1, state, "Pin the driver", "ben", DUE, "anna", T)


def with_items() -> ServedPage:
    served = ServedPage()
    for one in (item(), item("over", "done"), item("gone", "removed")):
        served.page.state.add_item(one)
    return served


async def change(served: ServedPage, name: str, headers: dict[str, str] = OF_PAGE, **body: Any) -> tuple[int, str]:
    async with served.client.post(f"/api/v1/items/{name}", json=body, headers=headers) as answer:
        return answer.status, (await answer.json()).get("error", "")


@pytest.mark.parametrize(("name", "body", "expected"), [
    ("item-1", {"state": "done"}, {"mark": "done"}),
    ("item-1", {"state": "dropped", "comment": "moved off"}, {"mark": "dropped", "comment": "moved off"}),
    ("over", {"state": "open", "comment": "came back"}, {"mark": "open", "comment": "came back"}),
    ("item-1", {"owner": "cleo", "due": "2026-12-24"}, {"owner": "cleo", "due": date(2026, 12, 24)}),
])
@pytest.mark.parametrize("who", ["rob", "carl"])
async def test_a_responder_and_a_commander_change_an_item(
    who: str, name: str, body: dict[str, Any], expected: dict[str, Any],
) -> None:
    async with with_items().running() as served:
        await log_in(served, who)
        assert await change(served, name, **body) == (202, "")
        assert served.log.written == [SetItem(name, "inc-1", who, T + 60.0, via="http", **expected)]


@pytest.mark.parametrize("who", ["vera", "ann"])
async def test_other_roles_are_refused_and_the_try_is_audited(who: str) -> None:
    async with with_items().running() as served:
        await log_in(served, who)
        status, error = await change(served, "item-1", state="done")
        assert (status, error) == (403, f"{who} may not review, expected the role responder or commander")
        assert [one.actor for one in served.log.refusals] == [who]
        assert served.log.written == []


async def test_another_site_cannot_change_an_item() -> None:
    async with with_items().running() as served:
        await log_in(served, "rob")
        status, _ = await change(served, "item-1", {**OF_PAGE, "Sec-Fetch-Site": "cross-site"}, state="done")
        assert (status, len(served.log.refusals), served.log.written) == (403, 1, [])


@pytest.mark.parametrize(("name", "body", "status", "error"), [
    ("item-9", {"state": "done"}, 404, "item 'item-9': not on record"),
    ("gone", {"state": "open"}, 404, "item 'gone': not on record"),
    ("item-1", {}, 400, "no change, expected a mark, an owner or a due date"),
    ("item-1", {"state": "removed"}, 400, "state 'removed', expected one of open, done, dropped"),
    ("item-1", {"state": "dropped"}, 400, "comment '', expected the reason why it is dropped"),
    ("over", {"state": "dropped", "comment": "x"}, 400, "state 'dropped': the item is done, so it cannot"),
    ("item-1", {"due": "soon"}, 400, "due 'soon', expected a day such as 2026-12-01"),
    ("item-1", {"owner": "x" * 61}, 400, "owner of 61 characters, expected 1 to 60"),
    ("item-1", {"owner": 7}, 400, "owner 7, expected a text"),
])
async def test_what_cannot_be_recorded_is_refused_with_what_was_expected(
    name: str, body: dict[str, Any], status: int, error: str,
) -> None:
    async with with_items().running() as served:
        await log_in(served, "rob")
        found = await change(served, name, **body)
        assert (found[0], error in found[1], served.log.written) == (status, True, [])


@pytest.mark.parametrize(("query", "names"), [("", ["item-1"]), ("?state=all", ["gone", "item-1", "over"])])
async def test_the_items_are_listed_open_ones_alone_unless_all_are_asked_for(query: str, names: list[str]) -> None:
    async with with_items().running() as served:
        await log_in(served, "vera")
        async with served.client.get(f"/api/v1/items{query}") as answer:
            assert [one["id"] for one in await answer.json()] == names
