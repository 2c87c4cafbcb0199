"""The escalations of an installation: what is known of incidents, acknowledgements and overrides, and what follows.

`changes` compares what is known with the escalations as they stand in the log, and returns the changes that are due.
The caller writes each to the log and then calls `record`; so it does not matter in which order the topics are read,
nor whether a record is read twice. Pure; `now_s` is the clock of deadlines in seconds since the epoch.

Crash: everything is read again from the topics. Memory: `MAX_INCIDENTS` incidents, as many acknowledgements, and
`MAX_OVERRIDES` overrides. Cost: an incident is looked at when something about it was read or its next step is due, else
every `LOOK_EVERY_S`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakSet

from actions.approvals.desk import UNOWNED_AFTER_S
from actions.approvals.request import ApprovalRequest
from actions.bounded import remember
from actions.escalation.engine import EscalationChange, advance, forgotten, handed_over
from actions.escalation.firing import PAGES_WITHIN_S, Lookups, Recent
from actions.escalation.looks import Looks
from actions.escalation.policy import EscalationPolicy, policy_for
from actions.escalation.record import Escalation, Notify
from actions.escalation.situation import Situation, Waiting
from actions.escalation.times import next_due_s
from classifiers.by_hand import Override
from classifiers.directives import Acknowledge
from classifiers.model import Acknowledgement, Incident, Severity
from classifiers.telling_by_hand import Escalate

MAX_INCIDENTS = 20_000
MAX_OVERRIDES = 5_000
LOOK_EVERY_S = 30.0
BY_HAND_EVERY_S = 1.0
"""How often it is tried to page whom a person named, while nobody stands behind the name."""
LATE_AFTER_S = 300.0
"""Data older than this pages nobody."""
KEEP_CLOSED_S = 86_400.0
"""Escalations that are closed for so long leave the log."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator configured. policies: of a service. recipients: who stands behind a target for a service now.
    may_acknowledge, may_escalate: whether a person may for a service. resolve_target_s: within which an incident should
    end.
    """

    policies: Callable[[str], Sequence[EscalationPolicy]]
    recipients: Callable[[str, str], tuple[str, ...]]
    may_acknowledge: Callable[[str, str], bool]
    resolve_target_s: Callable[[Severity], float | None] = lambda _: None
    may_escalate: Callable[[str, str], bool] = lambda _who, _service: False


@dataclass(frozen=True, slots=True)
class _KnownIncident:
    """An incident as last told. at_s: when it was read. is_behind: its newest data was older than `LATE_AFTER_S` when
    it was told. was_new: when it was first read here, it had just been told, so this is no restart of the reader."""

    incident: Incident
    at_s: float
    is_behind: bool
    was_new: bool


class EscalationDesk:
    """See the module. requests: for approval that wait, of an incident; `note` tells of a change. on_change: called
    with the incident of each escalation that was recorded.
    """

    def __init__(self, rules: Rules, requests: Callable[[str], Collection[ApprovalRequest]]) -> None:
        self.on_change: Callable[[str], None] = lambda _: None
        self._rules = rules
        self._requests = requests
        self._escalations: dict[str, Escalation] = {}
        self._with_pending: dict[str, None] = {}
        self._incidents: dict[str, _KnownIncident] = {}
        self._acknowledgements: dict[str, dict[str, tuple[Acknowledge, bool]]] = {}
        self._by_hand: dict[str, dict[str, Escalate]] = {}
        self._overrides: dict[str, Override] = {}
        self._all_looks: WeakSet[Looks] = WeakSet()
        self._looks: Looks | None = None
        self._pages: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
        self._sighted_since_s: float | None = None

    # What is read

    def record(self, escalation: Escalation) -> None:
        """An escalation as it stands in the log. Of two records with one version the first counts."""
        known = self._escalations.get(escalation.incident_id)
        if known is None or escalation.version > known.version:
            for fired in escalation.fired[0 if known is None else len(known.fired):]:
                for is_page, people in ((True, fired.people), (False, fired.held)):
                    for person in people:
                        self._pages[person].append((fired.at_s, is_page))
            self._escalations[escalation.incident_id] = escalation
            if escalation.pending:
                self._with_pending[escalation.incident_id] = None
            else:
                self._with_pending.pop(escalation.incident_id, None)
            self.note(escalation.incident_id)
            self.on_change(escalation.incident_id)

    def forget(self, incident_id: str) -> None:
        """The log has no escalation of this incident any more."""
        self._escalations.pop(incident_id, None)
        self._with_pending.pop(incident_id, None)

    def add_incident(self, incident: Incident, told_s: float, written_s: float) -> None:
        """An incident as told. told_s: when it was read, by the clock of deadlines. written_s: the record's time."""
        known = self._incidents.get(incident.id)
        newest_s = max([incident.opened_at_s, *(one.end_s for one in incident.evidence)])
        was_new = self._sighted_since_s is not None if known is None else known.was_new and known.is_behind
        seen = _KnownIncident(incident, told_s, written_s - newest_s > LATE_AFTER_S, was_new)
        remember(self._incidents, incident.id, seen, MAX_INCIDENTS)
        self.note(incident.id)

    def add_acknowledgement(self, given: Acknowledge, is_personal: bool) -> None:
        """A verified acknowledgement. is_personal: signed for a person, whose roles are to be looked at."""
        known = self._acknowledgements.setdefault(given.incident_id, {})
        known[given.id] = given, is_personal
        remember(self._acknowledgements, given.incident_id, known, MAX_INCIDENTS)
        self.note(given.incident_id)

    def add_by_hand(self, given: Escalate) -> None:
        """A verified wish of a person to escalate; the roles of the person are looked at when it is applied."""
        known = {**self._by_hand.get(given.incident_id, {}), given.id: given}
        remember(self._by_hand, given.incident_id, known, MAX_INCIDENTS)
        self.note(given.incident_id)

    def add_override(self, override: Override) -> None:
        """A verified override of a schedule."""
        remember(self._overrides, override.id, override, MAX_OVERRIDES)

    def note(self, incident_id: str) -> None:
        """Something was read that concerns an incident, such as a request for approval."""
        for looks in self._all_looks:
            looks.note(incident_id)

    def looks(self) -> Looks:
        """What one more owner looks at: all that is known, and from then on what changes."""
        made = Looks([*self._incidents, *self._escalations])
        self._all_looks.add(made)
        return made

    def sighted(self, now_s: float) -> None:
        """Incidents are read up to their end now. Only then does silence about one mean anything."""
        if self._sighted_since_s is None:
            self._sighted_since_s = now_s

    def blind(self) -> None:
        """Incidents are not read: silence about one means nothing."""
        self._sighted_since_s = None

    # What is asked

    @property
    def escalations(self) -> Mapping[str, Escalation]:
        """All escalations that the log has, by incident."""
        return self._escalations

    @property
    def overrides(self) -> tuple[Override, ...]:
        """All overrides that are known."""
        return tuple(self._overrides.values())

    def incident(self, incident_id: str) -> Incident | None:
        """An incident as last told; None for one that is not known."""
        known = self._incidents.get(incident_id)
        return None if known is None else known.incident

    def fault(self, incident_id: str, to: str | None) -> str | None:
        """Why an incident cannot be escalated by hand, to a person, schedule or role where one is named; None where it
        can be.
        """
        incident = self.incident(incident_id)
        if incident is None:
            return f"incident {incident_id!r}: unknown"
        if policy_for(self._rules.policies(incident.service), incident) is None:
            return f"no policy under escalation is for {incident.service} and {incident.category}"
        if to is not None and not self._rules.recipients(to, incident.service):
            return f"to {to!r}, expected a person, a schedule with somebody on call, or a role that somebody has"
        return None

    # What follows

    def changes(
        self, now_s: float, mine: Callable[[str, str], bool], looks: Looks | None = None,
    ) -> Iterator[EscalationChange]:
        """The changes that are due, of the escalations for which `mine` (subject, incident) is true.

        Each is based on what was recorded before it, so record one before the next is taken. looks: of the owner, None
        for the only one.
        """
        if looks is None:
            looks = self._looks = self._looks or self.looks()
        for incident_id in looks.due(now_s):
            if not mine(f"escalation/{incident_id}", incident_id):
                looks.done(incident_id, None)
                continue
            while (change := self._due(incident_id, now_s)) is not None:
                yield change
            looks.done(incident_id, self._next_s(incident_id, now_s))

    def pending(self, mine: Callable[[str, str], bool]) -> list[Notify]:
        """The notifications that stand in the log and that nobody has taken yet."""
        standing = (self._escalations[name] for name in self._with_pending)
        return [one for each in standing if mine(each.subject, each.incident_id) for one in each.pending]

    def handed_over(
        self, taken: Collection[str], now_s: float, mine: Callable[[str, str], bool],
    ) -> Iterator[EscalationChange]:
        """The changes by which notifications that were taken leave the log."""
        for name in list(self._with_pending):
            each = self._escalations[name]
            if mine(each.subject, each.incident_id):
                change = handed_over(each, taken, now_s)
                if change is not None:
                    yield change

    def finished(self, now_s: float, mine: Callable[[str, str], bool]) -> list[Escalation]:
        """Escalations that ended so long ago that the log need not keep them."""
        return [
            each for each in self._escalations.values()
            if each.state == "closed" and now_s - each.changed_at_s > KEEP_CLOSED_S
            and mine(each.subject, each.incident_id)
        ]

    def recent(self, person: str, now_s: float) -> Recent:
        """What a person got lately, over all incidents."""
        got = self._pages.get(person, [])
        if got and now_s - min(got)[0] > PAGES_WITHIN_S:
            got[:] = [one for one in got if now_s - one[0] <= PAGES_WITHIN_S]
        return Recent(sum(is_page for _, is_page in got), any(not is_page for _, is_page in got))

    def _next_s(self, incident_id: str, now_s: float) -> float | None:
        """When to look at an incident again; None where only news can change something."""
        known, seen = self._escalations.get(incident_id), self._incidents.get(incident_id)
        if (known is None or known.state == "closed") and (seen is None or seen.incident.state == "resolved"):
            return None
        latest_s = now_s + LOOK_EVERY_S
        if seen is None:
            return latest_s
        policy = policy_for(self._rules.policies(seen.incident.service), seen.incident)
        situation = self._situation(seen, known, now_s)
        times = [next_due_s(known, situation, policy, now_s)] if policy is not None else []
        if known is not None and any(one.to is not None and one.id not in known.causes for one in situation.by_hand):
            times.append(now_s + BY_HAND_EVERY_S)
        if self._sighted_since_s is not None:
            times.append(max(seen.at_s, self._sighted_since_s) + UNOWNED_AFTER_S)
        return min([latest_s, *(one for one in times if one > now_s)])

    def _due(self, incident_id: str, now_s: float) -> EscalationChange | None:
        known, seen = self._escalations.get(incident_id), self._incidents.get(incident_id)
        if seen is None:
            return None if known is None or self._sighted_since_s is None else forgotten(known, now_s)
        service = seen.incident.service
        policy = policy_for(self._rules.policies(service), seen.incident)
        lookups = Lookups(
            lambda target: self._rules.recipients(target, service), lambda person: self.recent(person, now_s),
        )
        return advance(known, self._situation(seen, known, now_s), policy, lookups, now_s)

    def _situation(self, seen: _KnownIncident, known: Escalation | None, now_s: float) -> Situation:
        incident = seen.incident
        waiting = tuple(
            Waiting(request.key, request.intent.decided_at_s) for request in self._requests(incident.id)
        )
        unowned_s = None
        if self._sighted_since_s is not None:
            silent_s = now_s - max(seen.at_s, self._sighted_since_s)
            unowned_s = silent_s if silent_s >= UNOWNED_AFTER_S else None
        acknowledged = self._newest_acknowledgement(incident)
        is_late = seen.is_behind and (seen.was_new if known is None else known.late)
        by_hand = tuple(
            one for one in self._by_hand.get(incident.id, {}).values()
            if self._rules.may_escalate(one.by, incident.service)
        )
        return Situation(incident, acknowledged, waiting, unowned_s, is_late, self._rules.resolve_target_s, by_hand)

    def _newest_acknowledgement(self, incident: Incident) -> Acknowledgement | None:
        """The newest of those that the incident shows and those that were read before its shard applied them."""
        found = [] if incident.acknowledged is None else [incident.acknowledged]
        found += [
            Acknowledgement(one.by, one.at_s, one.until_s)
            for one, is_personal in self._acknowledgements.get(incident.id, {}).values()
            if not is_personal or self._rules.may_acknowledge(one.by, incident.service)
        ]
        return max(found, key=lambda one: one.at_s, default=None)
