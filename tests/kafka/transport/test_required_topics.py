"""Topics on a broker where somebody else made some of them first, or changed them later."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions  # type: ignore[import-untyped]
from faust.types import TP

from config.models import Config
from streams.cluster.required_topics import RequiredTopics, prepare_topics
from streams.cluster.topics import TopicError, TopicSpec, ensure_topics, existing_partitions
from streams.contracts.envelopes import Message
from streams.kafka.producer import Publisher
from streams.kafka.settings import Security
from tests.kafka.brokers import EmbeddedKafka, RealKafka
from tests.kafka.harness import Bench, unique
from tests.streams.fakes import config_of

SETTINGS = (
    "incidents", "actions", "outcomes", "audit", "dead_letters", "state", "ticks", "ledger", "control", "response",
    "checkpoints", "series",
)


def deployment(tmp_path: Path, address: str) -> tuple[Config, str]:
    """A configuration with two inputs, NAME.latency and NAME.tokens, and topics of its own: NAME.SETTING."""
    name = unique("plan")
    own = ", ".join(f"{setting}: {name}.{setting}" for setting in SETTINGS)
    return config_of(tmp_path, f"""\
version: 1
kafka: {{brokers: ['{address}'], group: {name}}}
inputs:
  - {{topic: {name}.latency, count_requests: true}}
  - {{topic: {name}.tokens}}
topics: {{{own}}}
"""), name


async def grow(address: str, topic: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_partitions({topic: NewPartitions(partitions)})
    await admin.close()


async def test_an_input_that_a_producer_made_sets_the_partitions_of_all(real: RealKafka, tmp_path: Path) -> None:
    config, name = deployment(tmp_path, real.address)
    await ensure_topics(real.address, [TopicSpec(f"{name}.latency", 1)])
    plan = await prepare_topics(config, Security())
    assert plan.shards == 1
    assert set(plan.partitions.values()) == {1}
    assert plan.created == plan.partitions.keys() - {f"{name}.latency"}
    assert plan.partitions == await existing_partitions(real.address, plan.partitions)


async def test_inputs_that_differ_start_and_smaller_topics_of_ours_are_grown(real: RealKafka, tmp_path: Path) -> None:
    config, name = deployment(tmp_path, real.address)
    await ensure_topics(real.address, [
        TopicSpec(f"{name}.latency", 1), TopicSpec(f"{name}.tokens", 3), TopicSpec(f"{name}.state", 2),
        TopicSpec(f"{name}.audit", 1), TopicSpec(f"{name}.actions", 5),
    ])
    plans = await asyncio.gather(prepare_topics(config, Security()), prepare_topics(config, Security()))
    assert plans[0].partitions == plans[1].partitions == await existing_partitions(real.address, plans[0].partitions)
    counts = {topic.removeprefix(f"{name}."): count for topic, count in plans[0].partitions.items()}
    assert plans[0].shards == 3
    assert counts == {
        "latency": 1, "tokens": 3, "state": 3, "audit": 1, "actions": 5, "ledger": 5, "incidents": 3, "outcomes": 3,
        "control": 3, "dead_letters": 3, "ticks": 3, "response": 3,
        "checkpoints": 3, "series": 3,
    }


async def test_asking_for_a_missing_topic_does_not_create_it(real: RealKafka) -> None:
    missing = unique("missing")
    assert await existing_partitions(real.address, [missing]) == {}
    assert await existing_partitions(real.address, [missing]) == {}


async def test_a_broker_that_cannot_add_partitions_is_one_clear_error(embedded: EmbeddedKafka) -> None:
    topic = unique("small")
    await ensure_topics(embedded.address, [TopicSpec(topic, 4)])
    with pytest.raises(TopicError, match=rf"{topic} has 4 of 9 partitions, and this broker cannot add partitions"):
        await ensure_topics(embedded.address, [TopicSpec(topic, 9, grow=True)])


async def test_partitions_added_to_an_input_grow_our_topics_and_a_running_producer_learns_them(
    real: RealKafka, tmp_path: Path,
) -> None:
    config, name = deployment(tmp_path, real.address)
    latency, state = f"{name}.latency", f"{name}.state"
    await ensure_topics(real.address, [TopicSpec(latency, 2), TopicSpec(f"{name}.tokens", 2)])
    topics = RequiredTopics(config, Security())
    await topics.prepare()
    async with Publisher({"bootstrap_servers": real.address}) as publisher:
        await publisher.send("test", state, [Message(b"key", b"x", (), 1)])
        await publisher.flush("test")
        await grow(real.address, latency, 3)
        assert await topics.grow({TP(latency, 2)})
        assert topics.plan.grown[state] == 2
        await publisher.learn_partitions(state, topics.plan.shards)
        await publisher.send("test", state, [Message(b"key", b"x", (), 2)])
        await publisher.flush("test")


async def test_a_worker_is_assigned_added_partitions_within_the_metadata_interval(real_bench: Bench) -> None:
    options = real_bench.options
    worker = real_bench.worker(metadata_max_age_s=1.0)
    await worker.assigned(4)
    await grow(real_bench.address, options.snapshots, 5)
    await grow(real_bench.address, options.metrics, 5)
    await worker.assigned(5, patience_s=15.0)
    assert await worker.end() == 0


async def test_partitions_added_while_a_named_worker_was_down_are_assigned_to_it(real_bench: Bench) -> None:
    options = real_bench.options
    first = real_bench.worker(instance="w1")
    await first.assigned(4)
    await first.end(signal.SIGKILL)
    await grow(real_bench.address, options.snapshots, 5)
    await grow(real_bench.address, options.metrics, 5)
    second = real_bench.worker(instance="w1", metadata_max_age_s=1.0)
    await second.assigned(5, patience_s=20.0)
    assert await second.end() == 0


async def test_a_named_worker_that_restarts_in_place_reads_its_new_input(real_bench: Bench) -> None:
    first = real_bench.worker(instance="w1")
    await first.assigned(4)
    await first.end(signal.SIGKILL)
    added = unique("added")
    await ensure_topics(real_bench.address, [TopicSpec(added, 3)])
    await real_bench.forget_state()
    second = real_bench.worker(instance="w1", metrics=added, metadata_max_age_s=1.0)
    await second.assigned(3, patience_s=20.0)
    assert await second.end() == 0


async def test_a_named_worker_that_does_not_lead_the_group_reads_its_new_input_after_a_restart_in_place(
    real_bench: Bench,
) -> None:
    leader = real_bench.worker(instance="w1")
    await leader.assigned(4)
    other = real_bench.worker(instance="w2")
    await other.assigned(2)
    await other.end(signal.SIGKILL)
    added = unique("added")
    await ensure_topics(real_bench.address, [TopicSpec(added, 3)])
    # It subscribes to more than the leader now, so all shards are its.
    other = real_bench.worker(instance="w2", extra=added, metadata_max_age_s=1.0)
    await other.assigned(4, patience_s=20.0)
    assert await other.end() == 0
