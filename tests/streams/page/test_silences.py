"""Silences over HTTP: those that are not over are listed, and each is ended by its id."""

from __future__ import annotations

from typing import Any, Literal

from classifiers.directives import Expire, Matcher, Silence
from tests.actions.approvals.cases import T, incident
from tests.streams.page.browser.browsing import ONE_LOOP
from tests.streams.page.served import WINDOW, ServedPage

NOW_S = T + 60.0


def silence(name: str, service: str = "chat", op: Literal["=", "=~"] = "=", until_s: float = T + 600.0) -> Silence:
    return Silence(name, (Matcher("service", op, service),), T, until_s, "ann", "moving racks")


async def listed(served: ServedPage, query: str = "") -> list[Any]:
    headers = {"Authorization": "Bearer token-vera"}
    async with served.client.get(f"/api/v1/silences{query}", headers=headers) as answer:
        return list(await answer.json())


async def posted(served: ServedPage, path: str) -> tuple[int, str]:
    headers, body = {"Authorization": "Bearer token-rob"}, {"comment": "moved"}
    async with served.client.post(f"/api/v1/{path}", json=body, headers=headers) as answer:
        return answer.status, (await answer.json()).get("error", "")


async def ended(served: ServedPage, name: str) -> tuple[int, str]:
    return await posted(served, f"silences/{name}/expire")


async def unsilenced(served: ServedPage, silenced_by: str) -> tuple[int, str]:
    served.tell(incident(silenced_by=silenced_by))
    return await posted(served, "incidents/inc-1/unsilence")


@ONE_LOOP
async def test_silences_in_force_and_to_come_are_listed_and_ended_ones_if_asked_for(served: ServedPage) -> None:
    for one in (silence("s1"), silence("wide", op="=~"), silence("past", until_s=NOW_S - 1.0)):
        served.page.state.add_silence(one)
    assert [(one["id"], one["what"], one["service"]) for one in await listed(served)] == [
        ("s1", "service chat", "chat"), ("wide", "service like chat", None),
    ]
    assert [one["id"] for one in await listed(served, "?state=all")] == ["s1", "wide", "past"]


@ONE_LOOP
async def test_a_silence_is_ended_by_its_id_by_who_may_silence_its_service(served: ServedPage) -> None:
    for one in (
        silence("s1"), silence("wide", op="=~"), silence("past", until_s=NOW_S - 1.0), silence("theirs", "vault"),
    ):
        served.page.state.add_silence(one)
    for name, status, reason in (
        ("none", 404, "unknown, expected one of GET silences"), ("wide", 403, "it may fit several services"),
        ("past", 409, "it is over already"), ("theirs", 403, "rob may not silence for vault"),
    ):
        found, error = await ended(served, name)
        assert (found, reason in error) == (status, True), error
    assert served.log.written == []
    assert [one.actor for one in served.log.refusals] == ["rob", "rob"]
    assert (await ended(served, "s1"))[0] == 202
    assert served.log.written == [Expire("s1", "rob", NOW_S, "moved")]


@ONE_LOOP
async def test_at_an_incident_a_silence_is_ended_by_the_right_to_silence_its_service(served: ServedPage) -> None:
    for one in (silence("wide", op="=~"), silence("past", until_s=NOW_S - 1.0), silence("theirs", "vault")):
        served.page.state.add_silence(one)
    for name, status, reason in (
        ("wide", 403, "it may fit several services"), ("past", 409, "it is over already"),
        ("theirs", 403, "rob may not silence for vault"), ("none", 404, "silence 'none': unknown"),
    ):
        found, error = await unsilenced(served, name)
        assert (found, reason in error) == (status, True), error
    assert served.log.written == []


@ONE_LOOP
async def test_a_maintenance_window_is_no_silence_that_a_person_can_end(served: ServedPage) -> None:
    found, error = await unsilenced(served, WINDOW.name)
    assert (found, served.log.written) == (409, [])
    assert error == (
        "maintenance window 'nightly': set in the configuration, it ends at 2026-11-23 09:00 UTC or by another "
        "configuration; expected a silence of a person"
    )
