"""The output of triage: an incident that opened, changed or resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from classifiers.causes.observed_shifts import ObservedShifts
from classifiers.model import Incident, SeriesKey

Change = Literal["opened", "updated", "resolved"]


@dataclass(frozen=True, slots=True)
class IncidentChange:
    """An incident as to be published, and how it changed.

    accepted: it resolved because its values are taken as normal from now on. relearn: the series of an accepted
    incident, where other episodes of the service go on; empty where the whole service is to be relearned. expected: how
    far they shifted, where a human called that a planned change; None else.
    """

    change: Change
    incident: Incident
    accepted: bool = False
    relearn: tuple[SeriesKey, ...] = ()
    expected: ObservedShifts | None = None
