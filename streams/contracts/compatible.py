"""Compatibility of a new JSON Schema with the old one, backward and forward.

Backward: messages that an older release left in a topic must be valid under the new schema. So no field may become
required, and no set of values may shrink. Forward: readers of the old schema must find what it promised. So no field
may be removed, change its type, or become optional. New optional fields and new enum values are allowed: readers must
ignore them (`schemas.READERS`).

Only the keywords that `schemas` writes are known. Any other keyword that is added or changed counts as a break.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.contracts.schemas import Schema

DEFS = "#/$defs/"
TEXTS = frozenset({"$schema", "$id", "$comment", "$defs", "title", "description", "default", "examples"})
"""Keywords that do not affect validity."""
WALKED = frozenset({
    "$ref", "type", "anyOf", "enum", "const", "properties", "required", "additionalProperties", "items",
})
AT_LEAST = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
AT_MOST = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})


def breaks(old: Schema, new: Schema) -> list[str]:
    """Each break as `place: change`; empty when the schemas are compatible."""
    return list(_Comparison(old, new).compare(old, new, "value"))


class _Comparison:
    """A comparison of two whole schemas, in which references are resolved."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._compared: set[tuple[object, object]] = set()

    def compare(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        refs = old.get("$ref"), new.get("$ref")
        if None not in refs:
            if refs in self._compared:
                return
            self._compared.add(refs)
        old, new = _resolved(self._old, old), _resolved(self._new, new)
        before, after = _branches(self._old, old), _branches(self._new, new)
        if before.keys() != after.keys():
            yield f"{place}: was {_join(before)}, becomes {_join(after)}"
            return
        if "anyOf" in old or "anyOf" in new:
            for name in before:
                yield from self.compare(before[name], after[name], place)
            return
        yield from _values(old, new, place)
        yield from _bounds(old, new, place)
        yield from self._fields(old, new, place)
        yield from self._others(old, new, place)
        if "items" in old or "items" in new:
            yield from self.compare(old.get("items", {}), new.get("items", {}), f"{place}[]")

    def _fields(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        was, must = set(old.get("required", [])), set(new.get("required", []))
        for name in sorted(before.keys() - after.keys()):
            yield f"{place}.{name}: is gone"
        for name in sorted(must - was):
            yield f"{place}.{name}: is required now"
        for name in sorted((was - must) & after.keys()):
            yield f"{place}.{name}: may be missing now"
        for name in sorted(before.keys() & after.keys()):
            yield from self.compare(before[name], after[name], f"{place}.{name}")

    def _others(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        """Breaks of `additionalProperties`: the fields of an object that the schema does not name."""
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from self.compare(before, after, f"{place}.*")
        elif before != after and after is not True:
            yield f"{place}.*: other fields were {_phrase(before)}, become {_phrase(after)}"


def _values(old: Schema, new: Schema, place: str) -> Iterator[str]:
    before, after = _allowed(old), _allowed(new)
    if after is None:
        return
    if before is None:
        yield f"{place}: was any, becomes one of {after}"
    elif gone := [value for value in before if value not in after]:
        yield f"{place}: may no longer be {', '.join(map(repr, gone))}"


def _bounds(old: Schema, new: Schema, place: str) -> Iterator[str]:
    for name in sorted((old.keys() | new.keys()) - TEXTS - WALKED):
        before, after = old.get(name), new.get(name)
        wider = after is None or (before is not None and (
            (name in AT_LEAST and after <= before) or (name in AT_MOST and after >= before)
        ))
        if before != after and not wider:
            yield f"{place}: {name} was {before!r}, becomes {after!r}"


def _allowed(schema: Schema) -> list[Any] | None:
    """The values that a schema lists; None where it lists none."""
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def _branches(whole: Schema, schema: Schema) -> dict[str, Schema]:
    """The alternatives of a schema by JSON type, or by class where several are objects; `anything` without a type."""
    choices = schema.get("anyOf", [schema])
    objects = [one for one in choices if _resolved(whole, one).get("type") == "object"]
    found: dict[str, Schema] = {}
    for one in choices:
        types = _resolved(whole, one).get("type", "anything")
        if types == "object" and len(objects) > 1:
            types = one.get("$ref", "object").removeprefix(DEFS)
        found |= dict.fromkeys([types] if isinstance(types, str) else types, one)
    return found


def _resolved(whole: Schema, schema: Schema) -> Schema:
    ref = schema.get("$ref")
    if ref is None:
        return schema
    found: Schema = whole["$defs"][ref.removeprefix(DEFS)]
    return found


def _join(branches: dict[str, Schema]) -> str:
    return " or ".join(sorted(branches))


def _phrase(others: object) -> str:
    if others is True:
        return "allowed"
    return "forbidden" if others is False else "of one kind"
