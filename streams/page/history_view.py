"""Past incidents by time, service, severity and category, with the times they took, as JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from types import MappingProxyType
from typing import Any

from classifiers.accounting.response_report import compute_response
from classifiers.accounting.slo_report import StageTargets, compute_report
from classifiers.learning.feedback_entry import was_fault
from classifiers.model import UNJUDGED, Incident, Severity, may_have_acted
from streams.page.review_view import open_items
from streams.page.state import PageState
from streams.page.summaries import incident_row

MAX_ROWS = 500
MAX_CAUSES = 10
RECURS_WITHIN_S = 7 * 86_400.0
"""An incident recurs if one of its category and place opened so long before, as `tocsin report` takes it."""


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """since_s, until_s: of the opening, None for no bound. The others are exact, None for all."""

    since_s: float | None = None
    until_s: float | None = None
    service: str | None = None
    severity: str | None = None
    category: str | None = None

    def holds(self, incident: Incident) -> bool:
        """Whether an incident is asked for."""
        at_s = incident.opened_at_s
        return (
            (self.since_s is None or at_s >= self.since_s) and (self.until_s is None or at_s < self.until_s)
            and self.service in (None, incident.service) and self.severity in (None, incident.peak_severity)
            and self.category in (None, incident.category)
        )


def history_view(
    state: PageState, wanted: HistoryFilter, targets: Mapping[Severity, StageTargets] = MappingProxyType({}),
    now_s: float = 0.0, pages: Iterable[tuple[str, float]] = (),
) -> dict[str, Any]:
    """The incidents, newest first, `MAX_ROWS` at most, and the figures of all that were asked for; and the open action
    items of all reviews, whatever is asked for.

    targets: how long each stage may take. now_s: for what is overdue. pages: who was paged, and when.
    """
    known = state.incidents()
    found = sorted((one for one in known if wanted.holds(one)), key=lambda one: -one.opened_at_s)
    return {
        "incidents": [incident_row(one, state) for one in found[:MAX_ROWS]], "figures": figures_of(found),
        "response": response_of(found, targets, now_s, faults=faults_of(state, found), pages=[
            (person, at_s) for person, at_s in pages
            if (wanted.since_s is None or at_s >= wanted.since_s) and (wanted.until_s is None or at_s < wanted.until_s)
        ]),
        "items": open_items(state, now_s, MAX_ROWS), "open_items": len(state.reviews.open_items()),
        "services": sorted({one.service for one in known}), "categories": sorted({one.category for one in known}),
    }


def figures_of(incidents: Sequence[Incident]) -> dict[str, Any]:
    """Numbers by severity; the mean and median seconds from onset to detection and to resolution; null for none. acted:
    where an action ran, messages left out. judged: those of which it is known whether an action helped.
    """
    acted = [one for one in incidents if any(map(may_have_acted, one.actions))]
    judged = [one for one in acted if any(remedy.state not in UNJUDGED for remedy in one.remedies)]
    return {
        "count": len(incidents), "open": sum(one.state != "resolved" for one in incidents),
        "by_severity": Counter(one.peak_severity for one in incidents),
        "detect": _times(incidents, "detect"), "resolve": _times(incidents, "resolve"),
        "acted": len(acted), "judged": len(judged), "recovered": sum(
            any(remedy.state == "recovered" for remedy in one.remedies) for one in judged
        ),
    }


def response_of(
    incidents: Sequence[Incident], targets: Mapping[Severity, StageTargets], now_s: float,
    pages: Iterable[tuple[str, float]], faults: Mapping[str, bool],
) -> dict[str, Any]:
    """How well these incidents were answered, as `tocsin report` computes it: targets met, the weeks, what recurs, what
    runs by itself, whether escalations were right, who is paged."""
    report = compute_report(incidents, targets, now_s, RECURS_WITHIN_S)
    answered = compute_response(incidents, targets, pages=list(pages) or None, faults=faults)
    return {
        "targets": [
            {"severity": one.severity, "stage": one.stage, "target_s": one.target_s, "met": one.met,
             "missed": one.missed, "open": one.open}
            for one in report.targets if one.met + one.missed + one.open
        ],
        "weeks": answered.weeks, "causes": answered.causes[:MAX_CAUSES],
        "recurred": {"part": report.total.recurred.part, "whole": report.total.recurred.whole},
        "automation": answered.automation, "automation_target": answered.automation_target,
        "wrong_escalations": answered.wrong_escalations, "wrong_target": answered.wrong_escalations_target,
        "pages_per_person_week": answered.pages_per_person_week,
    }


def faults_of(state: PageState, incidents: Iterable[Incident]) -> dict[str, bool]:
    """By incident, whether a person said that it was a fault, by the audit that is known here; the last word counts."""
    said = [
        (entry.at_s, one.id, is_fault) for one in incidents for entry in state.audit(one.id)
        if (is_fault := was_fault(entry)) is not None
    ]
    return {name: is_fault for _, name, is_fault in sorted(said)}


def _times(incidents: Iterable[Incident], stage: str) -> dict[str, float | int | None]:
    values = [
        time.value_s for one in incidents if (time := one.stage_times.get(stage)) is not None
        and time.value_s is not None
    ]
    if not values:
        return {"count": 0, "mean_s": None, "median_s": None}
    return {"count": len(values), "mean_s": fmean(values), "median_s": median(values)}
