"""Published incidents against what was injected: which incident tells of which fault, and which tell of none.

An incident may belong to an event of its service when it opened between the event's start and its end plus settle time.
A single fault is judged by the first such incident. Of the two faults of a pair each is judged by another incident, in
the way that suits both best. What is left over says the same thing twice, unless it is told as an effect of another.
What a caller shows while the service it calls is ill belongs to that event. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations

from benchmarks.triage.generator.fault import Reach
from benchmarks.triage.generator.labels import Label
from benchmarks.triage.generator.scenario import LENGTH_S, SETTLE_S, Event
from benchmarks.triage.play import ORIGIN_S, Played
from classifiers.model import Incident


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of one fault. incident: None when it was missed."""

    label: Label
    incident: Incident | None

    @property
    def fits(self) -> bool:
        """Whether the incident speaks of this fault: right category, or right reach."""
        return self.incident is not None and (
            self.incident.category == self.label.category or reach_of(self.incident) == self.label.reach
        )


@dataclass(frozen=True, slots=True)
class Account:
    """One event: what was told of its faults, what was told twice, and what its callers told of it."""

    event: Event
    told: tuple[Told, ...]
    twice: tuple[Incident, ...]
    callers: tuple[Incident, ...] = ()


def reach_of(incident: Incident) -> Reach:
    """Whom an incident blames."""
    if incident.replica is not None:
        return Reach("replica", incident.replica)
    if incident.tenant is not None:
        return Reach("tenant", incident.tenant)
    return Reach("version", incident.version) if incident.version is not None else Reach()


def account(played: Played, incidents: Iterable[Incident]) -> tuple[list[Account], list[Incident]]:
    """Every event with what was told of it, and the incidents that nothing explains."""
    # After the end of a run its services really fall silent.
    seen = (incident for incident in incidents if incident.opened_at_s - ORIGIN_S <= LENGTH_S)
    ordered = sorted(seen, key=lambda incident: (incident.opened_at_s, incident.id))
    callers = {s.upstream: s.name for s in played.scenario.services if s.upstream is not None}
    taken: set[str] = set()
    accounts = []
    for event, labels in played.labels:
        if not event.faults:
            continue
        mine = _during(event, event.service, ordered)
        theirs = _during(event, callers[event.service], ordered) if event.service in callers else []
        taken.update(incident.id for incident in (*mine, *theirs))
        accounts.append(_account(event, labels, mine, theirs))
    return accounts, [incident for incident in ordered if incident.id not in taken]


def _during(event: Event, service: str, incidents: Sequence[Incident]) -> list[Incident]:
    return [
        incident for incident in incidents
        if incident.service == service
        and event.start_s <= incident.opened_at_s - ORIGIN_S <= event.end_s + SETTLE_S
    ]


def _account(
    event: Event, labels: tuple[Label, ...], mine: list[Incident], theirs: list[Incident],
) -> Account:
    chosen: Sequence[Incident | None] = (mine[0] if mine else None,)
    if len(labels) > 1:
        padded: list[Incident | None] = [*mine, None, None]
        chosen = max(permutations(padded, len(labels)), key=lambda choice: _fit(labels, choice))
    used = {incident.id for incident in chosen if incident is not None}
    twice = tuple(i for i in mine if i.id not in used and not _is_effect(i))
    told = tuple(Told(label, incident) for label, incident in zip(labels, chosen, strict=True))
    return Account(event, told, twice, tuple(i for i in theirs if not _is_effect(i)))


def _fit(labels: tuple[Label, ...], choice: Sequence[Incident | None]) -> float:
    return sum(
        0.1 + 2.0 * (incident.category == label.category) + 2.0 * (reach_of(incident) == label.reach)
        for label, incident in zip(labels, choice, strict=True) if incident is not None
    )


def _is_effect(incident: Incident) -> bool:
    return any(related.relation == "caused_by" for related in incident.related)
