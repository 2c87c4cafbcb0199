"""Who is told of incidents in which words, as configured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from actions.trust.roles import Role
from classifiers.model import Severity

Reader = Literal["technical", "executive", "customer", "vendor"]
"""For whom a text is written."""
READERS: tuple[Reader, ...] = get_args(Reader)
TextEvent = Literal["open", "change", "milestone", "close"]
"""milestone: somebody works on it, or it is time for the regular update."""
EVENTS: tuple[TextEvent, ...] = get_args(TextEvent)
RELEASE: tuple[Role, ...] = ("commander",)
"""Who releases a text to customers, where nothing else is configured."""


@dataclass(frozen=True, slots=True)
class OrIf:
    """What makes an incident worth telling although its severity does not; None for no threshold.

    expected_resolve_s: forecast of the time from the onset to the end. tenants: how many deviate.
    """

    expected_resolve_s: float | None = None
    tenants: int | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """When an audience is told. least: the least severity. every_s: of the regular update while an incident is open,
    None for none. release: the roles of which a person must release each text; empty where it is told at once."""

    least: Severity = "P3"
    on: tuple[TextEvent, ...] = ("open", "change", "close")
    every_s: float | None = None
    or_if: OrIf = OrIf()
    release: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True)
class Audience:
    """One audience. via: names of channels. to: recipients, empty for those that the channels are configured with.

    zone: IANA name of the time zone in which times are shown beside UTC, None for UTC alone. templates: the source of
    each event's template.
    """

    name: str
    reader: Reader
    reach: Reach
    via: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    zone: str | None = None
    templates: Mapping[TextEvent, str] = field(default_factory=dict)
