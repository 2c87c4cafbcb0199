"""What a new JSON Schema would break for those who live by the old one.

Both ways are asked at once. Messages that an older release left in a topic must be valid under the new schema: so no
field may become required, and no set of values smaller. Whoever reads by the old schema must find what it promised: so
no field may go, may change its type, or may begin to be missing. New optional fields and new enum values break nobody
who keeps to the policy (`schemas.READERS`).

It knows the keywords that `schemas` writes; one that it does not know is a break when it comes or changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.contracts.schemas import Schema

DEFS = "#/$defs/"
TEXTS = frozenset({"$schema", "$id", "$comment", "$defs", "title", "description", "default", "examples"})
"""They change nothing of what is valid."""
WALKED = frozenset({
    "$ref", "type", "anyOf", "enum", "const", "properties", "required", "additionalProperties", "items",
})
AT_LEAST = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
AT_MOST = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})


def breaks(old: Schema, new: Schema) -> list[str]:
    """Each break as `place: what`; empty when whoever lives by `old` may live with `new`."""
    return list(_Pair(old, new).compare(old, new, "value"))


class _Pair:
    """Two whole schemas, in which references are looked up."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[object, object]] = set()

    def compare(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        refs = old.get("$ref"), new.get("$ref")
        if None not in refs:
            if refs in self._seen:
                return
            self._seen.add(refs)
        old, new = _resolved(self._old, old), _resolved(self._new, new)
        before, after = _branches(self._old, old), _branches(self._new, new)
        if before.keys() != after.keys():
            yield f"{place}: was {_listed(before)}, becomes {_listed(after)}"
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
        """Of an object: the fields that have no name in the schema."""
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from self.compare(before, after, f"{place}.*")
        elif before != after and after is not True:
            yield f"{place}.*: other fields were {_worded(before)}, become {_worded(after)}"


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
    """The values it lists; None where it lists none."""
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def _branches(whole: Schema, schema: Schema) -> dict[str, Schema]:
    """What it may be, by JSON type (objects by class where there are several); without a type it may be anything."""
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


def _listed(branches: dict[str, Schema]) -> str:
    return " or ".join(sorted(branches))


def _worded(others: object) -> str:
    if others is True:
        return "allowed"
    return "forbidden" if others is False else "of one kind"
