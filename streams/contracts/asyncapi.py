"""The AsyncAPI 3.0 document of every topic, made from the same tables as the messages and the topics themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version

from config.models import Config, Input
from streams.contracts.asyncapi_messages import BINDING, DEAD_LETTER, FOREIGN_INPUTS, INTERNAL, message_of, schemas_of
from streams.contracts.catalogue import RECORD, MessageType
from streams.contracts.channels import CHANNELS, Channel
from streams.contracts.schemas import Schema

ABOUT = (
    "What Tocsin reads and writes on Kafka. It writes CloudEvents 1.0 in binary mode: attributes in headers that begin "
    "with ce_, data as JSON in the value. Delivery is at least once; a repeat has the same ce_source and ce_id. Ignore "
    "fields that you do not know. Topics marked internal may change with any release."
)
FORMATS: Mapping[str, str] = {"native": RECORD.name, **{name: name for name in FOREIGN_INPUTS}}
"""The message that the records of an input topic are, by its configured format."""
LISTS = frozenset({"cleanup.policy"})
"""Settings of a topic that the binding wants as a list."""


def document(config: Config) -> Schema:
    """The document for the topics of a configuration. Cost: some 50 ms."""
    kinds = {kind.name: kind for kind in _kinds(config)}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tocsin", "version": version("tocsin"), "description": ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            f"kafka-{number}": {"host": broker, "protocol": "kafka"}
            for number, broker in enumerate(config.kafka.brokers)
        },
        "channels": {
            **{one.topic: _input(one) for one in config.inputs},
            **{one.setting: _channel(one, getattr(config.topics, one.setting)) for one in CHANNELS},
        },
        "operations": dict(_operations(config)),
        "components": {
            "messages": {
                **{name: message_of(kind) for name, kind in kinds.items()},
                "dead_letter": DEAD_LETTER, "internal": INTERNAL,
                **{one.format: FOREIGN_INPUTS[one.format] for one in config.inputs if one.format in FOREIGN_INPUTS},
            },
            "schemas": dict(part for kind in kinds.values() for part in schemas_of(kind)),
        },
    }


def _kinds(config: Config) -> Iterator[MessageType]:
    if any(FORMATS[one.format] == RECORD.name for one in config.inputs):
        yield RECORD
    for one in CHANNELS:
        yield from one.messages


def _input(one: Input) -> Schema:
    name = FORMATS[one.format]
    return {
        "address": one.topic, "title": "Measurements",
        "description": "Written by serving stacks, keyed by service. All inputs have the same number of partitions.",
        "tags": [{"name": "input"}], "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {"kafka": {"topic": one.topic, "bindingVersion": BINDING}},
    }


def _channel(one: Channel, address: str) -> Schema:
    kafka: Schema = {"topic": address, "bindingVersion": BINDING}
    if one.config:
        kafka["topicConfiguration"] = {name: _setting(name, value) for name, value in one.config.items()}
    made: Schema = {
        "address": address, "title": one.title, "description": f"{one.description} Key: {one.key}",
        "tags": [{"name": "internal" if one.internal else "own"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _names(one)},
        "bindings": {"kafka": kafka},
    }
    return {**made, "x-internal": True} if one.internal else made


def _names(one: Channel) -> list[str]:
    if one.internal:
        return ["internal"]
    return [kind.name for kind in one.messages] or ["dead_letter"]


def _operations(config: Config) -> Iterator[tuple[str, Schema]]:
    group = {"kafka": {"groupId": {"type": "string", "const": config.kafka.group}, "bindingVersion": BINDING}}
    for one in config.inputs:
        receive = _operation("receive", one.topic, [FORMATS[one.format]])
        yield f"receive-{one.topic}", {**receive, "bindings": group}
    for channel in CHANNELS:
        for action in channel.directions:
            yield f"{action}-{channel.setting}", _operation(action, channel.setting, _names(channel))


def _operation(action: str, channel: str, names: list[str]) -> Schema:
    place = f"#/channels/{channel}"
    return {
        "action": action, "channel": {"$ref": place}, "messages": [{"$ref": f"{place}/messages/{n}"} for n in names],
    }


def _setting(name: str, value: str) -> object:
    """As the binding types it: numbers as numbers."""
    if name in LISTS:
        return value.split(",")
    return int(value) if value.isdigit() else value
