"""The messages of the AsyncAPI document: headers, payload, key and an example of each type.

Payloads are schema objects of AsyncAPI, whose parser knows JSON Schema up to draft 7; ours use nothing newer. They are
equivalent to the 2020-12 schema that `ce_dataschema` of a message names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from streams.contracts.catalogue import CONTROL, MessageType
from streams.contracts.control_records import KEY_HEADER, SIGNATURE_HEADER
from streams.contracts.envelopes import SHARD_HEADER
from streams.contracts.examples import MESSAGES
from streams.contracts.schemas import Schema, schema_of
from streams.intake.dead_letters import PREFIX

BINDING = "0.5.0"
"""Version of the Kafka bindings."""
HEADERS: Mapping[str, str] = {
    "ce_specversion": "Version of CloudEvents.",
    "ce_type": "The message type with its version.",
    "ce_id": "With ce_source the identity of the event: a repeat has the same.",
    "ce_source": "The deployment that wrote it: /tocsin/ and its consumer group.",
    "ce_time": "When it was written or done, RFC 3339 in UTC.",
    "ce_subject": "Its subject: an incident, a target, a decision.",
    "ce_dataschema": "The JSON Schema of the value; `tocsin schema` prints it.",
    "ce_correlationid": "The incident that it belongs to; of a control record its subject.",
    "content-type": "Of the value.",
}
OPTIONAL_HEADERS: Mapping[str, str] = {
    "ce_expirytime": "From then on it is refused.",
    SHARD_HEADER: "Internal: the shard that found the incident or made the decision.",
    "traceparent": "W3C trace context, where traces are on.",
}
SIGNED_HEADERS: Mapping[str, str] = {
    KEY_HEADER: "The name of the key that signed it.",
    SIGNATURE_HEADER: "HMAC-SHA256 of type, id, time, subject, key and value, in hexadecimal.",
}
"""Of control records: a record without them is refused."""
REASONS: Mapping[str, str] = {
    "exception": "The reason, one word of a closed set.",
    "message": "What was wrong: place, value and what was expected.",
    "topic": "The topic of the record.",
    "partition": "Its partition.",
    "offset": "Its offset.",
}

DEAD_LETTER: Schema = {
    "name": "dead_letter", "title": "Dead letter", "summary": "A record as it came, and why it could not be used.",
    "contentType": "application/octet-stream",
    "headers": {
        "type": "object", "required": [PREFIX + name for name in REASONS],
        "properties": {PREFIX + name: {"type": "string", "description": text} for name, text in REASONS.items()},
    },
}
"""A dead letter: any bytes, and the headers of KIP-1034 beside those that the record came with."""
INTERNAL: Schema = {
    "name": "internal", "title": "Internal", "summary": "Not for others: it may change with any release.",
    "contentType": "application/octet-stream", "x-internal": True,
}

FOREIGN_INPUTS: Mapping[str, Schema] = {
    "otlp_proto": {
        "name": "otlp_proto", "title": "OTLP metrics", "contentType": "application/x-protobuf",
        "summary": "An ExportMetricsServiceRequest of OpenTelemetry, as its Collector writes it.",
    },
    "otlp_json": {
        "name": "otlp_json", "title": "OTLP metrics", "contentType": "application/json",
        "summary": "An ExportMetricsServiceRequest of OpenTelemetry in OTLP/JSON, as its Collector writes it.",
    },
    "prometheus_json": {
        "name": "prometheus_json", "title": "Prometheus sample", "contentType": "application/json",
        "summary": "One sample with timestamp, value, name and labels, as prometheus-kafka-adapter writes it.",
    },
}
"""Input formats that others specify, by format."""


def message_of(kind: MessageType) -> Schema:
    """The message object of a type."""
    made: Schema = {
        "name": kind.event_type, "title": kind.name, "summary": kind.summary, "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{kind.name}"},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": BINDING}},
    }
    if kind.written_by_tocsin:
        made["headers"] = _headers(kind)
        made["correlationId"] = {"location": "$message.header#/ce_correlationid"}
    if kind.name in MESSAGES:
        made["examples"] = [_example(kind)]
    return made


def schemas_of(kind: MessageType) -> Iterator[tuple[str, Schema]]:
    """The schema of a type and of each class in it, by their names in the document."""
    made = schema_of(kind)
    for name, part in made.pop("$defs", {}).items():
        yield name, _relinked(part)
    # An identifier would make the references relative to itself.
    yield kind.name, _relinked({name: part for name, part in made.items() if name not in ("$schema", "$id")})


def _headers(kind: MessageType) -> Schema:
    fixed = {
        "ce_specversion": "1.0", "ce_type": kind.event_type, "ce_dataschema": kind.schema_id,
        "content-type": "application/json",
    }
    required = {**HEADERS, **SIGNED_HEADERS} if kind in CONTROL else HEADERS
    properties = {
        name: {"type": "string", "description": text, **({"const": fixed[name]} if name in fixed else {})}
        for name, text in {**required, **OPTIONAL_HEADERS}.items()
    }
    return {"type": "object", "properties": properties, "required": list(required)}


def _example(kind: MessageType) -> Schema:
    message = MESSAGES[kind.name]
    made: Schema = {"name": kind.name, "payload": orjson.loads(message.value or b"")}
    if message.headers:
        made["headers"] = {name: value.decode() for name, value in message.headers}
    return made


def _relinked(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            name: value.replace("#/$defs/", "#/components/schemas/") if name == "$ref" else _relinked(value)
            for name, value in part.items()
        }
    return [_relinked(one) for one in part] if isinstance(part, list) else part
