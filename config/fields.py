"""The types of settings: durations, names and patterns, and parameter dataclasses as sections of the file.

The other packages have their parameters in frozen dataclasses, which do not depend on YAML. `FromYaml` makes a section
of one. Its fields are the keys, checked by their types. A field that ends in `_s` is a duration, and its key has no
suffix (`cooldown_s` is written `cooldown: 5m`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from ipaddress import ip_network
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    WithJsonSchema,
    create_model,
)
from pydantic_core import PydanticCustomError, core_schema

from actions.base import Secret
from detectors.regex import compiled

UNITS_S: Mapping[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
SIGNING_MIN = 16
"""Minimum number of characters of a signing secret."""
NETWORK = "a network such as 10.0.0.0/8, or one address"
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def yaml_name(name: str) -> str:
    """The key of a field in the file: without the suffix for seconds, since a duration has its own unit.

    A name that Python keeps for itself ends in an underscore here, and not in the file.
    """
    return name.removesuffix("_s").removesuffix("_")


class Strict(BaseModel):
    """A section: unknown keys are errors, values are immutable, NaN and infinities are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, alias_generator=yaml_name)


def seconds(value: object) -> object:
    """A duration in seconds: `500ms`, `30s`, `1h30m`, `7d`, or a number of seconds. None passes through.

    Anything else raises `PydanticCustomError`, which says what was expected.

    >>> seconds("1h30m"), seconds("500ms"), seconds(2)
    (5400.0, 0.5, 2.0)
    """
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        text = value.strip().replace(" ", "")
        if _WHOLE.fullmatch(text):
            return sum(float(number) * UNITS_S[unit] for number, unit in _PART.findall(text))
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return float(text)
    raise PydanticCustomError("duration", "a duration such as 500ms, 30s, 5m or 7d, or a number of seconds")


def seconds_or_auto(value: object) -> object:
    """A duration of more than 0 and at most an hour, or `auto`: learned from what is observed.

    >>> seconds_or_auto("auto"), seconds_or_auto("3s")
    ('auto', 3.0)
    """
    if value == "auto":
        return value
    expected = "auto, or a duration of more than 0 and at most 1h, such as 500ms or 30s"
    try:
        found = seconds(value)
    except PydanticCustomError:
        found = None
    if not isinstance(found, float) or not 0.0 < found <= 3600.0:
        raise PydanticCustomError("duration", "{expected}", {"expected": expected})
    return found


def matching(pattern: str, expected: str) -> AfterValidator:
    """A validator for texts that a pattern matches as a whole. Its message is `expected`, not the pattern."""
    whole = re.compile(pattern)

    def check(value: str) -> str:
        if whole.fullmatch(value) is None:
            raise PydanticCustomError("pattern", "{expected}", {"expected": expected})
        return value

    return AfterValidator(check)


def _long_enough(secret: Secret) -> Secret:
    """Refuse a signing secret that is short enough to be guessed."""
    if len(secret.reveal()) < SIGNING_MIN:
        raise PydanticCustomError("secret", "a secret of at least {least} characters", {"least": SIGNING_MIN})
    return secret


def _compiles(value: str) -> str:
    try:
        compiled(value)
    except ValueError as error:
        raise PydanticCustomError("regex", "a regular expression of RE2 ({reason})", {"reason": str(error)}) from None
    return value


def _network(value: str) -> str:
    try:
        network = ip_network(value)
    except ValueError as error:
        raise PydanticCustomError("network", NETWORK + " ({reason})", {"reason": str(error)}) from None
    if network.prefixlen == 0:
        raise PydanticCustomError("network", NETWORK + ", and not all addresses")
    return value


