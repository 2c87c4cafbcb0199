"""What a valid record is: JSON with required fields, values in their ranges, and perhaps a JSON Schema. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from actions.kinds.http import JsonValue
from actions.kinds.json_template import pointed

SchemaCheck = Callable[[JsonValue], str | None]


@dataclass(frozen=True, slots=True)
class Range:
    """A number must be within [min, max]; None does not bound. Raises `ValueError`."""

    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        if (self.min is None and self.max is None) or (
            self.min is not None and self.max is not None and self.min > self.max
        ):
            raise ValueError(f"Range: {self.min!r} to {self.max!r}, expected a bound, and min at most max")


@dataclass(frozen=True, slots=True)
class Rules:
    """required: fields that must be there and not null. ranges: numbers that must be within bounds where given. A
    field is a name, or a JSON pointer that begins with `/`. max_bytes: of a value. Raises `ValueError`.
    """

    required: tuple[str, ...] = ()
    ranges: Mapping[str, Range] = field(default_factory=dict)
    max_bytes: int = 1_000_000

    def __post_init__(self) -> None:
        if self.max_bytes < 1:
            raise ValueError(f"Rules.max_bytes: {self.max_bytes!r}, expected at least 1")


def fault_of(value: bytes | None, rules: Rules, schema: SchemaCheck | None) -> str | None:
    """Why a record is bad, as one sentence; None for a good one. A record without a value (a tombstone) is good.

    >>> fault_of(b'{"latency_ms": -3}', Rules(ranges={"latency_ms": Range(min=0)}), None)
    'latency_ms is -3, expected at least 0'
    """
    if value is None:
        return None
    if len(value) > rules.max_bytes:
        return f"{len(value)} bytes, expected at most {rules.max_bytes}"
    try:
        content: JsonValue = json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return "not JSON"
    for name in rules.required:
        if pointed(content, name) is None:
            return f"{name} is missing"
    for name, bounds in rules.ranges.items():
        fault = _outside(name, pointed(content, name), bounds)
        if fault is not None:
            return fault
    return None if schema is None else schema(content)


def _outside(name: str, found: JsonValue, bounds: Range) -> str | None:
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        return f"{name} is {str(found)[:80]!r}, expected a number"
    if bounds.min is not None and found < bounds.min:
        return f"{name} is {found}, expected at least {bounds.min:g}"
    if bounds.max is not None and found > bounds.max:
        return f"{name} is {found}, expected at most {bounds.max:g}"
    return None


def _refuse(text: str) -> None:
    # NaN and Infinity are no JSON.
    raise ValueError(text)
