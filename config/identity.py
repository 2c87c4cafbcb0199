"""The identity of a configuration: its full content as a file, and hashes of the parts that decide."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from io import StringIO

from pydantic import BaseModel
from ruamel.yaml import YAML

from actions.base import Secret
from config.fields import yaml_name
from config.models import DERIVED, Config

DETECTING = ("version", "inputs", "codec", "windows", "scopes", "detection", "triage", "learning", "services")
"""The sections that decide which incidents a stream of records causes."""


LEARNING = ("windows", "scopes", "detection")
"""The sections that decide the meaning of stored state."""


def config_hash(config: Config) -> str:
    """12 hexadecimal digits that change when the same records could cause other incidents. Contains no secret.

    Playbooks, limits, actions, control and maintenance are left out: they decide what is done about an incident.
    """
    return _hash_of(config, DETECTING + _hashed(config))


def state_hash(config: Config) -> str:
    """12 hexadecimal digits that change when state learned under another configuration cannot be used."""
    return _hash_of(config, LEARNING + _hashed(config))


def _hashed(config: Config) -> tuple[str, ...]:
    """Only where labels are hashed: their names in incidents and state are others then."""
    return ("labels",) if config.labels.hashed else ()


def _hash_of(config: Config, sections: tuple[str, ...]) -> str:
    content = {name: content_of(getattr(config, name)) for name in sections}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:12]


def content_of(value: object) -> object:
    """A configuration, or a part of one, as plain mappings, lists and scalars. Secrets are masked."""
    if isinstance(value, Secret):
        return "***"
    if isinstance(value, BaseModel):
        return {name: content_of(getattr(value, name)) for name in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: content_of(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): content_of(item) for key, item in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [content_of(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return value


def as_yaml(config: Config) -> str:
    """Every setting in force as the text of a file, secrets masked."""
    text = StringIO()
    YAML(typ="safe").dump(written(config), text)
    return text.getvalue()


def written(value: object) -> object:
    """A configuration as the content of a file, with every setting; durations in seconds, secrets masked."""
    if isinstance(value, BaseModel):
        return {yaml_name(name): written(getattr(value, name)) for name in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type | Secret):
        names = [field.name for field in fields(value) if field.name not in DERIVED]
        return {yaml_name(name): written(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): written(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [written(item) for item in value]
    return content_of(value)
