"""What follows for an escalation from what is known of its incident: one change at a time, with its effects as values.

The caller writes the changed escalation to the log before it does anything about `pending`, and then asks again, until
nothing follows. So a crash at any place repeats a notification under the same id at worst, and takes no step twice:
which steps were taken stands in the record. Pure; `now_s` is the clock of deadlines, which never runs back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from actions.escalation.firing import (
    Lookups,
    fallback_of,
    has_settled_step,
    next_due_now,
    open_steps,
    page_by_hand,
    take_steps,
)
from actions.escalation.machine import EscalationEvent, is_allowed, next_state
from actions.escalation.policy import EscalationPolicy
from actions.escalation.record import BY_HAND, Escalation
from actions.escalation.situation import TOLD_WITHIN_S, Cause, Situation, causes, remedy_works, why_suppressed
from classifiers.model import Acknowledgement, AuditEntry, Incident

REMEDY_WITHIN_S = 5.0
"""How long the first automatic remedy of a new incident may take to be decided, where the policy has a grace."""
FORGOTTEN_S = 86_400.0
"""An escalation of whose incident nothing was heard for so long is closed."""


@dataclass(frozen=True, slots=True)
class EscalationChange:
    """One change, to be written before it has an effect. before: the state before, None for a new escalation."""

    escalation: Escalation
    event: EscalationEvent
    before: str | None
    actor: str | None = None

    @property
    def entry(self) -> AuditEntry:
        """Its entry in the audit."""
        one = self.escalation
        return AuditEntry(one.changed_at_s, one.subject, self.event, self.before, one.state, one.reason, self.actor)


def advance(
    escalation: Escalation | None, situation: Situation, policy: EscalationPolicy | None, lookups: Lookups,
    now_s: float,
) -> EscalationChange | None:
    """The change that is due, None where none is. policy: that is for the incident now, None where none is."""
    if escalation is None:
        return None if policy is None else _noticed(situation, policy, now_s)
    if escalation.state == "closed":
        return None
    incident = situation.incident
    if incident.state == "resolved":
        return _changed(_without_pages(escalation), "close", "the incident is resolved", now_s)
    if policy is None:
        return None
    return _Turn(escalation, situation, policy, lookups, now_s).change()


def forgotten(escalation: Escalation, now_s: float) -> EscalationChange | None:
    """The end of an escalation of whose incident nothing is known any more."""
    if escalation.state == "closed" or now_s - escalation.changed_at_s < FORGOTTEN_S:
        return None
    return _changed(_without_pages(escalation), "close", "nobody has told of the incident for a day", now_s)


def handed_over(escalation: Escalation, taken: Collection[str], now_s: float) -> EscalationChange | None:
    """The escalation without the notifications that somebody has taken; None where none of them is pending."""
    left = tuple(one for one in escalation.pending if one.id not in taken)
    if len(left) == len(escalation.pending):
        return None
    return _changed(replace(escalation, pending=left), "hand_over", escalation.reason, now_s)


class _Turn:
    """One look at an escalation that is not closed, of an incident that is not resolved."""

    def __init__(
        self, escalation: Escalation, situation: Situation, policy: EscalationPolicy, lookups: Lookups, now_s: float,
    ) -> None:
        self._one = escalation
        self._situation = situation
        self._incident = situation.incident
        self._policy = policy
        self._lookups = lookups
        self._now_s = now_s
        escalated = None if escalation.round_at_s is None else escalation.severity
        self._causes = list(causes(situation, policy, escalated, now_s))
        self._new = [cause for cause in self._causes if cause.key not in escalation.causes]
        self._covered = policy.covers(situation.incident.severity) and not situation.late

    def change(self) -> EscalationChange | None:
        paged = self._paged_by_hand()
        if paged is not None:
            return paged
        suppressed = why_suppressed(self._incident)
        if suppressed is not None:
            changed = replace(_without_pages(self._one), suspended_s=self._now_s)
            return self._to(changed, "suspend", suppressed) if is_allowed(self._one.state, "suspend") else None
        if self._one.state == "suspended":
            return self._resumed()
        acknowledged = self._acknowledged()
        if acknowledged is not None:
            return acknowledged
        steps: dict[str, Callable[[], EscalationChange | None]] = {
            "idle": self._idle, "active": self._active, "acknowledged": self._at_work, "exhausted": self._exhausted,
        }
        return self._settled() or steps[self._one.state]()

    def _paged_by_hand(self) -> EscalationChange | None:
        """Somebody whom a person named is paged, whatever the state is; each wish once."""
        for asked in self._situation.by_hand:
            people = () if asked.to is None or asked.id in self._one.causes else self._lookups.people(asked.to)
            if people:
                changed = page_by_hand(self._one, asked, people, self._now_s)
                return self._to(changed, "page", changed.fired[-1].reason, actor=asked.by)
        return None

    def _resumed(self) -> EscalationChange:
        """What was due when it was suspended is due now; what was not is due as much later as that lasted."""
        since_s, begun_s = self._one.suspended_s, self._one.round_at_s
        if since_s is not None and begun_s is not None:
            begun_s += self._now_s - since_s
        if begun_s is None:
            begun_s = self._now_s
        changed = replace(self._one, suspended_s=None, round_at_s=begun_s)
        return self._to(changed, "resume", "no longer silenced, flapping or inhibited")

    def _acknowledged(self) -> EscalationChange | None:
        """Somebody works on it, by an acknowledgement that is newer than the one that counts or that did."""
        found, known, void_s = self._situation.acknowledged, self._one.acknowledged, self._one.void_ack_s
        if found is None or self._now_s >= self._lapses_s(found) or self._one.state == "suspended":
            return None
        if void_s is not None and found.at_s <= void_s:
            return None
        if self._one.state in ("acknowledged", "idle") and known is not None and found.at_s <= known.at_s:
            return None  # idle: it counted, and then the severity alone did not ask for pages
        changed = replace(_without_pages(self._one), acknowledged=found)
        return self._to(changed, "acknowledge", f"{found.by} works on it", actor=found.by)

    def _lapses_s(self, found: Acknowledgement) -> float:
        return min(found.until_s, found.at_s + self._policy.ack_lapses_s)

    def _settled(self) -> EscalationChange | None:
        if self._one.state == "idle" or self._covered or any(cause.is_standing for cause in self._causes):
            return None
        reason = f"{self._incident.severity} alone pages nobody by the policy {self._policy.name}"
        return self._to(replace(_without_pages(self._one), reached_s=None), "settle", reason)

    def _idle(self) -> EscalationChange | None:
        one = self._one
        if self._new and (not one.late or any(cause.by_hand for cause in self._new)):
            return self._begun(self._now_s)
        if not self._covered:
            return None
        if one.reached_s is None or one.late:
            return self._to(replace(one, reached_s=self._now_s, late=False), "notice", self._severity_text())
        begins_s = one.reached_s + self._grace_s(one.reached_s)
        told_within_s = TOLD_WITHIN_S if begins_s > one.reached_s and remedy_works(self._incident) else 0.0
        return self._begun(begins_s) if self._now_s >= begins_s + told_within_s else None

    def _grace_s(self, reached_s: float) -> float:
        grace_s = self._policy.grace.get(self._incident.severity, 0.0)
        if remedy_works(self._incident):
            return grace_s
        is_new = self._now_s - reached_s < REMEDY_WITHIN_S
        return min(grace_s, REMEDY_WITHIN_S) if is_new and not self._incident.actions else 0.0

    def _begun(self, begins_s: float) -> EscalationChange:
        """A new round begins. What was escalated before, and ended, stays in the record."""
        number = self._one.round + (1 if any(each.round == self._one.round for each in self._one.fired) else 0)
        changed = replace(self._one, round=number, round_at_s=min(begins_s, self._now_s), acknowledged=None)
        return self._to(self._with_causes(changed), "begin", self._why(f"{self._severity_text()}, {self._wait_text()}"))

    def _severity_text(self) -> str:
        return severity_text(self._incident, self._policy)

    def _wait_text(self) -> str:
        """Why it begins now, where the severity alone is the reason."""
        grace_s, reached_s = self._policy.grace.get(self._incident.severity, 0.0), self._one.reached_s
        if not grace_s:
            return "at once"
        if remedy_works(self._incident) and reached_s is not None:
            return f"and the grace of {grace_s:g} s for a remedy is over"
        return "and no remedy works by itself"

    def _active(self) -> EscalationChange | None:
        one = self._one
        if self._new:
            return self._worsened()
        if has_settled_step(one, self._policy, self._incident, self._now_s):
            taken, reason = take_steps(one, self._policy, self._incident, self._lookups, self._now_s)
            return self._to(taken, "fire", reason)
        if open_steps(one, self._policy, self._incident):
            return None
        fired = [each for each in one.fired if each.round == one.round]
        has_found = any(each.people or each.held for each in fired)
        over_s = max((each.at_s for each in fired), default=self._now_s) + self._policy.round_after_s
        if has_found and self._now_s < over_s + TOLD_WITHIN_S:
            return None
        if has_found and one.round < self._policy.rounds:
            changed = replace(one, round=one.round + 1, round_at_s=self._now_s)
            return self._to(changed, "repeat", f"nobody has acknowledged, round {changed.round} begins")
        return self._over("nobody has acknowledged" if has_found else "nobody is on call")

    def _over(self, why: str) -> EscalationChange:
        reason = f"{why}, round {self._one.round} was the last"
        told = fallback_of(self._one, self._policy, "fallback", reason, self._now_s)
        changed = replace(self._one, notified=self._one.notified + 1, pending=(*self._one.pending, told))
        return self._to(changed, "exhaust", reason)

    def _at_work(self) -> EscalationChange | None:
        known = self._one.acknowledged
        if self._new:
            return self._worsened()
        if known is None or self._now_s < self._lapses_s(known) + TOLD_WITHIN_S:
            return None
        return self._next(f"the acknowledgement of {known.by} has lapsed", "lapse")

    def _exhausted(self) -> EscalationChange | None:
        return self._worsened() if self._new else None

    def _worsened(self) -> EscalationChange:
        return self._next(self._why("it became worse"), "worsen")

    def _next(self, reason: str, event: EscalationEvent) -> EscalationChange:
        """The next step is due now; the first of another round, where none is left. An acknowledgement ends."""
        one = self._with_causes(self._one)
        if one.acknowledged is not None:
            one = replace(one, void_ack_s=one.acknowledged.at_s, acknowledged=None)
        if not open_steps(one, self._policy, self._incident):
            one = replace(one, round=one.round + 1, round_at_s=self._now_s)
        return self._to(next_due_now(one, self._policy, self._incident, self._now_s), event, reason)

    def _with_causes(self, one: Escalation) -> Escalation:
        keys = (*one.causes, *(cause.key for cause in self._new))
        return replace(one, causes=keys, severity=self._incident.severity)

    def _why(self, otherwise: str) -> str:
        return "; ".join(cause.text for cause in self._new) or otherwise

    def _to(
        self, changed: Escalation, event: EscalationEvent, reason: str, actor: str | None = None,
    ) -> EscalationChange:
        return _changed(replace(changed, policy=self._policy.name), event, reason, self._now_s, actor)


def _noticed(situation: Situation, policy: EscalationPolicy, now_s: float) -> EscalationChange | None:
    incident = situation.incident
    if incident.state == "resolved":
        return None
    is_covered = policy.covers(incident.severity)
    early: list[Cause] = list(causes(situation, policy, None, now_s))
    if not is_covered and not early and not situation.by_hand:
        return None
    was_covered = is_covered and policy.covers(incident.opened_severity or incident.severity)
    reached_s = min(incident.opened_at_s, now_s) if was_covered else (now_s if is_covered else None)
    reason = "its data is late, nobody is paged"
    if not situation.late:
        reason = severity_text(incident, policy) if is_covered else f"{incident.severity} alone pages nobody"
    new = Escalation(
        incident.id, 0, "idle", reason, policy.name, incident.severity, reached_s, now_s, late=situation.late,
    )
    return EscalationChange(replace(new, version=1), "notice", None)


def severity_text(incident: Incident, policy: EscalationPolicy) -> str:
    """That the severity of an incident pages by a policy, and whether it always had it."""
    opened = incident.opened_severity
    since = "since it opened" if opened in (None, incident.severity) else f"now, and was {opened} when it opened"
    return f"it is {incident.severity} {since}, which pages by the policy {policy.name}"


def _changed(
    one: Escalation, event: EscalationEvent, reason: str, now_s: float, actor: str | None = None,
) -> EscalationChange:
    state = next_state(one.state, event)
    assert state is not None
    is_same = event == "hand_over"
    changed = replace(
        one, state=state, reason=reason, version=one.version + 1,
        changed_at_s=one.changed_at_s if is_same else now_s,
    )
    return EscalationChange(changed, event, one.state, actor)


def _without_pages(one: Escalation) -> Escalation:
    """Pages that nobody has taken yet are not sent any more; what is told still is, and so is who was paged by hand."""
    kept = (each for each in one.pending if each.kind not in ("page", "digest") or each.step == BY_HAND)
    return replace(one, pending=tuple(kept))
