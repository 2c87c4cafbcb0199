"""Two results of one recording compared: what was added, is gone or changed, with a reason where one is known. Pure.

An incident of the new result is the same as one of the old result if both have one id. Of the rest, two are the same
if they are of one service and model, overlap in time, and no other pair opened closer together. Actions are the same
if they belong to the same incident and have one kind, target, step, attempt and direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Literal

from actions.model import ApprovalTerms, Intent, Outcome, RemedyTerms
from classifiers.model import AuditEntry, Incident
from config.changes.flow import flow
from config.fields import yaml_name
from config.units import duration_text
from streams.replay.comparison_reasons import severity_reason, step_reason, threshold_reason, verdict_reason

Kind = Literal["added", "gone", "changed"]
ActionPair = tuple[Intent, Outcome | None]
_ActionKey = tuple[str, str, str, str | None, int, bool, str | None]


@dataclass(frozen=True, slots=True)
class Results:
    """What one run gave: the final state of each incident, each action with its outcome, and the audit.

    The audit only explains: without it, fewer reasons can be named.
    """

    incidents: Sequence[Incident]
    actions: Sequence[ActionPair] = ()
    audit: Sequence[AuditEntry] = ()


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs. reason: None where none can be named."""

    name: str
    old: str | float | None
    new: str | float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class IncidentDifference:
    """incident: the new one, or the old one where it is gone. reason: of an added or gone one. fields: of a changed
    one."""

    kind: Kind
    incident: Incident
    reason: str | None = None
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionDifference:
    """intent: the new one, or the old one where it is gone. reason, fields: as of an incident."""

    kind: Kind
    intent: Intent
    reason: str | None = None
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences in order of time, and how many incidents and actions are the same in both."""

    incidents: tuple[IncidentDifference, ...] = ()
    actions: tuple[ActionDifference, ...] = ()
    same_incidents: int = 0
    same_actions: int = 0

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not self.incidents and not self.actions


@dataclass(slots=True)
class _Matches:
    """pairs: old and new incident. old_of: the old id by the new one."""

    pairs: list[tuple[Incident, Incident]] = field(default_factory=list)
    old_of: dict[str, str] = field(default_factory=dict)

    def add(self, old: Incident, new: Incident) -> None:
        self.pairs.append((old, new))
        self.old_of[new.id] = old.id


def compare(old: Results, new: Results) -> Comparison:
    """What the new result has that the old one has not, lacks, or has differently. Ids, evidence, factors, notes and
    the hash of the configuration do not count as differences.

    Cost: the incidents of one service in the old result times those in the new one.
    """
    matches = _match(old.incidents, new.incidents)
    found = [*_changed(matches), *_only(old, new, matches)]
    actions, same_actions = _compare_actions(old, new, matches)
    return Comparison(
        tuple(sorted(found, key=lambda one: one.incident.opened_at_s)),
        tuple(sorted(actions, key=lambda one: one.intent.decided_at_s)),
        len(matches.pairs) - sum(one.kind == "changed" for one in found), same_actions,
    )


def _match(old: Sequence[Incident], new: Sequence[Incident]) -> _Matches:
    matches, by_id = _Matches(), {one.id: one for one in old}
    for one in new:
        if one.id in by_id:
            matches.add(by_id.pop(one.id), one)
    rest: dict[tuple[str, str | None], list[Incident]] = {}
    for one in new:
        if one.id not in matches.old_of:
            rest.setdefault((one.service, one.model), []).append(one)
    pairs = [(before, after) for before in by_id.values() for after in rest.get((before.service, before.model), ())
             if _overlap(before, after)]
    for before, after in sorted(pairs, key=lambda pair: _distance(*pair)):
        if before.id in by_id and after.id not in matches.old_of:
            matches.add(by_id.pop(before.id), after)
    return matches


def _overlap(one: Incident, other: Incident) -> bool:
    ends = [float("inf") if each.resolved_at_s is None else each.resolved_at_s for each in (one, other)]
    return min(one.onset_at_s, one.opened_at_s) <= ends[1] and min(other.onset_at_s, other.opened_at_s) <= ends[0]


def _distance(one: Incident, other: Incident) -> tuple[bool, bool, float]:
    is_elsewhere = (one.version, one.replica, one.tenant) != (other.version, other.replica, other.tenant)
    return is_elsewhere, one.category != other.category, abs(one.opened_at_s - other.opened_at_s)


def _changed(matches: _Matches) -> Iterator[IncidentDifference]:
    for before, after in matches.pairs:
        if differing := tuple(_incident_fields(before, after)):
            yield IncidentDifference("changed", after, fields=differing)


def _only(old: Results, new: Results, matches: _Matches) -> Iterator[IncidentDifference]:
    kept = set(matches.old_of.values())
    for one in new.incidents:
        if one.id not in matches.old_of:
            yield IncidentDifference("added", one, threshold_reason(one, new.audit, old.audit, "old"))
    for one in old.incidents:
        if one.id not in kept:
            yield IncidentDifference("gone", one, threshold_reason(one, old.audit, new.audit, "new"))


_Reason = Callable[[Incident, Incident], str | None]


def _none(_old: Incident, _new: Incident) -> str | None:
    return None


FIELDS: Mapping[str, _Reason] = {
    "severity": severity_reason, "peak_severity": severity_reason, "category": verdict_reason, "model": verdict_reason,
    "version": verdict_reason, "replica": verdict_reason, "tenant": verdict_reason, "opened_at_s": _none,
    "resolved_at_s": _none, "state": _none, "resolution": _none, "silenced_by": _none,
}
"""What of an incident is compared, and what explains it."""


def _incident_fields(old: Incident, new: Incident) -> Iterator[FieldChange]:
    for name, reason in FIELDS.items():
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield FieldChange(name, before, after, reason(old, new))


def _compare_actions(old: Results, new: Results, matches: _Matches) -> tuple[list[ActionDifference], int]:
    before = {_action_key(intent, intent.incident_id): (intent, outcome) for intent, outcome in old.actions}
    after = {
        _action_key(intent, matches.old_of.get(intent.incident_id, intent.incident_id)): (intent, outcome)
        for intent, outcome in new.actions
    }
    found: list[ActionDifference] = []
    for key, pair in after.items():
        if key not in before:
            found.append(ActionDifference("added", pair[0], step_reason(pair[0], _pair_of(pair[0], matches), "old")))
        elif differing := tuple(_action_fields(before[key], pair)):
            found.append(ActionDifference("changed", pair[0], fields=differing))
    for key, pair in before.items():
        if key not in after:
            found.append(ActionDifference("gone", pair[0], step_reason(pair[0], _pair_of(pair[0], matches), "new")))
    return found, len(after) - sum(one.kind != "gone" for one in found)


def _action_key(intent: Intent, incident_id: str) -> _ActionKey:
    # A notification has no playbook step of its own: its event tells one from another.
    event = intent.params.get("event")
    return (incident_id, intent.kind, intent.target, intent.step_id, intent.attempt, intent.undo,
            None if event is None else str(event))


def _pair_of(intent: Intent, matches: _Matches) -> tuple[Incident, Incident] | None:
    """The old and the new state of an intent's incident; None where only one run has it."""
    return next((pair for pair in matches.pairs if intent.incident_id in (pair[0].id, pair[1].id)), None)


