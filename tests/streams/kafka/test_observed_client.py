from __future__ import annotations

import contextlib
import inspect
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient, ConnectionGroup  # type: ignore[import-untyped]
from aiokafka.errors import KafkaConnectionError  # type: ignore[import-untyped]
from aiokafka.protocol.api import RequestStruct  # type: ignore[import-untyped]
from aiokafka.protocol.fetch import FetchRequest  # type: ignore[import-untyped]
from aiokafka.protocol.group import (  # type: ignore[import-untyped]
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    SyncGroupRequest,
)
from faust.types import TP

from streams.kafka.broker_contact import Gap
from streams.kafka.observed_client import FIRST_VERSION_WITH_STABLE_OFFSET, observe
from streams.kafka.sight import Sight

NO_ERROR, UNKNOWN_MEMBER, REBALANCE, NOT_COORDINATOR, NOT_LEADER = 0, 25, 27, 16, 6
HEARTBEAT = HeartbeatRequest("g", 1, "m")
SYNC = SyncGroupRequest("g", 1, "m", None, [])
FETCH = FetchRequest(100, 1, 1 << 20, 1, [("m", [(0, 5, 1 << 20), (1, 5, 1 << 20)])], rack_id="")


class Answer:
    """A response of the broker."""

    API_VERSION = 11

    def __init__(self, error_code: int = NO_ERROR, topics: Any = (), version: int = API_VERSION) -> None:
        self.error_code = error_code
        self.topics = topics
        self.API_VERSION = version


class Client:
    """A Kafka client whose broker gives the next answer of a list, each a second after the request."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.now_s = 0.0
        self.sight = Sight(6.0, lambda: self.now_s)
        self._answers = list(answers)
        observe(self, self.sight)

    async def send(self, *_: Any, group: int) -> Any:
        assert group == ConnectionGroup.COORDINATION
        self.now_s += 1.0
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_the_observed_method_is_the_one_of_the_library() -> None:
    assert list(inspect.signature(AIOKafkaClient.send).parameters) == ["self", "node_id", "request", "group"]
    assert inspect.signature(AIOKafkaClient.send).parameters["group"].default is ConnectionGroup.DEFAULT


@pytest.mark.parametrize("kind", FetchRequest._CLASSES, ids=lambda kind: kind.__name__)
def test_every_version_of_a_fetch_response_has_the_offsets_where_they_are_read(kind: type[RequestStruct]) -> None:
    response: Any = kind.RESPONSE_TYPE
    topics = response.SCHEMA.fields[list(response.SCHEMA.names).index("topics")]
    partitions = topics.array_of.fields[1].array_of
    expected = ["partition", "error_code", "highwater_offset"]
    if response.API_VERSION >= FIRST_VERSION_WITH_STABLE_OFFSET:
        expected.append("last_stable_offset")
    assert list(partitions.names)[:len(expected)] == expected


async def test_every_answer_shows_that_the_broker_was_there_when_it_was_asked() -> None:
    client = Client(Answer(), KafkaConnectionError("gone"), Answer(REBALANCE))
    for at_s in (0.0, 10.0, 20.0):
        client.now_s = at_s
        with contextlib.suppress(KafkaConnectionError):
            await client.send(0, HEARTBEAT, group=ConnectionGroup.COORDINATION)
    assert client.sight.contact.gaps == (Gap(0.0, 20.0),)


async def test_an_answered_heartbeat_or_sync_renews_the_lease_from_its_sending() -> None:
    for request in (HEARTBEAT, SYNC):
        client = Client(Answer())
        await client.send(0, request, group=ConnectionGroup.COORDINATION)
        client.now_s = 4.9
        assert client.sight.holds_lease()
        client.now_s = 5.0
        assert not client.sight.holds_lease()


@pytest.mark.parametrize(("error", "kept"), [(REBALANCE, True), (NOT_COORDINATOR, True), (UNKNOWN_MEMBER, False)])
async def test_an_error_renews_nothing_and_that_of_a_removed_member_ends_the_lease(error: int, kept: bool) -> None:
    client = Client(Answer(), Answer(error))
    await client.send(0, HEARTBEAT, group=ConnectionGroup.COORDINATION)
    await client.send(0, HEARTBEAT, group=ConnectionGroup.COORDINATION)
    assert client.sight.holds_lease() == kept
    client.now_s = 5.0
    assert not client.sight.holds_lease()


async def test_a_heartbeat_without_an_answer_renews_nothing() -> None:
    client = Client(KafkaConnectionError())
    with pytest.raises(KafkaConnectionError):
        await client.send(0, HEARTBEAT, group=ConnectionGroup.COORDINATION)
    assert not client.sight.holds_lease()


@pytest.mark.parametrize("request_", [
    JoinGroupRequest("g", 6000, 20000, "m", None, "consumer", []), LeaveGroupRequest("g", "m"),
])
async def test_who_joins_or_leaves_has_no_lease_from_then_on(request_: Any) -> None:
    client = Client(Answer(), KafkaConnectionError())
    await client.send(0, HEARTBEAT, group=ConnectionGroup.COORDINATION)
    with pytest.raises(KafkaConnectionError):
        await client.send(0, request_, group=ConnectionGroup.COORDINATION)
    assert not client.sight.holds_lease()


async def test_a_fetch_counts_for_the_partitions_that_were_answered_without_an_error() -> None:
    partitions: list[tuple[Any, ...]] = [(0, NO_ERROR, 9, 7, 0, [], -1, b""), (1, NOT_LEADER, -1, -1, -1, [], -1, b"")]
    client = Client(Answer(topics=[("m", partitions)]))
    await client.send(0, FETCH, group=ConnectionGroup.COORDINATION)
    assert client.sight.answered_s(TP("m", 0)) == 0.0
    assert client.sight.end(TP("m", 0)) == 7
    assert client.sight.answered_s(TP("m", 1)) is None


@pytest.mark.parametrize("answer", [
    Answer(topics=[("m", [(0, NO_ERROR, 9, b"")])], version=3),
    Answer(topics=[("m", [(0, NO_ERROR, 9, -1, [], b"")])], version=4),
])
async def test_a_broker_that_knows_no_stable_offset_ends_at_its_highwater(answer: Answer) -> None:
    client = Client(answer)
    await client.send(0, FETCH, group=ConnectionGroup.COORDINATION)
    assert client.sight.end(TP("m", 0)) == 9
