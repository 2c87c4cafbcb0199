"""What triage hands on: an incident that opened, changed or resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from classifiers.model import Incident, SeriesKey

Change = Literal["opened", "updated", "resolved"]


@dataclass(frozen=True, slots=True)
class Transition:
    """An incident as to be published, and what happened to it. accepted: it resolved as the new normal.

    relearn: the series that made it up, where others of the service are still judged by what was learned before; empty
    where all of an accepted incident's service is to be learned anew.
    """

    change: Change
    incident: Incident
    accepted: bool = False
    relearn: tuple[SeriesKey, ...] = ()
