"""The comparer of schemas, on the real ones with one thing changed."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import jsonschema
import pytest

from streams.contracts.catalogue import CATALOGUE, INCIDENT, MessageType
from streams.contracts.compatible import breaks
from streams.contracts.schemas import Schema, schema_of

Change = Callable[[Schema], object]


def changed(change: Change) -> tuple[Schema, Schema]:
    """The incident's schema as it is, and with the change."""
    old = schema_of(INCIDENT)
    new = deepcopy(old)
    change(new)
    return old, new


def field(schema: Schema, name: str) -> Schema:
    found: Schema = schema["properties"][name]
    return found


def anomaly(schema: Schema) -> Schema:
    found: Schema = schema["$defs"]["Anomaly"]
    return found


def removed(schema: Schema) -> None:
    del schema["properties"]["title"]
    schema["required"].remove("title")


def renamed_class(schema: Schema) -> None:
    schema["$defs"]["Sign"] = schema["$defs"].pop("Anomaly")
    field(schema, "evidence")["items"]["$ref"] = "#/$defs/Sign"


@pytest.mark.parametrize(("change", "expected"), [
    (removed, "value.title: is gone"),
    (lambda schema: anomaly(schema)["properties"].pop("records"), "value.evidence[].records: is gone"),
    (lambda schema: field(schema, "opened_at_s").update(type="string"),
     "value.opened_at_s: was number, becomes string"),
    (lambda schema: field(schema, "opened_at_s").update(type="integer"),
     "value.opened_at_s: was number, becomes integer"),
    (lambda schema: field(schema, "service").update(type=["string", "null"]),
     "value.service: was string, becomes null or string"),
    (lambda schema: field(schema, "tenant").update(type="string"), "value.tenant: was null or string, becomes string"),
    (lambda schema: schema["required"].append("silenced_by"), "value.silenced_by: is required now"),
    (lambda schema: schema["properties"].update(team={"type": "string"}) or schema["required"].append("team"),
     "value.team: is required now"),
    (lambda schema: schema["required"].remove("severity"), "value.severity: may be missing now"),
    (lambda schema: field(schema, "severity")["enum"].remove("P4"), "value.severity: may no longer be 'P4'"),
    (lambda schema: anomaly(schema)["properties"]["direction"]["enum"].remove("none"),
     "value.evidence[].direction: may no longer be 'none'"),
    (lambda schema: field(schema, "service").update(enum=["chat"]), "value.service: was any, becomes one of ['chat']"),
    (lambda schema: field(schema, "id").update(maxLength=5), "value.id: maxLength was None, becomes 5"),
    (lambda schema: field(schema, "id").update(pattern="x"), "value.id: pattern was None, becomes 'x'"),
    (lambda schema: schema.update(additionalProperties=False), "value.*: other fields were allowed, become forbidden"),
    (lambda schema: field(schema, "evidence").update(type="object"), "value.evidence: was array, becomes object"),
    (lambda schema: field(schema, "acknowledged")["anyOf"].pop(),
     "value.acknowledged: was null or object, becomes object"),
    (lambda schema: field(schema, "stage_times").update(additionalProperties={"type": "number"}),
     "value.stage_times.*: was object, becomes number"),
])
def test_a_change_that_breaks_a_reader_or_an_old_message_is_reported_with_its_place(
    change: Change, expected: str,
) -> None:
    assert expected in breaks(*changed(change))


@pytest.mark.parametrize("change", [
    lambda schema: schema["properties"].update(team={"type": "string", "default": ""}),
    lambda schema: anomaly(schema)["properties"].update(seen={"type": "integer", "default": 0}),
    lambda schema: field(schema, "category")["enum"].append("cost"),
    lambda schema: field(schema, "severity").pop("enum"),
    lambda schema: schema.update(description="other words"),
    renamed_class,
])
def test_an_addition_is_compatible(change: Change) -> None:
    assert breaks(*changed(change)) == []


@pytest.mark.parametrize(("old", "new", "broken"), [
    ({"minimum": 1}, {"minimum": 0}, False), ({"minimum": 0}, {"minimum": 1}, True),
    ({"maximum": 1}, {"maximum": 2}, False), ({"maximum": 2}, {"maximum": 1}, True),
    ({"maximum": 2}, {}, False), ({"format": "uri"}, {}, False), ({}, {"format": "uri"}, True),
    ({"const": 1}, {"enum": [1, 2]}, False), ({"enum": [1, 2]}, {"const": 1}, True), ({"const": 1}, {}, False),
])
def test_a_bound_may_become_wider_and_not_narrower(old: Schema, new: Schema, broken: bool) -> None:
    assert bool(breaks({"type": "integer", **old}, {"type": "integer", **new})) is broken


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=lambda kind: kind.name)
def test_a_schema_breaks_nothing_of_itself_and_is_one_of_its_dialect(kind: MessageType) -> None:
    schema = schema_of(kind)
    assert breaks(schema, deepcopy(schema)) == []
    jsonschema.Draft202012Validator.check_schema(schema)


def test_objects_of_several_kinds_are_compared_each_with_its_own() -> None:
    def union(**fields: str) -> Schema:
        kinds = {name: {"type": "object", "properties": {"x": {"type": kind}}} for name, kind in fields.items()}
        return {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in kinds], "$defs": kinds}

    old = union(A="string", B="number")
    assert breaks(old, union(A="string", B="number")) == []
    assert breaks(old, union(A="number", B="number")) == ["value.x: was string, becomes number"]
    assert breaks(old, union(A="string")) == ["value: was A or B, becomes object"]
