"""What is due for a remedy: decided from its record, what is known of its incidents, and the time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from actions.ledger.remedy import Holder, LetGo, Remedy
from actions.remedies.breaker import QUIET_S, TIMED, BreakerEvent, Signals
from actions.remedies.breaker import due as breaker_due
from actions.remedies.incidents import KnownIncidents

UNDO_GRACE_S = 60.0
"""How long after the end of its incident a remedy waits for the undo of the shard."""
READ_EVERY_S = 60.0
IN_FLIGHT_S = 15.0
"""How long the last request of an executor that crashed may take to change its target: until then nobody can read what
came of it."""

DueKind = Literal["tell", "settle", "let_go", "undo", "end", "keep", "confirm", "breaker", "read"]


@dataclass(frozen=True, slots=True)
class Due:
    """The next thing to do. let_go: incidents and why. event: of the breaker. alarming: incidents that need it from
    then on. ineffective: whether the run was in vain.
    """

    kind: DueKind
    reason: str = ""
    let_go: tuple[tuple[str, LetGo], ...] = ()
    event: BreakerEvent | None = None
    alarming: tuple[str, ...] = ()
    page: str | None = None
    ineffective: bool = False


def due(remedy: Remedy, known: KnownIncidents, now_s: float, read_s: float | None) -> Due | None:
    """The first thing that is due; None for nothing. read_s: when this process last read the target, None if never."""
    if not remedy.told:
        return Due("tell")
    if remedy.state == "applying":
        is_over = now_s >= remedy.changed_s + IN_FLIGHT_S
        return Due("settle", "a crash fell between claim and outcome") if is_over else None
    if remedy.breaker is not None and not remedy.breaker.confirmed and remedy.state != "undoing":
        return Due("confirm") if _is_time(remedy.next_s, now_s) else None
    if not remedy.in_force:
        return None
    if remedy.state in ("undoing", "undo_failed"):
        return Due("undo") if _is_time(remedy.next_s, now_s) else None
    gone = _gone(remedy, known, now_s)
    if gone:
        return Due("let_go", let_go=gone)
    ended = _of_breaker(remedy, known, now_s) if remedy.breaker is not None else _by_terms(remedy, now_s)
    if ended is not None:
        return ended
    reads = remedy.breaker is None or remedy.breaker.state in ("open", "forced_open")
    return Due("read") if reads and (read_s is None or now_s - read_s >= READ_EVERY_S) else None


def signals(remedy: Remedy, known: KnownIncidents, now_s: float) -> Signals:
    """What the machine of the breaker needs to know."""
    assert remedy.breaker is not None
    since_s = remedy.breaker.since_s
    names = {holder.incident_id for holder in remedy.holders}
    about = known.about(remedy.intent, names)
    # What was over for longer than the quiet time makes no difference.
    ended_s = known.ended_s(remedy.intent, names, max(since_s, now_s - QUIET_S))
    return Signals(
        alarming=tuple(sorted(name for name in about if known.has_alarmed(name, since_s))),
        quiet_for_s=0.0 if about else now_s - ended_s,
        released=all(each.let_go in ("resolved", "undone") for each in remedy.holders),
        held=any(known.is_open(each.incident_id) and each.let_go != "unowned" for each in remedy.holders),
    )


def _is_time(next_s: float | None, now_s: float) -> bool:
    return next_s is None or now_s >= next_s


def _gone(remedy: Remedy, known: KnownIncidents, now_s: float) -> tuple[tuple[str, LetGo], ...]:
    """Holders whose incident ended, was lost or is unowned, as far as the record does not say so."""
    found: list[tuple[str, LetGo]] = []
    for holder in remedy.holders:
        standing = known.standing(holder.incident_id, now_s, remedy.changed_s)
        is_news = holder.let_go is None or (holder.let_go in ("resolved", "undone") and standing == "lost")
        if is_news and standing != "open":
            found.append((holder.incident_id, standing))
    return tuple(found)


def _of_breaker(remedy: Remedy, known: KnownIncidents, now_s: float) -> Due | None:
    breaker = remedy.breaker
    assert breaker is not None
    if breaker.state not in TIMED:
        return None
    if remedy.state == "drifted":
        return _by_terms(remedy, now_s)
    if now_s >= remedy.hold_until_s:
        return _hold_over(remedy)
    found = signals(remedy, known, now_s)
    event = breaker_due(breaker, found, now_s)
    if event is None and breaker.state == "open" and found.released and _grace_over(remedy, now_s):
        event = "released"
    alarming = found.alarming if event == "alarm" else ()
    return None if event is None else Due("breaker", event=event, alarming=alarming)


def _by_terms(remedy: Remedy, now_s: float) -> Due | None:
    if now_s >= remedy.hold_until_s:
        return _hold_over(remedy)
    if remedy.holding() or not _grace_over(remedy, now_s):
        return None
    if remedy.terms.undo == "when_failed" and all(each.let_go == "resolved" for each in remedy.holders):
        return Due("keep", "its incident is over, and it is undone only when it fails")
    return Due("end", "; ".join(_why(holder) for holder in remedy.holders))


def _hold_over(remedy: Remedy) -> Due:
    still = bool(remedy.holding())
    return Due(
        "end", f"its hold of {remedy.hold_until_s - remedy.applied_s:g} s is over", page="hold_over" if still else None,
        ineffective=still,
    )


def _grace_over(remedy: Remedy, now_s: float) -> bool:
    """Whether the undo of the shard had its time. Nobody sends one for an incident that nobody owns."""
    return all(
        each.let_go in ("lost", "unowned", "undone")
        or (each.let_go_s is not None and now_s - each.let_go_s >= UNDO_GRACE_S)
        for each in remedy.holders
    )


def _why(holder: Holder) -> str:
    return {
        "resolved": f"incident {holder.incident_id} resolved, and its undo did not come",
        "undone": f"incident {holder.incident_id} let go",
        "lost": f"the state of incident {holder.incident_id} is lost",
        "unowned": f"incident {holder.incident_id} was not told for 5 minutes",
    }[holder.let_go or "undone"]
