"""The policy: from an incident, the playbooks and the actions so far to intents. Pure and deterministic.

A decision is made once per incident, kind, target, step and direction; these five give its key. Deciding again gives
the same key, and the ledger runs a key once. A decision whose key is in `history` is not repeated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from actions.limits import LimitParams
from actions.model import Intent, Mode
from actions.playbooks.playbook import REVERSIBLE, Match, Playbook, Step, placeholders, render, unrender
from classifiers.model import Incident

CHANGED_NOTHING = frozenset({"failed", "refused", "expired", "cooldown"})
"""Statuses of a step that changed nothing: the next step need not wait for recovery."""
MAY_HAVE_RUN = frozenset({"executed", "interrupted"})
UNDO_FAILED = frozenset({"failed", "refused", "expired", "interrupted", "suggested"})
UNDO_EXPIRES_AFTER_S = 7 * 86_400.0
"""An undo is due however late the executor comes to it; what it reverses is in force until then."""
MAX_STEPS = 16
UNMATCHED = Playbook("unmatched", 1, Match(), "auto", (Step("notify", "{service}"),))
FLAPPING = Playbook("flapping", 1, Match(), "auto", (Step("notify", "{service}"),))
UNDO_FAILED_PLAYBOOK = Playbook("undo-failed", 1, Match(), "auto", (Step("notify", "{service}", keep=True),))


class PastAction(Protocol):
    """An earlier action: an `Outcome`, or an `ActionRecord` of the incident. done_at_s is None while it is pending."""

    @property
    def key(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def done_at_s(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class _Context:
    """The arguments of one call of `decide`."""

    incident: Incident
    by_key: dict[str, PastAction]
    history: Sequence[PastAction]
    limits: LimitParams
    now_s: float
    fleet_size: int | None


def decide(
    incident: Incident, playbooks: Sequence[Playbook], history: Sequence[PastAction], limits: LimitParams, now_s: float,
    fleet_size: int | None = None,
) -> list[Intent]:
    """The intents that are due now; empty if none is.

    The first playbook that matches is used; an incident without a playbook is notified. While the incident is open, the
    first step is due at once, and each next one after the wait of the step before. While it flaps, and while it is a
    loss of monitoring, one notification is due and nothing else. When it resolves, its reversible actions are undone,
    unless their step says keep.

    history: all known actions of this incident, with those pending, and outcomes of other incidents' actions (they show
    which actions are futile). now_s: pipeline time. It becomes `decided_at_s`, so the executor's age limit measures how
    far the pipeline is behind. fleet_size: number of targets like the one in scope (replicas of the service), None if
    unknown; the executor then acts on one at most.
    """
    context = _Context(incident, {item.key: item for item in history}, history, limits, now_s, fleet_size)
    if incident.state == "resolved":
        return list(_undo(context, playbooks))
    playbook = _playbook_of(incident, playbooks)
    if incident.state == "flapping":
        intent = _notice(context, playbook, FLAPPING, "the incident flaps, no remedy until it was quiet for long")
    elif incident.category == "telemetry":
        intent = _notice(context, playbook, UNMATCHED, "its monitoring is lost, no remedy for what is not seen")
    else:
        intent = _next_step(context, playbook)
    return [] if intent is None else [intent]


def skipped_steps(incident: Incident, playbooks: Sequence[Playbook]) -> tuple[str, ...]:
    """A reason for each step of the incident's playbook that is skipped, because the incident lacks a label of its
    target. Flapping and resolved incidents take no steps.
    """
    if incident.state != "open":
        return ()
    playbook, scope = _playbook_of(incident, playbooks), _scope(incident)
    return tuple(
        f"playbook {playbook.name} v{playbook.version}: {_why_skipped(step, index, scope)}"
        for index, step in enumerate(playbook.steps) if render(step.target, scope) is None
    )


def key(incident_id: str, kind: str, target: str, step: int, undo: bool) -> str:
    """The idempotency key: 24 hexadecimal digits of a SHA-256 over the five parts.

    >>> key("i1", "rollback", "chat", 0, False) == key("i1", "rollback", "chat", 0, False)
    True
    >>> key("i1", "rollback", "chat", 0, False) == key("i1", "rollback", "chat", 0, True)
    False
    """
    parts = (incident_id, kind, target, str(step), "undo" if undo else "do")
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()[:24]


def _playbook_of(incident: Incident, playbooks: Sequence[Playbook]) -> Playbook:
    return next((playbook for playbook in playbooks if playbook.match.fits(incident)), UNMATCHED)


def _next_step(context: _Context, playbook: Playbook, why: str = "the incident opened") -> Intent | None:
    """The first step that is due. A step whose target cannot be rendered is skipped; if all are, the incident is
    notified.
    """
    total, free_s, scope = len(playbook.steps), context.now_s, _scope(context.incident)
    for index, step in enumerate(playbook.steps):
        target = render(step.target, scope)
        if target is None:
            why = _why_skipped(step, index, scope)
            continue
        done = context.by_key.get(key(context.incident.id, step.kind, target, index, False))
        if done is None:
            if context.now_s < free_s:
                return None
            reason = f"playbook {playbook.name} v{playbook.version}, step {index + 1} of {total}: {why}"
            return _intent(context, playbook, step, index, target, False, reason)
        if done.done_at_s is None:
            return None
        if done.status in CHANGED_NOTHING:
            free_s, why = context.now_s, f"{done.kind} was {done.status}"
        else:
            free_s = done.done_at_s + step.wait_s
            why = f"still open {context.now_s - done.done_at_s:.0f} s after {done.kind} was {done.status}"
    if playbook is UNMATCHED or any(render(step.target, scope) is not None for step in playbook.steps):
        return None
    return _next_step(context, UNMATCHED, f"playbook {playbook.name} v{playbook.version} has no step to take: {why}")


def _why_skipped(step: Step, index: int, scope: dict[str, str | None]) -> str:
    missing = " and no ".join(sorted(name for name in placeholders(step.target) if scope[name] is None))
    return f"step {index + 1} ({step.kind} on {step.target}) is skipped, since the incident names no {missing}"


def _notice(context: _Context, playbook: Playbook, default: Playbook, why: str) -> Intent | None:
    """One notification of an incident without remedies: its playbook's own `notify` step, else that of `default`."""
    own = [
        (playbook, index, target) for index, step in enumerate(playbook.steps)
        if step.kind == "notify" and (target := render(step.target, _scope(context.incident))) is not None
    ]
    used, index, target = own[0] if own else (default, 0, context.incident.service)
    if key(context.incident.id, "notify", target, index, False) in context.by_key:
        return None
    reason = f"playbook {used.name} v{used.version}: {why}"
    return _intent(context, used, used.steps[index], index, target, False, reason)


