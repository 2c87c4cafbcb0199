"""JSON Schemas (2020-12) of the message types, made from the classes that are written.

A field is required unless it has a default, so that messages of older releases stay valid. Objects are open: a reader
ignores unknown fields.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

from pydantic import TypeAdapter

from streams.contracts.catalogue import MessageType
from streams.contracts.fields import FIELDS

Schema = dict[str, Any]
"""A JSON object with the keywords of JSON Schema."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
READERS = (
    "Ignore fields that are not named here, and expect values of an enum that are not: later releases add both without "
    "a new version. Fields with a default may be missing in messages of earlier releases."
)
WRITERS = "Fields that are not named here are ignored."


def schema_of(kind: MessageType) -> Schema:
    """The schema of a message type. Cost: some milliseconds."""
    made: Schema = TypeAdapter(cast("type[object]", kind.model)).json_schema()
    classes = {one.__name__: one for one in FIELDS}
    root_class = classes.get(str(made.get("title")))
    head = {
        "$schema": DIALECT, "$id": kind.schema_id, "title": kind.event_type, "description": kind.summary,
        "$comment": READERS if kind.written_by_tocsin else WRITERS,
    }
    defs = {
        name: {"description": _summary(classes[name]), **_described(part, FIELDS[classes[name]])}
        for name, part in sorted(made.pop("$defs", {}).items())
    }
    root = _described(made, {} if root_class is None else FIELDS[root_class])
    return {**head, **root, "$defs": defs} if defs else {**head, **root}


def _summary(described: type) -> str:
    """The first sentences of its docstring, on one line."""
    return " ".join((inspect.getdoc(described) or "").split("\n\n")[0].split())


def _described(made: Schema, texts: Mapping[str, str]) -> Schema:
    """A schema with descriptions of its fields, and without titles that repeat their names."""
    kept = {name: _plain(value) for name, value in made.items() if name not in ("title", "description", "properties")}
    if "properties" not in made:
        return kept
    fields = {name: {"description": texts[name], **_plain(part)} for name, part in made["properties"].items()}
    return {"type": kept.pop("type"), "properties": fields, **kept}


def _plain(part: Any) -> Any:
    """The schema without titles; `anyOf` of simple types becomes a list of types."""
    if isinstance(part, list):
        return [_plain(one) for one in part]
    if not isinstance(part, dict):
        return part
    plain = {name: _plain(value) for name, value in part.items() if name != "title"}
    choices = plain.get("anyOf", [])
    if choices and all(choice.keys() == {"type"} for choice in choices):
        del plain["anyOf"]
        plain = {"type": [choice["type"] for choice in choices], **plain}
    return plain
