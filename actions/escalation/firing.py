"""Taking the steps that are due: who is paged, who is told, and within which limits. Pure.

Steps that are overdue are taken together, each once, and one person is paged by one channel once in a turn. Where
nobody is on call for a step, the next step is due now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from actions.escalation.policy import EscalationPolicy, EscalationStep
from actions.escalation.record import BY_HAND, Escalation, FiredStep, Notify, NotifyKind, notify_id
from actions.escalation.situation import TOLD_WITHIN_S, alarming_tenants
from classifiers.model import Incident
from classifiers.telling_by_hand import Escalate

PAGES_PER_PERSON = 10
PAGES_WITHIN_S = 600.0
NOTIFICATIONS_PER_INCIDENT = 200
LATE_S = 60.0
"""A step that is taken so long after its time says so."""


@dataclass(frozen=True, slots=True)
class Recent:
    """What a person got in the last `PAGES_WITHIN_S`, over all incidents. digest: whether pages were held back."""

    pages: int = 0
    digest: bool = False


@dataclass(frozen=True, slots=True)
class Lookups:
    """What is asked when a step is due. people: who stands behind a schedule, person or role now. recent: see `Recent`.
    """

    people: Callable[[str], tuple[str, ...]]
    recent: Callable[[str], Recent]


def has_settled_step(
    escalation: Escalation, policy: EscalationPolicy, incident: Incident, now_s: float,
) -> bool:
    """Whether the due steps are to be taken. What made a step due by a change is taken at once; one that its time alone
    made due waits until the end of the incident would have been told.
    """
    was_due = _due_steps(escalation, policy, incident, escalation.changed_at_s)
    return bool(was_due or _due_steps(escalation, policy, incident, now_s, TOLD_WITHIN_S))


def _due_steps(
    escalation: Escalation, policy: EscalationPolicy, incident: Incident, now_s: float, since_s: float = 0.0,
) -> list[EscalationStep]:
    """The steps of this round that were not taken and are due, for `since_s` where it is their time that makes them so.
    """
    begun_s = escalation.round_at_s
    if begun_s is None:
        return []
    return [
        step for step in open_steps(escalation, policy, incident)
        if now_s >= begun_s + step.after_s + since_s or _is_large(step, incident)
    ]


def open_steps(escalation: Escalation, policy: EscalationPolicy, incident: Incident) -> list[EscalationStep]:
    """The steps of this round that were not taken, in order."""
    return [step for step in policy.steps if step.takes(incident.severity) and not escalation.has_fired(step.id)]


def next_due_now(escalation: Escalation, policy: EscalationPolicy, incident: Incident, now_s: float) -> Escalation:
    """The same with its next step due now, and the later steps earlier by as much."""
    following = open_steps(escalation, policy, incident)
    if not following:
        return escalation
    begun_s = now_s if escalation.round_at_s is None else escalation.round_at_s
    return replace(escalation, round_at_s=min(begun_s, now_s - following[0].after_s))


def take_steps(
    escalation: Escalation, policy: EscalationPolicy, incident: Incident, lookups: Lookups, now_s: float,
) -> tuple[Escalation, str]:
    """The escalation after its due steps were taken, with what is to be notified as pending; and the reason."""
    taken = _Taken(escalation, lookups, now_s)
    while steps := _due_steps(taken.escalation, policy, incident, now_s):
        taken.take(steps[0])
        if taken.found_nobody:
            taken.escalation = next_due_now(taken.escalation, policy, incident, now_s)
    limited = _within_limit(taken.escalation, taken.notifications, policy, now_s)
    return limited, "; ".join(taken.reasons)


class _Taken:
    """The steps taken at one instant."""

    def __init__(self, escalation: Escalation, lookups: Lookups, now_s: float) -> None:
        self.escalation = escalation
        self.notifications: list[Notify] = []
        self.reasons: list[str] = []
        self.found_nobody = False
        self._lookups = lookups
        self._now_s = now_s
        self._paged: list[str] = []
        self._digested: set[str] = set()

    def take(self, step: EscalationStep) -> None:
        people = tuple(dict.fromkeys(who for target in step.page for who in self._lookups.people(target)))
        self.found_nobody = bool(step.page) and not people
        is_first = not any(one.people for one in self.escalation.fired if one.step != BY_HAND)
        held = () if is_first else tuple(who for who in people if self._has_enough(who))
        paged = tuple(who for who in people if who not in held)
        reason = self._reason(step, paged, held)
        self._notify("page", step, paged, step.via, reason)
        self._notify("tell", step, step.tell, (), reason)
        self._paged += paged
        for who in held:
            if who not in self._digested and not self._lookups.recent(who).digest:
                told = f"{reason}; {PAGES_PER_PERSON} pages in 10 min, no more for now"
                self._notify("digest", step, (who,), step.via, told)
                self._digested.add(who)
        fired = FiredStep(step.id, self.escalation.round, self._now_s, paged, held, reason)
        self.escalation = replace(self.escalation, fired=(*self.escalation.fired, fired))
        self.reasons.append(f"{step.id}: {reason}")

    def _has_enough(self, who: str) -> bool:
        return self._lookups.recent(who).pages + self._paged.count(who) >= PAGES_PER_PERSON

    def _notify(
        self, kind: NotifyKind, step: EscalationStep, receivers: Sequence[str], via: Sequence[str], reason: str,
    ) -> None:
        incident_id, number = self.escalation.incident_id, self.escalation.round
        for who in receivers:
            for channel in via or (None,):
                if any((one.kind, one.recipient, one.via) == (kind, who, channel) for one in self.notifications):
                    continue
                key = notify_id(incident_id, kind, step.id, number, who, channel)
                self.notifications.append(
                    Notify(key, kind, incident_id, step.id, number, who, channel, reason, self._now_s),
                )

    def _reason(self, step: EscalationStep, paged: Sequence[str], held: Sequence[str]) -> str:
        said = list(self._said(step, paged, held))
        begun_s = self.escalation.round_at_s
        late_s = 0.0 if begun_s is None else self._now_s - begun_s - step.after_s
        if late_s > LATE_S:
            said.append(f"{late_s:.0f} s after its time")
        return ", ".join(said)

    def _said(self, step: EscalationStep, paged: Sequence[str], held: Sequence[str]) -> Iterator[str]:
        if paged:
            yield f"pages {', '.join(paged)}"
        elif step.page and not held:
            yield f"nobody is on call for {', '.join(step.page)}, the next step is due"
        if held:
            yield f"holds back {', '.join(held)}"
        if step.tell:
            yield f"tells {', '.join(step.tell)}"


def page_by_hand(escalation: Escalation, asked: Escalate, people: Sequence[str], now_s: float) -> Escalation:
    """Page people because a person asked for it. It takes no step, and no limit holds it back."""
    reason = f"{asked.by} has {', '.join(people)} paged: {asked.comment}"
    pages = [
        Notify(
            notify_id(escalation.incident_id, "page", asked.id, 0, who, None), "page", escalation.incident_id, BY_HAND,
            0, who, None, reason, now_s,
        )
        for who in people
    ]
    fired = FiredStep(BY_HAND, 0, now_s, tuple(people), (), reason)
    return replace(
        escalation, causes=(*escalation.causes, asked.id), fired=(*escalation.fired, fired),
        notified=escalation.notified + len(pages), pending=(*escalation.pending, *pages),
    )


def fallback_of(escalation: Escalation, policy: EscalationPolicy, kind: NotifyKind, reason: str, at_s: float) -> Notify:
    """What goes to the fallback channel."""
    key = notify_id(escalation.incident_id, kind, kind, escalation.round, None, policy.fallback)
    return Notify(
        key, kind, escalation.incident_id, kind, escalation.round, None, policy.fallback, reason, at_s,
    )


def _within_limit(
    escalation: Escalation, wanted: Sequence[Notify], policy: EscalationPolicy, now_s: float,
) -> Escalation:
    """As many notifications as the incident may have; the excess is told once."""
    room = NOTIFICATIONS_PER_INCIDENT - escalation.notified
    kept = list(wanted[:max(0, room)])
    notified = escalation.notified + len(kept)
    if len(kept) < len(wanted) and escalation.notified <= NOTIFICATIONS_PER_INCIDENT:
        text = f"{NOTIFICATIONS_PER_INCIDENT} notifications were sent of this incident, no more follow"
        kept.append(fallback_of(escalation, policy, "limit", text, now_s))
        notified = NOTIFICATIONS_PER_INCIDENT + 1
    return replace(escalation, notified=notified, pending=(*escalation.pending, *kept))


def _is_large(step: EscalationStep, incident: Incident) -> bool:
    large, forecast = step.early_if, incident.expected_resolve
    if large.expected_resolve_s is not None and forecast is not None and forecast.median_s >= large.expected_resolve_s:
        return True
    return large.tenants is not None and alarming_tenants(incident) >= large.tenants
