"""The topics of an installation as the brokers have them, compared with what workers need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from config.models import Config
from streams.cluster.required_topics import TopicPlan, prepare_topics
from streams.cluster.topics import existing_partitions
from streams.contracts.channels import CHANNELS, Channel
from streams.kafka.settings import security_of


@dataclass(frozen=True, slots=True)
class TopicState:
    """partitions: None where the topic is missing. settings: in force, None where the broker does not tell."""

    name: str
    purpose: str
    partitions: int | None
    settings: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class TopicFinding:
    """What is not as it should be, and what to do."""

    topic: str
    found: str
    remedy: str


async def read_topic_states(config: Config) -> list[TopicState]:
    """The input topics and Tocsin's own. Nothing is created. Raises `BrokerUnavailable`."""
    brokers, security = ",".join(config.kafka.brokers), security_of(config)
    purposes = {one.topic: f"input, {one.format}" for one in config.inputs}
    purposes |= {getattr(config.topics, channel.setting): channel.title.lower() for channel in CHANNELS}
    counts = await existing_partitions(brokers, purposes, security=security)
    settings = await _settings(config, list(counts))
    return [TopicState(name, purpose, counts.get(name), settings.get(name)) for name, purpose in purposes.items()]


def check_topics(config: Config, states: Sequence[TopicState]) -> list[TopicFinding]:
    """What is not as it should be."""
    inputs, own = {one.topic for one in config.inputs}, {getattr(config.topics, one.setting): one for one in CHANNELS}
    counts = {one.name: one.partitions for one in states if one.name in inputs and one.partitions is not None}
    shards, found = max(counts.values(), default=0), list[TopicFinding]()
    for one in states:
        if one.partitions is None:
            found.append(TopicFinding(one.name, "does not exist", "check its name; tocsin topic create"))
        elif one.name in inputs and one.partitions < shards:
            found.append(TopicFinding(
                one.name, f"{one.partitions} partitions, other inputs have up to {shards}",
                "give all input topics the same number, and the service as the key of each record",
            ))
        elif one.name in own:
            found += _check_own(one, own[one.name], shards)
    return found


async def create_topics(config: Config) -> TopicPlan:
    """As a worker does at its start. Raises `BrokerUnavailable` and `TopicError`."""
    return await prepare_topics(config, security_of(config))


def _check_own(state: TopicState, channel: Channel, shards: int) -> list[TopicFinding]:
    found, count = [], state.partitions or 0
    least = shards if channel.at_least is None else channel.at_least
    if count < least:
        found.append(TopicFinding(state.name, f"{count} partitions, expected {least}", "tocsin topic create"))
    for name, wanted in channel.config.items():
        actual = None if state.settings is None else state.settings.get(name)
        if name in ("cleanup.policy", "message.timestamp.type") and actual not in (None, wanted):
            found.append(TopicFinding(
                state.name, f"{name} is {actual}, expected {wanted}",
                f"kafka-configs.sh --alter --topic {state.name} --add-config {name}={wanted}",
            ))
    return found


async def _settings(config: Config, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """By topic; none where the broker cannot say or may not."""
    admin = AIOKafkaAdminClient(bootstrap_servers=config.kafka.brokers, **security_of(config).options())
    try:
        await admin.start()
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    except (KafkaError, OSError):
        return {}
    finally:
        await admin.close()
    return {name: entries for answer in answers for name, entries in map(_entries, answer.resources)}


def _entries(resource: Sequence[Any]) -> tuple[str, dict[str, str]]:
    error, _, _, name, entries = resource[:5]
    return str(name), {} if error else {str(entry[0]): str(entry[1]) for entry in entries}
