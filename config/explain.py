"""Pydantic's errors in the operator's terms: the place in the file, the value as written, and what is expected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from classifiers.validation_errors import BOUNDS, OBJECT, expected, one_of, shown
from config.checks.new_items import lacking
from config.errors import Problem
from config.fields import yaml_name
from config.models import Config
from config.source import Node, Path, as_written
from config.substitute import is_secret
from config.units import expected_duration, expected_number

AS_WRITTEN = {"True": "true", "False": "false", "None": "null"}
_BOUNDS = frozenset(BOUNDS)
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
_REFUSED = re.compile(r"(?:\w+\.)?(\w+)(?::| is) (.+), expected (.+)")
"""The messages of parameter dataclasses: `Class.field: value, expected ...` or `field is value, expected ...`."""


def explain(tree: Node, details: ErrorDetails, model: type[BaseModel] = Config) -> Problem:
    """One of pydantic's errors as a problem, with its place in the file. model: of the whole file."""
    if details["loc"][-1:] == ("[key]",):
        key = details["loc"][-2]
        path = _place(tree, details["loc"][:-2])
        node = tree.at((*path, key))
        return Problem(node.file, node.line, as_written(tree, path), f"the key {key!r}", _expected(details))
    path = _place(tree, details["loc"])
    node = tree.at(path)
    if details["type"] == "extra_forbidden":
        value = f"the unknown setting {path[-1]!r}"
        return Problem(node.file, node.line, as_written(tree, path[:-1]), value, _names(path, model))
    if details["type"] == "missing":
        alone = Problem(node.file, node.line, as_written(tree, path), "", "this setting to be given")
        return lacking(tree, path) or alone
    refused = _REFUSED.fullmatch(details["msg"].removeprefix("Value error, "))
    if details["type"] == "value_error" and refused is not None:
        place = (*path, yaml_name(refused[1]))
        field = tree.at(place)
        value = "a secret" if is_secret(place) else AS_WRITTEN.get(refused[2], refused[2])
        words = _with_suggestion(refused[2], refused[3])
        if refused[1].endswith("_s") and _NUMBER.fullmatch(refused[2]):
            written = field.value if isinstance(field.value, str | int | float) else float(refused[2])
            value, words = shown(written), expected_duration(words, written)
        return Problem(field.file, field.line, as_written(tree, place), value, words)
    words = _expected(details)
    if _BOUNDS & details.get("ctx", {}).keys() and is_duration(path, model):
        words = expected_duration(words, details["input"])
    words = expected_number(str(path[-1]) if path else "", words)
    return Problem(node.file, node.line, as_written(tree, path), _shown(path, details["input"]), words)


def _place(tree: Node, loc: Path) -> Path:
    """A pydantic location without the steps that only name a type, such as a member of a union."""
    path: list[str | int] = []
    node = tree
    for index, step in enumerate(loc):
        value = node.value
        is_key = isinstance(value, Mapping) and step in value
        is_item = isinstance(value, list) and isinstance(step, int) and step < len(value)
        is_kind = isinstance(value, Mapping) and "kind" in value and value["kind"].value == step
        is_missing = isinstance(value, Mapping) and index == len(loc) - 1 and not is_kind
        if is_key or is_item or is_missing:
            path.append(step)
            node = node.at((step,))
    return tuple(path)


def is_consequence(tree: Node, details: ErrorDetails) -> bool:
    """Whether an error only follows from others: a list whose items are all wrong counts as empty, and a channel of an
    unknown kind is reported with the kinds (`config/channels/checks.py`)."""
    if details["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return True
    value = tree.at(_place(tree, details["loc"])).value
    return details["type"] == "too_short" and isinstance(value, list) and len(value) > 0


def _expected(details: ErrorDetails) -> str:
    words = expected(details)
    return f"{OBJECT} of settings" if words == OBJECT else words


def _with_suggestion(value: str, expected_text: str) -> str:
    names = expected_text.removeprefix("one of ")
    return one_of(value.strip("'"), names.split(", ")) if names != expected_text else expected_text


def _shown(path: Path, value: object) -> str:
    return "a secret" if is_secret(path) else shown(value)


def _names(path: Path, model: type[BaseModel]) -> str:
    """The known settings of the same section as `path`, or the one with the most similar name."""
    names = sorted(known_names(path[:-1], model))
    near = get_close_matches(str(path[-1]), names, n=1, cutoff=0.6)
    if near:
        return f"{near[0]} (did you mean that?)"
    return "one of " + ", ".join(names) if names else "no setting"


def is_duration(path: Path, model: type[BaseModel] = Config) -> bool:
    """Whether the setting at a path is a duration, by its schema."""
    return any("30s" in member.get("examples", ()) for member in _schemas_at(path, model))


def known_names(path: Path, model: type[BaseModel] = Config) -> frozenset[str]:
    """The settings that the section at a path may have; empty where there is no such section."""
    return frozenset(name for member in _schemas_at(path, model) for name in member.get("properties", {}))


def _schemas_at(path: Path, model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = _schema(model)
    definitions = schema.get("$defs", {})
    places = [schema]
    for step in path:
        places = [inner for place in places for inner in _inner(_members(place, definitions), step)]
    return [member for place in places for member in _members(place, definitions)]


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


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
