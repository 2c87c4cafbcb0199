"""Pydantic's errors in the operator's terms: the place in the file, the value as written, and what is expected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic_core import ErrorDetails

from config.errors import Problem
from config.fields import yaml_name
from config.models import Config
from config.source import Node, Path, dotted
from config.substitute import is_secret

VALUE_MAX = 60
"""Characters of a wrong value that a message repeats."""
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_REFUSED = re.compile(r"(?:\w+\.)?(\w+)(?::| is) (.+), expected (.+)")
"""The messages of parameter dataclasses: `Class.field: value, expected ...` or `field is value, expected ...`."""


def explain(tree: Node, details: ErrorDetails) -> Problem:
    """One of pydantic's errors as a problem, with its place in the file."""
    path = _place(tree, details["loc"])
    node = tree.at(path)
    if details["type"] == "extra_forbidden":
        return Problem(node.file, node.line, dotted(path[:-1]), f"the unknown setting {path[-1]!r}", _names(path))
    if details["type"] == "missing":
        return Problem(node.file, node.line, dotted(path), "", "this setting to be given")
    refused = _REFUSED.fullmatch(details["msg"].removeprefix("Value error, "))
    if details["type"] == "value_error" and refused is not None:
        place = (*path, yaml_name(refused[1]))
        field = tree.at(place)
        value = "a secret" if is_secret(place) else refused[2]
        return Problem(field.file, field.line, dotted(place), value, refused[3])
    return Problem(node.file, node.line, dotted(path), _shown(path, details["input"]), _expected(details))


def _place(tree: Node, loc: Path) -> Path:
    """A pydantic location without the steps that only name a type, such as a member of a union."""
    path: list[str | int] = []
    node = tree
    for index, step in enumerate(loc):
        value = node.value
        is_key = isinstance(value, Mapping) and step in value
        is_item = isinstance(value, list) and isinstance(step, int) and step < len(value)
        is_missing = isinstance(value, Mapping) and index == len(loc) - 1
        if is_key or is_item or is_missing:
            path.append(step)
            node = node.at((step,))
    return tuple(path)


def _expected(details: ErrorDetails) -> str:
    bounds = details.get("ctx", {})
    for name, words in _BOUNDS.items():
        if name in bounds:
            unit = " s" if isinstance(details["input"], str) and not details["input"].isdigit() else ""
            return f"{words} {bounds[name]:g}{unit}"
    if details["type"] in ("too_short", "string_too_short"):
        return "at least one" if details["type"] == "too_short" else "some text"
    if details["type"] in ("model_type", "dataclass_type"):
        return "a mapping of settings"
    message = details["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return message[0].lower() + message[1:] if message[:2].istitle() else message


def _shown(path: Path, value: object) -> str:
    if is_secret(path):
        return "a secret"
    if isinstance(value, Mapping | list):
        return "a mapping" if isinstance(value, Mapping) else "a list"
    text = repr(value) if value is not None else "null"
    return text if len(text) <= VALUE_MAX else text[: VALUE_MAX - 3] + "..."


def _names(path: Path) -> str:
    """The known settings of the same section as `path`, or the one with the most similar name."""
    names = sorted(known_names(path[:-1]))
    near = get_close_matches(str(path[-1]), names, n=1, cutoff=0.6)
    if near:
        return f"{near[0]} (did you mean that?)"
    return "one of " + ", ".join(names) if names else "no setting"


def known_names(path: Path) -> frozenset[str]:
    """The settings that the section at a path may have; empty where there is no such section."""
    schema = _schema()
    definitions = schema.get("$defs", {})
    places = [schema]
    for step in path:
        places = [inner for place in places for inner in _inner(_members(place, definitions), step)]
    found = [member for place in places for member in _members(place, definitions)]
    return frozenset(name for member in found for name in member.get("properties", {}))


@cache
def _schema() -> dict[str, Any]:
    return Config.model_json_schema()


def _members(schema: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    """A schema's alternatives, with references resolved."""
    if "$ref" in schema:
        return _members(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        return [member for alternative in alternatives for member in _members(alternative, definitions)]
    return [schema]


def _inner(schemas: list[dict[str, Any]], step: str | int) -> list[dict[str, Any]]:
    kind = "items" if isinstance(step, int) else "additionalProperties"
    found = []
    for schema in schemas:
        child = schema.get("properties", {}).get(step, schema.get(kind))
        if isinstance(child, dict):
            found.append(child)
    return found