def _commas(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


class _FromText:
    """Builds a `Secret` from a non-empty text."""

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(Secret, core_schema.str_schema(min_length=1))


Duration = Annotated[
    float, BeforeValidator(seconds), WithJsonSchema({"type": ["string", "number"], "examples": ["500ms", "30s", "7d"]}),
]
"""Seconds, written with a unit."""
AutoDuration = Annotated[
    float | Literal["auto"], BeforeValidator(seconds_or_auto),
    WithJsonSchema({"type": ["string", "number"], "examples": ["auto", "500ms", "30s"]}),
]
"""Seconds, written with a unit, or `auto`."""
Topic = Annotated[str, matching(r"[A-Za-z0-9._-]{1,249}", "a topic's name: letters, digits, dots, dashes, underscores")]
"""A Kafka topic's name."""
Glob = Annotated[str, Field(min_length=1)]
"""A shell pattern: `*`, `?`, `[abc]`."""
Pattern = Annotated[str, AfterValidator(_compiles)]
"""A regular expression in the syntax of RE2."""
Host = Annotated[
    str, matching(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?", "a host name or address, with :port for one port"),
]
Network = Annotated[str, AfterValidator(_network)]
"""A network as CIDR, or one address."""
Name = Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "a name of letters, digits, dots and dashes")]
"""A name that appears in addresses, headers and metrics."""
Hidden = Annotated[Secret, _FromText()]
"""A text that appears in no log line and no error message."""
SigningSecret = Annotated[Hidden, AfterValidator(_long_enough)]
"""A hidden text that is long enough for signing."""
Listed = BeforeValidator(_commas)
"""A list that may be written as one text with commas, as in environment variables."""


@dataclass(frozen=True, slots=True)
class FromYaml:
    """Marks a parameter dataclass as a section: `limits: Annotated[Limits, FromYaml()]`.

    A `ValueError` of its `__post_init__` is reported at the section's place. Fields in `derived` keep the dataclass's
    default and cannot be set, also in nested sections.
    """

    derived: frozenset[str] = frozenset()

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Validate as the section's model, then build the dataclass. Pydantic calls this once per field."""
        model = section_model(source, self.derived)

        def build(section: object) -> object:
            return source(**{name: getattr(section, name) for name in model.model_fields})

        return core_schema.no_info_after_validator_function(build, handler.generate_schema(model))


@dataclass(frozen=True, slots=True)
class ByName:
    """Marks a mapping from catalogue names to parameters: `Annotated[Mapping[str, object], ByName(CATALOGUE)]`.

    Each name is a section of its own; `null` removes an entry of the shipped default.
    """

    params: Mapping[str, type[Any]]

    def __get_pydantic_core_schema__(self, _source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Validate as a model with one optional section per name. Pydantic calls this once per field."""
        sections = {name: Annotated[kind, FromYaml()] for name, kind in self.params.items()}
        members: dict[str, Any] = {name: (section | None, None) for name, section in sections.items()}
        model: type[Strict] = create_model("Named", __base__=Strict, **members)

        def build(section: object) -> dict[str, object]:
            found = {name: getattr(section, name) for name in self.params}
            return {name: params for name, params in found.items() if params is not None}

        return core_schema.no_info_after_validator_function(build, handler.generate_schema(model))


def section_model(params: type[Any], derived: frozenset[str] = frozenset()) -> type[Strict]:
    """The section of a parameter dataclass: the same fields and defaults, as written in YAML."""
    hints = get_type_hints(params, include_extras=True)
    members: dict[str, Any] = {}
    for field in fields(params):
        if not field.init or field.name in derived:
            continue
        kind = _as_written(hints[field.name], field.name.endswith("_s"), derived)
        if field.default is not MISSING:
            members[field.name] = (kind, field.default)
        elif field.default_factory is not MISSING:
            members[field.name] = (kind, Field(default_factory=field.default_factory))
        else:
            members[field.name] = (kind, ...)
    model: type[Strict] = create_model(params.__name__, __base__=Strict, **members)
    return model


def _as_written(kind: Any, is_duration: bool, derived: frozenset[str]) -> Any:
    """A field's type as written in YAML: durations for seconds, sections for dataclasses, also inside containers."""
    if kind is Secret:
        return Hidden
    if kind is float and is_duration:
        return Duration
    if isinstance(kind, type) and is_dataclass(kind):
        return Annotated[kind, FromYaml(derived)]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return Union[tuple(_as_written(argument, is_duration, derived) for argument in arguments)]  # noqa: UP007
    if origin in (tuple, list, dict, Mapping):
        return origin[tuple(a if a is ... else _as_written(a, is_duration, derived) for a in arguments)]
    return kind
