"""Which versions and replicas of a service alarmed during an incident, and which did not, as JSON. Pure."""

from __future__ import annotations

from typing import Any

from classifiers.evidence.evidence_table import ABSENCE
from classifiers.model import Incident
from streams.page.series_state import ServiceTracks

ALARM = 1.0


def siblings_of(incident: Incident, tracks: ServiceTracks | None) -> list[dict[str, Any]]:
    """By kind of part, the names of those that alarmed from the onset until the end, and of those that did not.

    tracks: of the incident's service, whose levels are kept for some minutes; None where nothing is known. Empty where
    no level of that time is known, and for a silence, of which levels say nothing. A part that warms up is in neither
    list.
    """
    if tracks is None or any(one.detector == ABSENCE for one in incident.evidence):
        return []
    until_s = float("inf") if incident.resolved_at_s is None else incident.resolved_at_s
    highest: dict[tuple[str, str], float] = {}
    for at_s, levels in tracks.levels:
        if incident.onset_at_s <= at_s <= until_s:
            for part, level in levels.items():
                if level is not None:
                    highest[part] = max(level, highest.get(part, 0.0))
    return [
        {
            "part": kind,
            "alarmed": sorted(name for (part, name), level in highest.items() if part == kind and level >= ALARM),
            "quiet": sorted(name for (part, name), level in highest.items() if part == kind and level < ALARM),
        }
        for kind in sorted({part for part, _ in highest})
    ]
