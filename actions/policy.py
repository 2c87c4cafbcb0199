"""The policy: an incident, the playbooks and what was done so far go in, intents come out. Pure and deterministic.

A decision is made once per incident, kind, target, step and direction: these five give its key. Deciding twice gives
the same key, and the ledger runs it once; what is in `history` is not decided again at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from actions.limits import LimitParams
from actions.model import Intent, Mode
from actions.playbook import REVERSIBLE, Match, Playbook, Step, render, unrender
from classifiers.model import Incident

NEEDS_NO_WAIT = frozenset({"failed", "refused", "expired", "cooldown"})
"""Statuses of a step that did nothing: there is no recovery to wait for before the next."""
MAY_HAVE_RUN = frozenset({"executed", "interrupted"})
UNDO_FAILED = frozenset({"failed", "refused", "expired", "interrupted", "suggested"})
MAX_STEPS = 16
UNMATCHED = Playbook("unmatched", 1, Match(), "auto", (Step("notify", "{service}"),))
FLAPPING = Playbook("flapping", 1, Match(), "auto", (Step("notify", "{service}"),))
CALL_FOR_HELP = Playbook("undo-failed", 1, Match(), "auto", (Step("notify", "{service}", keep=True),))


class Past(Protocol):
    """An action of the past: an `Outcome`, or an `ActionRecord` of the incident. done_at_s is None while pending."""

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
class _Case:
    """What every intent of one call shares."""

    incident: Incident
    past: dict[str, Past]
    history: Sequence[Past]
    limits: LimitParams
    now_s: float
    fleet_size: int | None


def decide(
    incident: Incident, playbooks: Sequence[Playbook], history: Sequence[Past], limits: LimitParams, now_s: float,
    fleet_size: int | None = None,
) -> list[Intent]:
    """What to do about the incident now; empty if nothing is due.

    The first playbook that matches wins; an unmatched incident is notified. While the incident is open: the first step
    at once, each next one when the wait of the step before is over. While it flaps: one notice and nothing else. When
    it resolves: undo what was done and can be undone, unless its step says keep. history: everything known of this
    incident's actions, pending ones included, and of others' as outcomes (they show which actions were futile). now_s:
    pipeline time; it becomes decided_at_s, so the executor's age limit measures how far the pipeline is behind.
    fleet_size: how many targets like the one in scope there are (replicas of the service), None if unknown; the
    executor then touches one at most.
    """
    case = _Case(incident, {item.key: item for item in history}, history, limits, now_s, fleet_size)
    if incident.state == "resolved":
        return list(_undo(case, playbooks))
    playbook = next((p for p in playbooks if p.match.fits(incident)), UNMATCHED)
    intent = _climb(case, playbook) if incident.state == "open" else _notice(case, playbook)
    return [] if intent is None else [intent]


def key(incident_id: str, kind: str, target: str, step: int, undo: bool) -> str:
    """The idempotency key: 24 hexadecimal digits of a SHA-256 over the five parts.

    >>> key("i1", "rollback", "chat", 0, False) == key("i1", "rollback", "chat", 0, False)
    True
    >>> key("i1", "rollback", "chat", 0, False) == key("i1", "rollback", "chat", 0, True)
    False
    """
    parts = (incident_id, kind, target, str(step), "undo" if undo else "do")
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()[:24]


def _climb(case: _Case, playbook: Playbook) -> Intent | None:
    """The first step of the ladder that is due. A step whose target cannot be named is passed over: with a notice if no
    step is left.
    """
    total, why, free_s = len(playbook.steps), "the incident opened", case.now_s
    for index, step in enumerate(playbook.steps):
        target = render(step.target, _scope(case.incident))
        if target is None:
            why = f"step {index + 1} ({step.kind} on {step.target}) names what this incident does not single out"
            continue
        done = case.past.get(key(case.incident.id, step.kind, target, index, False))
        if done is None:
            if case.now_s < free_s:
                return None
            reason = f"playbook {playbook.name} v{playbook.version}, step {index + 1} of {total}: {why}"
            return _intent(case, playbook, step, index, target, False, reason)
        if done.done_at_s is None:
            return None
        if done.status in NEEDS_NO_WAIT:
            free_s, why = case.now_s, f"{done.kind} was {done.status}"
        else:
            free_s = done.done_at_s + step.wait_s
            why = f"still open {case.now_s - done.done_at_s:.0f} s after {done.kind} was {done.status}"
    return None if playbook is UNMATCHED or _any_known(case, playbook) else _climb(case, UNMATCHED)


def _notice(case: _Case, playbook: Playbook) -> Intent | None:
    """One notice of an incident that flaps, as its playbook gives notice if it does; remedies wait until it is over."""
    own = [
        (playbook, index, target) for index, step in enumerate(playbook.steps)
        if step.kind == "notify" and (target := render(step.target, _scope(case.incident))) is not None
    ]
    book, index, target = own[0] if own else (FLAPPING, 0, case.incident.service)
    if key(case.incident.id, "notify", target, index, False) in case.past:
        return None
    reason = f"playbook {book.name} v{book.version}: the incident flaps, no remedy until it was quiet for long"
    return _intent(case, book, book.steps[index], index, target, False, reason)


def _any_known(case: _Case, playbook: Playbook) -> bool:
    return any(render(step.target, _scope(case.incident)) is not None for step in playbook.steps)


def _undo(case: _Case, playbooks: Sequence[Playbook]) -> Iterator[Intent]:
    for item in case.history:
        if item.kind not in REVERSIBLE or item.status not in MAY_HAVE_RUN:
            continue
        found = _origin(case.incident, item, [*playbooks, UNMATCHED])
        if found is None:
            continue
        playbook, step, index = found
        if step.keep:
            continue
        undone = case.past.get(key(case.incident.id, item.kind, item.target, index, True))
        if undone is None:
            reason = f"the incident resolved: undo step {index + 1} of playbook {playbook.name} v{playbook.version}"
            yield _intent(case, playbook, step, index, item.target, True, reason)
        elif undone.status in UNDO_FAILED and item.kind != "notify":
            yield from _call_for_help(case, item, undone)


def _call_for_help(case: _Case, item: Past, undone: Past) -> Iterator[Intent]:
    """An action that stays in force after its incident is a fault of its own: tell a human, once per action."""
    step, index = CALL_FOR_HELP.steps[0], MAX_STEPS + int(key("", item.kind, item.target, 0, True)[:6], 16)
    target = case.incident.service
    if key(case.incident.id, step.kind, target, index, False) not in case.past:
        reason = f"{item.kind} on {item.target} is still in force: its undo was {undone.status}"
        yield _intent(case, CALL_FOR_HELP, step, index, target, False, reason)


def _origin(incident: Incident, item: Past, playbooks: Sequence[Playbook]) -> tuple[Playbook, Step, int] | None:
    """The step that led to an action of this incident; None for another incident's, and for an undo.

    If the playbook is gone from the configuration, a stand-in suggests the undo instead of doing it.
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
    case: _Case, playbook: Playbook, step: Step, index: int, target: str, undo: bool, reason: str
) -> Intent:
    incident = case.incident
    mode, note = _mode(case, playbook, step, target, undo)
    scope = {**_scope(incident), **(unrender(step.target, target) or {})}
    params: dict[str, str | float | bool | None] = {
        "playbook": f"{playbook.name} v{playbook.version}", "severity": incident.severity,
        "category": incident.category, "title": incident.title, "fleet_size": case.fleet_size, **step.params,
    }
    return Intent(
        key(incident.id, step.kind, target, index, undo), incident.id, step.kind, target, mode, reason + note,
        case.now_s, case.now_s + playbook.expires_after_s, scope["service"] or incident.service, scope["model"],
        scope["version"], scope["replica"], scope["tenant"], undo, params,
    )


def _mode(case: _Case, playbook: Playbook, step: Step, target: str, undo: bool) -> tuple[Mode, str]:
    mode = step.mode or playbook.mode
    if mode != "auto" or undo or step.kind == "notify":
        return mode, ""
    since_s = case.now_s - case.limits.futile_window_s
    runs = sum(
        1 for item in case.history
        if (item.kind, item.target) == (step.kind, target) and item.status == "executed"
        and not getattr(item, "undo", False) and item.done_at_s is not None and item.done_at_s >= since_s
    )
    if runs < case.limits.futile_after:
        return mode, ""
    return "suggest", f"; only suggested: it ran {runs} times in {case.limits.futile_window_s:g} s and was needed again"


def _scope(incident: Incident) -> dict[str, str | None]:
    """By `TARGET_FIELDS`; written out, since every open incident is asked at every instant."""
    return {
        "service": incident.service, "model": incident.model, "version": incident.version,
        "replica": incident.replica, "tenant": incident.tenant,
    }
