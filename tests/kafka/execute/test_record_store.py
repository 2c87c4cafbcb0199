"""Records for actions: ranges are read, bad records are copied, and the evidence of an incident is found."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from actions.base import RunContext, TargetError
from actions.kinds.records.preserve_evidence import PreserveEvidence, PreserveEvidenceParams
from actions.kinds.records.quarantine import Quarantine, QuarantineParams
from actions.kinds.records.rules import Range, Rules
from actions.records import NewRecord, Services
from classifiers.model import Anomaly, AuditEntry, OffsetRange, Scope
from config.models import Config
from streams.cluster.topics import TopicSpec, ensure_topics
from streams.contracts.envelopes import Message, audit_message, incident_message
from streams.kafka.producer import Publisher
from streams.worker.execute.record_store import KafkaRecords
from tests.kafka.conftest import Broker
from tests.kafka.harness import unique
from tests.streams.fakes import T, config_of, incident, intent

LIVE = RunContext()
VALUES = (b'{"latency_ms": 12}', b'{"latency_ms": -1}', b"no json", b'{"latency_ms": 14}')


def site(folder: Path, brokers: str) -> Config:
    names = f"topics: {{incidents: {unique('incidents')}, audit: {unique('audit')}}}"
    return config_of(folder, f'version: 1\nkafka: {{brokers: "{brokers}"}}\n{names}\n')


async def fill(broker: Broker, config: Config, topic: str) -> None:
    """Records in partition 1 of a topic, an incident whose alarm names them, and its audit entries."""
    topics = config.topics
    partitions = {topic: 2, topics.incidents: 3, topics.audit: 2}
    await ensure_topics(broker.address, [TopicSpec(name, count) for name, count in partitions.items()])
    records = (OffsetRange(topic, 1, 0, len(VALUES)),)
    alarm = Anomaly(Scope("chat"), "latency_ms", "cusum", T, T + 1, 9.0, 1.0, 2.0, "up", 5, T, records=records)
    async with Publisher({"bootstrap_servers": broker.address}) as publisher:
        sent = [Message(b"r0", value, (("ce_id", b"x"),), partition=1) for value in VALUES]
        await publisher.send(0, topic, sent)
        found = [incident(), replace(incident(), evidence=(alarm,)), incident(id="inc-2")]
        await publisher.send(0, topics.incidents, [incident_message(one, "s", T) for one in found])
        entries = [AuditEntry(T + number, name, "open", None, "open", "why") for number, name in enumerate(
            ("inc-1", "inc-2", "inc-1"))]
        await publisher.send(0, topics.audit, [audit_message(one, "s") for one in entries])
        await publisher.flush(0)


async def test_bad_records_of_an_incident_are_copied_once_each_under_their_event_id(
    broker: Broker, tmp_path: Path
) -> None:
    config, topic, quarantine = site(tmp_path, broker.address), unique("latency"), unique("quarantine")
    await fill(broker, config, topic)
    await ensure_topics(broker.address, [TopicSpec(quarantine, 1)])
    store = KafkaRecords(config)
    action = Quarantine(QuarantineParams((topic,), quarantine, Rules(ranges={"latency_ms": Range(min=0)})))
    action.attach(Services(store))
    for _ in range(2):
        done = await action.run(replace(intent(), kind="quarantine"), LIVE)
        assert (done.data["checked"], done.data["bad"]) == (4, 2)
    partitions = await store.partitions(quarantine)
    copied = [one for number in partitions for one in await store.read(quarantine, number, 0, 9)]
    assert sorted(one.value or b"" for one in copied) == sorted([VALUES[1], VALUES[2]] * 2)
    assert len({one.key for one in copied}) == 2
    headers = dict(next(one.headers for one in copied if one.value == VALUES[1]))
    assert (headers["tocsin-source-topic"], headers["tocsin-source-partition"], headers["tocsin-source-offset"]) == (
        topic.encode(), b"1", b"1",
    )
    assert (headers["tocsin-source-key"], headers["ce_id"]) == (b"r0", b"x")


async def test_bundle_of_an_incident_holds_its_records_and_its_own_audit_entries(
    broker: Broker, tmp_path: Path
) -> None:
    config, topic = site(tmp_path, broker.address), unique("latency")
    await fill(broker, config, topic)
    action = PreserveEvidence(PreserveEvidenceParams(str(tmp_path / "bundles")))
    action.attach(Services(KafkaRecords(config)))
    done = await action.run(replace(intent(), kind="preserve_evidence"), LIVE)
    with tarfile.open(str(done.data["path"])) as archive:
        lines = {name: archive.extractfile(name).read().count(b"\n") for name in archive.getnames()}  # type: ignore[union-attr]
    assert lines["audit.jsonl"] == 2
    assert lines[f"records/{topic}-1-0-4.jsonl"] == 4
    assert (await action.read_back(replace(intent(), kind="preserve_evidence"))).applied is True


async def test_topic_partition_and_incident_that_are_missing_are_not_retried(broker: Broker, tmp_path: Path) -> None:
    config, topic = site(tmp_path, broker.address), unique("latency")
    await fill(broker, config, topic)
    store, missing = KafkaRecords(config), unique("missing")
    assert await store.incident("inc-9") is None
    new = [NewRecord(b"k", b"v")]
    for call in (store.read(missing, 0, 0, 1), store.read(topic, 7, 0, 1), store.write(missing, new)):
        with pytest.raises(TargetError) as caught:
            await call
        assert not caught.value.retryable
    with pytest.raises(TargetError, match="not on this broker"):
        await store.read(missing, 0, 0, 1)
    assert await store.read(topic, 1, 2, 100) == (await store.read(topic, 1, 0, 100))[2:]
    assert await store.read(topic, 1, 50, 60) == []


async def test_broker_that_is_not_there_may_be_retried(tmp_path: Path, unused_tcp_port: int) -> None:
    store = KafkaRecords(site(tmp_path, f"127.0.0.1:{unused_tcp_port}"), timeout_s=2.0)
    with pytest.raises(TargetError, match="Kafka at 127") as caught:
        await store.incident("inc-1")
    assert caught.value.retryable
