"""Which incidents get the draft of a review without anybody asking: those that were to page, once they stay over. Pure.

Crash: the incidents are read again; whether one has a review already stands in the log. Order: incidents may come in
any order. Memory: `MAX_INCIDENTS` incidents that are over and `MAX_INCIDENTS` that reopened another one; the oldest
leave first.
"""

from __future__ import annotations

from dataclasses import dataclass

from actions.bounded import remember
from actions.escalation.policy import is_as_severe
from classifiers.model import Incident, Severity

MAX_INCIDENTS = 5_000


@dataclass(frozen=True, slots=True)
class DraftRule:
    """severity: the least one, at its worst. after_s: for how long an incident must have been over, in seconds."""

    severity: Severity
    after_s: float

    def wants(self, incident: Incident) -> bool:
        """Whether an incident is to have a review: it was severe enough, and it was to page.

        What pages nobody: a planned change, what is silenced, and an effect, which the review of its cause covers.
        """
        is_effect = any(one.relation == "caused_by" for one in incident.related)
        is_quiet = is_effect or incident.silenced_by is not None or incident.resolution == "expected"
        return is_as_severe(incident.peak_severity, self.severity) and not is_quiet


class DueDrafts:
    """rule: None where no draft is written."""

    def __init__(self, rule: DraftRule | None) -> None:
        self._rule = rule
        self._over: dict[str, Incident] = {}
        self._reopened: dict[str, Incident] = {}

    def add_incident(self, incident: Incident) -> None:
        """An incident as told."""
        if self._rule is None:
            return
        for one in incident.related:
            if one.relation == "reopens":
                remember(self._reopened, one.id, incident, MAX_INCIDENTS)
        if incident.state == "resolved" and self._rule.wants(incident):
            remember(self._over, incident.id, incident, MAX_INCIDENTS)
        else:
            self._over.pop(incident.id, None)

    def discard(self, incident_id: str) -> None:
        """An incident has a review."""
        self._over.pop(incident_id, None)

    def due(self, now_s: float) -> list[Incident]:
        """The incidents that have been over for long enough, the first that ended first.

        One that was reopened is over with the last incident that reopened it, and that one has the review if it wants
        one.
        """
        rule = self._rule
        found: list[Incident] = []
        if rule is None:
            return found
        for incident in self._over.values():
            last = self._last_of(incident)
            is_covered = last is not incident and rule.wants(last)
            ended_s = last.resolved_at_s
            if not is_covered and ended_s is not None and now_s - ended_s >= rule.after_s:
                found.append(incident)
        return sorted(found, key=lambda one: (one.resolved_at_s or 0.0, one.id))

    def _last_of(self, incident: Incident) -> Incident:
        """The last incident of those that reopened each other, as last told; the incident itself for none."""
        last, seen = incident, {incident.id}
        while (later := self._reopened.get(last.id)) is not None and later.id not in seen:
            last = later
            seen.add(later.id)
        return last
