"""Label values replaced by keyed hashes in the values of input topics, wherever a format has labels. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Hash = Callable[[str], str]


def hashed_labels(value: object, by_label: Mapping[str, Hash]) -> object:
    """The value with these labels hashed, at any depth.

    Labels are members of a mapping with that name (native records, Prometheus), or entries with `key` and a `value`
    that holds a `stringValue` (OTLP/JSON). Anything else stays as it is.

    >>> hashed_labels({"tenant": "acme", "ts": 1.0}, {"tenant": str.upper})
    {'tenant': 'ACME', 'ts': 1.0}
    >>> hashed_labels({"attributes": [{"key": "tenant", "value": {"stringValue": "acme"}}]}, {"tenant": str.upper})
    {'attributes': [{'key': 'tenant', 'value': {'stringValue': 'ACME'}}]}
    """
    if isinstance(value, list):
        return [hashed_labels(one, by_label) for one in value]
    if not isinstance(value, dict):
        return value
    attribute = by_label.get(value["key"]) if isinstance(value.get("key"), str) else None
    if attribute is not None and isinstance(value.get("value"), dict):
        return {**value, "value": _hashed_members(value["value"], {"stringValue": attribute})}
    return _hashed_members(
        {name: one if isinstance(one, str) else hashed_labels(one, by_label) for name, one in value.items()}, by_label,
    )


def _hashed_members(value: Mapping[str, object], by_name: Mapping[str, Hash]) -> dict[str, object]:
    return {
        name: by_name[name](one) if name in by_name and isinstance(one, str) else one for name, one in value.items()
    }
