"""The section `channels`: by name, of which kind each is, what it is told, and the settings of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal, Self, cast

from pydantic import Field, GetCoreSchemaHandler, create_model, model_validator
from pydantic_core import core_schema

from actions.channels.catalogue import CHANNEL_KINDS, PAGING
from actions.channels.params import ChannelParams
from actions.channels.routes import Route
from classifiers.model import Severity
from config.fields import Duration, Listed, Name, Strict, section_model

RoutedEvent = Literal["open", "change", "milestone", "close", "approval"]
"""The events that a channel may be told by itself; the others are told to whom they are for."""


class ChannelSection(Strict):
    """What all channels have. from_: the least severity. fallback: the channel that tells a page which this one does
    not take. every_s: the least time between two messages.
    """

    kind: str
    from_: Severity = "P3"
    on: Annotated[tuple[RoutedEvent, ...], Listed] = ("open", "change", "close")
    fallback: Name | None = None
    every_s: Annotated[Duration, Field(ge=0.0, le=3600.0)] = 1.0

    @property
    def params(self) -> ChannelParams:
        """The settings of its kind. Raises `ValueError` for what cannot be used."""
        made = CHANNEL_KINDS[self.kind]
        return cast(ChannelParams, made(**{field.name: getattr(self, field.name) for field in fields(made)}))

    @property
    def route(self) -> Route:
        """What it is told."""
        repeat_s: float | None = getattr(self.params, "repeat_s", None)
        return Route(self.from_, frozenset(self.on), self.kind in PAGING, self.fallback, self.every_s, repeat_s)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        """Report what the parameters of the kind refuse at the place of the channel."""
        if type(self) is not ChannelSection:
            _ = self.params
        return self


def _section(kind: str, params: type[Any]) -> Any:
    """The section of a kind: what all channels have, and its parameters."""
    fields_of: dict[str, Any] = {"kind": (Literal[kind], ...)}
    return create_model(f"{params.__name__}Section", __base__=(ChannelSection, section_model(params)), **fields_of)


SECTIONS: Mapping[str, Any] = {kind: _section(kind, made) for kind, made in CHANNEL_KINDS.items()}


@dataclass(frozen=True, slots=True)
class ByKind:
    """Marks a channel: its setting `kind` says which section it is."""

    def __get_pydantic_core_schema__(self, _source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """A union with the kind as its tag. Pydantic calls this once per field."""
        return handler.generate_schema(Annotated[reduce(or_, SECTIONS.values()), Field(discriminator="kind")])


Channels = Mapping[Name, Annotated[ChannelSection, ByKind()]]
"""The section: channels by name."""
