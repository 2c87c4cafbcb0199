"""Which incidents to look at: those of which something was read, and those whose time has come. Pure.

Each owner of a partition has looks of its own, so that none goes through the incidents of the others again and again.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush


class Looks:
    """What one owner is to look at. An incident stays due until `done` says when to look next."""

    def __init__(self, incidents: Iterable[str] = ()) -> None:
        self._due = dict.fromkeys(incidents)
        self._at_s: dict[str, float] = {}
        self._times: list[tuple[float, str]] = []

    def note(self, incident_id: str) -> None:
        """Something was read about an incident."""
        self._due[incident_id] = None

    def due(self, now_s: float) -> list[str]:
        """The incidents to look at now, in the order in which they became due."""
        while self._times and self._times[0][0] <= now_s:
            at_s, incident_id = heappop(self._times)
            if self._at_s.get(incident_id) == at_s:
                self._due[incident_id] = None
        return list(self._due)

    def done(self, incident_id: str, next_s: float | None) -> None:
        """An incident was looked at. next_s: when time alone may change something, None where it is not one's own."""
        self._due.pop(incident_id, None)
        if next_s is None:
            self._at_s.pop(incident_id, None)
        elif self._at_s.get(incident_id) != next_s:
            self._at_s[incident_id] = next_s
            heappush(self._times, (next_s, incident_id))
