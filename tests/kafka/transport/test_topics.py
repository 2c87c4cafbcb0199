"""Required topics exist afterwards, or the error names what is missing."""

from __future__ import annotations

import socket
import ssl
import sys

import faust
import pytest

from streams.cluster.embedded_broker import EmbeddedBroker, EmbeddedBrokerMissing
from streams.cluster.topics import BrokerUnavailable, TopicError, TopicSpec, ensure_topics
from streams.contracts.channels import COMPACTED
from streams.kafka.settings import KafkaSettings, Security
from streams.transport.faust_app import make_app
from tests.kafka.conftest import Broker
from tests.kafka.harness import unique


class TestTopics:
    async def test_missing_topics_are_created_and_present_ones_left(self, broker: Broker) -> None:
        one, two = unique("one"), unique("two")
        first = await ensure_topics(broker.address, [TopicSpec(one, 4)])
        both = await ensure_topics(broker.address, [TopicSpec(one, 3), TopicSpec(two, 4, COMPACTED)])
        assert first == {one: 4}
        assert both == {one: 4, two: 4}

    async def test_too_few_partitions_are_an_error(self, broker: Broker) -> None:
        name = unique("few")
        await ensure_topics(broker.address, [TopicSpec(name, 2)])
        with pytest.raises(TopicError, match=f"'{name}': expected 9 partitions, found"):
            await ensure_topics(broker.address, [TopicSpec(name, 9, at_least=9)])


async def test_a_broker_that_does_not_answer_is_named_with_the_time_waited() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(BrokerUnavailable, match=rf"{address} did not answer within 0\.5 s"):
            await ensure_topics(address, [TopicSpec("t", 1)], timeout_s=0.5)


async def test_a_broker_that_is_not_there_is_waited_for_and_then_named() -> None:
    with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:1 did not answer within 0\.6 s"):
        await ensure_topics("127.0.0.1:1", [TopicSpec("t", 1)], timeout_s=0.6)


def test_without_its_package_the_embedded_broker_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(EmbeddedBrokerMissing, match="the extra demo"):
        EmbeddedBroker().start()


def test_a_password_is_not_printed() -> None:
    assert "secret" not in repr(Security(username="u", password="secret"))


def test_credentials_reach_faust_and_the_client_alike() -> None:
    security = Security(ssl.create_default_context(), "SCRAM-SHA-512", "u", "p")
    credentials = make_app(KafkaSettings("127.0.0.1:1", "g", security=security)).conf.broker_credentials
    assert isinstance(credentials, faust.SASLCredentials)
    assert credentials.protocol.value == security.options()["security_protocol"] == "SASL_SSL"
    assert credentials.mechanism.value == "SCRAM-SHA-512"


def test_times_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="heartbeat_s 7"):
        KafkaSettings("b", "g", heartbeat_s=7)
    with pytest.raises(ValueError, match="hand_over_timeout_s 30"):
        KafkaSettings("b", "g", hand_over_timeout_s=30)


def test_a_plain_topic_is_not_taken_for_a_batched_one() -> None:
    with pytest.raises(ValueError, match="'control' is not batched"):
        make_app(KafkaSettings("127.0.0.1:1", "g", frozenset({"m"}))).batch_topic("control")
