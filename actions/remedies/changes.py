"""How a remedy changes: from one version of its record to the next. Pure.

Each function returns the next version, or None where the machine does not allow the event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from actions.ledger.remedy import MAX_HOLDERS, Holder, LetGo, Remedy
from actions.model import BREAKERS, OF_DECISION, Intent, RemedyTerms
from actions.remedies.breaker import VERDICT_S, Moved, move
from actions.remedies.machine import RemedyEvent, after

PAGE_EVERY_S = 300.0
RETRY_UNDO_S = 60.0
UNDO_LIFE_S = 7 * 86_400.0


def own_key(key: str, what: str, version: int) -> str:
    """The key of what the executor itself does about a remedy: 24 hexadecimal digits, as those of intents."""
    return hashlib.sha256(f"{key}/{what}/{version}".encode()).hexdigest()[:24]


def begun(known: Remedy | None, intent: Intent, max_hold_s: float, shard: int | None, now_s: float) -> Remedy | None:
    """An intent is about to run. Incidents that hold an earlier remedy of this target hold this one."""
    if known is not None and after(known.state, "begin") is None:
        return None
    terms = intent.remedy or RemedyTerms()
    version = 1 if known is None else known.version + 1
    holders = known.holding() if known is not None and known.in_force else ()
    moved = move(
        known.breaker if known else None, "opened", intent.target, now_s, terms.settle_s + VERDICT_S,
    ) if intent.kind in BREAKERS else None
    slim = replace(intent, undo=False)
    return Remedy(
        version=version, state="applying", intent=slim, undo=undo_of(slim, version, intent.reason, now_s), terms=terms,
        applied_s=now_s, changed_s=now_s, hold_until_s=now_s + min(terms.hold_s, max_hold_s), reason=intent.reason,
        holders=_with(holders, Holder(intent.incident_id, intent.key, now_s, shard)), sure=False,
        breaker=moved.breaker if moved else (known.breaker if known else None),
        by_hand_s=known.by_hand_s if known else None,
    )


def undo_of(intent: Intent, version: int, reason: str, now_s: float) -> Intent:
    """The whole intent that undoes another one."""
    return replace(
        intent, key=own_key(intent.key, "undo", version), undo=True, mode="auto", reason=reason, decided_at_s=now_s,
        expires_at_s=now_s + UNDO_LIFE_S, approval=None,
    )


def changed(remedy: Remedy, event: RemedyEvent, reason: str, now_s: float, **others: object) -> Remedy | None:
    """The next version after an event of the machine."""
    state = after(remedy.state, event)
    if state is None:
        return None
    return replace(
        remedy, version=remedy.version + 1, state=state, changed_s=now_s, reason=reason, **others,  # type: ignore[arg-type]
    )


def joined(remedy: Remedy, intent: Intent, shard: int | None, now_s: float) -> Remedy:
    """Another incident needs what is in force."""
    holder = Holder(intent.incident_id, intent.key, now_s, shard)
    return replace(remedy, version=remedy.version + 1, holders=_with(remedy.holders, holder))


def adopted(remedy: Remedy, incidents: Sequence[str], now_s: float) -> Remedy:
    """These incidents need what is in force although no intent was written for them: they alarmed while it was tried
    without. They hold it from now on, whatever held it before. A change of the same version as `breaker_moved`.
    """
    shard = next((each.shard for each in reversed(remedy.holders) if each.shard is not None), None)
    for name in incidents:
        if name not in {each.incident_id for each in remedy.holding()}:
            holder = Holder(name, own_key(remedy.intent.key, f"for {name}", 0), now_s, shard)
            remedy = replace(remedy, holders=_with(remedy.holders, holder))
    return remedy


def let_go(remedy: Remedy, incidents: dict[str, LetGo], now_s: float) -> Remedy:
    """These incidents no longer need it. What is known of a lost incident replaces what was known before."""
    holders = tuple(
        replace(each, let_go=incidents[each.incident_id], let_go_s=each.let_go_s or now_s)
        if each.incident_id in incidents and each.let_go != incidents[each.incident_id] else each
        for each in remedy.holders
    )
    return replace(remedy, version=remedy.version + 1, holders=holders)


def lost(remedy: Remedy, incidents: Sequence[str]) -> Remedy:
    """People are paged at once for what is in force when the state of its incident is lost: nobody can tell any more
    whether its cause is over, and a breaker may take long to find out. A change of the same version as `let_go`.
    """
    if not incidents or not remedy.in_force:
        return remedy
    reason = f"the state of incident {', '.join(incidents)} is lost while {remedy.kind} is in force"
    return replace(remedy, reason=reason, told=False, page="incident_lost")


def ending(remedy: Remedy, reason: str, now_s: float, page: str | None = None) -> Remedy | None:
    """It is to be undone now, by the executor itself."""
    return changed(remedy, "end", reason, now_s, next_s=None, paged_s=None, page=page, told=page is None)


def undone(remedy: Remedy, undo: Intent, reason: str, now_s: float, told: bool) -> Remedy | None:
    """The target reads as undone. Its breaker is closed then. undo: the intent that was run."""
    breaker = remedy.breaker
    if breaker is not None and breaker.state in ("open", "half_open", "forced_open"):
        breaker = replace(breaker, state="closed", since_s=now_s, until_s=None, unproven=0, confirmed=True)
    return changed(
        remedy, "undone", reason, now_s, undo=undo, breaker=breaker, told=told, page=None, next_s=None,
    )


def undo_failed(remedy: Remedy, undo: Intent, reason: str, now_s: float) -> Remedy | None:
    """The undo failed: paged at once, and every `PAGE_EVERY_S`."""
    pages = remedy.paged_s is None or now_s - remedy.paged_s >= PAGE_EVERY_S
    return changed(
        remedy, "failed", reason, now_s, next_s=now_s + RETRY_UNDO_S, page="undo_failed" if pages else None,
        told=not pages, paged_s=now_s if pages else remedy.paged_s, undo=undo,
    )


def breaker_moved(remedy: Remedy, moved: Moved, now_s: float) -> Remedy:
    """The breaker goes to another state; the target is not there yet."""
    return replace(
        remedy, version=remedy.version + 1, breaker=moved.breaker, changed_s=now_s, reason=moved.reason, next_s=None,
        told=False, page=moved.page,
    )


def wants_same(remedy: Remedy, intent: Intent) -> bool:
    """Whether what an intent wants is in force already."""
    wanted = {name: value for name, value in intent.params.items() if name not in OF_DECISION}
    present = {name: value for name, value in remedy.intent.params.items() if name not in OF_DECISION}
    return remedy.in_force and remedy.sure and wanted == present


def _with(holders: tuple[Holder, ...], holder: Holder) -> tuple[Holder, ...]:
    """Beyond the bound those that let go are dropped first, then the oldest."""
    others = [each for each in holders if each.incident_id != holder.incident_id]
    others.sort(key=lambda each: each.let_go is None)
    return (*others[max(0, len(others) + 1 - MAX_HOLDERS):], holder)
