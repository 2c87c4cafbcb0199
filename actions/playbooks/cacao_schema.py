"""A JSON Schema of what `cacao.py` writes: the part of CACAO 2.0 that a ladder needs.

Written from the tables of properties of "CACAO Security Playbooks Version 2.0", OASIS Committee Specification 01 of 27
November 2023, sections 3.1 (playbook), 4.1 to 4.5 (start, end and action steps), 5.1 and 5.8 (manual command), 7.1 and
7.5 (group agent), 8 (extension definition), 10.10 (identifier) and 10.18 (timestamp). OASIS publishes no normative
schema. Other steps, commands and agents of the specification are refused, since no export has them.
"""

from __future__ import annotations

from typing import Any

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def _identifier(*kinds: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^({'|'.join(kinds)})--{_UUID}$"}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = {**required, **(optional or {})}
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


def _dictionary(key: str, value: dict[str, Any], least: int = 1) -> dict[str, Any]:
    pattern = {f"^({key})--{_UUID}$": value}
    return {"type": "object", "patternProperties": pattern, "additionalProperties": False, "minProperties": least}


_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {"type": "array", "items": _TEXT, "minItems": 1}
_TIMESTAMP = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
_STEP = _identifier("start", "end", "action")
_MILLISECONDS = {"type": "integer", "minimum": 0}
_TYPES = [
    "attack", "detection", "engagement", "investigation", "mitigation", "notification", "prevention", "remediation",
]
_START = _object({"type": {"const": "start"}, "on_completion": _STEP}, {"name": _TEXT, "description": _TEXT})
_END = _object({"type": {"const": "end"}}, {"name": _TEXT, "description": _TEXT})
_MANUAL = _object({"type": {"const": "manual"}, "command": _TEXT})
_ACTION = {
    **_object(
        {"type": {"const": "action"}, "commands": {"type": "array", "items": _MANUAL, "minItems": 1},
         "agent": _identifier("group")},
        {"name": _TEXT, "description": _TEXT, "on_completion": _STEP, "on_success": _STEP, "on_failure": _STEP,
         "timeout": _MILLISECONDS, "step_extensions": _dictionary("extension-definition", {"type": "object"})},
    ),
    # A step names either what follows in any case, or what follows success, and may then name what follows failure.
    "oneOf": [{"required": ["on_completion"]}, {"required": ["on_success"]}],
}
_GROUP = _object({"type": {"const": "group"}, "name": _TEXT}, {"description": _TEXT})
_EXTENSION = _object(
    {"type": {"const": "extension-definition"}, "name": _TEXT, "created_by": _identifier("identity"), "schema": _TEXT,
     "version": _TEXT},
    {"description": _TEXT},
)
PLAYBOOK_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "CACAO 2.0 playbook, as Tocsin exports it",
    **_object(
        {
            "type": {"const": "playbook"}, "spec_version": {"const": "cacao-2.0"}, "id": _identifier("playbook"),
            "name": _TEXT, "created_by": _identifier("identity"), "created": _TIMESTAMP, "modified": _TIMESTAMP,
            "workflow_start": _identifier("start"),
            "workflow": {
                "type": "object", "minProperties": 3, "additionalProperties": False,
                "patternProperties": {
                    f"^start--{_UUID}$": _START, f"^end--{_UUID}$": _END, f"^action--{_UUID}$": _ACTION,
                },
            },
        },
        {
            "description": _TEXT, "playbook_activities": _TEXTS, "labels": _TEXTS,
            "playbook_types": {"type": "array", "items": {"enum": _TYPES}, "minItems": 1},
            "agent_definitions": _dictionary("group", _GROUP),
            "extension_definitions": _dictionary("extension-definition", _EXTENSION),
        },
    ),
}
"""JSON Schema, draft 2020-12."""
