"""Action items are handed to each tracker once, whatever is repeated, and refusals say why without the token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from actions.base import Secret
from actions.channels.message import ChannelRefused
from actions.trackers import tracker as module
from actions.trackers.kinds import Task, lookup
from actions.trackers.params import TrackerKind, TrackerParams
from actions.trackers.tracker import Handed, Tracker
from tests.actions.trackers.fakes import TOKEN, USER, Trackers

TASK = Task("a1b2c3d4", "Pin the driver version", "From the review of incident inc-1.", date(2026, 12, 1))
PATHS: dict[TrackerKind, str] = {
    "github": "/repos/acme/serving", "gitlab": "/api/v4/projects/7/", "jira": "", "servicenow": "/",
}


@pytest.fixture
def trackers() -> Trackers:
    return Trackers()


@pytest.fixture
async def url(trackers: Trackers) -> AsyncIterator[str]:
    async with TestServer(trackers.app(), host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def params(kind: TrackerKind, url: str, token: str = TOKEN) -> TrackerParams:
    user = USER if kind in ("jira", "servicenow") else None
    return TrackerParams(kind, f"{url}{PATHS[kind]}", Secret(token), user, "OPS" if kind == "jira" else None)


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("github", "https://github.example/acme/serving/issues/2"),
        ("gitlab", "https://gitlab.example/acme/serving/-/issues/2"), ("jira", "/browse/OPS-2"),
        ("servicenow", "TASK0000002"),
    ],
)
async def test_an_item_is_made_once_and_found_again(
    trackers: Trackers, url: str, session: aiohttp.ClientSession, kind: TrackerKind, place: str,
) -> None:
    other = replace(TASK, id="a1b2ffff", due=None)
    await Tracker(params(kind, url), session).hand_over(other)
    handed = await Tracker(params(kind, url), session).hand_over(TASK)
    again = await Tracker(params(kind, url), session).hand_over(TASK)

    assert (handed.is_new, handed.place.removeprefix(url)) == (True, place)
    assert again == Handed(handed.place, False)
    assert len(trackers.rows[kind]) == 2
    assert TASK.id in str(trackers.rows[kind][1])


async def test_an_issue_on_a_later_page_is_found(
    trackers: Trackers, url: str, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_github = Tracker(params("github", url), session)
    await at_github.hand_over(TASK)
    more = [{"labels": ["incident-review"], "body": None, "html_url": f"u{n}"} for n in range(250)]
    trackers.rows["github"] += more
    assert not (await at_github.hand_over(TASK)).is_new
    monkeypatch.setattr(module, "MAX_PAGES", 2)
    with pytest.raises(ChannelRefused, match="over 200 issues with the label, so a repeat cannot be told"):
        await at_github.hand_over(TASK)


@pytest.mark.parametrize("kind", ["github", "gitlab", "jira", "servicenow"])
async def test_a_refusal_says_why_without_the_token_and_an_outage_may_pass(
    trackers: Trackers, url: str, session: aiohttp.ClientSession, kind: TrackerKind,
) -> None:
    with pytest.raises(ChannelRefused, match="answered 401") as refused:
        await Tracker(params(kind, url, "wrong-token-of-somebody"), session).hand_over(TASK)
    assert refused.value.final
    assert "wrong-token" not in str(refused.value)
    trackers.outage = 1
    with pytest.raises(ChannelRefused, match="answered 503") as away:
        await Tracker(params(kind, url), session).hand_over(TASK)
    assert not away.value.final
    assert (await Tracker(params(kind, url), session).hand_over(TASK)).is_new


def test_jira_in_the_cloud_has_a_search_of_its_own() -> None:
    at_jira = TrackerParams("jira", "https://acme.atlassian.net/", Secret(TOKEN), USER, "OPS")
    assert lookup(at_jira, TASK, 1)[0] == "https://acme.atlassian.net/rest/api/2/search/jql"


@pytest.mark.parametrize(
    ("kind", "url", "project", "expected"),
    [
        ("github", "http://tracker.example/repos/a/b", None, "in plain text, expected https"),
        ("jira", "https://jira.example", None, "expected the key of a project for jira alone"),
        ("gitlab", "https://gitlab.example/api/v4/projects/7", "OPS", "expected the key of a project for jira alone"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    kind: TrackerKind, url: str, project: str | None, expected: str,
) -> None:
    with pytest.raises(ValueError, match=expected):
        TrackerParams(kind, url, Secret(TOKEN), None, project)
