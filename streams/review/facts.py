"""The facts of a review: what the topics, or the folder of a replay, hold about one incident. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from actions.audiences.decide import tenants_of
from actions.escalation.paged import PREFIX
from classifiers.accounting.slo_report import StageTargets, recurrence_key
from classifiers.accounting.stage_timeline import STAGES
from classifiers.model import NOTIFICATIONS, AuditEntry, Incident, Severity
from streams.timeline.timeline import is_first_alarm, names_before

SIMILAR = 5
MESSAGES = ("notification/", PREFIX)
"""How the subjects of entries about messages begin: a notification, or a person who was paged."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says for reviews. prices: of a million tokens, by metric. tenants_are_persons: a tenant is
    a user, as `labels.hashed` says."""

    targets: Mapping[Severity, StageTargets]
    currency: str
    prices: Mapping[str, float]
    tenants_are_persons: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an incident. steps: of its audit, in order. others: all other incidents that are known.

    messages: pages of people, and what channels were given, in order; of the audit, too, and not among the steps.
    """

    incident: Incident
    steps: tuple[AuditEntry, ...]
    others: tuple[Incident, ...]
    settings: Settings
    messages: tuple[AuditEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class StageFact:
    """One stage: seconds from the onset, None where unknown, with the reason; the target, None for none."""

    stage: str
    value_s: float | None
    status: str
    target_s: float | None

    @property
    def met(self) -> bool | None:
        """Whether the target was met; None where that is unknown."""
        return None if self.value_s is None or self.target_s is None else self.value_s <= self.target_s


@dataclass(frozen=True, slots=True)
class Impact:
    """What the incident did to the business, as far as it is measured. None is unknown.

    requests: at least so many, of the windows that were published as evidence. tenants: those that deviate. tokens:
    by metric, in those windows. cost: of these tokens at the configured prices.
    """

    requests: int | None
    tenants: tuple[str, ...] | None
    tokens: Mapping[str, float] | None
    cost: float | None


def facts_of(
    incident: Incident, incidents: Iterable[Incident], audit: Iterable[AuditEntry], settings: Settings,
    concerning: Iterable[AuditEntry] = (),
) -> Facts:
    """The facts of one incident. audit: of all incidents; that of this one is chosen by its subjects.

    concerning: entries of the audit whose records name this incident, whatever their subject is.
    """
    named = sorted(concerning, key=lambda entry: entry.at_s)
    messages = [entry for entry in named if entry.subject.startswith(MESSAGES)]
    others = tuple(one for one in incidents if one.id != incident.id)
    return Facts(incident, tuple(_steps(incident, audit, named)), others, settings, tuple(messages))


def stages(facts: Facts) -> list[StageFact]:
    """Each stage of the incident beside its target."""
    times, targets = facts.incident.stage_times, facts.settings.targets.get(facts.incident.peak_severity)
    return [
        StageFact(
            stage, times[stage].value_s if stage in times else None,
            times[stage].status if stage in times else "unknown",
            None if targets is None else targets.of(stage),
        )
        for stage in STAGES
    ]


def impact(facts: Facts) -> Impact:
    """The impact that evidence proves. Each window is counted once, in its widest scope."""
    widest: dict[tuple[str, float], tuple[int, float | None]] = {}
    for one in facts.incident.evidence:
        known = widest.get((one.metric, one.start_s))
        if known is None or one.samples > known[0]:
            widest[one.metric, one.start_s] = (one.samples, one.value)
    by_window: dict[float, int] = {}
    tokens: dict[str, float] = {}
    for (metric, start_s), (samples, value) in widest.items():
        by_window[start_s] = max(by_window.get(start_s, 0), samples)
        if metric.endswith("_tokens") and value is not None:
            tokens[metric] = tokens.get(metric, 0.0) + value * samples
    priced = {name: count for name, count in tokens.items() if name in facts.settings.prices}
    cost = sum(count / 1e6 * facts.settings.prices[name] for name, count in priced.items()) if priced else None
    return Impact(
        sum(by_window.values()) if by_window else None, tenants_of(facts.incident), tokens or None, cost,
    )


def similar(facts: Facts) -> list[Incident]:
    """The latest incidents before this one of the same category and service, those of the same place first."""
    own = recurrence_key(facts.incident)
    found = [
        one for one in facts.others
        if one.opened_at_s < facts.incident.opened_at_s
        and (one.category, one.service) == (facts.incident.category, facts.incident.service)
    ]
    return sorted(found, key=lambda one: (recurrence_key(one) != own, -one.opened_at_s))[:SIMILAR]


def advice(facts: Facts) -> list[str]:
    """Changes of playbooks that the record of remedies suggests, each with its figures; a person decides.

    The record is that of all known incidents of the category.
    """
    own = facts.incident
    alike = [one for one in (own, *facts.others) if one.category == own.category]
    verdicts: dict[str, list[str]] = {}
    for one in alike:
        for remedy in one.remedies:
            verdicts.setdefault(remedy.kind, []).append(remedy.state)
    found = []
    for kind, states in sorted(verdicts.items()):
        judged = [state for state in states if state in ("recovered", "not_recovered", "undone", "kept")]
        helped = judged.count("recovered")
        if len(judged) >= 3 and helped * 3 <= len(judged):
            found.append(f"`{kind}` helped in {helped} of {len(judged)} cases: observe only, or put another first.")
        elif len(judged) >= 5 and helped * 10 >= len(judged) * 9:
            found.append(f"`{kind}` helped in {helped} of {len(judged)} cases: consider mode auto for it.")
    return found + _gaps(own)


def _gaps(own: Incident) -> list[str]:
    tried = [one for one in own.actions if one.kind not in NOTIFICATIONS]
    found = []
    if not tried:
        found.append(f"No playbook had a remedy for this incident ({own.category}): add one, or say why there is none.")
    if any(one.status == "expired" for one in tried):
        found.append("A request expired before anybody answered: page the approvers, or let it wait longer.")
    found += [
        f"`{one.kind}` on `{one.target}` was {one.status}: correct the target or the limits before it is needed again."
        for one in tried if one.status in ("failed", "refused")
    ]
    return found


def _steps(
    incident: Incident, audit: Iterable[AuditEntry], named: Iterable[AuditEntry],
) -> Sequence[AuditEntry]:
    """The steps of the incident, its decisions and escalation, and the first alarms before it had an id."""
    entries = sorted(audit, key=lambda entry: entry.at_s)
    besides = {entry for entry in named if not entry.subject.startswith(MESSAGES)}
    own = {incident.id, *(action.key for action in incident.actions)}
    before = names_before(incident.id, entries)
    return [
        entry for entry in entries
        if entry.subject in own or entry in besides or is_first_alarm(incident, before, entry)
    ]
