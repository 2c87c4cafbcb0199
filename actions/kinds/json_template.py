"""JSON with placeholders, filled in from an intent, and the reading of one value of a JSON answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from actions.kinds.http import JsonValue
from actions.model import Intent

FIELDS = (
    "kind", "target", "service", "model", "version", "replica", "tenant", "incident_id", "key", "reason", "undo",
    "decided_at_s", "step_id", "playbook", "attempt",
)
"""What a placeholder may name of an intent; `params.NAME` names a parameter of the step."""
DEPTH_MAX = 16
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PARAM = re.compile(r"params\.[A-Za-z_]\w*")


def check_json_template(place: str, template: Mapping[str, object]) -> None:
    """Refuse what is not JSON, and placeholders of unknown names: `ValueError` naming place, value, expected."""
    for path, value in _leaves(place, template, 0):
        if value is not None and not isinstance(value, str | int | float | bool):
            raise ValueError(f"{path}: {value!r}, expected a value of JSON")
        for name in _PLACEHOLDER.findall(value) if isinstance(value, str) else ():
            if name not in FIELDS and _PARAM.fullmatch(name) is None:
                raise ValueError(f"{path}: {{{name}}}, expected placeholders among {', '.join(FIELDS)}, params.NAME")


def fill_json(template: object, intent: Intent) -> JsonValue:
    """The JSON for an intent. A text that is one placeholder becomes the value itself, with its type.

    A value that the intent lacks is null, and an empty text inside a longer text.
    """
    if isinstance(template, Mapping):
        return {str(name): fill_json(value, intent) for name, value in template.items()}
    if isinstance(template, list | tuple):
        return [fill_json(value, intent) for value in template]
    if not isinstance(template, str):
        return template if isinstance(template, int | float) else None
    whole = _PLACEHOLDER.fullmatch(template)
    if whole is not None:
        return _value(intent, whole.group(1))
    return _PLACEHOLDER.sub(lambda found: _text(_value(intent, found.group(1))), template)


def scope_and_cause(intent: Intent) -> dict[str, JsonValue]:
    """What every request of a gateway says: on what, and why."""
    names = ("target", "service", "model", "version", "replica", "tenant", "incident_id", "key", "reason")
    return {name: _value(intent, name) for name in names}


def pointed(value: JsonValue, pointer: str) -> JsonValue:
    """The value at a field's name, or at a JSON pointer (RFC 6901) if it begins with `/`; None where there is none.

    >>> pointed({"entries": {"a.b": {"final": "1"}}}, "/entries/a.b/final")
    '1'
    """
    if not pointer.startswith("/"):
        return value.get(pointer) if isinstance(value, dict) else None
    for part in pointer[1:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _value(intent: Intent, name: str) -> JsonValue:
    if name.startswith("params."):
        return intent.params.get(name.removeprefix("params."))
    found = getattr(intent, name)
    return found if found is None or isinstance(found, str | int | float) else str(found)


def _text(value: JsonValue) -> str:
    return "" if value is None else str(value)


def _leaves(path: str, value: object, depth: int) -> Iterator[tuple[str, object]]:
    if depth > DEPTH_MAX:
        raise ValueError(f"{path}: deeper than {DEPTH_MAX} levels, expected less")
    if isinstance(value, Mapping):
        for name, child in value.items():
            yield from _leaves(f"{path}.{name}", child, depth + 1)
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            yield from _leaves(f"{path}[{index}]", child, depth + 1)
    else:
        yield path, value
