"""The incident log reads all partitions to their ends; the last record of an incident counts, bad ones are reported."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from config import load
from config.models import Config
from streams.cli import main
from streams.client.incident_log import read_topics
from streams.cluster.topics import BrokerUnavailable, TopicError, TopicSpec, ensure_topics
from streams.contracts.envelopes import Message, incident_message, outcome_message, source_of
from streams.kafka.producer import Publisher
from streams.trust.setup import authenticity_of
from tests.kafka.conftest import Broker
from tests.kafka.harness import unique
from tests.kafka.pipeline import signing_with_new_key
from tests.streams.fakes import T, config_of, incident, intent, outcome


def site(folder: Path, brokers: str) -> Config:
    names = f"topics: {{incidents: {unique('incidents')}, outcomes: {unique('outcomes')}}}"
    return config_of(folder, f'version: 1\nkafka: {{brokers: "{brokers}"}}\n{names}\n')


async def test_incidents_of_all_partitions_are_read_and_what_is_bad_is_counted(broker: Broker, tmp_path: Path) -> None:
    config = site(tmp_path, broker.address)
    topics = config.topics
    await ensure_topics(broker.address, [TopicSpec(topics.incidents, 3), TopicSpec(topics.outcomes, 3)])
    ended = replace(incident(), state="resolved", resolved_at_s=T + 60.0)
    published = [incident(), ended, *(incident(id=f"inc-{number}") for number in range(2, 9))]
    async with Publisher({"bootstrap_servers": broker.address}) as publisher:
        await publisher.send(0, topics.incidents, [incident_message(one, "s", T) for one in published])
        await publisher.send(0, topics.incidents, [Message(b"x", b"{", ())])
        await publisher.send(0, topics.outcomes, [outcome_message(outcome(intent()), "s", 0)])
        await publisher.flush(0)
    log = await read_topics(config)
    assert sorted(log.incidents) == [f"inc-{number}" for number in range(1, 9)]
    assert log.incidents["inc-1"].state == "resolved"
    assert [action.status for action in log.incidents["inc-1"].actions] == ["executed"]
    assert log.unreadable == 1
    assert topics.incidents in (log.first_unreadable or "")

    def report() -> bytes:
        arguments = ["report", "--config", str(tmp_path / "site.yaml"), "--brokers", broker.address]
        return CliRunner().invoke(main, [*arguments, "--format", "json"]).stdout_bytes

    assert orjson.loads(await asyncio.to_thread(report))["total"]["incidents"] == 8


async def test_with_keys_an_incident_or_outcome_that_its_role_did_not_sign_is_in_no_report(
    broker: Broker, tmp_path: Path,
) -> None:
    config = site(tmp_path, broker.address)
    signing = json.dumps(signing_with_new_key(tmp_path / "w.key"))
    file = tmp_path / "site.yaml"
    file.write_text(file.read_text() + f"signing: {signing}\n")
    topics, source = config.topics, source_of(config.kafka.group)
    keys = authenticity_of(load(file, {}), source)
    await ensure_topics(broker.address, [TopicSpec(topics.incidents, 1), TopicSpec(topics.outcomes, 1)])
    forged = replace(incident(), state="resolved", resolved_at_s=T + 60.0)
    async with Publisher({"bootstrap_servers": broker.address}) as publisher:
        told = keys.signed(topics.incidents, incident_message(incident(), source, T), "watch")
        await publisher.send(0, topics.incidents, [told, incident_message(forged, source, T)])
        await publisher.send(0, topics.outcomes, [outcome_message(outcome(intent()), source, 0)])
        await publisher.flush(0)
    log = await read_topics(load(file, {}))
    assert [(one.state, one.actions) for one in log.incidents.values()] == [("open", ())]
    assert log.unauthentic == 2
    assert re.match(rf"{topics.incidents}\[\d+\] offset 1: ", log.first_unauthentic or "")
    done = await asyncio.to_thread(CliRunner().invoke, main, ["report", "--config", str(file), "--format", "json"])
    assert "warning: 2 records are not signed by their role and do not count; the first: " in done.stderr
    assert orjson.loads(done.stdout)["total"]["incidents"] == 1


async def test_a_missing_topic_is_an_error_and_is_not_created(broker: Broker, tmp_path: Path) -> None:
    config = site(tmp_path, broker.address)
    with pytest.raises(TopicError, match=f"'{config.topics.incidents}': not on this broker"):
        await read_topics(config)


async def test_a_broker_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:1"):
        await read_topics(site(tmp_path, "127.0.0.1:1"))
