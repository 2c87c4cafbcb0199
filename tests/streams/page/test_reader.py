"""What the page makes of the records of the topics: what is not authentic neither shows nor hides anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from actions.approvals.request import request_of
from actions.remedies.changes import begun
from streams.contracts.catalogue import APPROVAL
from streams.contracts.envelopes import approval_message, tombstone
from streams.contracts.signatures import sign_message
from streams.page.state import PageState
from streams.respond.page.reader import PageReader
from tests.actions.approvals.cases import SOURCE, T, suggested
from tests.streams.fakes import config_of, record_of
from tests.streams.records import FakeRecord
from tests.streams.respond.test_topic_reader import KEYS, RESPOND, WORKER


async def test_only_what_the_role_respond_signed_for_its_key_removes_a_request(tmp_path: Path) -> None:
    state, config = PageState(), config_of(tmp_path)
    topic = config.topics.response
    reader = PageReader(config, state, KEYS, lambda: None)
    asked = approval_message(request_of(suggested(), 2, 1, T), SOURCE, 0)
    await reader.process(topic, [record_of(sign_message(topic, asked, RESPOND), topic)])
    assert asked.key is not None
    removal = tombstone(APPROVAL, asked.key.decode(), SOURCE, T, 0)
    other = replace(sign_message(topic, tombstone(APPROVAL, "approval/other", SOURCE, T, 0), RESPOND), key=asked.key)
    for forged in (removal, sign_message(topic, removal, WORKER), other):
        await reader.process(topic, [record_of(forged, topic)])
        assert [one.key for one in state.requests()] == ["k1"]
    await reader.process(topic, [record_of(sign_message(topic, removal, RESPOND), topic)])
    assert state.requests() == []


@pytest.mark.parametrize("value", [b"null", b"[]", b"{"])
async def test_a_record_that_cannot_be_read_hides_none_of_the_same_poll(tmp_path: Path, value: bytes) -> None:
    state, config = PageState(), config_of(tmp_path)
    topic = config.topics.ledger
    remedy = begun(None, suggested(kind="circuit_breaker", target="chat/r0"), 3600.0, 2, T)
    assert remedy is not None
    await PageReader(config, state, KEYS, lambda: None).process(topic, [
        FakeRecord(value, 0, topic), FakeRecord(orjson.dumps(remedy.to_json()), 1, topic),
    ])
    assert [one.target for one in state.in_force.remedies()] == ["chat/r0"]
