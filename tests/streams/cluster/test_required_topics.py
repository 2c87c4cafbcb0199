"""Which topics a worker needs, and how many partitions each gets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from faust.types import TP
from structlog.testing import capture_logs

from streams.cluster import required_topics
from streams.cluster.required_topics import (
    NEW_PARTITIONS,
    RequiredTopics,
    TopicPlan,
    input_specs,
    own_specs,
    prepare_topics,
)
from streams.cluster.topics import TopicError
from streams.contracts.channels import CHANNELS
from streams.kafka.settings import Security
from tests.streams.fakes import FakeCluster, config_of

CHANNEL = {channel.setting: channel for channel in CHANNELS}


async def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **existing: int) -> TopicPlan:
    FakeCluster(**existing).replace(monkeypatch)
    return await prepare_topics(config_of(tmp_path), Security())


async def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[FakeCluster, RequiredTopics]:
    """A cluster whose one input has two partitions, and its topics once they are prepared."""
    cluster = FakeCluster(inference_latency=2)
    cluster.replace(monkeypatch)
    topics = RequiredTopics(config_of(tmp_path), Security())
    await topics.prepare()
    return cluster, topics


async def test_without_inputs_all_topics_are_created_with_the_same_partitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = await planned(tmp_path, monkeypatch)
    assert plan.shards == NEW_PARTITIONS
    assert set(plan.partitions.values()) == {NEW_PARTITIONS}
    assert plan.created == plan.partitions.keys()
    assert plan.grown == {}


async def test_missing_inputs_get_as_many_partitions_as_the_largest_input_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    with capture_logs() as logs:
        plan = await planned(tmp_path, monkeypatch, inference_latency=1)
    assert plan.shards == 1
    assert set(plan.partitions.values()) == {1}
    assert [entry["event"] for entry in logs] == ["input_topics_created", "topics_ready"]
    assert input_specs("abc", {"a": 2, "c": 6})[1].partitions == 6


async def test_an_input_that_did_not_exist_is_warned_of_with_the_topic_that_was_probably_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    with capture_logs() as logs:
        await planned(
            tmp_path, monkeypatch, inference_confidence=1, inference_latencies=1, inference_tokens=1, orders=1,
        )
        await planned(tmp_path, monkeypatch, inference_confidence=1, inference_latency=1, inference_tokens=1)
    (warning,) = [entry for entry in logs if entry["event"] == "input_topics_created"]
    assert (warning["log_level"], warning["topics"]) == ("warning", ["inference.latency"])
    assert warning["near"] == {"inference.latency": "inference.latencies"}


async def test_inputs_that_differ_start_with_the_highest_number_and_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    with capture_logs() as logs:
        plan = await planned(tmp_path, monkeypatch, inference_latency=6, inference_tokens=2)
    assert plan.shards == 6
    assert plan.partitions["inference.confidence"] == plan.partitions["tocsin.state"] == 6
    warnings = [entry for entry in logs if entry["event"] == "input_partitions_differ"]
    assert [entry["partitions"] for entry in warnings] == [
        {"inference.confidence": 6, "inference.latency": 6, "inference.tokens": 2},
    ]


async def test_own_topics_with_fewer_partitions_than_shards_are_grown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    with capture_logs() as logs:
        plan = await planned(tmp_path, monkeypatch, inference_latency=6, tocsin_state=4, tocsin_audit=1)
    assert plan.partitions["tocsin.state"] == 6
    assert plan.partitions["tocsin.audit"] == 1
    assert plan.grown == {"tocsin.state": 4}
    assert logs[-1]["grown"] == {"tocsin.state": [4, 6]}


def test_the_ledger_and_the_actions_have_the_same_partitions(tmp_path: Path) -> None:
    own = {"tocsin.actions": CHANNEL["actions"], "tocsin.ledger": CHANNEL["ledger"], "tocsin.state": CHANNEL["state"]}
    specs = own_specs(own, 4, {"tocsin.actions": 12}, config_of(tmp_path))
    assert {spec.name: spec.partitions for spec in specs} == {
        "tocsin.actions": 12, "tocsin.ledger": 12, "tocsin.state": 4,
    }


async def test_a_broker_that_does_not_know_an_assigned_partition_yet_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster, topics = await prepared(tmp_path, monkeypatch)
    monkeypatch.setattr(required_topics, "ASK_EVERY_S", 0.001)
    asyncio.get_running_loop().call_later(0.01, cluster.partitions.update, {"inference.latency": 3})
    assert await topics.grow({TP("inference.latency", 2)})
    assert cluster.partitions["tocsin.state"] == 3
    with pytest.raises(TopicError, match=r"inference.latency: partition 5 was assigned, and the broker says"):
        await topics.grow({TP("inference.latency", 5)})


async def test_an_assigned_partition_that_is_new_prepares_the_topics_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster, topics = await prepared(tmp_path, monkeypatch)
    known = {TP("inference.latency", 1), TP("tocsin.outcomes", 7)}
    assert not await topics.grow(known)

    cluster.partitions["inference.latency"] = 3
    assert await topics.grow({*known, TP("inference.latency", 2)})
    assert topics.plan.shards == cluster.partitions["tocsin.state"] == 3
