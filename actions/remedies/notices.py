"""What the executor reports about a remedy by itself: outcomes that follow from the record alone. Pure.

The same record gives the same outcomes, so a repeat after a crash is the same event. A notice that is not about an undo
has key, status and time of the outcome that it adds to, so that it changes nothing for a reader that knows only those.
`data.notice` is the version of the record, and `data.changed_at_s` the time of the change; `data.remedy_state` and
`data.breaker_state` say what is in force; `data.page` names the event for which people are paged.
"""

from __future__ import annotations

from collections.abc import Sequence

from actions.base import Data
from actions.ledger.remedy import Holder, Remedy
from actions.model import Outcome, Status
from actions.remedies.changes import own_key

NOTICE = "notice"
"""In the data of an outcome that the executor reports by itself."""


def state_data(remedy: Remedy) -> dict[str, str | float | bool | None]:
    """The state of a remedy, for the data of an outcome."""
    found: dict[str, str | float | bool | None] = {
        "remedy_state": remedy.state, "remedy_version": remedy.version, "hold_until_s": remedy.hold_until_s,
    }
    if remedy.breaker is not None:
        found |= {"breaker_state": remedy.breaker.state, "breaker_n": remedy.breaker.n}
    return found if remedy.page is None else {**found, "page": remedy.page}


def notices(remedy: Remedy) -> Sequence[tuple[Outcome, int | None]]:
    """The outcomes of the last change, each with the shard that is told; at least one."""
    holders = remedy.holders or (Holder(remedy.intent.incident_id, remedy.intent.key, remedy.applied_s),)
    undoes = remedy.state in ("undone", "undo_failed")
    status: Status = "failed" if remedy.state == "undo_failed" else "executed"
    data: Data = {**state_data(remedy), NOTICE: remedy.version, "changed_at_s": remedy.changed_s}
    decided_at_s = remedy.undo.decided_at_s if undoes else remedy.intent.decided_at_s
    return [
        (Outcome(
            own_key(remedy.undo.key, holder.incident_id, 0) if undoes else holder.key, holder.incident_id, remedy.kind,
            remedy.target, "auto", status, remedy.reason, decided_at_s, remedy.changed_s if undoes else holder.at_s,
            undoes, dict(data),
        ), holder.shard)
        for holder in holders
    ]