def _undo(context: _Context, playbooks: Sequence[Playbook]) -> Iterator[Intent]:
    for item in context.history:
        if item.kind not in REVERSIBLE or item.status not in MAY_HAVE_RUN:
            continue
        found = _origin(context.incident, item, [*playbooks, UNMATCHED])
        if found is None:
            continue
        playbook, step, index = found
        if step.keep:
            continue
        undone = context.by_key.get(key(context.incident.id, item.kind, item.target, index, True))
        if undone is None:
            reason = f"the incident resolved: undo step {index + 1} of playbook {playbook.name} v{playbook.version}"
            yield _intent(context, playbook, step, index, item.target, True, reason)
        elif undone.status in UNDO_FAILED and item.kind != "notify":
            yield from _notify_failed_undo(context, item, undone)


def _notify_failed_undo(context: _Context, item: PastAction, undone: PastAction) -> Iterator[Intent]:
    """Notify people, once per action, of an action that stays in force after its incident."""
    step, index = UNDO_FAILED_PLAYBOOK.steps[0], MAX_STEPS + int(key("", item.kind, item.target, 0, True)[:6], 16)
    target = context.incident.service
    if key(context.incident.id, step.kind, target, index, False) not in context.by_key:
        reason = f"{item.kind} on {item.target} is still in force: its undo was {undone.status}"
        yield _intent(context, UNDO_FAILED_PLAYBOOK, step, index, target, False, reason)


def _origin(incident: Incident, item: PastAction, playbooks: Sequence[Playbook]) -> tuple[Playbook, Step, int] | None:
    """The step that caused an action of this incident; None for another incident's action, and for an undo.

    If the playbook is no longer configured, a replacement only suggests the undo.
    """
    for playbook in playbooks:
        for index, step in enumerate(playbook.steps):
            if step.kind == item.kind and key(incident.id, item.kind, item.target, index, False) == item.key:
                return playbook, step, index
    for index in range(MAX_STEPS):
        if key(incident.id, item.kind, item.target, index, False) == item.key:
            step = Step(item.kind, "{service}")
            return Playbook("no longer configured", 1, Match(), "suggest", (step,)), step, index
    return None


def _intent(
    context: _Context, playbook: Playbook, step: Step, index: int, target: str, undo: bool, reason: str
) -> Intent:
    incident = context.incident
    mode, note = _mode(context, playbook, step, target, undo)
    life_s = UNDO_EXPIRES_AFTER_S if undo else playbook.expires_after_s
    scope = {**_scope(incident), **(unrender(step.target, target) or {})}
    params: dict[str, str | float | bool | None] = {
        "playbook": f"{playbook.name} v{playbook.version}", "severity": incident.severity,
        "category": incident.category, "title": incident.title, "fleet_size": context.fleet_size, **step.params,
    }
    return Intent(
        key(incident.id, step.kind, target, index, undo), incident.id, step.kind, target, mode, reason + note,
        context.now_s, context.now_s + life_s, scope["service"] or incident.service, scope["model"],
        scope["version"], scope["replica"], scope["tenant"], undo, params,
    )


def _mode(context: _Context, playbook: Playbook, step: Step, target: str, undo: bool) -> tuple[Mode, str]:
    mode = step.mode or playbook.mode
    if mode != "auto" or undo or step.kind == "notify":
        return mode, ""
    since_s = context.now_s - context.limits.futile_window_s
    runs = sum(
        1 for item in context.history
        if (item.kind, item.target) == (step.kind, target) and item.status == "executed"
        and not getattr(item, "undo", False) and item.done_at_s is not None and item.done_at_s >= since_s
    )
    if runs < context.limits.futile_after:
        return mode, ""
    window_s = context.limits.futile_window_s
    return "suggest", f"; only suggested: it ran {runs} times in {window_s:g} s and was needed again"


def _scope(incident: Incident) -> dict[str, str | None]:
    """The incident's labels by `TARGET_FIELDS`. Written out for speed: it runs for every open incident at every
    instant.
    """
    return {
        "service": incident.service, "model": incident.model, "version": incident.version,
        "replica": incident.replica, "tenant": incident.tenant,
    }
