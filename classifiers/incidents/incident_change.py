"""The output of triage: an incident that opened, changed or resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from classifiers.model import Incident, SeriesKey

Change = Literal["opened", "updated", "resolved"]


@dataclass(frozen=True, slots=True)
class IncidentChange:
    """An incident as to be published, and how it changed.

    accepted: it resolved because its values are taken as normal from now on. relearn: the series of an accepted
    incident, where other episodes of the service go on or a human called it a planned change; empty where the whole
    service is to be relearned.
    """

    change: Change
    incident: Incident
    accepted: bool = False
    relearn: tuple[SeriesKey, ...] = ()