def _action_fields(old: ActionPair, new: ActionPair) -> Iterator[FieldChange]:
    (before, was), (after, is_now) = old, new
    terms = "the terms of the playbook changed" if before.digest != after.digest else None
    rows: Iterable[tuple[str, str | float | None, str | float | None, str | None]] = (
        ("mode", before.mode, after.mode, terms),
        ("playbook", before.playbook, after.playbook, None),
        ("decided_at_s", before.decided_at_s, after.decided_at_s, None),
        *((("status", was.status, is_now.status, is_now.detail),) if was is not None and is_now is not None else ()),
        ("reason", before.reason, after.reason, terms),
    )
    for name, value, other, reason in rows:
        if value != other:
            yield FieldChange(name, value, other, reason)
    yield from _terms(before, after)


def _terms(old: Intent, new: Intent) -> Iterator[FieldChange]:
    """What differs in the terms of a step: who approves, how long it holds."""
    reason = "the terms of the playbook's step changed"
    for name, before, after in (("approval", old.approval, new.approval), ("remedy", old.remedy, new.remedy)):
        one, other = _written(before), _written(after)
        if one is None or other is None:
            if one != other:
                shown = [None if terms is None else flow(terms) for terms in (one, other)]
                yield FieldChange(name, shown[0], shown[1], reason)
            continue
        for setting in one:
            if one[setting] != other[setting]:
                yield FieldChange(f"{name}.{setting}", flow(one[setting]), flow(other[setting]), reason)


def _written(terms: ApprovalTerms | RemedyTerms | None) -> dict[str, object] | None:
    """Terms as a playbook writes them."""
    if terms is None:
        return None
    values = {one.name: getattr(terms, one.name) for one in fields(terms)}
    return {
        yaml_name(name): duration_text(value) if name.endswith("_s") else value for name, value in values.items()
    }
