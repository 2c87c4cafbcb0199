"""What was reported of a day: pages and notes of a healthy one, and which incidents found which fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.ordinary.generator.day import Day
from benchmarks.ordinary.generator.faults import Fault
from classifiers.model import Incident

SETTLE_S = 60.0
"""An incident that opens so soon after the end of a fault still belongs to it."""
SAME_S = 90.0
"""An incident of the healthy day that opens so close to one of the day with the fault is the same one."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What was reported of a healthy day. pages: that nobody wants. right: pages that are expected of such a day."""

    pages: tuple[Incident, ...]
    right: tuple[Incident, ...]
    notes: tuple[Incident, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault and the first incident that found it. delay_s: from the onset, None where it was not found.

    page: whether an incident of it is a page. scope_right, category_right: of the first incident.
    """

    fault: Fault
    first: Incident | None
    page: bool
    delay_s: float | None
    scope_right: bool
    category_right: bool


def is_page(incident: Incident) -> bool:
    """Whether somebody is woken up."""
    return incident.peak_severity <= "P2"


def reported(day: Day, incidents: Iterable[Incident]) -> Reported:
    """The incidents of a healthy day. Expected pages are the first ones after what they are expected of."""
    pages, right, notes = [], [], []
    left = Counter({(name, False): day.expected.incidents for name in day.names})
    left |= Counter({(name, True): day.expected.telemetry_pages for name in day.names})
    of_source = day.expected.source_pages
    for incident in sorted(incidents, key=lambda one: (one.opened_at_s, one.id)):
        key = incident.service, incident.category == "telemetry"
        if not is_page(incident):
            notes.append(incident)
        elif left[key] > 0 and _after_change(day, incident):
            left[key] -= 1
            right.append(incident)
        elif of_source > 0 and _in_gap(day, incident):
            of_source -= 1
            right.append(incident)
        else:
            pages.append(incident)
    return Reported(tuple(pages), tuple(right), tuple(notes))


def _in_gap(day: Day, incident: Incident) -> bool:
    """Whether an incident opens while nothing of its source is scraped, or soon after."""
    at_s = incident.opened_at_s - day.origin_s
    return any(gap.replica is None and gap.start_s <= at_s <= gap.end_s + SETTLE_S for gap in day.gaps)


def _after_change(day: Day, incident: Incident) -> bool:
    """Whether an expected incident opens after what it is expected of."""
    changes = [gap.start_s for gap in day.gaps if incident.service in gap.services]
    changes += [one.ready_s for service in day.services if service.name == incident.service
                for one in service.replicas if one.version != "v1"]
    return incident.opened_at_s - day.origin_s >= min(changes, default=0.0)


def findings(day: Day, incidents: Sequence[Incident], healthy: Sequence[Incident]) -> list[Finding]:
    """What was found of the faults of a day. healthy: the incidents of the same day without them."""
    return [_finding(day, fault, incidents, healthy) for fault in day.faults]


def _finding(day: Day, fault: Fault, incidents: Sequence[Incident], healthy: Sequence[Incident]) -> Finding:
    start_s, end_s = day.origin_s + fault.start_s, day.origin_s + fault.end_s + SETTLE_S
    mine = sorted(
        (one for one in incidents if one.service == fault.service and start_s <= one.opened_at_s <= end_s
         and not contradicts(one, fault) and not any(_is_same(one, other) for other in healthy)),
        key=lambda one: (one.opened_at_s, one.id),
    )
    if not mine:
        return Finding(fault, None, False, None, False, False)
    paged = [one for one in mine if is_page(one)]
    first = (paged or mine)[0]
    return Finding(
        fault, first, bool(paged), first.opened_at_s - start_s, scope_right(first, fault),
        first.category in fault.effect.categories,
    )


def contradicts(incident: Incident, fault: Fault) -> bool:
    """Whether an incident names a part that the fault did not hit. One of another dimension is no contradiction for a
    fault of all, since all parts were hit."""
    dimension, value = fault.scope
    named = {name: part for name in ("replica", "tenant", "version") if (part := getattr(incident, name)) is not None}
    if incident.model is not None and incident.model != fault.model:
        return True
    return dimension is not None and bool(named) and named.get(dimension) != value


def scope_right(incident: Incident, fault: Fault) -> bool:
    """Whether an incident names exactly the part that was hit."""
    dimension, value = fault.scope
    named = {name: part for name in ("replica", "tenant", "version") if (part := getattr(incident, name)) is not None}
    return named == ({} if dimension is None else {dimension: value})


def _is_same(one: Incident, other: Incident) -> bool:
    alike = all(getattr(one, name) == getattr(other, name)
                for name in ("service", "model", "version", "replica", "tenant", "category"))
    return alike and abs(one.opened_at_s - other.opened_at_s) <= SAME_S
