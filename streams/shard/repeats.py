"""When an open incident is published again although nothing changed, so that readers know it is still owned. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from classifiers.incidents.triage import IncidentChange
from classifiers.model import Incident

REPEAT_EVERY_S = 60.0
"""An open incident is published at least so often."""


class Repeats:
    """When each open incident of a shard was last published, by the clock of its ticks. One entry an open incident."""

    def __init__(self) -> None:
        self._published_s: dict[str, float] = {}

    def due(self, opened: Sequence[Incident], published: Sequence[IncidentChange], at_s: float) -> list[Incident]:
        """The open incidents to publish again now. published: what this step publishes anyway.

        A clock that was set back makes none wait until it has caught up.
        """
        now = dict.fromkeys((transition.incident.id for transition in published), at_s)
        self._published_s = {
            incident.id: now.get(incident.id, self._published_s.get(incident.id, at_s)) for incident in opened
        }
        due = [incident for incident in opened if abs(at_s - self._published_s[incident.id]) >= REPEAT_EVERY_S]
        self._published_s.update(dict.fromkeys((incident.id for incident in due), at_s))
        return due

    def dump(self) -> dict[str, float]:
        """Times by incident, as JSON values."""
        return dict(self._published_s)

    def load(self, data: Mapping[str, float]) -> None:
        """Take over a dump; raises TypeError or ValueError when it is none."""
        self._published_s = {str(name): float(at_s) for name, at_s in data.items()}
