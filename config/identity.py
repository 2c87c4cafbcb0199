"""The identity of a configuration: its full content as a file, and hashes of the parts that decide."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from io import StringIO
from types import MappingProxyType

from pydantic import BaseModel
from ruamel.yaml import YAML

from actions.base import Secret
from actions.kinds.urls import PROVES, masked, masked_path
from config.fields import yaml_name
from config.load import load
from config.models import DERIVED, Config

DECIDING = (
    "codec", "windows", "scopes", "detection", "triage", "learning", "services", "playbooks", "limits", "maintenance",
)
"""The sections that decide, beside the inputs, which incidents a stream of records causes and what is done about them.
A running worker takes them over without a restart. None of them holds a secret."""


URLS = ("url", "endpoint")
"""How the names of settings end that hold a URL."""

LEARNING = ("windows", "scopes", "detection")
"""The sections that decide the meaning of stored state."""


def config_hash(config: Config) -> str:
    """12 hexadecimal digits that change when the same records could cause other incidents or other intents.

    Contains no secret. What the executor, the keys and the people say is left out: it decides which intents run.
    """
    return _hash_of(config, ("version", "inputs", *DECIDING, *_hashed(config)))


def state_hash(config: Config) -> str:
    """12 hexadecimal digits that change when state learned under another configuration cannot be used."""
    return _hash_of(config, LEARNING + _hashed(config))


def _hashed(config: Config) -> tuple[str, ...]:
    """Only where labels are hashed: their names in incidents and state are others then."""
    return ("labels",) if config.labels.hashed else ()


def deciding_text(config: Config) -> str:
    """The deciding sections as JSON, the same text for the same settings; `with_deciding` is the inverse."""
    return json.dumps({name: written(getattr(config, name)) for name in DECIDING}, sort_keys=True)


def with_deciding(config: Config, text: str) -> Config:
    """The configuration with the deciding sections of a text. Settings that an older release did not have get the
    shipped default. Raises `ValueError` when the text is not of settings that this release knows."""
    sections = {name: section for name, section in json.loads(text).items() if name in DECIDING}
    shipped = written(load(None, {}))
    assert isinstance(shipped, dict)
    found = Config.model_validate(_over(shipped, sections))
    return config.model_copy(update={name: getattr(found, name) for name in DECIDING})


def _over(base: object, over: object) -> object:
    if not isinstance(base, dict) or not isinstance(over, Mapping):
        return over
    return {**base, **{key: _over(base.get(key), value) for key, value in over.items()}}


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
        return {yaml_name(name): _shown(name, written(getattr(value, name))) for name in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type | Secret):
        members = [(field.name, field.metadata) for field in fields(value) if field.name not in DERIVED]
        return {yaml_name(name): _shown(name, written(getattr(value, name)), meta) for name, meta in members}
    if isinstance(value, Mapping):
        return {str(key): written(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [written(item) for item in value]
    return content_of(value)


def _shown(name: str, value: object, metadata: Mapping[str, object] = MappingProxyType({})) -> object:
    """A setting as written. Masked like a secret are, of `headers`, what a header that proves who one is holds, and of
    a URL what its query holds, and its path where that is a secret."""
    if isinstance(value, str) and name.endswith(URLS):
        return masked_path(value) if metadata.get("secret_path") else masked(value)
    if name != "headers" or not isinstance(value, dict):
        return value
    return {header: "***" if PROVES.search(header) else text for header, text in value.items()}
