"""Matches published incidents with the injected faults: which incident is of which fault, and which is of none.

An incident may belong to an event of its service when it opened between the event's start and its end plus settle time.
A single fault is judged by the first such incident. The two faults of a pair are judged by different incidents, in the
assignment that fits both best. Further incidents are duplicates, unless they are published as effects of another.
An incident of a caller during an event of the service that it calls belongs to that event. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations

from benchmarks.triage.generator.fault import Reach
from benchmarks.triage.generator.labels import Label
from benchmarks.triage.generator.scenario import LENGTH_S, SETTLE_S, Event
from benchmarks.triage.simulate import ORIGIN_S, Simulation
from classifiers.model import Incident


@dataclass(frozen=True, slots=True)
class Match:
    """A fault and its incident, None when the fault was missed."""

    label: Label
    incident: Incident | None

    @property
    def fits(self) -> bool:
        """Whether the incident has this fault's category or its reach."""
        return self.incident is not None and (
            self.incident.category == self.label.category or reach_of(self.incident) == self.label.reach
        )


@dataclass(frozen=True, slots=True)
class EventResult:
    """One event: a match for each of its faults, the duplicates, and the incidents of its callers that are not
    published as effects."""

    event: Event
    matches: tuple[Match, ...]
    duplicates: tuple[Incident, ...]
    callers: tuple[Incident, ...] = ()


def reach_of(incident: Incident) -> Reach:
    """The part of the service to which an incident is attributed."""
    if incident.replica is not None:
        return Reach("replica", incident.replica)
    if incident.tenant is not None:
        return Reach("tenant", incident.tenant)
    return Reach("version", incident.version) if incident.version is not None else Reach()


def match_incidents(
    simulation: Simulation, incidents: Iterable[Incident],
) -> tuple[list[EventResult], list[Incident]]:
    """The result of every event, and the incidents that belong to no event: the false ones."""
    # After the end of a run its services really are silent.
    during_run = (incident for incident in incidents if incident.opened_at_s - ORIGIN_S <= LENGTH_S)
    ordered = sorted(during_run, key=lambda incident: (incident.opened_at_s, incident.id))
    callers = {s.upstream: s.name for s in simulation.scenario.services if s.upstream is not None}
    matched: set[str] = set()
    results = []
    for event, labels in simulation.labels:
        if not event.faults:
            continue
        own = _during(event, event.service, ordered)
        of_caller = _during(event, callers[event.service], ordered) if event.service in callers else []
        matched.update(incident.id for incident in (*own, *of_caller))
        results.append(_result(event, labels, own, of_caller))
    return results, [incident for incident in ordered if incident.id not in matched]


def _during(event: Event, service: str, incidents: Sequence[Incident]) -> list[Incident]:
    return [
        incident for incident in incidents
        if incident.service == service
        and event.start_s <= incident.opened_at_s - ORIGIN_S <= event.end_s + SETTLE_S
    ]


def _result(
    event: Event, labels: tuple[Label, ...], own: list[Incident], of_caller: list[Incident],
) -> EventResult:
    chosen: Sequence[Incident | None] = (own[0] if own else None,)
    if len(labels) > 1:
        padded: list[Incident | None] = [*own, None, None]
        chosen = max(permutations(padded, len(labels)), key=lambda choice: _fit(labels, choice))
    used = {incident.id for incident in chosen if incident is not None}
    duplicates = tuple(incident for incident in own if incident.id not in used and not _is_effect(incident))
    matches = tuple(Match(label, incident) for label, incident in zip(labels, chosen, strict=True))
    return EventResult(event, matches, duplicates, tuple(i for i in of_caller if not _is_effect(i)))


def _fit(labels: tuple[Label, ...], choice: Sequence[Incident | None]) -> float:
    return sum(
        0.1 + 2.0 * (incident.category == label.category) + 2.0 * (reach_of(incident) == label.reach)
        for label, incident in zip(labels, choice, strict=True) if incident is not None
    )


def _is_effect(incident: Incident) -> bool:
    return any(related.relation == "caused_by" for related in incident.related)
