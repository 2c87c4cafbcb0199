"""Reviews of incidents and their action items, as JSON. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from actions.reviews.record import ActionItem
from streams.page.state import PageState


def review_of(state: PageState, incident_id: str, now_s: float) -> dict[str, Any]:
    """The review of an incident, null where none is recorded, and its items that are not removed."""
    review, today = state.reviews.review(incident_id), _day(now_s)
    items = [one for one in state.reviews.items(incident_id) if one.state != "removed"]
    return {
        "review": None if review is None else {
            "state": review.state, "place": review.place, "summary": review.summary, "by": review.by,
            "changed_at_s": review.changed_at_s, "is_automatic": review.is_automatic,
        },
        "items": [item_row(one, state, today) for one in items],
    }


def open_items(state: PageState, now_s: float, limit: int) -> list[dict[str, Any]]:
    """The action items of all reviews that are not done: overdue ones first, then by due date."""
    return [item_row(one, state, _day(now_s)) for one in state.reviews.open_items()[:limit]]


def item_row(one: ActionItem, state: PageState, today: date) -> dict[str, Any]:
    """An action item. state: open, overdue, done or dropped. incident_title: null where the incident is not known."""
    incident = state.incident(one.incident_id)
    return {
        "id": one.id, "incident_id": one.incident_id, "incident_title": None if incident is None else incident.title,
        "state": "overdue" if one.is_overdue(today) else one.state, "text": one.text, "owner": one.owner,
        "due": None if one.due is None else one.due.isoformat(), "by": one.by, "changed_at_s": one.changed_at_s,
    }


def _day(now_s: float) -> date:
    return datetime.fromtimestamp(now_s, UTC).date()
