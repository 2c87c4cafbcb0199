from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.model import Intent, Outcome
from classifiers.model import (
    AuditEntry,
    Incident,
)
from streams.contracts.catalogue import CATALOGUE
from streams.contracts.envelopes import (
    SHARD_HEADER,
    Message,
    WireError,
    audit_message,
    incident_message,
    intent_message,
    outcome_message,
    read_audit,
    read_incident,
    read_intent,
    read_outcome,
    shard_of,
    source_of,
)
from tests.streams.contracts.strategies import incidents, intents, outcomes
from tests.streams.fakes import T, incident, intent, outcome

ENTRY = AuditEntry(T, "k1", "claimed", "pending", "claimed", "may run")


def event_of(message: Message) -> BaseCloudEvent:
    """The message as the CloudEvents SDK reads it from Kafka."""
    return from_binary_event(KafkaMessage(dict(message.headers), message.key, message.value or b""))


@settings(max_examples=40, deadline=None)
@given(incidents)
def test_an_incident_comes_back_as_it_was(value: Incident) -> None:
    assert read_incident(incident_message(value, "tocsin/a", T).value) == value


@settings(max_examples=40, deadline=None)
@given(intents, st.integers(0, 99))
def test_an_intent_comes_back_as_it_was_and_names_its_shard(value: Intent, shard: int) -> None:
    message = intent_message(value, "tocsin/a", shard)
    assert (read_intent(message.value), shard_of(message.headers)) == (value, shard)


@settings(max_examples=40, deadline=None)
@given(outcomes, st.none() | st.integers(0, 99))
def test_an_outcome_comes_back_as_it_was_to_the_shard_that_decided(value: Outcome, shard: int | None) -> None:
    message = outcome_message(value, "tocsin/a", shard)
    assert (read_outcome(message.value), message.partition, shard_of(message.headers)) == (value, shard, shard)


@pytest.mark.parametrize(
    ("message", "read"),
    [
        (incident_message(incident(), "/tocsin/a", T), read_incident),
        (intent_message(intent(), "/tocsin/a", 0), read_intent),
        (outcome_message(outcome(intent(), done_at_s=T), "/tocsin/a", 0), read_outcome),
        (audit_message(ENTRY, "/tocsin/a", "inc-1"), read_audit),
    ],
)
class TestEveryKind:
    def test_fields_of_a_newer_writer_are_ignored(self, message: Message, read: Callable[[bytes], object]) -> None:
        assert message.value is not None
        newer = {**orjson.loads(message.value), "of_the_future": {"x": 1}}
        assert read(orjson.dumps(newer)) == read(message.value)

    def test_every_missing_or_mistyped_field_is_named(self, message: Message, read: Callable[[bytes], object]) -> None:
        assert message.value is not None
        whole: dict[str, Any] = orjson.loads(message.value)
        for name in whole:
            with pytest.raises(WireError, match=f"^{name}"):
                read(orjson.dumps({**whole, name: [["no"]] if name != "related" else 5}))
        required = {"id": ("service", "id"), "key": ("key", "kind", "decided_at_s"), "subject": ("subject", "event")}
        for name in next(names for field, names in required.items() if field in whole):
            with pytest.raises(WireError, match=f"^{name}: missing, expected this field"):
                read(orjson.dumps({key: value for key, value in whole.items() if key != name}))

    def test_a_number_in_quotes_is_no_number(self, message: Message, read: Callable[[bytes], object]) -> None:
        assert message.value is not None
        whole: dict[str, Any] = orjson.loads(message.value)
        name = next(name for name in ("opened_at_s", "decided_at_s", "at_s") if name in whole)
        with pytest.raises(WireError, match=name):
            read(orjson.dumps({**whole, name: "12"}))

    @pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"\xff", b"17"])
    def test_what_is_no_object_is_refused(
        self, message: Message, read: Callable[[bytes | None], object], value: bytes | None,  # noqa: ARG002
    ) -> None:
        with pytest.raises(WireError):
            read(value)

    def test_the_cloudevents_library_reads_every_attribute_and_the_data(
        self, message: Message, read: Callable[[bytes], object],
    ) -> None:
        event = event_of(message)
        data = event.get_data()
        assert isinstance(data, dict)
        kind = next(kind for kind in CATALOGUE.values() if kind.event_type == event.get_type())
        assert read(orjson.dumps(data)) == read(message.value or b"")
        assert (event.get_source(), event.get_dataschema()) == ("/tocsin/a", kind.schema_id)
        assert (event.get_specversion(), event.get_datacontenttype()) == ("1.0", "application/json")
        assert event.get_time() == datetime.fromtimestamp(T, UTC)
        assert event.get_subject() == data.get("target", data.get("subject", data.get("id")))
        assert event.get_extension("correlationid") == "inc-1"
        assert event.get_extension("partitionkey") == (message.key or b"").decode()

    def test_the_cloudevents_library_would_have_written_the_same(
        self, message: Message, read: Callable[[bytes], object],  # noqa: ARG002
    ) -> None:
        attributes = {
            name: value for name, value in event_of(message).get_attributes().items() if name != "partitionkey"
        }
        theirs = to_binary(CloudEvent(attributes, message.value), JSONFormat(), lambda _: message.key)
        ours = {name: value for name, value in message.headers if name != SHARD_HEADER}
        ours["ce_time"] = ours["ce_time"].replace(b".000Z", b"Z")
        assert (theirs.headers, theirs.key, theirs.value) == (ours, message.key, message.value)


def test_the_same_state_of_an_incident_is_the_same_event_whenever_it_is_published() -> None:
    ids = [
        dict(message.headers)["ce_id"] for message in (
            incident_message(incident(), "s", T), incident_message(incident(), "s", T + 9.0),
            incident_message(incident(severity="P1"), "s", T),
        )
    ]
    assert ids[0] == ids[1] != ids[2]


def test_an_intent_says_when_it_is_of_no_use_any_more() -> None:
    expiry = event_of(intent_message(intent(), "s", 0)).get_extension("expirytime")
    assert datetime.fromisoformat(expiry) == datetime.fromtimestamp(T + 120.0, UTC)


def test_the_source_is_the_group_so_that_a_repeat_by_another_worker_is_the_same_event() -> None:
    assert source_of("night-shift") == "/tocsin/night-shift"


@pytest.mark.parametrize("value", [b"x", b"", b"-1", None])
def test_a_shard_that_is_no_number_is_none(value: Any) -> None:
    assert shard_of([("other", b"1"), (SHARD_HEADER, value)]) is None
