"""What the executor knows of incidents: it follows their topic, on which each open one is told every minute. Pure.

The time of an incident is when the executor read it, by the executor's own clock: clocks of other machines do not
matter. An incident that was not told for `UNOWNED_S` is *unowned*. That time runs only while the executor reads its
topic to the end. Memory: `MAX_OPEN` open and `MAX_RESOLVED` resolved incidents, of which the oldest are dropped. The
time of an alarm is that of its records: it is compared with the executor's clock with `CLOCK_SLACK_S` to spare.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from actions.model import Intent
from classifiers.model import Incident

Standing = Literal["open", "resolved", "lost", "unowned"]
UNOWNED_S = 300.0
BLIND_S = 15.0
"""After so long without reading to the end, the time until an incident is unowned begins anew."""
CLOCK_SLACK_S = 10.0
"""How far the clocks of what is watched may be behind ours. Less than any opening of a breaker lasts."""
SERIOUS = frozenset({"P0", "P1", "P2"})
MAX_OPEN = 5_000
MAX_RESOLVED = 20_000


@dataclass(frozen=True, slots=True)
class _Told:
    """An open incident as last told. alarmed_s: of its last alarm, None where it does not say it."""

    incident: Incident
    told_s: float
    alarmed_s: float | None


@dataclass(frozen=True, slots=True)
class _Ended:
    """An incident that is over. ended_s: when it was first read as such."""

    incident: Incident
    standing: Standing
    ended_s: float


class KnownIncidents:
    """The last state of each incident. Duplicate: telling an incident again only renews its time."""

    def __init__(self) -> None:
        self._open: dict[str, _Told] = {}
        self._resolved: dict[str, _Ended] = {}
        """By id, the one that ended last at the end."""
        self._seeing_since_s: float | None = None
        self._saw_s: float | None = None

    def observe(self, incident: Incident, now_s: float) -> None:
        """An incident was read."""
        self._open.pop(incident.id, None)
        slim = Incident(*(getattr(incident, name) for name in _KEPT))
        if incident.state == "resolved":
            ended = self._resolved.get(incident.id)
            standing: Standing = "lost" if incident.resolution == "lost" else "resolved"
            self._resolved[incident.id] = _Ended(slim, standing, now_s if ended is None else ended.ended_s)
        else:
            self._resolved.pop(incident.id, None)
            self._open[incident.id] = _Told(slim, now_s, incident.alarmed_at_s)
        _drop_oldest(self._open, MAX_OPEN)
        _drop_oldest(self._resolved, MAX_RESOLVED)

    def saw(self, now_s: float) -> None:
        """All incidents that were published until now are read. To be called every few seconds."""
        if self._saw_s is None or self._seeing_since_s is None or not 0.0 <= now_s - self._saw_s <= BLIND_S:
            self._seeing_since_s = now_s
        self._saw_s = now_s

    def standing(self, incident_id: str, now_s: float, since_s: float) -> Standing:
        """The state of an incident. since_s: when it was last known for certain, for one that was never read."""
        if incident_id in self._resolved:
            return self._resolved[incident_id].standing
        known = self._open.get(incident_id)
        if self._seeing_since_s is None or self._saw_s is None or now_s - self._saw_s > BLIND_S:
            return "open"
        told_s = since_s if known is None else known.told_s
        return "unowned" if now_s - max(told_s, self._seeing_since_s) >= UNOWNED_S else "open"

    def is_open(self, incident_id: str) -> bool:
        """Whether it was last told as open."""
        return incident_id in self._open

    def about(self, intent: Intent, names: Collection[str]) -> tuple[str, ...]:
        """The open incidents about the scope of an intent, and of those named the open ones."""
        return tuple(name for name, each in self._open.items() if name in names or _about(each.incident, intent))

    def has_alarmed(self, incident_id: str, since_s: float) -> bool:
        """Whether an open incident has alarmed since then: by news that came since then of an alarm not from before.

        News of one that does not say when it alarmed counts as an alarm.
        """
        known = self._open.get(incident_id)
        if known is None or known.told_s <= since_s:
            return False
        return known.alarmed_s is None or known.alarmed_s > since_s - CLOCK_SLACK_S

    def ended_s(self, intent: Intent, names: Collection[str], since_s: float) -> float:
        """When the last incident about the scope of an intent, or of those named, was over; `since_s` if before it."""
        for name in reversed(self._resolved):
            each = self._resolved[name]
            if each.ended_s <= since_s:
                break
            if name in names or _about(each.incident, intent):
                return each.ended_s
        return since_s

    def serious_services(self, now_s: float) -> frozenset[str]:
        """The services with an incident of P0 to P2 that was told lately."""
        return frozenset(
            each.incident.service for each in self._open.values()
            if each.incident.severity in SERIOUS and now_s - each.told_s < UNOWNED_S
        )


_KEPT = (
    "id", "state", "opened_at_s", "onset_at_s", "resolved_at_s", "category", "severity", "peak_severity", "service",
    "model", "version", "replica", "tenant", "title",
)


def _about(incident: Incident, intent: Intent) -> bool:
    """An incident is about the part that the intent names, or about the service if it names none."""
    if incident.service != intent.service:
        return False
    part = next((name for name in ("replica", "tenant", "version") if getattr(intent, name) is not None), None)
    return part is None or getattr(incident, part) == getattr(intent, part)


def _drop_oldest(known: dict[str, _Told] | dict[str, _Ended], limit: int) -> None:
    for name in list(known)[: max(0, len(known) - limit)]:
        del known[name]
