"""Is a message what its contract says? Asked by the fakes and the broker tests of everything that they see go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import jsonschema
import orjson

from streams.contracts.catalogue import CATALOGUE, MessageType
from streams.contracts.schemas import schema_of


@cache
def validator(kind: MessageType) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema_of(kind))


def violations(headers: Sequence[tuple[str, bytes]], value: bytes | None) -> list[str]:
    """What is wrong with a message of ours; nothing of one that claims no schema, as a dead letter."""
    named: Mapping[str, bytes] = dict(headers)
    schema_id = named.get("ce_dataschema", b"").decode()
    if not schema_id:
        return []
    (kind,) = (kind for kind in CATALOGUE.values() if kind.schema_id == schema_id)
    found = [f"{error.json_path}: {error.message}" for error in validator(kind).iter_errors(orjson.loads(value or b""))]
    return found if named["ce_type"].decode() == kind.event_type else [*found, f"ce_type {named['ce_type']!r}"]
