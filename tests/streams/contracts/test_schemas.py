"""The schemas say everything about the messages, and the messages keep to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings

from classifiers.model import Incident
from streams.contracts.catalogue import CATALOGUE, INCIDENT, RECORD, MessageType
from streams.contracts.envelopes import Message, audit_message, incident_message, intent_message, outcome_message
from streams.contracts.fields import FIELDS
from streams.contracts.schemas import Schema, schema_of
from streams.intake.native import decode
from streams.intake.scopes import ScopeTable
from streams.intake.validation import ValidationLimits
from streams.pipeline import Products, Shard
from tests.simulation.run import LATENCY, RECORDINGS, Run, demo_plan, recorded
from tests.streams.contracts.strategies import incidents
from tests.streams.contracts.valid import validator, violations
from tests.streams.fakes import T, outcome
from tests.streams.records import NOW_S, records, sample


@pytest.mark.parametrize("described", FIELDS, ids=lambda described: described.__name__)
def test_every_field_has_a_description_in_the_contract(described: type) -> None:
    """A field that is new: say in `streams/contracts/fields.py` what it means to a reader."""
    assert sorted(FIELDS[described]) == sorted(field.name for field in fields(described))


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=lambda kind: kind.name)
def test_a_schema_names_its_version_and_says_what_its_objects_are(kind: MessageType) -> None:
    schema = schema_of(kind)
    assert schema["$id"] == f"urn:tocsin:schema:{kind.name}:v{kind.version}"
    assert all(text for text in descriptions(schema))


def descriptions(schema: Schema) -> Iterator[str]:
    yield schema["description"]
    for part in [schema, *schema.get("$defs", {}).values()]:
        yield part["description"]
        yield from (field["description"] for field in part.get("properties", {}).values())


def test_a_literal_is_an_enum_and_a_field_with_a_default_may_be_missing() -> None:
    schema = schema_of(INCIDENT)
    assert schema["properties"]["severity"]["enum"] == ["P0", "P1", "P2", "P3", "P4"]
    assert schema["properties"]["onset_error_s"]["type"] == ["number", "null"]
    assert "silenced_by" not in schema["required"]
    assert {"id", "state", "severity", "category", "service", "tenant"} <= set(schema["required"])


@settings(max_examples=40, deadline=None)
@given(incidents)
def test_any_incident_keeps_to_the_schema_and_so_does_one_with_fields_of_a_later_release(value: Incident) -> None:
    message = incident_message(value, "/tocsin/a", T)
    assert violations(message.headers, message.value) == []
    later = {**orjson.loads(message.value or b""), "of_the_future": {"x": 1}}
    assert violations(message.headers, orjson.dumps(later)) == []


def test_the_schema_refuses_what_is_no_incident() -> None:
    message = incident_message(Incident(
        "i", "open", T, T, None, "availability", "P9", "P9", "chat", None, None, None, None, "x",  # type: ignore[arg-type]
    ), "/tocsin/a", T)
    assert [fault.split(":")[0] for fault in violations(message.headers, message.value)] == [
        "$.severity", "$.peak_severity",
    ]


@pytest.mark.parametrize("folder", RECORDINGS, ids=lambda folder: folder.name)
def test_all_that_a_recording_leads_to_keeps_to_the_contract(folder: Path) -> None:
    run, records = Run(Shard(replace(demo_plan(), sources={LATENCY: True}))), recorded(folder)
    messages: list[Message] = []
    for at in range(0, len(records), 500):
        messages += messages_of(run.ingest(records[at : at + 500]), run)
    assert {dict(message.headers)["ce_type"] for message in messages} >= {
        b"tocsin.incident.v1", b"tocsin.action.v1", b"tocsin.outcome.v1",
    }
    assert [fault for message in messages for fault in violations(message.headers, message.value)] == []


def messages_of(products: Products, run: Run) -> Iterator[Message]:
    """What the desk and the executor would write of it, and of what follows."""
    yield from (incident_message(one.incident, "/tocsin/a", T) for one in products.transitions)
    yield from (audit_message(entry, "/tocsin/a") for entry in products.audit)
    for intent in products.intents:
        yield intent_message(intent, "/tocsin/a", 0)
        answer = outcome(intent)
        yield outcome_message(answer, "/tocsin/a", 0)
        yield from messages_of(run.answer(answer), run)


GOOD = sample()
LATER = {**GOOD, "trace_id": "x", "of_the_future": 1}


@pytest.mark.parametrize(("value", "good"), [
    (GOOD, True), (LATER, True), ([GOOD, GOOD], True), ([], True), (sample(metrics={"error": True}), True),
    (sample(version="v1", replica=None), True), (sample(ts=-1.0), False), (sample(ts=NOW_S * 1000.0), False),
    ({"ts": NOW_S, "metrics": {"x": 1}}, False), (sample(service=""), False), (sample(metrics={}), False),
    (sample(metrics={"latency ms": 1.0}), False), (sample(metrics={"latency_ms": "1"}), False),
    (sample(tenant=5), False), ("text", False), (17, False),
])
def test_the_codec_takes_what_the_schema_of_the_input_allows_and_nothing_else(value: object, good: bool) -> None:
    scopes = ScopeTable(100, ("version", "replica", "tenant"), 100)
    taken = decode(records([value]), scopes, ValidationLimits(), NOW_S).dead == []
    assert (taken, validator(RECORD).is_valid(value)) == (good, good)
