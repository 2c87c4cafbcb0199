"""Alertmanager of Debian, as it really answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from actions.channels.kinds.alertmanager import AlertmanagerParams
from actions.channels.message import ChannelRefused, Message
from tests.actions.channels.alertmanager_server import required_alertmanager
from tests.actions.channels.cases import HOSTILE, MESSAGE, said, with_label


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from required_alertmanager(tmp_path_factory)


async def tell(url: str, *messages: Message) -> None:
    async with aiohttp.ClientSession() as session:
        channel = AlertmanagerParams(url, labels={"team": "serving"}).build(session)
        for message in messages:
            await channel.send(message)


async def active(url: str, key: str) -> list[dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/v2/alerts") as response:
        return [one for one in await response.json() if one["labels"]["incident"] == key]


async def test_an_incident_is_one_alert_until_it_is_over(server: str) -> None:
    key = "/tocsin/t/inc-life"
    await tell(server, said(dedup_key=key), said(dedup_key=key))
    (alert,) = await active(server, key)
    assert (alert["labels"]["severity"], alert["labels"]["team"]) == ("P1", "serving")
    assert alert["annotations"]["summary"] == MESSAGE.title
    await tell(server, said(dedup_key=key, event="close"))
    assert await active(server, key) == []


async def test_a_change_of_severity_ends_the_alert_of_the_former_one(server: str) -> None:
    key = "/tocsin/t/inc-change"
    await tell(server, said(dedup_key=key), said(dedup_key=key, event="change", severity="P0"))
    (alert,) = await active(server, key)
    assert alert["labels"]["severity"] == "P0"


async def test_hostile_labels_are_data(server: str) -> None:
    for number, label in enumerate(HOSTILE):
        key = f"/tocsin/t/hostile-{number}"
        message = with_label(label)
        await tell(server, said(dedup_key=key, title=message.title, text=message.text))
        (alert,) = await active(server, key)
        assert set(alert["labels"]) == {"alertname", "incident", "severity", "team"}


async def test_a_refusal_is_final(server: str) -> None:
    async with aiohttp.ClientSession() as session:
        channel = AlertmanagerParams(server, labels={"": "nothing"}).build(session)
        with pytest.raises(ChannelRefused, match="answered 400") as caught:
            await channel.send(MESSAGE)
    assert caught.value.final
