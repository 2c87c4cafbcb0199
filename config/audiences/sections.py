"""The section `audiences`: who is told of incidents, from when on, how often, and in which words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from actions.audiences.audience import READERS, RELEASE, Reach, Reader, TextEvent
from actions.audiences.audience import OrIf as OrIfBounds
from actions.trust.roles import Role
from classifiers.model import Severity
from config.fields import Duration, Listed, Name, Strict


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise PydanticCustomError("zone", "a time zone by its IANA name, such as Europe/Berlin")
    return value


class OrIf(Strict):
    """What makes an incident worth telling although it is less severe than `from`."""

    expected_resolve_s: Annotated[Duration, Field(gt=0.0)] | None = None
    tenants: Annotated[int, Field(ge=1)] | None = None


class Approval(Strict):
    """The roles of which a person must release each text."""

    roles: Annotated[tuple[Role, ...], Listed, Field(min_length=1)] = RELEASE


class AudienceSection(Strict):
    """One audience. reader: whose shipped templates it gets, None for that of its name. approval: None to tell without
    asking; customers are asked for by default. templates: files in the place of shipped ones."""

    reader: Reader | None = None
    via: Annotated[tuple[Name, ...], Listed] = ()
    to: Annotated[tuple[str, ...], Listed] = ()
    from_: Severity = "P3"
    on: Annotated[tuple[TextEvent, ...], Listed] = ("open", "change", "close")
    every_s: Annotated[Duration, Field(ge=60.0)] | None = None
    or_if: OrIf = OrIf()
    approval: Approval | None = None
    zone: Annotated[str, AfterValidator(_zone)] | None = None
    templates: Mapping[TextEvent, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _asked(self) -> Self:
        """Whether `approval` was written decides for customers; None there means that nobody is asked."""
        if "approval" not in self.model_fields_set and self.reader == "customer":
            self.__dict__["approval"] = Approval()
        return self

    def reach(self) -> Reach:
        """When it is told."""
        bounds = OrIfBounds(self.or_if.expected_resolve_s, self.or_if.tenants)
        release = () if self.approval is None else self.approval.roles
        return Reach(self.from_, self.on, self.every_s, bounds, release)


def reader_of(name: str) -> Reader | None:
    """For whom an audience of this name reads, if it does not say: `gpu-vendor` is a vendor."""
    return next((one for one in READERS if name == one or name.endswith(f"-{one}")), None)


def with_readers(audiences: Mapping[str, AudienceSection]) -> dict[str, AudienceSection]:
    """The audiences, each with its reader. A missing one is reported where the file is checked."""
    found = {}
    for name, section in audiences.items():
        reader = section.reader or reader_of(name)
        found[name] = section if reader is None else AudienceSection.model_validate(
            {**section.model_dump(by_alias=True, exclude_unset=True), "reader": reader},
        )
    return found
