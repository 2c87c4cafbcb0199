"""Why two results of one recording differ, as far as incidents and audits tell: a factor, a threshold, a step. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from actions.model import Intent
from classifiers.model import AuditEntry, Factor, Incident

AROUND_S = 30.0
"""Alarms this long before the onset of an incident and after its end belong to it."""
VERDICT = frozenset({"pattern", "scope"})
"""Factors that tell of the category and the scope, and not of the severity."""


def severity_reason(old: Incident, new: Incident) -> str:
    """Which factors of the severity differ, with their points, or that none does."""
    before, after = _by_name(old), _by_name(new)
    parts = []
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was is not None and now is not None and was.weight == now.weight:
            continue
        if (was is None or was.weight == 0.0) and (now is None or now.weight == 0.0):
            continue
        parts.append(f"{name} {_points(was)} -> {_points(now)}")
    if not parts:
        return "the factors are the same: a duration under triage.severity decided"
    return f"factor {'; '.join(parts)}"


def verdict_reason(old: Incident, new: Incident) -> str | None:
    """What the verdict on category and scope says now, where it says something else than before."""
    before, after = ({one.name: one.text for one in each.factors if one.name in VERDICT} for each in (old, new))
    parts = [f"{name}: {before.get(name, '-')} -> {text}" for name, text in after.items() if before.get(name) != text]
    return "; ".join(parts) or None


def threshold_reason(
    incident: Incident, own: Sequence[AuditEntry], other: Sequence[AuditEntry], other_name: str,
) -> str | None:
    """Why one run has an incident: by what threshold it opened; and what the other run saw of its service meanwhile.

    own, other: the audits of the run that has it and of the one that has not. None where neither tells anything.
    """
    opened = next((one.reason for one in own if one.subject == incident.id and one.after in ("open", "flapping")), None)
    parts = [] if opened is None else [f"it opened by: {opened}"]
    if other:
        parts.append(_seen(incident, other, other_name))
    elif incident.evidence and opened is None:
        worst = max(incident.evidence, key=lambda one: one.level or 0.0)
        parts.append(f"highest level {worst.level or 0.0:.1f} (1.0 alarms): {worst.metric} by {worst.detector}")
    return "; ".join(parts) or None


def step_reason(intent: Intent, pair: tuple[Incident, Incident] | None, other_name: str) -> str:
    """Why one run has an action that the other has not. pair: its incident in both runs, None where one lacks it."""
    if pair is None:
        return f"the {other_name} result has no such incident"
    old, new = pair
    step = f"playbook {intent.playbook}, step {intent.step_id}" if intent.playbook else intent.reason
    changed = [
        f"{name} {before or '-'} -> {after or '-'}" for name, before, after in (
            ("severity", old.severity, new.severity), ("category", old.category, new.category),
            ("version", old.version, new.version), ("replica", old.replica, new.replica),
            ("tenant", old.tenant, new.tenant), ("silenced_by", old.silenced_by, new.silenced_by),
        ) if before != after
    ]
    because = f"its incident changed: {', '.join(changed)}" if changed else f"no such step in the {other_name} result"
    return f"{step}: {because}"


def _seen(incident: Incident, audit: Sequence[AuditEntry], name: str) -> str:
    """The alarms of the service that did not become this incident; each names its metric, detector and level."""
    place = incident.service if incident.model is None else f"{incident.service}/{incident.model}"
    begin_s = min(incident.onset_at_s, incident.opened_at_s) - AROUND_S
    end_s = (incident.opened_at_s if incident.resolved_at_s is None else incident.resolved_at_s) + AROUND_S
    alarms = [
        one for one in audit
        if begin_s <= one.at_s <= end_s and (one.subject == place or one.subject.startswith((f"{place}/", f"{place} ")))
    ]
    if not alarms:
        return f"the {name} result has no alarm of {place} then"
    return f"the {name} result: {alarms[-1].event}: {alarms[-1].reason}"


def _by_name(incident: Incident) -> dict[str, Factor]:
    return {one.name: one for one in incident.factors if one.name not in VERDICT}


def _points(factor: Factor | None) -> str:
    return "none" if factor is None else f"{factor.weight:+g} ({factor.text})"
