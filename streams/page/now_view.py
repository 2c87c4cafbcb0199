"""The first view, as JSON: what is open, waits and is in force. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from actions.approvals.machine import OPEN
from classifiers.verdict.hysteresis import SEVERITY_ORDER
from streams.page.change_log import Subject
from streams.page.state import PageState
from streams.page.summaries import force_view, incident_row, request_row, texts_of
from streams.page.waiting_texts import text_row


def now_view(state: PageState) -> dict[str, Any]:
    """Everything that is not over."""
    known = state.incidents()
    opened = sorted(
        (one for one in known if one.state != "resolved"),
        key=lambda one: (SEVERITY_ORDER.index(one.severity), one.opened_at_s),
    )
    ended = [one.resolved_at_s for one in known if one.resolved_at_s is not None]
    return {
        "incidents": [incident_row(one, state) for one in opened],
        "approvals": [request_row(one, state) for one in state.requests() if one.state in OPEN],
        "texts": texts_of(state), "force": force_view(state),
        "quiet": {
            "known": len(known), "services": len({one.service for one in known}),
            "last_resolved_s": max(ended, default=None),
        },
    }


def changes_view(state: PageState, subjects: Iterable[Subject]) -> dict[str, Any]:
    """The present state of what changed. An incident that is over comes too, so that a viewer can take it away."""
    found: dict[str, Any] = {"incidents": [], "approvals": [], "texts": [], "series": [], "items": []}
    for kind, key in subjects:
        if kind == "incident" and (incident := state.incident(key)) is not None:
            found["incidents"].append(incident_row(incident, state))
        elif kind == "approval":
            request = state.request(key)
            is_open = request is not None and request.state in OPEN
            found["approvals"].append(
                request_row(request, state) if is_open and request is not None else {"key": key, "state": "ended"},
            )
        elif kind == "text":
            found["texts"].append(_text(key, state))
        elif kind in ("series", "item"):
            found["series" if kind == "series" else "items"].append(key)
        elif kind == "force":
            found["force"] = force_view(state)
    return found


def _text(digest: str, state: PageState) -> dict[str, Any]:
    told = state.texts.of(digest)
    if not told:
        return {"digest": digest, "state": "ended"}
    return text_row(told, state.incident(told[0].message.incident_id))
