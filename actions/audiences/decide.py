"""Whether an audience is told of an event of an incident, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from actions.audiences.audience import Audience, TextEvent
from classifiers.model import Incident, Severity
from classifiers.verdict.hysteresis import SEVERITY_ORDER

Answer = Literal["tell", "draft", "no"]
"""draft: it is told once a person released it."""


@dataclass(frozen=True, slots=True)
class History:
    """What is known of what an audience was told of one incident. last_s: when, None where it was told nothing.

    released: by whom this text was released, None where nobody did.
    """

    last_s: float | None = None
    released: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer, and a sentence for each reason."""

    answer: Answer
    reasons: tuple[str, ...]


def judge(audience: Audience, incident: Incident, event: TextEvent, history: History, now_s: float) -> Judgement:
    """Whether the audience is told now. now_s: seconds since the epoch.

    The end is told to whoever was told of the begin. A milestone is told when it is among the events, or when the
    regular update is due.
    """
    if incident.silenced_by is not None:
        return Judgement("no", (f"silenced by {incident.silenced_by}",))
    if event == "close" and incident.resolved_at_s is None:
        return Judgement("no", ("the incident is still open",))
    if event != "close" and incident.resolved_at_s is not None:
        return Judgement("no", ("the incident is resolved",))
    worth = tuple(reasons_to_tell(audience, incident))
    if history.last_s is None and not worth:
        return Judgement("no", (_below(audience, incident),))
    due = due_s(audience, incident, history)
    if event == "milestone" and due is not None and now_s < due and "milestone" not in audience.reach.on:
        return Judgement("no", (f"the regular update is due in {(due - now_s) / 60.0:.0f} min",))
    if event not in audience.reach.on and not (event == "milestone" and due is not None):
        return Judgement("no", (f"{event} is not among its events: {', '.join(audience.reach.on)}",))
    reasons = worth or ("it was told of this incident before",)
    if audience.reach.release and history.released is None:
        return Judgement("draft", (*reasons, f"waits for a {' or '.join(audience.reach.release)} to release it"))
    return Judgement("tell", reasons if history.released is None else (*reasons, f"released by {history.released}"))


def due_s(audience: Audience, incident: Incident, history: History) -> float | None:
    """When the next regular update is due, in seconds since the epoch; None where none follows."""
    if audience.reach.every_s is None or incident.resolved_at_s is not None:
        return None
    return (incident.opened_at_s if history.last_s is None else history.last_s) + audience.reach.every_s


def reasons_to_tell(audience: Audience, incident: Incident) -> Iterator[str]:
    """A sentence for each reason that makes the incident worth telling; none where there is no reason."""
    reach, bounds = audience.reach, audience.reach.or_if
    if _rank(incident.peak_severity) <= _rank(reach.least):
        yield f"severity {incident.peak_severity} reaches {reach.least}"
    forecast = incident.expected_resolve
    least_s = bounds.expected_resolve_s
    if least_s is not None and forecast is not None and forecast.median_s >= least_s:
        yield f"it is expected to last {forecast.median_s / 60.0:.0f} min, at least {least_s / 60.0:.0f} min"
    hit = tenants_of(incident)
    if bounds.tenants is not None and hit is not None and len(hit) >= bounds.tenants:
        yield f"{len(hit)} tenants deviate, at least {bounds.tenants}"


def tenants_of(incident: Incident) -> tuple[str, ...] | None:
    """The tenants that deviate, by name; None where nothing is measured by tenant.

    Evidence is what the incident published, the strongest series only, so there may be more.
    """
    named = {one.scope.tenant for one in incident.evidence if one.alarming} | {incident.tenant}
    found = tuple(sorted(name for name in named if name is not None))
    return found or None


def _below(audience: Audience, incident: Incident) -> str:
    reach, bounds = audience.reach, audience.reach.or_if
    parts = [f"severity {incident.peak_severity} is below {reach.least}"]
    if bounds.expected_resolve_s is not None:
        known = incident.expected_resolve
        parts.append("its duration is not forecast" if known is None else
                     f"it is expected to last {known.median_s / 60.0:.0f} min only")
    if bounds.tenants is not None:
        hit = tenants_of(incident)
        parts.append("its tenants are unknown" if hit is None else f"{len(hit)} tenants deviate, not {bounds.tenants}")
    return ", ".join(parts)


def _rank(severity: Severity) -> int:
    return SEVERITY_ORDER.index(severity)
